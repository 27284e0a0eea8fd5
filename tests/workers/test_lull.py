"""A lull: when there is one, and what ends it."""

from __future__ import annotations

import time

import pytest

from engine.metrics import STATES
from tests.rings import Rings
from workers.lull import AFTER_NS, Lull


@pytest.fixture
def lull(rings: Rings) -> Lull:
    rings.telemetry.set("turns.shown", STATES.index("listening"))
    return Lull(rings.telemetry)


def test_it_begins_a_while_after_the_last_voice_and_is_over_with_the_next(rings: Rings, lull: Lull) -> None:
    at = time.monotonic_ns() + AFTER_NS
    assert lull.at(at + 1)
    for cell in ("vad.voice", "vad.speaking", "audio.playing", "turns.yields"):
        rings.telemetry.set(cell, 1)
        assert not lull.at(at)
        rings.telemetry.set(cell, 0)
        assert not lull.at(at + AFTER_NS)
        at += AFTER_NS + 1
        assert lull.at(at)


@pytest.mark.parametrize("state", STATES)
def test_there_is_none_while_a_turn_or_an_announcement_is_under_way(rings: Rings, lull: Lull, state: str) -> None:
    rings.telemetry.set("turns.shown", STATES.index(state))
    expected = state in ("listening", "asleep", "muted")
    assert lull.at(time.monotonic_ns() + AFTER_NS + 1) is expected
