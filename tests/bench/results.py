"""Results of benches that never ran, for the tests of what is made of them."""

from __future__ import annotations

from allbench import machine
from allbench.results import Figure, Results
from allbench.results import Section as Became

MACHINE = dict.fromkeys(machine.TELLS, "the same") | {"beside": "1 % busy, 0 % stolen", "commit": "a" * 40}


def results(**figures: Figure) -> Results:
    """A run of one bench, "b", with these figures."""
    found = {f"b: {name}": figure for name, figure in figures.items()}
    return Results("headline", MACHINE, "2000-01-01T00:00:00+00:00", {"b": Became("bench/b.py", 1.0)}, found)


def ms(value: float, low: float, high: float) -> Figure:
    return Figure(value, "ms", "lower", (low, high))
