"""Strict mode: the same answers as in production, and poison in whatever is used after it was given back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import ringbuf
from ringbuf.strict import HistoryReader, HistoryWriter, LatestReader, LatestWriter, StreamReader, StreamWriter

Make = Callable[..., str]

SQUARE = {2**15 - 1, -(2**15)}


def poisoned(array: NDArray[np.int16]) -> bool:
    return set(array.tolist()) == SQUARE


def test_the_environment_switches_it_on_and_nothing_else_does() -> None:
    code = "import ringbuf, ringbuf.strict as s; print([getattr(ringbuf, n) is getattr(s, n) for n in s.__all__])"
    for value, strict in (("1", True), ("0", False), ("", False)):
        output = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "RINGBUF_STRICT": value},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert output == f"{[strict] * 6}\n"


def test_a_record_used_after_release_is_a_square_wave_and_in_production_goes_unseen(make: Make) -> None:
    for reader_class, seen in ((StreamReader, True), (ringbuf.StreamReader, False)):
        name = make("stream", 65536)
        with StreamWriter(name, dtype=np.int16) as writer, reader_class(name, dtype=np.int16) as reader:
            for i in range(3):
                assert writer.put(np.full(320, i, np.int16))
                record = reader.acquire()
                assert record is not None
                data = record.data
                assert data.tolist() == [i] * 320
                reader.release()
                assert poisoned(data) == seen


def test_a_frame_written_after_commit_does_not_reach_the_ring(make: Make) -> None:
    name = make("stream", 65536)
    with StreamWriter(name, dtype=np.int16) as writer, StreamReader(name, dtype=np.int16) as reader:
        frame = writer.claim(320)
        assert frame is not None
        assert poisoned(frame), "what is not filled in is heard as well"
        frame[:] = 5
        writer.commit(300, turn=7)
        assert poisoned(frame)
        frame[:] = 6
        record = reader.acquire()
        assert record is not None
        assert (record.turn, record.data.tolist()) == (7, [5] * 300)


def test_a_claim_that_was_given_up_or_replaced_is_poisoned(make: Make) -> None:
    name = make("stream", 65536)
    with StreamWriter(name, dtype=np.int16) as writer, StreamReader(name) as reader:
        ends: list[Callable[[], object]] = [
            writer.abort,
            lambda: writer.claim(64),
            lambda: writer.put(b""),
        ]
        for end in ends:
            frame = writer.claim(64)
            assert frame is not None
            frame[:] = 1
            end()
            assert poisoned(frame)
        assert [record.length for record in reader] == [0]


def test_a_refused_commit_leaves_the_claim_as_it_is(make: Make) -> None:
    name = make("stream", 65536)
    with StreamWriter(name, dtype=np.int16) as writer, StreamReader(name, dtype=np.int16) as reader:
        frame = writer.claim(64)
        assert frame is not None
        frame[:] = 3
        with pytest.raises(ValueError, match="0 to 64"):
            writer.commit(65)
        with pytest.raises(TypeError, match="colour"):
            writer.commit(64, colour=1)  # type: ignore[call-arg]
        assert frame.tolist() == [3] * 64
        writer.commit(64)
        assert [record.data.tolist() for record in reader] == [[3] * 64]


def test_acquiring_again_without_a_release_is_the_same_record(make: Make) -> None:
    name = make("stream", 65536)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        writer.put(b"abc", a=1)
        first = reader.acquire()
        assert first is not None
        data = first.data
        again = reader.acquire()
        assert again is first
        assert again.data is data
        with pytest.raises(ValueError, match="read-only"):
            data[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            data.flags.writeable = True


@pytest.mark.parametrize(("dtype", "value"), [(np.float32, np.nan), (np.float64, np.nan), (np.uint8, 0xA5)])
def test_the_poison_of_other_dtypes(make: Make, dtype: type, value: float) -> None:
    name = make("stream", 65536)
    with StreamWriter(name, dtype=dtype) as writer, StreamReader(name, dtype=dtype) as reader:
        writer.put(np.ones(64, dtype))
        for record in reader:
            data = record.data
            assert (data == 1).all()
        np.testing.assert_array_equal(data, np.full(64, value, dtype))


def test_a_history_in_strict_mode(make: Make) -> None:
    name = make("history", 4096, 16000)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        for i in range(40):
            block = writer.claim(160)
            assert poisoned(block)
            block[:] = i
            writer.commit(160, capture_ns=i, flags=0)
            assert poisoned(block)
            window = reader.acquire(160)
            assert window is not None
            assert window.tolist() == [i] * 160
            assert reader.release(160) is True
            assert poisoned(window)
        writer.put(np.full(2048, 1, np.int16), capture_ns=0)
        window = reader.acquire(512)
        writer.put(np.full(2048, 2, np.int16), 0)
        writer.claim(1)
        assert reader.release(512) is False, "it was overwritten in the ring, whoever has a copy"
        assert reader.view(reader.cursor, reader.cursor + 8) is not None


def test_a_latest_in_strict_mode(make: Make) -> None:
    name = make("latest", 128, slots=2)
    with LatestWriter(name, dtype=np.int16) as writer, LatestReader(name, dtype=np.int16) as reader:
        frame = writer.claim(64)
        frame[:] = 5
        writer.commit(64, capture_ns=77)
        assert poisoned(frame)
        got = reader.acquire()
        assert got is not None
        assert reader.check()
        assert got.tolist() == [5] * 64
        writer.put(np.full(64, 6, np.int16))
        writer.put(np.full(64, 7, np.int16))
        assert not reader.check()
        newer = reader.acquire()
        assert newer is not None
        assert newer.tolist() == [7] * 64
        assert poisoned(got)
        assert reader.read() == np.full(64, 7, np.int16).tobytes()


def test_empty_records_and_a_full_ring(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        assert writer.claim(0) is not None
        writer.commit(0, a=1)
        assert [(record.length, record.a) for record in reader] == [(0, 1)]
        while writer.put(bytes(448)):
            pass
        assert writer.claim(448) is None
        assert "full" in repr(writer)
        assert type(writer).__name__ == "StreamWriter"
