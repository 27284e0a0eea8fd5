"""Conversations measured on real recordings: how soon the engine answers, and what it gets wrong for it.

    python bench/conversation.py [--quick] [--only turn_taking,hall] [--sessions N] [--shared ../shared]
        [--json FILE] [--plot FILE] [--ledger FILE]

Sessions of recorded utterances, in real time, through the virtual sound card; every figure of a response, a cut-in or
a hole comes from the recording that the engine leaves, by turns.py of the shared folder, which is not part of this
project. In brackets stand intervals of 95 %. All of it takes hours; FILEs are written anew whenever a table has grown.

--quick takes three minutes: turn_taking and interruptions, in the default setting alone and on one session. It leaves
out hall, machinery and curve, speakers who hesitate, speculation off, barge_in = strict, and the echo. With --only it
is fewer sessions and settings of those.

The peers (`make peers`) are needed for curve; machinery does without them. Ten sessions of the curve take many
hours: with --ledger each of its conversations is kept, and none of those is measured again, so it can be made in parts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from talkbench.bench import Bench, why
from talkbench.curve import curve
from talkbench.figures import Table
from talkbench.files import check, replace
from talkbench.interruptions import interruptions
from talkbench.plot import draw
from talkbench.rivals import machinery, peers_python
from talkbench.sections import hall, turn_taking
from talkbench.tracks import Builder

SECTIONS = {
    "turn_taking": turn_taking,
    "interruptions": interruptions,
    "hall": hall,
    "machinery": machinery,
    "curve": curve,
}


QUICK = ("turn_taking", "interruptions")


def sections(only: str, *, quick: bool, peers: bool) -> list[str]:
    """What to measure. Without peers, what needs them is left out, with a line that says so; SystemExit: it was asked
    for by its name, or nobody knows a name."""
    names = only.split(",") if only else list(QUICK if quick else SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(SECTIONS)}")
    if peers:
        return names
    if only and "curve" in names:
        raise SystemExit("curve needs the peers: run `make peers`")
    if {"curve", "machinery"} & set(names):
        print("no peers are installed (`make peers`): curve is left out, and machinery is the engine's alone")
    return [name for name in names if name != "curve"]


class Files:
    """Where the tables go: written anew whenever one has grown, so that a run that is cut off leaves what it has."""

    def __init__(self, tables: Path | None, plot: Path | None) -> None:
        check(tables, plot)
        self._path, self._plot = tables, plot
        self._tables: dict[str, Any] = {}

    def keep(self, name: str, table: Table) -> None:
        self._tables[name] = asdict(table)
        if self._path:
            replace(self._path, json.dumps(self._tables, indent=1))
        if self._plot and table.points:
            replace(self._plot, draw(table.points))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the default setting alone, in three minutes")
    parser.add_argument("--only", default="", help=f"of {', '.join(SECTIONS)}, with commas")
    parser.add_argument("--sessions", type=int, metavar="N", help="sessions of 8 or 10 utterances for every row")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curve as SVG")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="keep the curve's conversations, and go on with it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables")
    arguments = parser.parse_args()
    if not (arguments.shared / "measure").is_dir():
        raise SystemExit(f"{arguments.shared} has no recordings and no measure: give --shared")
    if arguments.sessions is not None and arguments.sessions < 1:
        raise SystemExit("--sessions is 1 or more")
    peers = peers_python()
    names = sections(arguments.only, quick=arguments.quick, peers=peers is not None)
    files = Files(arguments.json, arguments.plot)
    check(arguments.ledger)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            keep = partial(files.keep, name)
            builder = Builder(arguments.shared, Path(work))
            bench = Bench(builder, arguments.quick, arguments.sessions, peers, keep, arguments.ledger)
            try:
                print(SECTIONS[name](bench), flush=True)
            except subprocess.SubprocessError as error:
                failed = True
                print(f"{name} ends here: {why(error)}", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
