"""`engine health`: is it well? For hooks of updates and watchdogs: quick, and the exit code says it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from engine import engines
from engine.errors import DoorError
from engine.snapshot import Observer, Snapshot

SILENT_S = 5.0
"""A supervisor that has not looked at its workers for so long hangs: it does so every half second."""


def add_parser(subparsers: Any) -> None:
    """Add `health` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "health",
        help="is the engine well? Exit code 0: yes, 1: no",
        description="Say whether the engines of this machine are well: ready, every stage at its work, nobody hanging. "
        "It looks from outside and waits for nobody, so that it answers while an engine hangs, too.",
        epilog="Exit code 0: all that run are well; 1: one is not, or there is none. A stage that is just being "
        "started again is not at its work: a hook that ends the engine should want to see 1 several times in a row.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("instance", nargs="?", default="", help="only engines of this name (engine.instance)")
    parser.add_argument("--json", action="store_true", help="as JSON, one line")


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    found = [_look(instance) for instance in engines.running(arguments.instance)]
    why = [] if found else [engines.nothing(arguments.instance)]
    well = bool(found) and all(each["healthy"] for each in found)
    if arguments.json:
        why += [what for each in found for what in each["why"]]
        print(json.dumps({"healthy": well, "why": why, "engines": found}))
    else:
        for each in found:
            print(f"{each['instance']}: {'; '.join(each['why']) or 'well'}")
        for what in why:
            print(what)
    return 0 if well else 1


def _look(instance: str) -> dict[str, Any]:
    """One engine, as it is printed."""
    try:
        seen = Observer(instance).take()
    except DoorError as error:
        return {"instance": instance, "healthy": False, "why": [str(error)]}
    why = list(troubles(seen))
    return {
        "instance": instance,
        "name": seen.name,
        "pid": seen.pid,
        "healthy": not why,
        "why": why,
        "state": seen.state,
        "uptime_s": round(seen.uptime_s, 1),
        "stages": {stage.name: stage.told for stage in seen.stages},
        "rungs": {stage.name: stage.rung for stage in seen.stages if stage.rungs > 1},
        "restarts": sum(stage.restarts for stage in seen.stages),
        "late": sum(stage.late for stage in seen.stages),
        "dropped": sum(stage.dropped for stage in seen.stages),
        "xruns": seen.sound.xruns,
    }


def troubles(seen: Snapshot) -> Iterator[str]:
    """What is not well, one line each."""
    if seen.state in ("starting", "stopping"):
        yield f"it is {seen.state}"
        return
    if seen.beat_age_s is None or seen.beat_age_s > SILENT_S:
        yield "the supervisor hangs"
    for stage in seen.stages:
        if stage.gone:
            yield f"the engine does without {stage.name}, which does not come back"
        elif stage.hangs:
            yield f"{stage.name} hangs"
        elif stage.state != "ready":
            yield f"{stage.name} is {'being started' if stage.state == 'absent' else 'loading'}"
