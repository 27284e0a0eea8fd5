"""The lines at the edges: channels, lost periods, devices that stall, come late or ask too much."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from engine.contract import Pcm
from tests.sound.rig import MS, RATE, START, Rig, S, Timeline, exponential
from workers.drivers import Mark
from workers.sound.capture import CaptureLine
from workers.sound.level import Level
from workers.sound.playout import PlayLine

# ---- the microphone ----


def quarters(period: int, count: int = 480) -> Pcm:
    """A period of four channels: 1000, 2000, 3000 and 6000 throughout."""
    return np.tile(np.array([1000, 2000, 3000, 6000], np.int16), (count, 1))


@pytest.mark.parametrize(
    ("channel", "channels", "value"),
    [(1, 4, 1000), (2, 4, 2000), (4, 4, 6000), (0, 4, 3000), (2, 1, 1000), (9, 3, 3000)],
)
def test_the_channel_that_was_asked_for_is_heard_or_the_last_if_there_are_fewer(
    channel: int, channels: int, value: int
) -> None:
    timeline = Timeline()
    line = CaptureLine(timeline, Level(RATE, 0.0), 48000, channel, START, RATE)
    for period in range(20):
        line.take(quarters(period)[:, :channels], period * 480, START + (period + 1) * 10 * MS)
    heard = np.concatenate(timeline.mic)
    assert len(heard) > 2500
    np.testing.assert_allclose(heard[500:], value, atol=1)


def test_sound_of_before_the_timeline_began_is_left_out() -> None:
    timeline = Timeline()
    line = CaptureLine(timeline, Level(RATE, 0.0), 16000, 1, START, RATE)
    for period in range(20):  # from 55 ms before the start on: a ramp
        frames = np.arange(period * 160, (period + 1) * 160, dtype=np.int16)[:, None]
        line.take(frames, period * 160, START + (period * 10 - 45) * MS)
    heard = np.concatenate(timeline.mic)
    assert timeline.skips == []
    # Sample n of the timeline is frame 880 + n, but for the filter's own delay.
    np.testing.assert_allclose(heard[300:] - np.arange(300, len(heard)), 880, atol=25)


def test_a_microphone_that_comes_late_begins_where_the_timeline_is() -> None:
    rig = Rig(48000)
    rig.microphone.stall(3 * S)
    rig.run(5)
    assert len(rig.timeline.skips) == 1
    sample, samples = rig.timeline.skips[0]
    assert sample == 0
    assert samples == pytest.approx(3 * RATE, abs=0.03 * RATE)
    assert abs(rig.heard_delay_ms) < 1


def test_what_the_microphone_lost_is_silence_of_the_same_length_and_the_rest_keeps_its_place() -> None:
    lost_s = (5.003, 5.013, 7.0, 9.5)  # twice two periods in a row would be one gap
    rig = Rig(48000, 100, -100, jitter=exponential(0.2), hz=130, lost_s=lost_s)
    rig.run(5)
    assert rig.timeline.skips == []
    for until_s in (6, 8, 10, 12):
        rig.run(until_s)
        assert abs(rig.heard_delay_ms) < 1.5
    assert [samples for _, samples in rig.timeline.skips] == [320, 160, 160]
    assert rig.timeline.lost == 640
    for (sample, samples), at_s in zip(rig.timeline.skips, (5.003, 7.0, 9.5), strict=True):
        assert sample / RATE == pytest.approx(at_s, abs=0.02)
        heard = rig.heard(sample / RATE - 0.05, (sample + samples) / RATE + 0.05)
        silent = np.flatnonzero(heard == 0)
        assert set(range(800, 800 + samples)) <= set(silent.tolist())
        assert len(silent) < samples + 20  # a tone passes through 0 now and then
    assert rig.timeline.misses == []


@pytest.mark.parametrize("ms", [30, 60, 200, 500])
def test_devices_that_stall_and_go_on_are_followed(ms: int) -> None:
    rig = Rig(48000, 100, -100, jitter=exponential(0.2), hz=130)
    rig.run(20)
    first = rig.timeline.heard_samples
    rig.microphone.stall(ms * MS)
    rig.loudspeaker.stall(ms * MS)
    rig.run(20.75 if ms > 50 else 60)  # a short one is made up for by running faster
    assert abs(rig.heard_delay_ms) < 2
    assert abs(rig.played_delay_ms) < 2
    assert rig.lateness_ms < 12
    assert [samples for _, samples in rig.timeline.skips] == pytest.approx([ms * 16] if ms > 50 else [], abs=40)
    # What was not heard from the loudspeaker is counted, though it says nothing of it: there is a hole in the sound.
    assert [samples for _, samples in rig.timeline.misses] == pytest.approx([ms * 16], abs=40)
    assert len(rig.timeline.passes) == 1  # at the start
    assert all(sample >= first for sample, _ in rig.timeline.skips)
    assert rig.timeline.lost == 0
    assert abs(rig.capture.clock.ppm - 100) < 60
    assert abs(rig.playout.clock.ppm + 100) < 60


# ---- the loudspeaker ----


def test_in_a_lull_more_lies_ready_for_who_comes_by_less_often_and_no_longer_than_it_lasts() -> None:
    """We come by once in three periods, as we may when we mean to come by once in two."""
    lively, lull = (Rig(48000, ahead_ms=20, late=[21 * MS]) for _ in range(2))
    for rig in (lively, lull):
        rig.timeline.lull = rig is lull
        rig.run(5)
    assert lively.timeline.misses
    assert lull.timeline.misses == []
    assert lull.timeline.lost == 0
    rig = Rig(48000, ahead_ms=20)
    rig.run(2)
    usual = rig.playout.waiting
    rig.timeline.lull = True
    rig.run(3)
    assert rig.playout.waiting >= usual + 480
    rig.timeline.lull = False
    rig.run(3.1)
    assert abs(rig.playout.waiting - usual) < 480
    assert rig.timeline.misses == []


def test_what_is_played_after_a_long_silence_is_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(44100, loudspeaker_ppm=-100, hz=130)
    fill, speaks = Timeline.fill, [True]

    def filled(self: Timeline, out: Pcm) -> None:
        fill(self, out)
        out *= speaks[0]

    monkeypatch.setattr(Timeline, "fill", filled)
    rig.run(30)
    before = rig.played_delay_ms
    speaks[0] = False
    rig.run(60)
    assert not np.concatenate(rig.loudspeaker.tape[-20:]).any()
    assert abs(rig.playout.apart) < 2
    speaks[0] = True
    rig.run(60.25)
    assert abs(rig.played_delay_ms - before) < 0.3
    assert rig.timeline.misses == []


def test_every_channel_of_the_loudspeaker_gets_the_sound() -> None:
    rig = Rig(48000, channels=2)
    rig.run(3)
    left, right = rig.loudspeaker.played.T
    assert np.abs(left).max() > 7000
    np.testing.assert_array_equal(left, right)


def test_the_loudest_sound_is_cut_off_and_does_not_wrap(pipe: Pipe) -> None:
    line = PlayLine(Square(), pipe, 30, START, RATE)
    play(line, pipe, 50)
    played = np.concatenate(pipe.given)[480:, 0].astype(int)
    changes = np.flatnonzero(np.diff(np.sign(played)))
    assert np.diff(changes) == pytest.approx(120, abs=2)  # 40 samples, at three times their rate
    assert (played == 32767).any()
    assert (played == -32768).any()


class Pipe:
    """A loudspeaker whose calls the test makes, and whose room it sets."""

    rate, channels, last_ns, next_ns = 48000, 2, 1, None
    full = False

    def __init__(self) -> None:
        self.given: list[Pcm] = []
        self.index = self.lost = self.waiting = 0

    def put(self, frames: Pcm) -> bool:
        if not self.full:
            self.given.append(frames)
            self.waiting += len(frames)
        return not self.full

    def call(self, frames: int = 480) -> Mark:
        """Its next call."""
        taken = min(self.waiting, frames)
        self.waiting -= taken
        self.lost += frames - taken
        self.index += frames
        first = self.index - frames
        return Mark(first, frames, self.lost, START + first * S // self.rate, 0)

    def marks(self) -> Iterator[Mark]:
        yield from ()

    def close(self) -> None: ...


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


class Square(Timeline):
    """The loudest sound there is."""

    def fill(self, out: Pcm) -> None:
        out[:] = np.where((self.played_samples + np.arange(len(out))) // 40 % 2, 32767, -32768)


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def line(timeline: Timeline, pipe: Pipe) -> PlayLine:
    return PlayLine(timeline, pipe, 30, START, RATE)


def play(line: PlayLine, pipe: Pipe, calls: int) -> None:
    for _ in range(calls):
        line.mark(pipe.call())
        line.feed()


def test_nothing_is_made_before_the_loudspeaker_has_called(line: PlayLine, pipe: Pipe) -> None:
    line.feed()
    assert pipe.given == []


def test_what_it_asked_for_before_it_was_first_fed_counts_as_nothing(
    line: PlayLine, pipe: Pipe, timeline: Timeline
) -> None:
    for _ in range(50):
        line.mark(pipe.call())
    play(line, pipe, 20)
    assert timeline.misses == []
    assert pipe.waiting >= 30 * 48


def test_sound_that_was_not_there_in_time_is_missed_and_the_rest_comes_in_its_place(
    line: PlayLine, pipe: Pipe, timeline: Timeline
) -> None:
    play(line, pipe, 500)
    before, played = timeline.played_samples, pipe.lost
    for _ in range(7):  # we sleep for 70 ms; about 30 ms lie ready
        line.mark(pipe.call())
    line.feed()
    missing = pipe.lost - played
    assert 3 * 480 <= missing < 5 * 480
    assert sum(samples for _, samples in timeline.misses) == pytest.approx(missing / 3, abs=3)
    play(line, pipe, 500)
    assert pipe.lost == played + missing  # it does not go on to starve
    assert line.waiting == pipe.waiting
    assert abs(line.apart) < RATE // 1000
    more = pipe.waiting / 48000 - 0.03
    assert timeline.played_samples == pytest.approx(before + (5.07 + more) * RATE, abs=0.01 * RATE)


def test_after_a_miss_more_lies_ready_until_a_minute_went_well(line: PlayLine, pipe: Pipe) -> None:
    def ready_ms() -> float:
        play(line, pipe, 20)
        return pipe.waiting / 48

    assert 30 <= ready_ms() <= 35
    for more in (10, 20):
        while pipe.waiting >= 480:
            line.mark(pipe.call())
        play(line, pipe, 1)
        assert 30 + more <= ready_ms() <= 35 + more
    play(line, pipe, 5900)
    assert ready_ms() >= 50
    for more in (10, 0, 0):
        play(line, pipe, 5980)
        assert 30 + more <= ready_ms() <= 35 + more


def test_there_is_a_most_that_lies_ready_however_much_was_missed(line: PlayLine, pipe: Pipe) -> None:
    play(line, pipe, 20)
    for _ in range(20):
        while pipe.waiting >= 480:
            line.mark(pipe.call())
        play(line, pipe, 1)
    assert 90 <= pipe.waiting / 48 <= 95


def test_a_loudspeaker_without_room_gets_it_later_and_is_not_thought_to_have_it(
    line: PlayLine, pipe: Pipe, timeline: Timeline
) -> None:
    play(line, pipe, 500)
    pipe.full = True
    play(line, pipe, 20)
    pipe.full = False
    play(line, pipe, 500)
    assert line.waiting == pipe.waiting
    lost = pipe.lost
    play(line, pipe, 500)
    assert pipe.lost == lost
    assert abs(line.apart) < RATE // 1000


def test_a_timeline_that_is_ahead_is_waited_for_in_pieces_that_any_ring_takes(
    line: PlayLine, pipe: Pipe, timeline: Timeline
) -> None:
    timeline.pass_over(RATE // 2)  # as after another device, which had more in hand
    play(line, pipe, 300)
    assert abs(line.apart) < RATE // 1000
    assert max(map(len, pipe.given)) <= 960
    assert line.waiting == pipe.waiting
    assert timeline.misses == []
