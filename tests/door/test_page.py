"""docs/door.md says what the code does: every event, command, argument, default, error and limit."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from pathlib import Path

from engine import main
from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.contract import Tag
from engine.door import commands, connection, dialogue, letting_in, orders, server
from engine.door.commands import COMMANDS, ERRORS, REQUIRED
from engine.door.orders import TIMEOUT_S
from engine.door_commands import COMMANDS as COMMAND_LINE
from engine.events import EVENTS
from engine.hub import Now, envelope
from engine.turns import calls, host_commands

PAGE = Path(__file__).parents[2].joinpath("docs", "door.md").read_text()
_SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def rows(section: str, header: str = "") -> list[list[str]]:
    """The table of a section, without its header; cells as they stand."""
    lines = [line for line in _SECTIONS[section].splitlines() if line.startswith("|")]
    tables = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    starts = [at for at, row in enumerate(tables) if row[0].startswith("---")]
    (start,) = [at for at in starts if not header or tables[at - 1][0] == header]
    end = min((at - 1 for at in starts if at > start), default=len(tables))
    return tables[start + 1 : end]


def names(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def test_every_event_and_field_is_on_the_page_and_no_other() -> None:
    assert {names(row[0])[0]: names(row[1]) for row in rows("Events")} == {
        name: [field.name.rstrip("_") for field in fields(event)] for name, event in EVENTS.items()
    }


def test_every_command_and_argument_is_on_the_page_with_its_default_and_no_other() -> None:
    told = {}
    for command, arguments, _ in rows("Commands", "command"):
        found = re.findall(r"`(\w+)`(?: = ([^,]+))?", arguments)
        told[names(command)[0]] = {name: json.loads(default) if default else REQUIRED for name, default in found}
    assert told == {
        name: {argument: one.default for argument, one in command.arguments.items()}
        for name, command in COMMANDS.items()
    }


def test_the_envelope_and_the_greeting_are_on_the_page() -> None:
    assert [name for row in rows("Lines") for name in names(row[0])] == list(envelope("", 0, Tag(), 0))
    hello = {name for row in rows("The greeting") for name in names(row[0])}
    assert hello | {"seq"} == {"seq", "protocol", "engine", "instance", "pid", *asdict(Now())}


def test_the_reasons_and_outcomes_of_calls_are_on_the_page() -> None:
    told = {names(row[0])[0]: names(row[2]) for row in rows("Events")}
    assert told["tool.cancel"] == list(calls.CANCELLED)
    assert set(told["tool.ended"]) == {state.name.lower() for state in calls.State if state not in calls.OPEN}


def test_the_codes_of_errors_are_on_the_page() -> None:
    assert {names(row[0])[0]: row[1] for row in rows("Commands", "code")} == ERRORS


def test_every_error_that_is_raised_has_a_code_of_the_table() -> None:
    raised = set()
    for module in (commands, connection, dialogue, letting_in, orders, server):
        assert module.__file__ is not None
        text = Path(module.__file__).read_text()
        raised |= set(re.findall(r'CommandError\(\s*"(\w+)"', text))
    assert raised == set(ERRORS)


def test_the_limits_on_the_page_are_the_limits() -> None:
    limits = dict(rows("Limits"))
    numbers = {of: [float(number) for number in re.findall(r"\d+", limit)] for of, limit in limits.items()}
    assert numbers == {
        "clients": [server.MOST_CLIENTS],
        "coming": [letting_in.CLIENTS_AT_ONCE, letting_in.CLIENTS_PER_S],
        "commands": [connection.COMMANDS_AT_ONCE, connection.COMMANDS_PER_S, connection.REFUSED_AT_ONCE],
        "a line": [connection.LONGEST_LINE >> 10],
        "a text": [host_commands.MOST_CHARACTERS],
        "waiting texts": [host_commands.MOST_WAITING, host_commands.MOST_WAITING],
        "pieces": [connection.PIECES_AT_ONCE, connection.PIECES_PER_S],
        "calls": [calls.MOST_OPEN, calls.LONGEST_S],
        "answers": [dialogue.LONGEST_PIECE, dialogue.LONGEST_ANSWER, load(environ={SYSTEM_CONFIG: ""}).llm.max_tokens],
        "questions": [dialogue.MOST_OPEN],
        "unread": [connection.MOST_UNREAD >> 20],
        "time": [TIMEOUT_S],
    }
    assert f"`protocol` is {server.PROTOCOL}" in PAGE


def test_the_command_line_has_all_commands_of_the_door() -> None:
    assert main._AT_THE_DOOR == COMMAND_LINE
    at_the_door = {*COMMAND_LINE, "ask"}  # which needs no engine, and so is a command of its own
    for_programs = {name for name in COMMANDS if name.startswith(("tool.", "dialogue."))} | {"subscribe"}
    for_programs |= {"turns"}  # of which `engine trace` makes something
    assert {name.replace("-", ".") for name in at_the_door} == set(COMMANDS) - for_programs | {"events"}
    for name in at_the_door:
        assert f"`{name}`" in PAGE or f"`engine {name}`" in PAGE
