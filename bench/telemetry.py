"""What a record costs: a duration, a count and a heartbeat, as a worker writes them from Python; and with `telemetry`
off. Prints ns for each, the median of many rounds and from the least to the most.

    python bench/telemetry.py [--rounds 30] [--json FILE]

One thread, nobody else at the cells. What the loop itself costs is taken off.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import uuid
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import ringbuf
from engine.telemetry import AT, CELLS, Telemetry, bucket

CALLS = 20_000
"""Of a round: long enough that the clock does not matter, and short enough that some are not interrupted."""
GOAL_NS = 200


RECORDS = ("observe (a duration)", "count", "set (a gauge)")
"""Those of `ways` that a worker makes."""


def ways(telemetry: Telemetry, silent: Telemetry) -> dict[str, Callable[[], object]]:
    """What is measured, by its name."""
    cells, at = telemetry.cells, AT["vad.hop_ns"]
    observe, count, store = RECORDS
    return {
        observe: lambda: telemetry.observe("vad.hop_ns", 345_678),
        count: lambda: telemetry.count("vad.late"),
        store: lambda: telemetry.set("vad.judged", 123_456),
        "observe, engine.telemetry = false": lambda: silent.observe("vad.hop_ns", 345_678),
        "cells.observe alone, its place known": lambda: cells.observe(at, 345_678),
        "the bucket in Python, cells.add": lambda: cells.add(AT["vad.hop_ns"] + bucket(345_678), 1),
    }


def ns_each(call: Callable[[], object]) -> float:
    """How long a call takes in one round, with the loop."""
    began = time.perf_counter_ns()
    for _ in repeat(None, CALLS):
        call()
    return (time.perf_counter_ns() - began) / CALLS


def main() -> int:
    parser = argparse.ArgumentParser(description="What a record on the page of metrics costs, in ns.")
    parser.add_argument("--rounds", type=int, default=30, help="how often each is measured, in turns (30)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    arguments = parser.parse_args()
    name = f"antiphon.bench{uuid.uuid4().hex[:8]}.{os.getpid()}.cells"
    segment = ringbuf.create_cells(name, CELLS)
    try:
        telemetry, silent = Telemetry(ringbuf.Cells(name)), Telemetry(ringbuf.Cells(name))
        silent.durations = False
        found: dict[str, list[float]] = {what: [] for what in ways(telemetry, silent)}
        for _ in range(arguments.rounds):  # all in turns, so that a change of the clock meets all
            empty = ns_each(lambda: None)
            for what, call in ways(telemetry, silent).items():
                found[what].append(ns_each(call) - empty)
    finally:
        segment.close()
        segment.unlink()
    for what, values in found.items():
        print(f"{what:38} {statistics.median(values):6.0f} ns   ({min(values):.0f} to {max(values):.0f})")
    print(f"asked for: {GOAL_NS} ns at most")
    if arguments.json:
        arguments.json.write_text(json.dumps({"ns": found, "calls": CALLS}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
