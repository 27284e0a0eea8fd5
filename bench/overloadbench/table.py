"""Rides as rows of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from talkbench.figures import percentile

from .ride import Ride
from .verdict import answers, phase, responses, turns_until_down, turns_until_top, under

GOAL_MS = 800.0


def counted(ride: Ride) -> dict[str, str]:
    """What is counted in every table: of the utterances under load how many were answered, and how."""
    found = under(ride, answers(ride))
    told = any(each.known for each in found)
    times = responses(found)
    return {
        "turns": str(len(found)),
        "answered": str(len(times)),
        "by a phrase": str(sum(each.degraded for each in found)) if told else "-",
        "held": str(sum(each.held for each in found)) if told else "-",
        "floor": steps(step for each in found for step in each.floor) if told else "-",
        "response p50": percentile(times, 50),
        "p95": percentile(times, 95),
        "over 800 ms": str(sum(ms > GOAL_MS for ms in times)),
        "holes": str(len(ride.total["holes"])),
        "xruns": str(ride.totals.get("xruns", "-")),
        "late p99": "-" if ride.late_ms is None else f"{ride.late_ms:.1f}",
    }


def moved(ride: Ride) -> dict[str, str]:
    """How the rungs moved, and what responses were before and after the load."""
    found = answers(ride)
    outside = {
        name: responses(each for each in found if phase(ride, each.at_s) == name) for name in ("before", "after")
    }
    down, top = turns_until_down(ride), turns_until_top(ride)
    return {
        **{f"p50 {name}": percentile(times, 50) for name, times in outside.items()},
        "moves": str(len(ride.moves)) if ride.totals else "-",
        "down after": "-" if down is None else f"{down} turns",
        "top after": "-" if top is None or not ride.moves else f"{top} turns",
    }


def steps(names: Iterable[str]) -> str:
    """How often each was taken over."""
    count = Counter(names)
    return ", ".join(f"{name} {times}" for name, times in count.items()) or "0"
