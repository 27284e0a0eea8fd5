#!/bin/sh
# Says something through a running engine and prints what happens. Needs socat and jq.
#
#     sh door.sh /run/antiphon/engine.sock "Welcome to the museum."
set -eu

if [ $# -eq 2 ]; then # socat ties this script's other half to the socket: its stdout goes in, its stdin comes out
    TEXT=$2 exec socat "UNIX-CONNECT:$1" "EXEC:sh $0"
fi

jq -nc '{command: "say", id: 1, text: env.TEXT}'

jq -nr --unbuffered 'label $out | inputs |
    if .ok == false then .error.message, break $out
    elif .event then "\(.event) \(.text // .state // "")" else empty end,
    if .event == "answer.ended" and .source == "say" then break $out else empty end' >&2

timeout 0.3 cat >/dev/null || true # what is on its way, so that socat does not complain
