"""Every test is handed out once, in whatever order."""

from __future__ import annotations

import pytest

from tests.order import spread


@pytest.mark.parametrize(("some", "among"), [(0, 5), (3, 10), (10, 3), (5, 5), (1, 1), (2, 0), (0, 0), (7, 1000)])
def test_none_is_lost_none_comes_twice_and_what_waits_is_not_the_last(some: int, among: int) -> None:
    waiting, computing = [-1 - at for at in range(some)], list(range(among))
    found = spread(waiting, computing)
    assert [each for each in found if each < 0] == waiting
    assert [each for each in found if each >= 0] == computing
    assert among == 0 or found[-1] >= 0
