"""`engine trace`: turns of a report, of a log, or of a running engine, as a file for Perfetto."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import Any

from engine import NAME, wav
from engine.door.client import DoorClient
from engine.door_commands import add_which, find
from engine.errors import InputError, OutputError
from engine.trace import trace
from engine.turn_log import flat, read


def add_parser(subparsers: Any) -> None:
    """Add `trace` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "trace",
        help="show where the time of turns went, in Perfetto",
        description="Write the last turns of a running engine, or those of a report or of a log, as a trace: a track "
        "for each process, what each stage did and when, and what became of what. Open it at ui.perfetto.dev, which "
        "keeps it on your machine, or in chrome://tracing.",
        epilog="A running engine keeps its last 32 turns. Exit code 4: no report; 5: --out cannot be written; 10: no "
        "engine.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--out", metavar="JSON", type=Path, required=True, help="the trace")
    parser.add_argument(
        "--report",
        metavar="FILE",
        type=Path,
        help="of `engine run --report`, or a log (log.turns), and no running engine",
    )
    parser.add_argument("--last", metavar="N", type=int, default=0, help="only so many turns")
    parser.add_argument(
        "--words", action="store_true", help="also what was said; else the file can be shown to anybody"
    )
    add_which(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    if arguments.report is not None:
        engine, turns = _reported(arguments.report)
    else:
        client = DoorClient(arguments.socket or find(arguments.instance))
        with contextlib.closing(client):
            engine, turns = client.hello["engine"], client.command("turns")["turns"]
    try:
        made = trace(turns[-arguments.last :] if arguments.last > 0 else turns, engine, arguments.words)
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{_place(arguments)} has turns without what a trace is made of ({error})"
        raise InputError(what, f"give one of this version of {NAME}") from error
    try:
        arguments.out.write_text(json.dumps(made, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{wav.place(arguments.out)}: {error.strerror}", "choose another --out") from error
    print(
        f"{len(made['traceEvents'])} events of {made['otherData']['turns']} turns in {wav.place(arguments.out)}: "
        "open it at ui.perfetto.dev"
    )
    return 0


def _place(arguments: argparse.Namespace) -> str:
    return wav.place(arguments.report) if arguments.report is not None else "the engine"


def _reported(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """Who wrote it, and the turns of a report, or of a log. Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{wav.place(path)}: {error.strerror}", "give what `engine run --report` wrote") from error
    try:
        report = json.loads(text)
    except ValueError:
        report = None
    if isinstance(report, dict) and isinstance(report.get("turns"), list):
        return str(report.get("engine", "")), report["turns"]
    if turns := [flat(entry) for entry in read(text) if entry["kind"] == "turn"]:
        return str(turns[-1].get("engine", "")), turns
    raise InputError(
        f"{wav.place(path)} is neither a report nor a log with turns", "give what `engine run --report` wrote"
    )
