"""The tables that benches write, read back as figures: cells are what talkbench.figures and the benches print."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .results import Better, Figure, counted, share

_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_PERCENTILE = re.compile(rf"{_NUMBER} \({_NUMBER}\.\.{_NUMBER}\)")
_RATE = re.compile(r"(\d+) of (\d+)\b.*")
_PLAIN = re.compile(rf"{_NUMBER}(?: ?(?:s|x|/s|%|ms))?(?: \(\d+\))?")
"""A number, perhaps with its unit, and in brackets what is asked for."""


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table. unit: "count" of what happens by itself, "%" of a cell such as "3 of 20", "of" of two cells, of which
    `of` is the column with how many tries there were; else what the number is in."""

    unit: str
    better: Better = "lower"
    of: str = ""


def figure(row: Mapping[str, str], name: str, column: Column) -> Figure | None:
    """A cell; None: it has no number ("-", "not run: …")."""
    cell = row.get(name, "")
    if column.unit == "%":
        rate = _RATE.fullmatch(cell)
        return share(int(rate[1]), int(rate[2]), column.better) if rate and int(rate[2]) else None
    if column.unit == "of":
        tries = row.get(column.of, "")
        known = cell.isdigit() and tries.isdigit() and int(tries)
        return share(int(cell), int(tries), column.better) if known else None
    if column.unit == "count":
        return counted(int(cell), column.better) if cell.isdigit() else None
    if found := _PERCENTILE.fullmatch(cell):
        value, low, high = map(float, found.groups())
        return Figure(value, column.unit, column.better, (low, high))
    if found := _PLAIN.fullmatch(cell):
        return Figure(float(found[1]), column.unit, column.better)
    return None


def figures(
    table: Mapping[str, Any],
    keys: Sequence[str],
    columns: Mapping[str, Column],
    asked: Mapping[str, float] | None = None,
) -> dict[str, Figure]:
    """All figures of a table as benches write it. keys: the columns that name a row. asked: what is asked for, by the
    name that a figure gets: its row and its column."""
    found = {}
    for row in table["rows"]:
        named = ", ".join(cell for key in keys if (cell := row.get(key, "")))
        for name, column in columns.items():
            full = f"{named}: {name}" if named else name
            if (one := figure(row, name, column)) is not None:
                found[full] = replace(one, asked=(asked or {}).get(full))
    return found
