from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ringbuf
from ringbuf import HistoryReader, HistoryWriter

Make = Callable[..., str]

RATE = 16000
STARTS = [0, 2**32 - 1000, 2**64 - 1000]


def ramp(start: int, n: int) -> NDArray[np.int16]:
    """Sample i holds a number that only i has, for rings of up to 2^15 samples."""
    return ((start + np.arange(n)) % 32749).astype(np.int16)


def write(writer: HistoryWriter, n: int, first: int = 0, flags: int = 0) -> None:
    at = (writer.position - first) % 2**64
    block = writer.claim(n)
    block[:] = ramp(at, n)
    writer.commit(n, capture_ns=at * 1_000_000_000 // RATE, flags=flags)


@pytest.mark.parametrize("first", STARTS)
def test_windows_are_contiguous_wherever_they_begin(make: Make, first: int) -> None:
    name = make("history", 4096, RATE, first=first)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        taken = 0
        for n in [1, 160, 333, 2048, 7, 1000, 161] * 20:
            write(writer, n, first)
            while (window := reader.acquire(97)) is not None:
                assert window.tolist() == ramp(taken, 97).tolist()
                assert reader.contains(window)
                assert reader.release(97)
                taken += 97
        assert reader.lost == 0
        assert taken > 10 * 4096


@pytest.mark.parametrize("first", STARTS)
def test_a_lapped_reader_learns_how_much_it_lost_and_goes_on_at_the_oldest(make: Make, first: int) -> None:
    name = make("history", 4096, RATE, first=first)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        for _ in range(50):
            write(writer, 100, first)
        window = reader.acquire(10)
        assert window is not None
        assert reader.lost == 5000 - 4096
        assert (reader.cursor - first) % 2**64 == 5000 - 4096
        assert window.tolist() == ramp(5000 - 4096, 10).tolist()


def test_release_and_holds_tell_that_samples_were_overwritten_in_use(make: Make) -> None:
    name = make("history", 4096, RATE)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        write(writer, 2048)
        window = reader.acquire(512)
        assert window is not None
        assert reader.holds(0)
        write(writer, 2048)
        assert reader.holds(0)
        writer.claim(1)  # nothing published, but sample 0 may be gone from now on
        assert not reader.holds(0)
        assert reader.holds(1)
        assert reader.release(512) is False
        writer.abort()
        assert reader.acquire(512) is not None
        assert reader.release(512) is True


def test_view_is_random_access_and_none_when_not_all_is_there(make: Make) -> None:
    name = make("history", 4096, RATE)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        assert reader.view(0, 1) is None
        for _ in range(10):
            write(writer, 1000)
        cursor = reader.cursor
        oldest = 10000 - 4096
        assert reader.oldest == oldest
        for start, stop in [(oldest, 10000), (oldest, oldest + 1), (9936, 10000), (9000, 9000)]:
            window = reader.view(start, stop)
            assert window is not None
            assert window.tolist() == ramp(start, stop - start).tolist()
        for start, stop in [(oldest - 1, 10000), (9000, 10001), (-64, 448), (0, 10000)]:
            assert reader.view(start, stop) is None
        with pytest.raises(ValueError, match="ends before"):
            reader.view(9000, 8999)
        assert reader.cursor == cursor


def test_readers_start_where_they_ask_and_do_not_disturb_each_other(make: Make) -> None:
    name = make("history", 4096, RATE, readers=3)
    with HistoryWriter(name) as writer:
        for _ in range(50):
            write(writer, 100)
        with (
            HistoryReader(name, 0) as latest,
            HistoryReader(name, 1, start="oldest") as oldest,
            HistoryReader(name, 2, start=4500) as named,
        ):
            assert [latest.cursor, oldest.cursor, named.cursor] == [5000, 904, 4500]
            assert latest.acquire(1) is None
            window = named.acquire(3)
            assert window is not None
            assert window.tolist() == ramp(4500, 3).tolist()
            named.release(3)
            assert [latest.cursor, oldest.cursor, named.cursor] == [5000, 904, 4503]
            oldest.seek(4900)
            assert oldest.acquire(100) is not None
            assert oldest.acquire(101) is None
        with pytest.raises(ringbuf.RingError, match="3 reader slots"):
            HistoryReader(name, 3)
        with pytest.raises(ValueError, match="latest"):
            HistoryReader(name, 0, start="newest")  # type: ignore[arg-type]


def test_capture_time_is_that_of_the_block_plus_the_offset(make: Make) -> None:
    name = make("history", 4096, RATE)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        writer.put(ramp(0, 160), capture_ns=1_000_000)
        writer.put(ramp(160, 160), capture_ns=50_000_000, flags=ringbuf.LOST)
        assert reader.capture_ns(0) == 1_000_000
        assert reader.capture_ns(16) == 2_000_000
        assert reader.capture_ns(159) == 1_000_000 + 159 * 62_500
        assert reader.capture_ns(160) == 50_000_000
        assert reader.capture_ns(320) is None
        assert reader.capture_ns(-1) is None


def test_flags_say_what_lies_in_a_window_and_when_that_is_not_known(make: Make) -> None:
    name = make("history", 4096, RATE, blocks=16)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        for i in range(16):
            write(writer, 100, flags={5: ringbuf.LOST, 9: ringbuf.DISCONTINUITY}.get(i, 0))
        assert reader.flags(0, 500) == 0
        assert reader.flags(0, 501) == ringbuf.LOST
        assert reader.flags(599, 600) == ringbuf.LOST
        assert reader.flags(550, 901) == ringbuf.LOST | ringbuf.DISCONTINUITY
        assert reader.flags(1000, 1600) == 0
        write(writer, 100)
        assert reader.flags(0, 500) & ringbuf.UNKNOWN
        assert reader.capture_ns(50) is None
        assert reader.view(0, 500) is not None


def test_every_block_of_a_long_history_is_found(make: Make) -> None:
    name = make("history", 4096, RATE, blocks=64)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        for i in range(1000):
            write(writer, 64 + i % 3)
            index = writer.position - 1
            for back in (0, 63, 64, 65, 130, 1000):
                if index >= back:
                    expected = (index - back) * 1_000_000_000 / RATE
                    found = reader.capture_ns(index - back)
                    assert found is not None
                    assert abs(found - expected) <= 1


def test_a_successor_goes_on_at_the_published_position(make: Make) -> None:
    name = make("history", 4096, RATE)
    with HistoryReader(name, 0) as reader:
        with HistoryWriter(name) as writer:
            write(writer, 2000)
            writer.claim(2048)[:] = -1  # and dies
        with HistoryWriter(name) as writer:
            assert writer.position == 2000
            write(writer, 500)
            write(writer, 1500)
            write(writer, 10)
        assert reader.oldest == 0, "what the dead one announced reached only to 4048"
        with HistoryWriter(name) as writer:
            writer.claim(2048)[:] = -1  # dies again, and has spoilt samples up to 6058 - 4096
        with HistoryWriter(name) as writer:
            writer.claim(10)
            assert not reader.holds(4010 + 2048 - 4096 - 1), "the successor's small claim must not hide the damage"
            assert reader.holds(4010 + 2048 - 4096)


def test_other_dtypes_and_put(make: Make) -> None:
    name = make("history", 1000, 24000, dtype=np.float32)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        assert (writer.capacity, writer.rate) == (1024, 24000)
        sound = np.linspace(-1, 1, 480, dtype=np.float32)
        for _ in range(5):
            writer.put(sound, capture_ns=0)
            window = reader.acquire(480)
            assert window is not None
            assert window.dtype == np.float32
            assert (window == sound).all()
            assert not window.flags.writeable
            reader.release(480)
        with pytest.raises(ValueError, match="samples of 4"):
            writer.put(b"abc", capture_ns=0)
        with pytest.raises(ValueError, match="2048"):
            writer.put(np.zeros(513, np.float32), capture_ns=0)


def test_misuse_is_refused(make: Make) -> None:
    name = make("history", 4096, RATE)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        calls: list[Callable[[], object]] = [
            lambda: writer.claim(2049),
            lambda: reader.acquire(2049),
            lambda: reader.want(-1),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="2048"):
                call()
        with pytest.raises(ringbuf.RingError, match="claim before commit"):
            writer.commit(1, capture_ns=0)
        writer.claim(10)
        with pytest.raises(ValueError, match="0 to 10"):
            writer.commit(11, capture_ns=0)
        with pytest.raises(TypeError, match="capture_ns"):
            writer.commit(10)  # type: ignore[call-arg]
        with pytest.raises(ValueError, match="acquire them first"):
            reader.release(1)


@pytest.mark.parametrize("first", STARTS)
def test_scrubbed_samples_are_silent_and_no_others(make: Make, first: int) -> None:
    name = make("history", 4096, RATE, first=first)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        for _ in range(30):  # round the ring: the scrubbed part goes over its end
            write(writer, 200, first)
        start, stop = (first + 3900) % 2**64, (first + 5000) % 2**64
        writer.scrub(start, stop)
        oldest = first + 6000 - 4096
        view = reader.view(oldest % 2**64, writer.position)
        assert view is not None
        expected = ramp(6000 - 4096, 4096)
        expected[start - oldest % 2**64 : stop - oldest % 2**64] = 0
        assert view.tolist() == expected.tolist()
        # It is nothing that readers have to be told of: they go on where they were.
        assert (reader.position, reader.holds(oldest % 2**64), reader.flags(start, stop)) == (writer.position, True, 0)


def test_scrubbing_reaches_no_further_than_what_is_there(make: Make) -> None:
    name = make("history", 4096, RATE)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        write(writer, 1000)
        claimed = writer.claim(500)
        claimed[:] = 7
        for start, stop in ((1000, 2000), (900, 100), (500, 500), (1400, 10**6), (10**6, 10**7)):
            writer.scrub(start, stop)
        view = reader.view(0, 1000)
        assert view is not None
        assert view.tolist() == ramp(0, 1000).tolist()
        writer.scrub(990, 10**6)  # what is claimed is not published yet
        writer.commit(500, capture_ns=0)
        view = reader.view(980, 1010)
        assert view is not None
        assert view.tolist() == [*ramp(980, 10).tolist(), *[0] * 10, *[7] * 10]
        write(writer, 2048)
        write(writer, 2048)
        writer.scrub(0, writer.position - 4096 + 1)  # all but one sample are gone already
        view = reader.view(writer.position - 4096, writer.position)
        assert view is not None
        assert view[:3].tolist() == [0, *ramp(writer.position - 4095, 2).tolist()]
        claimed = writer.claim(500)  # where the oldest samples are
        claimed[:] = 7
        writer.scrub(0, writer.position)
        writer.commit(500, capture_ns=0)
        view = reader.view(writer.position - 4096, writer.position)
        assert view is not None
        assert view.tolist() == [0] * 3596 + [7] * 500


@pytest.mark.parametrize("first", STARTS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(written=st.integers(0, 9000), start=st.integers(-100, 9100), stop=st.integers(-100, 9100))
def test_any_part_can_be_scrubbed_wherever_indices_begin(
    make: Make, first: int, written: int, start: int, stop: int
) -> None:
    name = make("history", 4096, RATE, first=first)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        for at in range(0, written, 1000):
            write(writer, min(1000, written - at), first)
        writer.scrub((first + start) % 2**64, (first + stop) % 2**64)
        oldest = max(0, written - 4096)
        expected = ramp(oldest, written - oldest)
        expected[max(start - oldest, 0) : max(stop - oldest, 0)] = 0
        view = reader.view((first + oldest) % 2**64, writer.position)
        assert view is not None
        assert view.tolist() == expected.tolist()


def test_scrubbing_wants_two_numbers_and_an_open_ring(make: Make) -> None:
    with HistoryWriter(make("history", 4096, RATE)) as writer:
        for wrong in ((), (1,), (1, 2, 3), ("a", 2), (1.5, 2)):
            with pytest.raises(TypeError):
                writer.scrub(*wrong)
        for number in (-1, 2**64):
            with pytest.raises(OverflowError):
                writer.scrub(0, number)
    with pytest.raises(ringbuf.RingError, match="closed"):
        writer.scrub(0, 1)
