"""Figures with what they are worth: intervals of percentiles and of rates, and tables to print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np

_DRAWS = 2000
_Z = 1.96
"""Of a 95 % interval."""


def interval(values: Sequence[float], rank: float) -> tuple[float, float, float]:
    """A percentile, and its 95 % interval by drawing anew (Efron's bootstrap). values: one or more."""
    draws = np.random.default_rng(0).choice(np.asarray(values, float), (_DRAWS, len(values)))
    low, high = np.percentile(np.percentile(draws, rank, axis=1), [2.5, 97.5])
    return float(np.percentile(values, rank)), float(low), float(high)


def percentile(values: Sequence[float], rank: float) -> str:
    """A percentile in whole ms, and its 95 % interval."""
    if not values:
        return "-"
    found, low, high = interval(values, rank)
    return f"{found:.0f} ({low:.0f}..{high:.0f})"


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson's score). of: 1 or more."""
    share, spread = hits / of, _Z / (1 + _Z**2 / of)
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    reach = spread * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return max(0, middle - reach), middle + reach


def rate(hits: int, of: int) -> str:
    """How many of how many, and the 95 % interval of the rate."""
    if not of:
        return "-"
    low, high = wilson(hits, of)
    return f"{hits} of {of} ({low:.1%}..{high:.1%})"


@dataclass(slots=True)
class Table:
    """A title, and rows of cells by their column; what a row lacks stays empty."""

    title: str
    rows: list[dict[str, str]] = field(default_factory=list)
    note: str = ""
    points: list[dict[str, Any]] = field(default_factory=list)
    """The numbers behind it, where they are drawn."""

    def __str__(self) -> str:
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        cells = [columns, *([row.get(column, "") for column in columns] for row in self.rows)]
        widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
        ]
        return "\n".join(["", self.title, "-" * len(self.title), *lines, *([self.note] if self.note else [])])
