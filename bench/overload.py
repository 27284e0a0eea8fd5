"""What gives way when there is too much to do: quality, or the conversation?

    python bench/overload.py [--quick] [--only overload,lock,faults,gpu] [--turns 20] [--shared ../shared]
        [--rows TEXT] [--peers .venv-peers/bin/python] [--json FILE] [--plot FILE]
    python bench/overload.py --draw FILE --plot FILE

Conversations on recorded utterances, in real time, through the virtual sound card, with stages that really compute
(profile `computing`) on two cores or more: beside other programs that want the processor (stress-ng, from Debian), with
Python that holds its interpreter's lock, and with backends that are slow or hang. Every figure of a response or a hole
comes from the recording that a system leaves, by turns.py of the shared folder, which is not part of this project; what
the engine says of itself is its report's. In brackets stand intervals of 95 %.

All of it takes about two hours. Rows are printed as they come, and FILEs are written anew with each, so a run that is
cut off leaves what it has. --quick takes some minutes: fewer turns, and fewer settings. --rows measures only the rows
that have this in their name, such as "pipecat" or "hangs". --draw draws the plot anew from a file that --json has
written.

The peers (`make peers`) stand in the tables where they are installed.
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

from overloadbench.plot import draw
from overloadbench.ride import Ride
from overloadbench.sections import GOVERNED, SECTIONS, Desk
from talkbench.bench import Bench, why
from talkbench.figures import Table
from talkbench.files import check, replace
from talkbench.rivals import peers_python
from talkbench.tracks import Builder


class Files:
    """Where tables and plot go. Tables and rides are written anew with each row."""

    def __init__(self, path: Path | None, plot: Path | None) -> None:
        check(path, plot)
        self._path, self._plot = path, plot
        self._found: dict[str, Any] = {"tables": {}, "rides": {}}

    def keep(self, name: str, table: Table) -> None:
        self._found["tables"][name] = asdict(table)
        self._write()

    def ride(self, section: str, name: str, ride: Ride) -> None:
        self._found["rides"][f"{section}: {name}"] = ride.as_json()
        self._write()
        if self._plot and section == "overload" and name.startswith(GOVERNED):
            replace(self._plot, drawn(self._found["rides"]))

    def _write(self) -> None:
        if self._path:
            replace(self._path, json.dumps(self._found, indent=1))


def drawn(rides: dict[str, Any]) -> str:
    """The first ride under a governor. SystemExit: there is none."""
    for name, ride in rides.items():
        if name.startswith(f"overload: {GOVERNED}"):
            return draw(Ride.from_json(ride), name.removeprefix("overload: ") + ": load, rungs and responses")
    raise SystemExit("there is no ride under a governor in it: run --only overload first")


def chosen(only: str) -> list[str]:
    names = only.split(",") if only else list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(SECTIONS)}")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="in some minutes")
    parser.add_argument("--only", default="", help=f"of {', '.join(SECTIONS)}, with commas")
    parser.add_argument("--rows", default="", metavar="TEXT", help="only those that have this in their name")
    parser.add_argument("--turns", type=int, metavar="N", help="turns for each row, under load")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument(
        "--peers", type=Path, default=peers_python(), help="the Python that the peers are installed for"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write tables and rides")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a run as SVG")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="measure nothing: draw what is in this file")
    arguments = parser.parse_args()
    if arguments.draw:
        if not arguments.plot:
            raise SystemExit("--draw needs --plot")
        replace(arguments.plot, drawn(json.loads(arguments.draw.read_text())["rides"]))
        return
    if not (arguments.shared / "measure").is_dir():
        raise SystemExit(f"{arguments.shared} has no recordings and no measure: give --shared")
    names, files = chosen(arguments.only), Files(arguments.json, arguments.plot)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    if arguments.peers is None:
        print("no peers are installed (`make peers`): the tables are the engine's alone", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(arguments.shared, Path(work))
        for name in names:
            bench = Bench(builder, arguments.quick, arguments.turns, arguments.peers, partial(files.keep, name))
            try:
                print(SECTIONS[name](Desk(bench, partial(files.ride, name), arguments.rows)), flush=True)
            except subprocess.SubprocessError as error:
                failed = True
                print(f"{name} ends here: {why(error)}", flush=True)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
