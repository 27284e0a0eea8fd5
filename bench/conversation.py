"""Conversations measured on real recordings: how soon the engine answers, and what it gets wrong for it.

    python bench/conversation.py [--quick] [--only turn_taking,hall] [--shared ../shared] [--json FILE] [--plot FILE]

Sessions of recorded utterances, in real time, through the virtual sound card; every figure of a response, a cut-in or
a hole comes from the recording that the engine leaves, by turns.py of the shared folder, which is not part of this
project. In brackets stand intervals of 95 %. --quick takes two minutes and measures the
default setting alone. `curve` and `machinery` need the peers: `make peers`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path

from talkbench.interruptions import interruptions
from talkbench.plot import draw
from talkbench.rivals import curve, machinery
from talkbench.sections import hall, turn_taking
from talkbench.tracks import Builder

SECTIONS = {
    "turn_taking": turn_taking,
    "interruptions": interruptions,
    "hall": hall,
    "machinery": machinery,
    "curve": curve,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the default setting alone, in two minutes")
    parser.add_argument("--only", default="", help=f"of {', '.join(SECTIONS)}, with commas")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curve as SVG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables")
    arguments = parser.parse_args()
    if not (arguments.shared / "measure").is_dir():
        raise SystemExit(f"{arguments.shared} has no recordings and no measure: give --shared")
    names = arguments.only.split(",") if arguments.only else ["turn_taking"] if arguments.quick else list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(SECTIONS)}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    tables = {}
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            tables[name] = SECTIONS[name](Builder(arguments.shared, Path(work)), quick=arguments.quick)
            print(tables[name], flush=True)
    if arguments.plot and "curve" in tables:
        arguments.plot.write_text(draw(tables["curve"].points))
    if arguments.json:
        arguments.json.write_text(json.dumps({name: asdict(table) for name, table in tables.items()}, indent=1))


if __name__ == "__main__":
    main()
