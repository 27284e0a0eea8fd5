"""The callbacks of a device (workers/drivers/native), called by the test instead of by a device."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ringbuf
from engine.contract import Pcm
from tests.ringbuf.conftest import Make
from workers.drivers._callback import Callback

CONTINUE, COMPLETE = 0, 1
FADE = 96


@dataclass(frozen=True)
class Ear:
    """The microphone's callback, and the audio worker's end of its ring."""

    callback: Callback
    reader: ringbuf.StreamReader

    def hear(self, frames: Pcm, *more: Any) -> int:
        return self.callback.run(frames, len(frames), *more)

    def records(self) -> list[tuple[int, list[int]]]:
        """(index, samples) of each."""
        return [(record.a, record.data.tolist()) for record in self.reader]


@dataclass(frozen=True)
class Mouth:
    """The loudspeaker's callback, and the audio worker's ends of its rings."""

    callback: Callback
    writer: ringbuf.StreamWriter
    marks: ringbuf.StreamReader
    channels: int

    def play(self, frames: int, *more: Any) -> Pcm:
        out = np.full((frames, self.channels), 99, np.int16)
        assert self.callback.run(out, frames, *more) == CONTINUE
        return out


def ear(make: Make, channels: int = 1, size: int = 1 << 16) -> Ear:
    name = make("stream", size)
    callback = Callback(channels, ringbuf.StreamWriter(name, dtype=np.int16).handle())
    return Ear(callback, ringbuf.StreamReader(name, dtype=np.int16))


def mouth(make: Make, channels: int = 1, marks: int = 1 << 16) -> Mouth:
    told, sound = make("stream", marks), make("stream", 1 << 16)
    handles = ringbuf.StreamWriter(told).handle(), ringbuf.StreamReader(sound, dtype=np.int16).handle()
    writer = ringbuf.StreamWriter(sound, dtype=np.int16)
    return Mouth(Callback(channels, *handles), writer, ringbuf.StreamReader(told), channels)


# ---- the microphone ----


def test_each_period_is_a_record_that_says_where_and_when(make: Make) -> None:
    one = ear(make, channels=2)
    frames = np.arange(960, dtype=np.int16).reshape(480, 2)
    before = time.monotonic_ns()
    assert [one.hear(frames, 0.02, flags) for flags in (0, 2, 4)] == [CONTINUE] * 3
    after = time.monotonic_ns()
    records = [(r.a, r.b, r.flags, r.capture_ns, r.data.tolist()) for r in one.reader]
    assert [index for index, *_ in records] == [0, 480, 960]
    assert [flags for _, _, flags, _, _ in records] == [0, 2, 4]
    assert all(latency == 20_000_000 and data == frames.ravel().tolist() for _, latency, _, _, data in records)
    stamps = [at_ns for *_, at_ns, _ in records]
    assert before <= stamps[0] <= stamps[1] <= stamps[2] <= after
    assert (one.callback.index, one.callback.lost, one.callback.last_ns) == (1440, 0, stamps[2])


def test_frames_that_find_no_room_are_counted_and_the_next_index_tells_of_them(make: Make) -> None:
    one = ear(make, size=4096)
    for period in range(20):
        one.hear(np.full(400, period, np.int16))
    there = one.records()
    assert 1 <= len(there) < 20
    assert [index for index, _ in there] == [400 * number for number in range(len(there))]
    assert (one.callback.index, one.callback.lost) == (8000, 8000 - 400 * len(there))
    one.hear(np.full(100, 77, np.int16))
    assert one.records() == [(8000, [77] * 100)]


def test_a_period_too_long_for_any_record_is_lost_and_no_more(make: Make) -> None:
    one = ear(make, size=4096)
    assert one.hear(np.zeros(3000, np.int16)) == CONTINUE
    one.hear(np.full(10, 5, np.int16))
    assert (one.callback.lost, one.records()) == (3000, [(3000, [5] * 10)])


def test_sound_that_was_taken_is_overwritten_with_the_next_call_and_no_other(make: Make) -> None:
    name = make("stream", 4096)
    callback = Callback(1, ringbuf.StreamWriter(name, dtype=np.int16).handle())
    reader = ringbuf.StreamReader(name, dtype=np.int16)

    def there(value: int) -> bool:
        return np.full(100, value, np.int16).tobytes() in Path("/dev/shm", name).read_bytes()

    def hear(value: int) -> None:
        callback.run(np.full(100, value, np.int16), 100)

    for value in range(1, 60, 2):  # round the ring
        hear(value)
        assert value == 1 or not (there(value - 1) or there(value - 2))
        hear(value + 1)
        assert there(value)
        assert [record.data.tolist() for record in reader] == [[value] * 100, [value + 1] * 100]
        assert there(value)
    assert callback.lost == 0


@pytest.mark.parametrize("latency_s", [-1.0, 0.0, 10.0, 1e300, math.inf, -math.inf, math.nan])
def test_a_latency_that_cannot_be_is_none(make: Make, latency_s: float) -> None:
    one, other = ear(make), mouth(make)
    one.hear(np.zeros(10, np.int16), latency_s)
    other.play(10, latency_s)
    assert [record.b for record in one.reader] + [record.b for record in other.marks] == [0, 0]


# ---- the loudspeaker ----


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(st.integers(0, 700).map(lambda n: ("put", n)), st.integers(0, 700).map(lambda n: ("play", n)))
    ),
    channels=st.sampled_from([1, 2, 6]),
)
def test_sound_is_played_in_one_piece_whatever_its_records_and_the_periods(
    make: Make, steps: list[tuple[str, int]], channels: int
) -> None:
    one = mouth(make, channels)
    given_frames = asked = played = 0
    for what, count in steps:
        if what == "put":
            frames = np.arange(given_frames + 1, given_frames + count + 1, dtype=np.int16)
            given_frames += count if one.writer.put(np.repeat(frames, channels)) else 0
            continue
        out = one.play(count)
        there = min(count, given_frames - played)
        np.testing.assert_array_equal(out[:there].T, np.tile(np.arange(played + 1, played + there + 1), (channels, 1)))
        assert not out[there + FADE :].any()
        played += there
        asked += count
        (mark,) = one.marks
        assert (mark.a, mark.session, mark.deadline_ns) == (asked - count, count, asked - played)
    assert (one.callback.index, one.callback.lost) == (asked, asked - played)


@pytest.mark.parametrize("last", [10000, -32768, 32767])
def test_sound_that_breaks_off_fades_and_sound_that_is_missing_is_silent(make: Make, last: int) -> None:
    one = mouth(make, channels=2)
    one.writer.put(np.tile(np.array([last, last // 2], np.int16), 100))
    out = one.play(400)
    for channel, level in enumerate((last, last // 2)):
        heard = out[:, channel].astype(int)
        assert (heard[:100] == level).all()
        assert np.abs(np.diff(heard)).max() <= abs(level) // FADE + 1
        assert (np.abs(heard[100 : 100 + FADE]) > 0).all()
        assert not heard[100 + FADE :].any()
    assert not one.play(400).any()
    assert one.callback.lost == 700


def test_sound_that_was_used_up_with_the_last_period_fades_in_the_next(make: Make) -> None:
    one = mouth(make)
    one.writer.put(np.full(400, 9700, np.int16))
    assert set(one.play(400).ravel().tolist()) == {9700}
    assert one.play(400).ravel().tolist()[:3] == [9600, 9500, 9400]


def test_a_record_of_no_sound_and_half_a_frame_are_passed_over(make: Make) -> None:
    one = mouth(make, channels=2)
    one.writer.put(np.zeros(0, np.int16))
    one.writer.put(np.array([1, 2, 3], np.int16))
    one.writer.put(np.array([4, 5], np.int16))
    assert one.play(2).tolist() == [[1, 2], [4, 5]]


def test_a_mark_that_finds_no_room_is_made_up_for_by_the_next(make: Make) -> None:
    one = mouth(make, marks=4096)
    for _ in range(500):
        one.play(10)
    first = [(mark.a, mark.session, mark.deadline_ns) for mark in one.marks]
    assert first == [(10 * number, 10, 10 * (number + 1)) for number in range(len(first))]
    assert len(first) < 500
    one.play(10)
    assert [(mark.a, mark.deadline_ns) for mark in one.marks] == [(5000, 5010)]


def test_the_space_of_what_was_played_is_given_back(make: Make) -> None:
    one, sound = mouth(make), np.zeros(8000, np.int16)
    for _ in range(50):
        while one.writer.put(sound):
            pass
        for _ in range(100):
            one.play(480)
        for _ in one.marks:
            pass
    assert one.callback.lost < 50 * 48000


# ---- both ----


def test_a_callback_that_shall_end_says_so_at_its_next_call_and_still_does_its_work(make: Make) -> None:
    one, other = ear(make), mouth(make)
    for callback in (one.callback, other.callback):
        callback.end()
    other.writer.put(np.full(10, 5, np.int16))
    assert one.hear(np.full(10, 4, np.int16)) == COMPLETE
    out = np.zeros(10, np.int16)
    assert other.callback.run(out, 10) == COMPLETE
    assert (one.records(), out.tolist()) == ([(0, [4] * 10)], [5] * 10)


def test_calls_that_tell_of_an_xrun_are_counted(make: Make) -> None:
    one, other = ear(make), mouth(make)
    for flags in (0, 1, 2, 3, 4, 8, 16, 2):
        one.hear(np.zeros(1, np.int16), 0.0, flags)
        other.play(1, 0.0, flags)
    assert (one.callback.xruns, other.callback.xruns) == (3, 1)


def test_every_call_is_timed(make: Make) -> None:
    durations, name = np.zeros(200, np.uint64), make("stream", 4096)
    callback = Callback(1, ringbuf.StreamWriter(name).handle(), durations=durations)
    for _ in range(1000):
        callback.run(bytes(2), 1)
    assert durations.sum() == 1000
    one = np.zeros(1, np.uint64)  # the last bucket takes what is too long for it
    Callback(1, ringbuf.StreamWriter(make("stream", 4096)).handle(), None, one).run(bytes(2), 1)
    assert one.tolist() == [1]


def test_sizes_that_do_not_fit_are_refused(make: Make) -> None:
    one, other = ear(make, channels=2), mouth(make, channels=2)
    for callback, kind in ((one.callback, bytes), (other.callback, bytearray)):
        for size, frames in ((40, 9), (40, 11), (41, 10), (0, 1), (4, 0), (0, 1 << 62), (0, 1 << 63), (4, -1)):
            with pytest.raises(ValueError, match="are not"):
                callback.run(kind(size), frames)
        assert (callback.index, callback.last_ns) == (0, 0)
    with pytest.raises((TypeError, BufferError)):
        other.callback.run(bytes(40), 10)  # it cannot be written
    with pytest.raises((TypeError, BufferError, ValueError)):
        one.callback.run(np.zeros((20, 2), np.int16)[::2], 10)


@pytest.mark.parametrize("channels", [0, -1, 65, 1 << 20])
def test_a_number_of_channels_that_cannot_be_is_refused(make: Make, channels: int) -> None:
    with pytest.raises(ValueError, match="channels"):
        Callback(channels, ringbuf.StreamWriter(make("stream", 4096)).handle())


def test_as_many_channels_as_there_may_be(make: Make) -> None:
    one = mouth(make, channels=64)
    frame = np.arange(64, dtype=np.int16) * 97
    one.writer.put(frame)
    out = one.play(3)
    assert out[0].tolist() == frame.tolist()
    assert out[1].tolist() == (frame.astype(int) * 96 // 97).tolist()


def test_what_is_no_handle_is_refused(make: Make) -> None:
    told, sound = make("stream", 4096), make("stream", 4096)
    writer, reader = ringbuf.StreamWriter(told), ringbuf.StreamReader(sound)
    for wrong in ((reader.handle(),), (writer.handle(), writer.handle()), (writer,), (None,)):
        with pytest.raises((ValueError, TypeError)):
            Callback(1, *wrong)
    for cells in (np.zeros(0, np.uint64), np.zeros(12, np.uint8), np.zeros(24, np.uint8)[1:17], bytes(16)):
        with pytest.raises((ValueError, TypeError, BufferError)):
            Callback(1, writer.handle(), None, cells)
    with pytest.raises(RuntimeError, match="was not made"):
        Callback.__new__(Callback).run(b"", 0)
    made = Callback(1, writer.handle())
    with pytest.raises(RuntimeError, match="made once"):
        made.__init__(2, writer.handle())  # type: ignore[misc]
    assert made.run(bytes(2), 1) == CONTINUE


def test_a_handle_can_be_had_of_an_open_ring_only_and_keeps_its_memory(make: Make) -> None:
    name, bells = make("stream", 4096), make("bells", 1)
    writer = ringbuf.StreamWriter(name, bells=[ringbuf.Bells(bells)[0]], dtype=np.int16)
    callback = Callback(1, writer.handle())
    writer.close()
    with pytest.raises(ringbuf.RingError, match="closed"):
        writer.handle()
    del writer
    gc.collect()
    for _ in range(100):
        callback.run(np.zeros(10, np.int16), 10)
    assert callback.index == 1000
    reader = ringbuf.StreamReader(make("stream", 4096))
    reader.close()
    with pytest.raises(ringbuf.RingError, match="closed"):
        reader.handle()


def test_a_callback_keeps_its_rings_alive(make: Make) -> None:
    one = mouth(make)  # its ends of the rings are nobody's but the handles'
    gc.collect()
    one.writer.put(np.full(10, 3, np.int16))
    assert one.play(10).ravel().tolist() == [3] * 10
