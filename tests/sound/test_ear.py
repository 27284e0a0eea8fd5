"""The mic ring behind a canceller: sample n in it is sample n that was heard, whatever the canceller needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract import Pcm
from ringbuf import DISCONTINUITY, LOST
from tests.rings import Rings
from workers.sound.ear import Ear

RATE, FRAME, BLOCK = 16000, 160, 320
START = 1_000_000_000


class Delay:
    """Gives what it got so many samples later, and notes what was played beside it."""

    def __init__(self, late: int, shift: int = 0) -> None:
        self.late, self.shift = late, shift
        self._kept = np.zeros(late, np.int16)
        self.seen: list[tuple[int, int]] = []
        """The first sample heard and the first played of each frame."""
        self.wary = 0

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        self.seen.append((int(heard[0]), int(played[0])))
        kept = np.concatenate([self._kept, heard])
        out[:], self._kept = kept[: len(heard)], kept[len(heard) :]

    def beware(self) -> None:
        self.wary += 1

    def forget(self) -> None:
        self._kept[:] = 0


class Place:
    """An ear on real rings. What is heard, and what is played, is the number of the sample."""

    def __init__(self, rings: Rings, canceller: Delay) -> None:
        seat = rings.seat("audio")
        self.mic, self.played = seat.history_writer("mic"), seat.history_writer("played")
        self.reader = rings.seat("recorder").history_reader("mic", 0, wake=False)
        self.ear = Ear(self.mic, seat.history_reader("played", wake=False), canceller, RATE, BLOCK)

    def hear(self, samples: int, flags: int = 0) -> None:
        begin = self.ear.position
        self.ear.claim(samples)[:] = 0 if flags else np.arange(begin, begin + samples) % 30000 + 1
        self.ear.commit(samples, capture_ns=START + begin * 1_000_000_000 // RATE, flags=flags)

    def play(self, samples: int) -> None:
        begin = self.played.position
        self.played.claim(samples)[:] = np.arange(begin, begin + samples) % 30000 + 1
        self.played.commit(samples, capture_ns=0)

    @property
    def heard(self) -> Pcm:
        found = self.reader.view(0, self.reader.position)
        assert found is not None
        return np.array(found)


@pytest.fixture
def place(rings_with: Callable[..., Rings]) -> Callable[..., Place]:
    return lambda canceller: Place(rings_with("audio.aec=off"), canceller)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    late=st.sampled_from([0, 1, 128, 160, 320, 400]),
    pieces=st.lists(
        st.tuples(st.sampled_from([1, 80, 159, 160, 161, 320, 640, 5000]), st.sampled_from([0, 0, 0, LOST])),
        max_size=15,
    ),
)
def test_every_sample_is_in_its_place_and_what_was_lost_is_silence(
    place: Callable[..., Place], late: int, pieces: list[tuple[int, int]]
) -> None:
    at = place(Delay(late))
    expected: list[int] = []
    for samples, flags in pieces:
        expected += [0] * samples if flags else [n % 30000 + 1 for n in range(len(expected), len(expected) + samples)]
        at.hear(samples, flags)
        assert at.ear.position == len(expected)
        assert 0 <= at.ear.behind < late + FRAME
    heard = at.heard
    np.testing.assert_array_equal(heard, expected[: len(heard)])
    for begin, end in zip(range(0, len(heard), 100), range(100, len(heard), 100), strict=False):
        captured = at.reader.capture_ns(begin)
        assert captured is None or abs(captured - START - begin * 1_000_000_000 // RATE) <= 1, (begin, end)


def test_what_is_lost_is_marked_and_makes_the_canceller_wary(place: Callable[..., Place]) -> None:
    canceller = Delay(160)
    at = place(canceller)
    at.hear(500)
    at.hear(320, LOST | DISCONTINUITY)
    assert canceller.wary == 1
    assert at.ear.behind == 0
    assert at.reader.flags(500, 820) == LOST | DISCONTINUITY
    assert not at.reader.flags(0, 500)


@pytest.mark.parametrize("shift", [-160, 0, 480])
def test_canceller_gets_what_was_played_at_the_time_that_it_asks_for(place: Callable[..., Place], shift: int) -> None:
    canceller = Delay(160, shift)
    at = place(canceller)
    at.play(4000)
    for _ in range(8):
        at.hear(320)
    assert [heard - 1 for heard, _ in canceller.seen] == list(range(0, 2560, 160))
    for heard, played in canceller.seen:
        assert played == (heard - shift if heard > shift else 0)


def test_what_is_not_played_yet_is_silence(place: Callable[..., Place]) -> None:
    canceller = Delay(160)
    at = place(canceller)
    at.play(400)
    at.hear(640)
    assert [played for _, played in canceller.seen] == [1, 161, 321, 0]


def test_what_is_scrubbed_does_not_come_out_later(place: Callable[..., Place]) -> None:
    at = place(Delay(320))
    at.hear(1000)
    at.ear.scrub(0, at.ear.position)
    at.ear.commit(2000, capture_ns=0, flags=LOST)
    assert len(at.heard) == 3000
    assert not at.heard.any()


def test_a_successor_begins_at_a_whole_block(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with("audio.aec=off")
    first = Place(rings, Delay(160))
    first.hear(960)
    assert first.reader.position == 800
    del first.ear, first.mic, first.played, first.reader
    second = Place(rings, Delay(160))
    assert second.ear.position == 960
    second.hear(640)
    assert second.heard[-480:].tolist() == list(range(961, 1441))
    assert second.reader.flags(800, 960) == LOST
