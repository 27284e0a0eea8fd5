"""The virtual sound card with the time in hand.

The evidence of every other measurement rests on it: a block cannot be heard before its time, and what comes late
leaves its hole.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract import Pcm
from workers.drivers import Port
from workers.drivers.room import Room, impulse_response
from workers.drivers.virtual import CALM_NS, CAPTURE_BLOCKS, MORE_BLOCKS, VirtualCard, called, usual

MS = 1_000_000
RATE, BLOCK, BLOCK_MS = 16000, 320, 20
START = 5_000 * MS
ON_TIME = [0] * 8
"""It is woken on time up to 64 ms, once for each block of input and once for each of output."""


class Hand(Port):
    """A port that holds the clock. Waking is late by `delays[n]` ms the n-th time, filling takes `fills[n]` ms."""

    def __init__(self, until_ms: int, delays: list[int] | None = None, fills: list[int] | None = None) -> None:
        # The audio worker starts the timeline a block ahead of the present.
        self.now, self.until = START - BLOCK_MS * MS, START + until_ms * MS
        self.delays, self.fills = delays or [], fills or []
        self.mic: list[Pcm] = []
        self.captures: list[tuple[int, int, bool]] = []
        """(capture_ns, now, lost) of each block that was heard."""
        self.timeline: list[int | None] = []
        """What the loudspeaker plays, block by block: the number of the filled block, or None for a hole."""
        self.handed: list[tuple[int, int]] = []
        """(at_ns, now) of each block that was played."""
        self.ends: list[int] = []
        self.heard_before = self.played_before = 0
        self.waits = 0
        self.lulls: list[bool] = []
        """Whether there is a lull after it has waited so often; then, whether there was one last."""
        self._filled = 0

    @property
    def heard_samples(self) -> int:
        return self.heard_before + len(self.mic) * BLOCK

    @property
    def played_samples(self) -> int:
        return self.played_before + len(self.timeline) * BLOCK

    def hear(self, samples: int) -> Pcm:
        self.mic.append(np.full(samples, 77, np.int16))  # what lay there before
        return self.mic[-1]

    def heard(self, samples: int, capture_ns: int, *, lost: bool = False) -> None:
        self.captures.append((capture_ns, self.now, lost))

    def fill(self, out: Pcm) -> None:
        out[:] = self._filled
        self._filled += 1
        self.now += (self.fills.pop(0) if self.fills else 0) * MS

    def played(self, out: Pcm, at_ns: int) -> None:
        self.handed.append((at_ns, self.now))
        self.timeline.append(int(out[0]))

    def missed(self, samples: int) -> None:
        self.timeline += [None] * (samples // BLOCK)

    def skip(self, samples: int, *, lost: bool = False) -> None:
        raise AssertionError("the virtual card is always there")

    def pass_over(self, samples: int) -> None:
        raise AssertionError("the virtual card is always there")

    def ended(self) -> None:
        self.ends.append(len(self.mic) * BLOCK)

    def wait(self, until_ns: int) -> bool:
        self.now = max(self.now, until_ns) + (self.delays.pop(0) if self.delays else 0) * MS
        self.waits += 1
        self.lull = self.lulls.pop(0) if self.lulls else self.lull
        return self.now < self.until


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hand]:
    """play(hand, sound, queued, room) lets a virtual card run until the hand's time is over."""

    def run(hand: Hand, sound: Pcm, queued: int = 1, room: Room | None = None) -> Hand:
        monkeypatch.setattr("workers.drivers.virtual.time", SimpleNamespace(monotonic_ns=lambda: hand.now))
        VirtualCard(sound, RATE, BLOCK, queued, room).run(hand, START)
        return hand

    return run


def sound(samples: int) -> Pcm:
    return (np.arange(samples) % 30000 + 1).astype(np.int16)


def test_the_microphone_gives_the_recording_sample_for_sample_and_then_silence(play: Callable[..., Hand]) -> None:
    said = sound(BLOCK * 10 + 100)
    heard = np.concatenate(play(Hand(400), said).mic)
    np.testing.assert_array_equal(heard[: len(said)], said)
    assert len(heard) > len(said)
    assert not heard[len(said) :].any()


