"""What moved between two runs, beyond noise.

The rule: a figure has moved when the two intervals do not touch and the values differ by more than LEAST of the larger
one. Intervals of 95 % that do not touch are a stricter test than a difference significant at 5 %: of a hundred figures
that did not change about one is called moved by chance. Intervals know what varies within a run, and not what the
machine does from one run to the next: other runs of the same state (`again`) widen them to hold what those found. A
figure without an interval is shown when it differs, and never called better or worse; one whose command was another is
left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from talkbench.figures import Table

from .machine import differences, was_busy
from .results import Figure, Results

LEAST = 0.05
BETTER, WORSE, UNKNOWN, SAME = "better", "worse", "differs, no spread known", "within noise"
ORDER = (WORSE, BETTER, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Move:
    """Of a figure from one run to the other. ratio: new to old; None: the old one is 0, or their signs differ."""

    name: str
    old: Figure
    new: Figure
    verdict: str

    @property
    def ratio(self) -> float | None:
        return self.new.value / self.old.value if self.old.value * self.new.value > 0 else None

    @property
    def size(self) -> float:
        """Largest first."""
        larger = max(abs(self.old.value), abs(self.new.value))
        return abs(self.new.value - self.old.value) / larger if larger else 0.0


def verdict(old: Figure, new: Figure, least: float = LEAST) -> str:
    """By the rule."""
    difference, larger = abs(new.value - old.value), max(abs(old.value), abs(new.value))
    if difference <= least * larger:
        return SAME
    if old.spread is None or new.spread is None:
        return UNKNOWN
    if old.spread[0] <= new.spread[1] and new.spread[0] <= old.spread[1]:
        return SAME
    return BETTER if (new.value < old.value) == (new.better == "lower") else WORSE


def widened(results: Results, again: Sequence[Results]) -> dict[str, Figure]:
    """Its figures, with intervals that hold those of other runs of the same state, as far as the same was measured."""
    found = dict(results.figures)
    for other in again:
        same = alike(results, other)
        for name, figure in other.figures.items():
            mine = found.get(name)
            if mine is not None and name.partition(": ")[0] in same:
                lows, highs = zip(*(each.spread or (each.value, each.value) for each in (mine, figure)), strict=True)
                found[name] = replace(mine, spread=(min(lows), max(highs)))
    return found


def alike(one: Results, other: Results) -> set[str]:
    """The benches that both ran by the same command."""
    both = one.sections.keys() & other.sections.keys()
    return {name for name in both if one.sections[name].command == other.sections[name].command}


def moves(old: Results, new: Results, again: Sequence[Results] = (), least: float = LEAST) -> list[Move]:
    """Of what both have measured by the same command: the worse first, then by size."""
    same, before = alike(old, new), widened(old, again)
    found = [
        Move(name, before[name], figure, verdict(before[name], figure, least))
        for name, figure in new.figures.items()
        if name in before and name.partition(": ")[0] in same
    ]
    ranks = {each: rank for rank, each in enumerate((*ORDER, SAME))}
    return sorted(found, key=lambda move: (ranks[move.verdict], -move.size))


def broken(old: Results, new: Results) -> list[str]:
    """The benches that went well in the old run and failed in the new one."""
    well = {name for name, each in old.sections.items() if not each.error}
    return [name for name, each in new.sections.items() if each.error and name in well]


def alone(old: Results, new: Results, compared: Sequence[Move]) -> list[str]:
    """What could not be compared, a line for each kind."""
    names = {move.name for move in compared}
    lines = []
    for what, one in (("only in the old one, or by another command", old), ("only in the new one", new)):
        if left := [name for name in one.figures if name not in names]:
            lines.append(f"{what}: {len(left)} figures, such as {left[0]!r}")
    for whose, run in (("old", old), ("new", new)):
        failed = {name: each.error for name, each in run.sections.items() if each.error}
        lines += [f"failed in the {whose} run: {name}: {error}" for name, error in failed.items()]
    return lines


def report(old: Results, new: Results, again: Sequence[Results] = (), least: float = LEAST) -> str:
    """For people."""
    lines = []
    if different := differences(old.machine, new.machine):
        lines += ["", "DIFFERENT MACHINES: what moved says nothing of the code.", *(f"  {line}" for line in different)]
    for whose, run in (("old", old), ("new", new)):
        if was_busy(run.machine):
            lines.append(f"NOT ALONE: something else ran when the {whose} run began ({run.machine['beside']})")
    found = moves(old, new, again, least)
    table = Table(
        f"What moved beyond noise: intervals apart, and by more than {least:.0%} "
        f"({old.machine.get('commit', '?')[:10]} -> {new.machine.get('commit', '?')[:10]})"
    )
    for move in found:
        if move.verdict != SAME:
            table.rows.append(
                {
                    "": move.verdict,
                    "figure": move.name,
                    "old": said(move.old),
                    "new": said(move.new),
                    "new / old": "-" if move.ratio is None else f"{move.ratio:.2f}",
                }
            )
    if not table.rows:
        table.rows.append({"": "nothing" if found else "nothing was measured by both"})
    count = sum(move.verdict == SAME for move in found)
    table.note = "\n".join([f"within noise: {count} of {len(found)}", *alone(old, new, found)])
    return "\n".join([*lines, str(table)])


def said(figure: Figure) -> str:
    """Value and interval."""
    spread = "" if figure.spread is None else f" ({figure.spread[0]:.4g}..{figure.spread[1]:.4g})"
    return f"{figure.value:.4g} {figure.unit}".strip() + spread
