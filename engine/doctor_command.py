"""`engine doctor`: what keeps the engine from doing its work well on this machine, and the line that mends it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from engine.config_command import add_config_options, load_from_args
from engine.devices import quiet
from engine.doctor import door, machine, sound, stages
from engine.doctor.finding import Finding, Visit
from engine.errors import UsageError

CHECKS: tuple[tuple[str, Callable[[Visit], Iterable[Finding]]], ...] = (
    ("sound libraries", sound.libraries),
    ("sound server", sound.server),
    ("devices", sound.devices),
    ("hearing", sound.hearing),
    ("shared memory", machine.shared_memory),
    ("real time", machine.real_time),
    ("processor", machine.processor),
    ("sensors", machine.sensors),
    ("models", stages.backends),
    ("door", door.socket),
)
"""Everything that is looked at, in this order."""
_WIDTH = max(len(name) for name, _ in CHECKS)
_LEAST_S, _MOST_S = 2.0, 60.0


def add_parser(subparsers: Any) -> None:
    """Add `doctor` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "doctor",
        help="look for what keeps the engine from working well",
        description="Look at sound, memory, real-time rights, processors, models and the door, as these settings need "
        "them. It listens to the microphone for a few seconds and plays a short tone.",
        epilog="Exit code 0 when there is no problem, whatever is warned of; otherwise that of the first problem: "
        "9 for sound devices, 6 for models and libraries, 7 for shared memory, 5 or 3 for the door.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--no-sound", action="store_true", help="play no tone, and do not listen")
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="N", help=f"listen for so long ({_LEAST_S:g} to {_MOST_S:g})"
    )
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    if not _LEAST_S <= arguments.seconds <= _MOST_S:
        raise UsageError(f"--seconds {arguments.seconds:g}", f"give between {_LEAST_S:g} and {_MOST_S:g}")
    config = load_from_args(arguments)
    quiet(config.audio.library_messages)
    visit = Visit(config, 0 if arguments.no_sound else arguments.seconds)
    found: list[tuple[str, Finding]] = []
    for name, check in CHECKS:
        for finding in check(visit):
            found.append((name, finding))
            if not arguments.json:
                _print(name, finding)
    problems = [finding for _, finding in found if finding.level == "problem"]
    if arguments.json:
        print(json.dumps([{"check": name} | asdict(finding) for name, finding in found], indent=1, ensure_ascii=False))
    else:
        warnings = sum(finding.level == "warning" for _, finding in found)
        print(f"problems: {len(problems)}, warnings: {warnings}")
    return problems[0].code if problems else 0


def _print(name: str, finding: Finding) -> None:
    print(f"{finding.level:7}  {name:{_WIDTH}}  {finding.what}", flush=True)
    if finding.remedy:
        print(f"{'':7}  {'':{_WIDTH}}  → {finding.remedy}", flush=True)
