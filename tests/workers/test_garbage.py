"""A worker looks for garbage in pauses, or before there is too much of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import cast

import pytest

from engine.telemetry import Telemetry
from workers import garbage
from workers.garbage import Garbage


class Cells:
    """In the place of the telemetry."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def get(self, name: str) -> int:
        return self.of.get(name, 0)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    enabled = gc.isenabled()
    yield
    gc.freeze()  # as the tests have it (conftest.py)
    if enabled:
        gc.enable()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A 1 for each look."""
    found: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: found.append(1))
    return found


def made(monkeypatch: pytest.MonkeyPatch, objects: int) -> None:
    monkeypatch.setattr(gc, "get_count", lambda: (objects, 0, 0))


def test_it_looks_in_pauses_and_not_in_turns(monkeypatch: pytest.MonkeyPatch, looks: list[int]) -> None:
    cells = Cells()
    here = Garbage(cast(Telemetry, cells), "pauses")
    here.begin()
    assert looks == [1]
    assert not gc.isenabled()
    made(monkeypatch, garbage.FEW + 1)
    for name in ("vad.speaking", "turns.open_from", "audio.playing"):
        cells.of[name] = 5
        here.rest()
        cells.of[name] = 0
    here.limit()
    assert looks == [1]
    here.rest()
    assert looks == [1, 1]
    made(monkeypatch, garbage.FEW)
    here.rest()
    assert looks == [1, 1]


def test_memory_does_not_grow_where_there_is_no_pause(monkeypatch: pytest.MonkeyPatch, looks: list[int]) -> None:
    cells = Cells()
    cells.of["vad.speaking"] = 1
    here = Garbage(cast(Telemetry, cells), "pauses")
    here.begin()
    made(monkeypatch, garbage.MANY + 1)
    here.rest()
    assert looks == [1]
    here.limit()
    assert looks == [1, 1]


def test_python_looks_when_it_likes_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch, looks: list[int]) -> None:
    here = Garbage(cast(Telemetry, Cells()), "always")
    here.begin()
    assert gc.isenabled()
    made(monkeypatch, garbage.MANY + 1)
    here.rest()
    here.limit()
    assert looks == [1]


def test_what_is_counted_is_what_stays_and_may_be_part_of_a_cycle() -> None:
    Garbage(cast(Telemetry, Cells()), "pauses").begin()
    before = gc.get_count()[0]
    for _ in range(10_000):
        _ = [[]]
    assert gc.get_count()[0] - before < 1000
    for _ in range(5000):
        one: list[object] = []
        one.append(one)
    assert gc.get_count()[0] - before > 4000
