from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import ringbuf
from ringbuf import Cells, LatestReader, LatestWriter

Make = Callable[..., str]


def test_the_newest_value_replaces_the_others(make: Make) -> None:
    name = make("latest", 100)
    with LatestWriter(name) as writer, LatestReader(name) as reader, LatestReader(name) as other:
        assert (reader.read(), reader.fresh, reader.acquire(), reader.check()) == (None, False, None, False)
        for i in range(50):
            writer.put(bytes([i]) * (i * 2), turn=i)
            assert reader.fresh
            assert reader.read() == bytes([i]) * (i * 2)
            assert (reader.record.turn, reader.fresh, reader.sequence) == (i, False, i + 1)
        assert other.fresh
        assert other.read() == bytes([49]) * 98


def test_a_value_in_place_is_checked_after_use(make: Make) -> None:
    name = make("latest", 64 * 2, slots=3)
    with LatestWriter(name, dtype=np.int16) as writer, LatestReader(name, dtype=np.int16) as reader:
        frame = writer.claim(64)
        frame[:] = 5
        assert reader.acquire() is None
        writer.commit(64, capture_ns=77)
        got = reader.acquire()
        assert got is not None
        assert (got == 5).all()
        assert not got.flags.writeable
        assert reader.contains(got)
        assert reader.record.capture_ns == 77
        writer.put(b"ab")
        writer.put(b"cd")
        assert reader.check(), "two more went into the other two slots"
        writer.claim(1)  # not even published
        assert not reader.check()


def test_a_writer_that_died_in_a_claim_leaves_the_last_value(make: Make) -> None:
    name = make("latest", 100, slots=2)
    with LatestReader(name) as reader:
        for i in range(5):
            with LatestWriter(name) as writer:
                writer.put(bytes([i]))
                writer.claim(100)[:] = 255
            assert reader.read() == bytes([i])


def test_latest_misuse_is_refused(make: Make) -> None:
    name = make("latest", 10)
    with LatestWriter(name) as writer:
        with pytest.raises(ValueError, match="10"):
            writer.put(bytes(11))
        with pytest.raises(ValueError, match="10"):
            writer.claim(11)
        with pytest.raises(ringbuf.RingError, match="claim before commit"):
            writer.commit(1)
        writer.claim(5)
        writer.abort()
        assert writer.sequence == 0


def test_cells_do_what_their_names_say_modulo_two_to_the_64(make: Make) -> None:
    name = make("cells", 4)
    with Cells(name) as cells, Cells(name, writable=False) as reader:
        cells.store(0, 2**64 - 1)
        assert reader.load(0) == 2**64 - 1
        assert cells.add(0, 2) == 1
        assert cells.add(0, -2) == 2**64 - 1
        assert cells.cas(1, 0, 7)
        assert not cells.cas(1, 0, 8)
        assert [cells.maximum(2, v) for v in (5, 3, 2**63, 6)] == [5, 5, 2**63, 2**63]
        assert reader.array.tolist() == [2**64 - 1, 7, 2**63, 0]
        assert reader.array.dtype == np.uint64


def test_cells_check_index_value_and_right_to_write(make: Make) -> None:
    name = make("cells", 4)
    with Cells(name) as cells, Cells(name, writable=False) as reader:
        for i in (4, -1):
            with pytest.raises(IndexError):
                cells.load(i)
            with pytest.raises(IndexError):
                cells.store(i, 0)
            with pytest.raises(IndexError):
                cells.watch(i)
        for value in (-1, 2**64):
            with pytest.raises(OverflowError):
                cells.store(0, value)
        writes: list[Callable[[], object]] = [
            lambda: reader.store(0, 1),
            lambda: reader.add(0, 1),
            lambda: reader.cas(0, 0, 1),
            lambda: reader.maximum(0, 1),
            lambda: reader.observe(0, 1),
        ]
        for write in writes:
            with pytest.raises(ringbuf.RingError, match="read-only"):
                write()
        assert not cells.array.flags.writeable
        assert cells.load(0) == 0


def test_a_histogram_has_to_fit_into_the_cells(make: Make) -> None:
    name = make("cells", 201)
    with Cells(name) as cells:
        cells.observe(1, 1 << 60)
        assert cells.load(200) == 1
        for at in (2, 200):
            with pytest.raises(IndexError, match="a histogram of 200 cells"):
                cells.observe(at, 5)
        with pytest.raises(TypeError):
            cells.observe(0, 1.5)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"observe\(i, n\)"):
            cells.observe(0)  # type: ignore[call-arg]
        assert int(cells.array.sum()) == 1
