"""Which tests run in one process, and in which order they are handed out: the suite shall take little time in all.

Left alone, xdist hands out tests as they are collected, and whatever comes last is waited for by one process alone; and
what a module's tests share is made in every process that gets one of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")
LONG = (
    "tests/test_device_troubles.py",
    "tests/test_real_devices.py",
    "tests/test_trials.py",
    "tests/bench/test_rings_bench.py",
    "tests/test_packaging.py",
    "tests/door/test_engine.py",
    "tests/ringbuf/test_sanitizers.py",
    "tests/backends/test_whisper.py",
)
"""Files of the groups, and a single test, that take a minute or more: they are begun first."""
SHARED = ("module", "class", "package")
IN_REAL_TIME = {"start", "on", "visit", "engine", "shipped"}
"""Fixtures that run an engine: such a test mostly waits."""


def share(items: Sequence[pytest.Item]) -> None:
    """Tests that share what is made for their module or class are one group, which runs in one process."""
    for item in items:
        definitions = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        shared = any(found[-1].scope in SHARED for found in definitions.values() if found)
        if shared and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("[")[0].rpartition("::")[0]))


def arrange(items: list[pytest.Item]) -> None:
    """The long ones first; of the others, those that wait among those that compute."""
    long = [item for name in LONG for item in items if item.nodeid.startswith(f"{name}::")]
    known = set(long)
    waiting: list[pytest.Item] = []
    computing: list[pytest.Item] = []
    for item in items:
        if item not in known:
            (waiting if IN_REAL_TIME & set(getattr(item, "fixturenames", ())) else computing).append(item)
    items[:] = long + spread(waiting, computing)


def spread(some: Sequence[T], among: Sequence[T]) -> list[T]:
    """`some` at even distances among the others, in their first nine tenths: a long one shall not be the last."""
    places = [len(among) * 9 * at // (10 * len(some)) for at in range(len(some))]
    found: list[T] = []
    for at, item in enumerate(among):
        found += some[bisect_left(places, at) : bisect_right(places, at)]
        found.append(item)
    return found if among else list(some)