def test_a_block_is_heard_only_once_its_last_sample_has_passed(play: Callable[..., Hand]) -> None:
    hand = play(Hand(1000, delays=[0, 3, 50, 0, 19, 200]), sound(RATE))
    assert [capture for capture, _, _ in hand.captures] == [
        START + number * BLOCK_MS * MS for number in range(len(hand.captures))
    ]
    assert all(now >= capture + BLOCK_MS * MS for capture, now, _ in hand.captures)


@pytest.mark.parametrize("queued", [1, 2, 8])
def test_the_loudspeaker_is_fed_before_its_time_and_not_further_ahead_than_asked(
    play: Callable[..., Hand], queued: int
) -> None:
    hand = play(Hand(500), sound(100), queued)
    assert None not in hand.timeline
    for at_ns, now in hand.handed:
        assert 0 < at_ns - now <= queued * BLOCK_MS * MS


def test_in_a_lull_it_wakes_once_for_both_sides_and_the_loudspeaker_lacks_nothing(play: Callable[..., Hand]) -> None:
    lively, lull = Hand(1000), Hand(1000)
    lull.lulls = [True]
    for hand in (lively, lull):
        play(hand, sound(RATE), 2)
        assert None not in hand.timeline
        assert len(hand.captures) == 49
    assert lull.waits < 0.6 * lively.waits
    # What lies ready at the next wake-up is no less than it is otherwise.
    assert min(at - now for at, now in lull.handed[4:]) >= 2 * BLOCK_MS * MS


def test_after_a_lull_no_more_lies_ready_than_before_it(play: Callable[..., Hand]) -> None:
    hand = Hand(1000)
    hand.lulls = [True] * 20 + [False]
    play(hand, sound(RATE), 2)
    assert None not in hand.timeline
    ahead = [at - now for at, now in hand.handed]
    assert max(ahead) > 2 * BLOCK_MS * MS
    assert max(ahead[-10:]) <= 2 * BLOCK_MS * MS


def test_a_late_wake_up_leaves_a_hole_where_it_was_late_and_moves_the_rest(play: Callable[..., Hand]) -> None:
    hand = play(Hand(400, delays=[*ON_TIME, 70]), sound(100))
    holes = [number for number, block in enumerate(hand.timeline) if block is None]
    # Woken at 150 ms instead of 80: the block of 80 ms lay ready, those of 100, 120 and 140 ms did not.
    assert holes == [5, 6, 7]
    played = [block for block in hand.timeline if block is not None]
    assert played == list(range(len(played)))  # nothing of the answer is lost


def test_who_is_called_late_has_more_lying_ready_before_there_is_a_hole_and_less_again_after_a_calm_while(
    play: Callable[..., Hand],
) -> None:
    # Late by 25 ms of the 40 that lie ready: no hole, and from then on 60.
    hand = play(Hand(16_000, delays=[*ON_TIME, 25]), sound(100), queued=2)
    assert None not in hand.timeline

    def ready_ms(from_s: float, until_s: float) -> int:
        inside = [at - now for at, now in hand.handed if from_s <= (now - START) / 1e9 < until_s]
        return max(inside) // MS

    assert ready_ms(0.02, 0.06) <= 40
    assert 40 < ready_ms(1, 10) <= 60
    assert ready_ms(11, 16) <= 40


def test_what_lies_ready_grows_up_to_a_bound_and_not_for_a_little_lateness() -> None:
    reserve = usual(2)
    called(reserve, 10 * MS, 10 * MS, 0)  # half of it is left
    assert reserve.now == 2
    for _ in range(50):
        called(reserve, 1000 * MS, 10 * MS, 0)
    assert reserve.now == 2 + MORE_BLOCKS
    called(reserve, 0, 10 * MS, CALM_NS - 1)
    assert reserve.now == 2 + MORE_BLOCKS
    for number in range(1, 50):
        called(reserve, 0, 10 * MS, number * CALM_NS)
    assert reserve.now == 2


