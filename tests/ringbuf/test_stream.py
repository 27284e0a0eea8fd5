from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest

import ringbuf
from ringbuf import StreamReader, StreamWriter

Make = Callable[..., str]

STARTS = [0, 2**32 - 640, 2**64 - 640]


@pytest.mark.parametrize("first", STARTS)
def test_records_of_odd_sizes_come_out_whole_and_in_order_over_many_wraps(make: Make, first: int) -> None:
    name = make("stream", 4096, first=first)
    rng = random.Random(first)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        sent: deque[tuple[int, bytes]] = deque()
        for i in range(3000):
            payload = rng.randbytes(rng.choice([0, 1, 63, 64, 65, 127, 500, 960]))
            while not writer.put(payload, a=i):
                record = reader.acquire()
                assert record is not None
                assert (record.a, record.data.tobytes()) == sent.popleft()
                reader.release()
            sent.append((i, payload))
        for record in reader:
            assert (record.a, record.data.tobytes()) == sent.popleft()
        assert not sent
        assert reader.acquire() is None


def test_every_tag_field_crosses_with_its_extremes(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        largest = {"kind": 2**16 - 1, "flags": 2**16 - 1, "session": 2**32 - 1, "turn": 2**32 - 1, "attempt": 2**32 - 1}
        signed = {"capture_ns": -(2**63), "deadline_ns": 2**63 - 1, "a": -1, "b": -(2**40)}
        assert writer.put(b"x", **largest, **signed)
        record = reader.acquire()
        assert record is not None
        assert {name: getattr(record, name) for name in largest | signed} == largest | signed
        reader.release()
        assert writer.put(b"y")
        record = reader.acquire()
        assert record is not None
        assert {name: getattr(record, name) for name in largest | signed} == dict.fromkeys(largest | signed, 0)


@pytest.mark.parametrize(
    ("tag", "error"),
    [
        ({"kind": 2**16}, ValueError),
        ({"turn": 2**32}, ValueError),
        ({"session": -1}, ValueError),
        ({"a": 2**63}, OverflowError),
        ({"colour": 1}, TypeError),
        ({"turn": "1"}, TypeError),
    ],
)
def test_a_tag_that_does_not_fit_is_refused_and_publishes_nothing(
    make: Make, tag: dict[str, int], error: type[Exception]
) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        with pytest.raises(error):
            writer.put(b"x", **tag)
        assert writer.claim(1) is not None
        with pytest.raises(error):
            writer.commit(1, **tag)
        assert reader.acquire() is None
        writer.commit(1, turn=1)  # the claim is still there
        assert reader.acquire() is not None


def test_a_full_ring_says_so_counts_it_and_goes_on_after_a_release(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        puts = 0
        while writer.put(bytes(448)):
            puts += 1
        assert puts == 4096 // 512
        assert writer.claim(448) is None
        assert writer.full_count == 2
        assert reader.acquire() is not None
        assert writer.claim(448) is None, "acquired is not yet released"
        reader.release()
        assert writer.claim(448) is not None


def test_claim_writes_in_place_and_commit_may_publish_less(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name, dtype=np.int16) as writer, StreamReader(name, dtype=np.int16) as reader:
        frame = writer.claim(320)
        assert frame is not None
        assert frame.shape == (320,)
        assert frame.dtype == np.int16
        assert writer.contains(frame)
        frame[:] = np.arange(320)
        writer.commit(100)
        record = reader.acquire()
        assert record is not None
        assert record.data.tolist() == list(range(100))
        assert reader.contains(record.data)
        assert not reader.contains(record.data.copy())


def test_a_shorter_commit_at_the_wrap_still_finds_its_payload(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        for _ in range(7):
            assert writer.put(bytes(448))
        for _ in reader:
            pass
        frame = writer.claim(900)  # does not fit into the 512 bytes before the end, so it lies behind a padding
        assert frame is not None
        frame[:3] = [1, 2, 3]
        writer.commit(3)  # would have fitted
        record = reader.acquire()
        assert record is not None
        assert record.data.tolist() == [1, 2, 3]


def test_abort_publishes_nothing_and_commit_needs_a_claim(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        assert writer.claim(10) is not None
        writer.abort()
        assert reader.acquire() is None
        with pytest.raises(ringbuf.RingError, match="claim before commit"):
            writer.commit(10)
        assert writer.claim(10) is not None
        with pytest.raises(ValueError, match="0 to 10"):
            writer.commit(11)
        with pytest.raises(ringbuf.RingError, match="acquire before release"):
            reader.release()


def test_a_record_may_take_a_quarter_and_no_more(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        assert writer.max_items == 1024 - 64
        for i in range(10):
            assert writer.put(bytes([i]) * 960)
            for record in reader:
                assert record.data.tolist() == [i] * 960
        for call in (lambda: writer.put(bytes(961)), lambda: writer.claim(961), lambda: writer.space(961)):
            with pytest.raises(ValueError, match="960"):
                call()


def test_reading_views_cannot_be_written(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        writer.put(b"abc")
        record = reader.acquire()
        assert record is not None
        assert not record.data.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            record.data[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            record.data.flags.writeable = True


def test_frames_of_one_size_use_the_same_views_again(make: Make) -> None:
    name = make("stream", 8192)
    with StreamWriter(name, dtype=np.int16) as writer, StreamReader(name, dtype=np.int16) as reader:
        seen: set[int] = set()
        kept: list[object] = []
        for _ in range(500):
            frame = writer.claim(320)
            assert frame is not None
            writer.commit(320)
            record = reader.acquire()
            assert record is not None
            for view in (frame, record.data):
                if id(view) not in seen:
                    seen.add(id(view))
                    kept.append(view)
            reader.release()
        assert len(kept) == 2 * (8192 // 704)


def test_a_reader_resumes_with_what_was_not_released_or_begins_with_the_newest(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer:
        for i in range(3):
            writer.put(b"", a=i)
        with StreamReader(name) as reader:
            assert reader.acquire() is not None
            reader.release()
            assert reader.acquire() is not None
        with StreamReader(name) as reader:
            assert [record.a for record in reader] == [1, 2]
        writer.put(b"", a=3)
        with StreamReader(name, start="latest") as reader:
            assert reader.acquire() is None
            writer.put(b"", a=4)
            assert [record.a for record in reader] == [4]


def test_iterating_does_not_release_what_it_was_interrupted_in(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        for i in range(3):
            writer.put(b"", a=i)
        for record in reader:
            if record.a == 1:
                break
        assert [record.a for record in reader] == [1, 2]


def test_a_writer_that_died_in_a_claim_leaves_nothing_behind(make: Make) -> None:
    name = make("stream", 4096)
    with StreamReader(name) as reader:
        with StreamWriter(name) as writer:
            writer.put(b"one")
            frame = writer.claim(100)
            assert frame is not None
            frame[:] = 255
        with StreamWriter(name) as writer:
            writer.put(b"two")
        assert [record.data.tobytes() for record in reader] == [b"one", b"two"]


def test_records_of_another_dtype_are_refused(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name, dtype=np.int16) as reader:
        writer.put(b"odd")
        with pytest.raises(ringbuf.RingCorrupt, match="dtype"):
            reader.acquire()


def test_a_closed_ring_says_so(make: Make) -> None:
    name = make("stream", 4096)
    writer, reader = StreamWriter(name), StreamReader(name)
    writer.close()
    writer.close()
    reader.close()
    assert writer.closed
    assert "closed" in repr(writer)
    for call in (lambda: writer.claim(1), lambda: writer.put(b""), lambda: writer.space(1), reader.acquire):
        with pytest.raises(ringbuf.RingError, match="closed"):
            call()
    assert not hasattr(reader, "watch")


def test_items_of_a_size_that_is_no_power_of_two(make: Make) -> None:
    name = make("stream", 4096)
    dtype = np.dtype([("at", "<u4"), ("x", "<f4"), ("y", "<f4")])
    with StreamWriter(name, dtype=dtype) as writer, StreamReader(name, dtype=dtype) as reader:
        for i in range(200):
            points = writer.claim(1 + i % 20)
            assert points is not None
            points["at"] = i
            writer.commit(len(points))
            for record in reader:
                assert record.data["at"].tolist() == [i] * (1 + i % 20)
