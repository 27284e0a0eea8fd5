#!/bin/sh
# Says something through a running engine and prints what happens. Needs socat and jq.
#
#     sh door.sh /run/antiphon/engine.sock "Welcome to the museum."
set -eu

if [ $# -eq 2 ]; then # socat ties this script's other half to the socket: from it comes 3, to it goes 4
    exec 6>&1         # stdout is 6 there, and into 5 goes how it ended
    code=$(TEXT=$2 socat -t10 "UNIX-CONNECT:$1" "EXEC:sh $0,fdin=3,fdout=4" 5>&1 >&6) || true
    exit "${code:-1}"
fi
: "${TEXT?is missing: sh door.sh SOCKET TEXT}"

read -r first <&3 # the full state, or that there are too many clients
starting=$(printf '%s\n' "$first" | jq '.state == "starting"')
while [ "$starting" = true ]; do # it says when it is ready
    read -r line <&3
    starting=$(printf '%s\n' "$line" | jq '.event != "state" or .state == "starting"')
done
printf '%s\n' "$first" | jq -c 'select(.event) | {command: "say", id: 1, text: env.TEXT}' >&4

jq -nr --unbuffered --argjson first "$first" 'label $out |
    ($first, inputs | if .ok == false then "\(.error.message)\n" | halt_error(1)
        elif .event then "\(.event) \(.text // .state // "")" else empty end,
        if (.event == "answer.ended" or .event == "answer.dropped") and .source == "say" then break $out else empty end),
    ("the engine has ended\n" | halt_error(1))' <&3 && code=0 || code=$?

timeout 0.3 cat <&3 >/dev/null || true # what is on its way, so that socat does not complain of it
echo $code >&5
