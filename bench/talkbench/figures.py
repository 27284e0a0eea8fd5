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


def percentile(values: Sequence[float], rank: float) -> str:
    """A percentile in whole ms, and its 95 % interval by drawing anew (Efron's bootstrap)."""
    if not values:
        return "-"
    draws = np.random.default_rng(0).choice(np.asarray(values, float), (_DRAWS, len(values)))
    low, high = np.percentile(np.percentile(draws, rank, axis=1), [2.5, 97.5])
    return f"{np.percentile(values, rank):.0f} ({low:.0f}..{high:.0f})"


def rate(hits: int, of: int) -> str:
    """How many of how many, and the 95 % interval of the rate (Wilson's score)."""
    if not of:
        return "-"
    share, spread = hits / of, _Z / (1 + _Z**2 / of)
    middle = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    reach = spread * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return f"{hits} of {of} ({max(0, middle - reach):.1%}..{middle + reach:.1%})"


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