def test_a_block_that_took_too_long_to_fill_is_late_too(play: Callable[..., Hand]) -> None:
    hand = play(Hand(400, fills=[0, 0, 0, 45]), sound(100), queued=1)
    assert hand.timeline.count(None) == 2
    assert all(at_ns > now for at_ns, now in hand.handed)


def test_input_that_nobody_fetches_in_time_is_lost_and_silent_and_the_rest_stands_in_its_place(
    play: Callable[..., Hand],
) -> None:
    said = sound(RATE * 2)
    hand = play(Hand(1500, delays=[*ON_TIME[:-2], 600]), said)
    lost = [number for number, (_, _, lost) in enumerate(hand.captures) if lost]
    assert lost == list(range(2, 2 + 31 - CAPTURE_BLOCKS))
    heard = np.concatenate(hand.mic)
    for number in range(len(hand.mic)):
        block = slice(number * BLOCK, (number + 1) * BLOCK)
        np.testing.assert_array_equal(heard[block], 0 if number in lost else said[block])


def test_in_a_room_the_microphone_hears_what_was_played_and_not_what_was_too_late(play: Callable[..., Hand]) -> None:
    hand = Hand(1500, delays=[0, 0, 0, 0, 70])
    hand._filled = 5000  # loud enough to come back as more than rounding
    said = sound(BLOCK * 10)
    play(hand, said, room=Room(-12, 40, RATE))
    assert None in hand.timeline
    played = np.concatenate([np.full(BLOCK, block or 0, np.float64) for block in hand.timeline])
    heard = np.concatenate(hand.mic)
    expected = np.convolve(played, impulse_response(-12, 40, RATE))[: len(heard)]
    expected[: len(said)] += said
    np.testing.assert_allclose(heard, expected, atol=2)


def test_the_end_of_the_recording_is_told_once(play: Callable[..., Hand]) -> None:
    assert play(Hand(500), sound(BLOCK * 3 + 1)).ends == [BLOCK * 4]
    assert play(Hand(500), sound(BLOCK * 3)).ends == [BLOCK * 3]
    assert play(Hand(100), sound(RATE)).ends == []


def test_a_restarted_card_goes_on_where_the_timeline_is_now(play: Callable[..., Hand]) -> None:
    said = sound(RATE)
    hand = Hand(800)
    hand.heard_before, hand.played_before = 10 * BLOCK, 12 * BLOCK
    hand.now = START + 500 * MS
    play(hand, said)
    assert hand.captures[0] == (START + 200 * MS, START + 500 * MS, False)
    np.testing.assert_array_equal(np.concatenate(hand.mic)[: 20 * BLOCK], said[10 * BLOCK : 30 * BLOCK])
    assert hand.timeline[:15] == [None] * 14 + [0]  # blocks 12 to 25 were not fed
    assert hand.handed[0][0] == START + 26 * BLOCK_MS * MS


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    delays=st.lists(st.integers(0, 400), max_size=30),
    fills=st.lists(st.sampled_from([0, 0, 0, 1, 19, 20, 21, 100]), max_size=30),
    queued=st.integers(1, 8),
    lulls=st.lists(st.booleans(), max_size=60),
)
def test_whatever_is_late_both_channels_stay_on_one_clock(
    play: Callable[..., Hand], delays: list[int], fills: list[int], queued: int, lulls: list[bool]
) -> None:
    said = sound(RATE)
    hand = Hand(3000, delays, fills)
    hand.lulls = lulls
    play(hand, said, queued)
    places = [number for number, block in enumerate(hand.timeline) if block is not None]
    assert [START + place * BLOCK_MS * MS for place in places] == [at_ns for at_ns, _ in hand.handed]
    assert all(at_ns > now for at_ns, now in hand.handed)
    played = [block for block in hand.timeline if block is not None]
    assert played == list(range(len(played)))
    for number, (capture, now, lost) in enumerate(hand.captures):
        assert capture == START + number * BLOCK_MS * MS
        assert now >= capture + BLOCK_MS * MS
        expected = np.zeros(BLOCK, np.int16)
        if not lost:
            part = said[number * BLOCK : (number + 1) * BLOCK]
            expected[: len(part)] = part
        np.testing.assert_array_equal(hand.mic[number], expected)
