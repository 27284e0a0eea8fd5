"""The bench of the page, as far as it is arithmetic."""

from __future__ import annotations

import page
import pytest


def test_what_a_page_costs_is_what_the_supervisor_takes_beyond_that_nobody_looks() -> None:
    rows = page.rows()
    for row, cpu in zip(rows, (0.5, 2.5, 3.0, 1.5, 0.5), strict=True):
        row.cpu += [cpu - 0.1, cpu + 0.1]
    figures = page.figures(rows)
    more = figures["a page beyond nobody: of one core"]
    assert more.value == pytest.approx(2.0)
    assert (more.asked, more.missed) == (3.0, False)
    assert more.spread is not None
    assert more.spread[0] <= 2.0 <= more.spread[1]
    assert figures["three pages: of one core"].value == pytest.approx(3.0)
