"""A long conversation with one engine: does it answer as soon, and in as much memory, at its end as at its beginning?

    python bench/endurance.py [--turns 200] [--set KEY=VALUE] [--shared ../shared] [--json FILE]

Recorded utterances in real time through the virtual sound card, about 7 s for each turn; responses and holes are read
from the recording by turns.py of the shared folder. Memory is PSS of all processes. The last quarter of the turns is
compared with the first one; in brackets, intervals of 95 % by drawing anew.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from allbench.results import Figure, as_json, counted, measured, share
from faultbench.target import Target
from overloadbench.sections import names
from talkbench.figures import Table, percentile, rate
from talkbench.files import check
from talkbench.sections import ECHOES
from talkbench.tracks import Builder, Track, joined, tool

AFTER_S = 1.0
"""Memory is looked at so long before the next utterance begins: the answer is over then."""
PART = 20
"""Turns that are built at a time."""
SAMPLES = 40
GROWN_MB = 0.1
"""Less is not worth a line."""
_DRAWS = 2000
Memory: TypeAlias = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Talk:
    """rows, total: of turns.py. seen: (turn, process → kind of memory → MB). totals: of the engine's report."""

    rows: Sequence[dict[str, Any]]
    total: dict[str, Any]
    seen: Sequence[tuple[int, Memory]]
    totals: dict[str, Any]


def talk(builder: Builder, track: Track, options: Sequence[str]) -> Talk:
    """Let one engine hear all of the track, and look at its memory meanwhile."""
    said, seen = track.labels["utterances"], list[tuple[int, Memory]]()
    output, report = builder.work / "endurance.wav", builder.work / "endurance.json"
    files = ("--input", str(track.path), "--output", str(output), "--report", str(report))
    with Target(builder.work, *files, *options, sets=ECHOES) as engine:
        each = max(1, len(said) // SAMPLES)
        for turn in range(each, len(said), each):
            engine.until_second(said[turn]["start"] - AFTER_S)
            seen.append((turn, engine.memory()))
        engine.until_second(said[-1]["end"])
        engine.process.wait(120)
    if engine.process.returncode:
        raise SystemExit(f"the engine ended with exit code {engine.process.returncode}")
    rows, total = tool(builder.shared, "turns").measure(output, track.labels)
    return Talk(rows, total, seen, json.loads(report.read_text())["totals"])


def quarters(count: int) -> list[range]:
    """The turns of each quarter."""
    bounds = [round(count * quarter / 4) for quarter in range(5)]
    return [range(begin, end) for begin, end in itertools.pairwise(bounds)]


def responses(talk: Talk, turns: range) -> list[float]:
    """Of those that were answered, in ms."""
    return [ms for turn in turns if (ms := talk.rows[turn]["response_ms"]) is not None]


def memory(talk: Talk, turns: range) -> list[float]:
    """What all processes took during these turns, in MB."""
    return [sum(map(whole, taken.values())) for turn, taken in talk.seen if turn in turns]


def whole(kinds: Mapping[str, float]) -> float:
    """Memory of one process, of all kinds, in MB."""
    return sum(kinds.values())


def by_process(talk: Talk, parts: Sequence[range]) -> Table:
    """Which process took how much of what, quarter by quarter, largest growth first."""
    kept = [[taken for turn, taken in talk.seen if turn in turns] for turns in parts]
    pairs = sorted({(name, kind) for part in kept for taken in part for name in taken for kind in taken[name]})

    def median(part: Sequence[Memory], name: str, kind: str) -> float:
        return float(np.median([taken.get(name, {}).get(kind, 0.0) for taken in part])) if part else math.nan

    found = {each: [median(part, *each) for part in kept] for each in pairs}
    table = Table("Memory by process and kind in MB, median of each quarter; what hardly grew is left out")
    for (name, kind), mbs in sorted(found.items(), key=lambda each: each[1][0] - each[1][-1]):
        if mbs[-1] - mbs[0] >= GROWN_MB:
            numbers = {f"quarter {number}": f"{mb:.2f}" for number, mb in enumerate(mbs, 1)}
            table.rows.append({"process": name, "kind": kind, **numbers, "grown": f"{mbs[-1] - mbs[0]:.2f}"})
    return table


def growth(first: Sequence[float], last: Sequence[float], unit: str) -> Figure:
    """By how much the last one's median is above the first one's. Both: one or more."""
    draw = np.random.default_rng(0).choice
    sides = (np.median(draw(np.asarray(side), (_DRAWS, len(side))), axis=1) for side in (last, first))
    low, high = np.percentile(np.subtract(*sides), [2.5, 97.5])
    return Figure(float(np.median(last) - np.median(first)), unit, "lower", (float(low), float(high)))


def summary(talk: Talk) -> tuple[list[Table], dict[str, Figure]]:
    """The tables and the figures."""
    count = len(talk.rows)
    parts = quarters(count)
    by_quarter = Table(f"{count} turns with one engine; response in ms, memory in MB")
    for number, turns in enumerate(parts, 1):
        ms, mb = responses(talk, turns), memory(talk, turns)
        by_quarter.rows.append(
            {
                "quarter": str(number),
                "answered": rate(len(ms), len(turns)),
                "response p50": percentile(ms, 50),
                "p95": percentile(ms, 95),
                "memory": f"{np.median(mb):.1f} ({min(mb):.1f} to {max(mb):.1f})" if mb else "-",
            }
        )
    all_ms, all_mb = responses(talk, range(count)), memory(talk, range(count))
    figures = {
        "answered": share(len(all_ms), count, asked=100),
        "cut-ins": share(talk.total["cut_ins"], count, "lower"),
        "holes": counted(len(talk.total["holes"])),
        "xruns": counted(talk.totals["xruns"]),
    }
    if all_ms:
        figures["response p50"] = measured(all_ms, "ms", "lower")
        figures["response p95"] = measured(all_ms, "ms", "lower", 95)
    if all_mb:
        figures["memory"] = measured(all_mb, "MB", "lower")
    of_first, of_last = ((responses(talk, turns), memory(talk, turns)) for turns in (parts[0], parts[-1]))
    for what, unit, first, last in zip(("response p50", "memory"), ("ms", "MB"), of_first, of_last, strict=True):
        if first and last:
            figures[f"{what}, last quarter less the first"] = growth(first, last, unit)
    shown = Table("Together")
    for name, figure in figures.items():
        low, high = figure.spread or (figure.value, figure.value)
        shown.rows.append({"": name, "measured": f"{figure.value:.1f} {figure.unit} ({low:.1f}..{high:.1f})"})
    return [by_quarter, by_process(talk, parts), shown], figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    arguments = parser.parse_args()
    check(arguments.json)
    if arguments.turns < 4:
        raise SystemExit("--turns is 4 or more: there are four quarters")
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(arguments.shared, Path(work))
        said = names(arguments.turns).split(",")
        parts = [said[first : first + PART] for first in range(0, len(said), PART)]
        track = joined([builder.build(",".join(part), seed) for seed, part in enumerate(parts, 1)], "joined")
        options = [part for each in arguments.set for part in ("--set", each)]
        tables, figures = summary(talk(builder, track, options))
    print(*tables, sep="\n")
    if arguments.json:
        arguments.json.write_text(as_json(figures))


if __name__ == "__main__":
    main()
