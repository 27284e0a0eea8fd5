"""What a host program may ask of a running engine: one table of the commands (docs/door.md).

Each argument has a type and limits, as a setting has, and maybe a default. Most commands become one message to
`turns` or to `audio`, whose fields are named like the arguments; the others the door answers itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from engine import messages as m
from engine.rules import Between, NotEmpty, OneOf, shown
from engine.schema import Reader, near

REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. `kind`: its type and limits, as in engine/settings.py."""

    kind: Any
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Where it goes to and as what; without a channel the door answers it itself."""

    name: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    channel: str = ""
    message: Any = None
    """The class of the message: `number`, and the arguments."""


_WORDS = Argument(Annotated[str, NotEmpty()])
_TABLE = (
    Command(
        "say",
        {
            "text": _WORDS,
            "mode": Argument(Annotated[str, OneOf("queue", "interrupt")], "queue"),
            "interruptible": Argument(bool, True),
        },
        "commands",
        m.Say,
    ),
    Command("ask", {"text": _WORDS}, "commands", m.AskText),
    Command("listen", {}, "commands", m.ListenNow),
    Command("sleep", {}, "commands", m.FallAsleep),
    Command("stop", {}, "commands", m.StopSpeaking),
    Command("context", {"text": Argument(str)}, "commands", m.AddContext),
    Command("session.end", {}, "commands", m.EndSession),
    Command("tool.handle", {"on": Argument(bool, True)}),
    Command("tool.progress", {"call": _WORDS, "text": Argument(str, "")}, "commands", m.ToolProgress),
    Command(
        "tool.result",
        {"call": _WORDS, "text": Argument(str, ""), "speak": Argument(bool, True)},
        "commands",
        m.ToolResult,
    ),
    Command("tool.error", {"call": _WORDS, "text": Argument(str, "")}, "commands", m.ToolFailed),
    Command("dialogue.handle", {"on": Argument(bool, True)}),
    Command("dialogue.piece", {"ask": _WORDS, "text": Argument(str)}),
    Command("dialogue.end", {"ask": _WORDS, "error": Argument(str, "")}),
    Command("mute", {"on": Argument(bool, True)}, "controls", m.SetMute),
    Command("volume", {"percent": Argument(Annotated[int, Between(0, 100)])}, "controls", m.SetVolume),
    Command("reload"),
    Command("state"),
    Command("turns"),
    Command("subscribe", {"events": Argument(tuple[str, ...])}),
)
COMMANDS: Mapping[str, Command] = {command.name: command for command in _TABLE}

ERRORS: Mapping[str, str] = {
    "bad_line": "it is not a JSON object in UTF-8 on one line of at most 64 KiB",
    "unknown_command": "there is no such command",
    "bad_argument": "an argument is missing, unknown, or not what it must be",
    "too_many": "more commands than are taken in so short a time, or more clients than are let in",
    "unavailable": "the stage that has to do it did not answer in time, or is starting",
    "refused": "the stage that has to do it says why not",
    "configuration": "reload: the new configuration is wrong, or a stage refuses it; nothing was changed",
}
"""What can be wrong with a command: code and meaning."""


class CommandError(Exception):
    """A command that is not done. `str()` is one line for people, `code` one of ERRORS."""

    def __init__(self, code: str, message: str, name: str | None = None, ident: Any = None) -> None:
        super().__init__(message)
        self.code, self.name, self.ident = code, name, ident


@dataclass(frozen=True, slots=True)
class Request:
    """A command that is well formed. ident: the client's `id` for it, which the answer repeats."""

    command: Command
    ident: Any
    arguments: dict[str, Any]


def read(line: bytes) -> Request:
    """The request on a line. Raises CommandError."""
    table = _table(line)
    name, ident = table.pop("command", None), table.pop("id", None)
    echo = name if isinstance(name, str) and len(name) <= 40 else None
    if isinstance(ident, (dict, list)) or (isinstance(ident, float) and not math.isfinite(ident)):
        raise CommandError("bad_argument", "id must be text, a number, true, false or null", echo)
    if name is None:
        raise CommandError(
            "bad_line", f"there is no command in it; the commands are {', '.join(COMMANDS)}", None, ident
        )
    if echo is None or echo not in COMMANDS:
        meant = near(echo or "", list(COMMANDS))
        remedy = f"did you mean {meant}?" if meant else f"the commands are {', '.join(COMMANDS)}"
        raise CommandError("unknown_command", f"{shown(name)} is not a command; {remedy}", echo, ident)
    command = COMMANDS[echo]
    try:
        return Request(command, ident, _arguments(command, table))
    except ValueError as error:
        raise CommandError("bad_argument", str(error), echo, ident) from None


def _table(line: bytes) -> dict[str, Any]:
    try:
        table = json.loads(line.decode())
    except UnicodeDecodeError:
        raise CommandError("bad_line", "this is not UTF-8; send JSON in UTF-8, a line for each command") from None
    except (ValueError, RecursionError):  # also numbers with more digits than Python reads
        raise CommandError("bad_line", "this is not JSON; send one JSON object on each line") from None
    if not isinstance(table, dict):
        raise CommandError("bad_line", 'this is not a JSON object; send {"command": …} on each line')
    return table


def _arguments(command: Command, table: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with their defaults. ValueError: the first thing wrong with them."""
    reader = Reader(Command)
    found = {name: argument.default for name, argument in command.arguments.items()}
    for name, value in table.items():
        if name not in found:
            meant = near(name, list(found))
            known = f"it has {', '.join(found)}" if found else "it has none"
            raise ValueError(
                f"{command.name} has no argument {shown(name)}; {f'did you mean {meant}?' if meant else known}"
            )
        found[name] = reader.value(command.arguments[name].kind, value, (name,))
    for problem in reader.problems:
        raise ValueError("; ".join(filter(None, (problem.what, problem.remedy))))
    for name, value in found.items():
        if value is REQUIRED:
            raise ValueError(f"{command.name} has no {name}; add it")
    return found


def answer(name: str | None, ident: Any, **fields: Any) -> bytes:
    """The line that says that a command was done. Everything but ASCII is escaped: an `id` need not be clean text."""
    return json.dumps({"reply": name, "id": ident, "ok": True, **fields}).encode() + b"\n"


def refusal(name: str | None, ident: Any, code: str, message: str) -> bytes:
    """The line that says that it was not, and why."""
    error = {"code": code, "message": message}
    return json.dumps({"reply": name, "id": ident, "ok": False, "error": error}).encode() + b"\n"
