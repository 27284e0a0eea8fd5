"""What a host program may send: what becomes of it, and what is said of what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from engine.door.commands import COMMANDS, ERRORS, Command, CommandError, answer, read, refusal

GOOD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "say": ({"text": "hi"}, {"text": "hi", "mode": "queue", "interruptible": True}),
    "say everything": (
        {"command": "say", "text": "hi", "mode": "interrupt", "interruptible": False},
        {"text": "hi", "mode": "interrupt", "interruptible": False},
    ),
    "ask": ({"text": "when?"}, {"text": "when?"}),
    "context": ({"text": ""}, {"text": ""}),
    "mute": ({}, {"on": True}),
    "mute off": ({"command": "mute", "on": False}, {"on": False}),
    "volume": ({"percent": 0}, {"percent": 0}),
    "listen": ({}, {}),
    "session.end": ({}, {}),
    "subscribe": ({"events": ["answer", "state"]}, {"events": ("answer", "state")}),
}


@pytest.mark.parametrize("name", GOOD)
def test_arguments_are_read_with_their_defaults(name: str) -> None:
    sent, arguments = GOOD[name]
    request = read(json.dumps({"command": name, "id": 1, **sent}).encode())
    assert request.command.name == sent.get("command", name)
    assert request.arguments == arguments


@pytest.mark.parametrize("ident", [None, True, 0, -7, 1.5, "", "ü \ud800", "x" * 1000, 10**18])
def test_any_scalar_is_an_id_and_comes_back_as_it_was(ident: Any) -> None:
    request = read(json.dumps({"command": "stop", "id": ident}).encode())
    assert json.loads(answer("stop", request.ident)) == {"reply": "stop", "id": ident, "ok": True}
    assert json.loads(refusal("stop", ident, "refused", "no"))["id"] == ident


BAD: dict[str, tuple[bytes, str, str]] = {
    "garbage": (b"\x00\x01 stop", "bad_line", "this is not JSON; send one JSON object on each line"),
    "words": (b"stop", "bad_line", "this is not JSON; "),
    "half": (b'{"command": "sto', "bad_line", "this is not JSON; "),
    "two in a line": (b'{"command": "stop"} {"command": "stop"}', "bad_line", "this is not JSON; "),
    "not UTF-8": (b'{"command": "say", "text": "\xff"}', "bad_line", "this is not UTF-8; "),
    "deep": (b"[" * 60_000, "bad_line", "this is not JSON; "),
    "many digits": (b'{"command": "volume", "percent": ' + b"9" * 9000 + b"}", "bad_", ""),
    "a list": (b'["stop"]', "bad_line", "this is not a JSON object; "),
    "a number": (b"7", "bad_line", "this is not a JSON object; "),
    "no command": (b'{"text": "hi"}', "bad_line", "there is no command in it; the commands are say, ask, "),
    "misspelt": (b'{"command": "lisen"}', "unknown_command", '"lisen" is not a command; did you mean listen?'),
    "unknown": (b'{"command": "dance"}', "unknown_command", '"dance" is not a command; the commands are say, '),
    "a command that is no text": (b'{"command": 5}', "unknown_command", "5 is not a command; the commands are "),
    "a huge name": (b'{"command": "' + b"x" * 60_000 + b'"}', "unknown_command", '"xxx'),
    "an id that is a list": (b'{"command": "stop", "id": []}', "bad_argument", "id must be text, a number, "),
    "an endless id": (b'{"command": "stop", "id": 1e999}', "bad_argument", "id must be text, a number, "),
    "no number for an id": (b'{"command": "stop", "id": NaN}', "bad_argument", "id must be text, a number, "),
    "missing": (b'{"command": "say"}', "bad_argument", "say has no text; add it"),
    "misspelt argument": (
        b'{"command": "say", "txt": "hi"}',
        "bad_argument",
        'say has no argument "txt"; did you mean text?',
    ),
    "unknown argument": (
        b'{"command": "mute", "colour": 1}',
        "bad_argument",
        'mute has no argument "colour"; it has on',
    ),
    "argument of one that has none": (
        b'{"command": "stop", "now": true}',
        "bad_argument",
        'stop has no argument "now"; it has none',
    ),
    "empty text": (b'{"command": "say", "text": " "}', "bad_argument", "text must not be empty"),
    "text that is a number": (b'{"command": "ask", "text": 5}', "bad_argument", "text must be text in quotes, not 5"),
    "null for a text": (b'{"command": "say", "text": null}', "bad_argument", "text must be text in quotes, not null"),
    "control characters": (b'{"command": "say", "text": "a\\u0007"}', "bad_argument", "text must be clean UTF-8 text"),
    "half a letter": (b'{"command": "say", "text": "\\ud83d"}', "bad_argument", "text must be clean UTF-8 text"),
    "a mode that is none": (
        b'{"command": "say", "text": "a", "mode": "que"}',
        "bad_argument",
        'mode must be one of "queue", "interrupt", not "que"; did you mean "queue"?',
    ),
    "a number for true": (b'{"command": "mute", "on": 1}', "bad_argument", "on must be true or false, not 1"),
    "true for a number": (
        b'{"command": "volume", "percent": true}',
        "bad_argument",
        "percent must be a whole number, not true",
    ),
    "a fraction": (b'{"command": "volume", "percent": 1.5}', "bad_argument", "percent must be a whole number, not 1.5"),
    "too loud": (
        b'{"command": "volume", "percent": 101}',
        "bad_argument",
        "percent must be between 0 and 100, not 101",
    ),
    "events that are no list": (
        b'{"command": "subscribe", "events": "state"}',
        "bad_argument",
        "events must be a list",
    ),
}


@pytest.mark.parametrize(("line", "code", "says"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_one_line_with_its_remedy(line: bytes, code: str, says: str) -> None:
    with pytest.raises(CommandError) as caught:
        read(line)
    assert caught.value.code.startswith(code)
    assert caught.value.code in ERRORS
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)
    told = refusal(caught.value.name, caught.value.ident, caught.value.code, str(caught.value))
    assert told.count(b"\n") == 1
    assert len(told) < 1000  # whatever was sent


def test_an_error_names_the_command_and_its_id_where_they_are_known() -> None:
    with pytest.raises(CommandError) as caught:
        read(b'{"command": "say", "id": "a", "text": 5}')
    assert json.loads(refusal(caught.value.name, caught.value.ident, caught.value.code, str(caught.value))) == {
        "reply": "say",
        "id": "a",
        "ok": False,
        "error": {"code": "bad_argument", "message": "text must be text in quotes, not 5"},
    }


@pytest.mark.parametrize("command", [one for one in COMMANDS.values() if one.channel], ids=lambda one: one.name)
def test_a_commands_arguments_are_the_fields_of_its_message(command: Command) -> None:
    own = {field.name for field in fields(command.message)} - {"number", "tag", "capture_ns", "deadline_ns"}
    assert own == set(command.arguments)
