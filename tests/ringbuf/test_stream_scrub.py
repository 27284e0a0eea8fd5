"""The scrubbing of a stream from Python: what was read is gone, what was not is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import ringbuf
from ringbuf import StreamReader, StreamWriter

Make = Callable[..., str]

CAPACITY = 4096
PAGE = os.sysconf("SC_PAGESIZE")
READER_POSITION, DATA = 2 * PAGE + 128, 3 * PAGE


def data(name: str) -> bytes:
    """All that lies in the ring, as anybody finds it who may open the segment."""
    return Path("/dev/shm", name).read_bytes()[DATA:]


def test_what_was_read_is_gone_after_a_scrubbing_and_not_before(make: Make) -> None:
    name = make("stream", CAPACITY)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        writer.put(b"a secret", session=7)
        assert [record.data.tobytes() for record in reader] == [b"a secret"]
        assert b"a secret" in data(name)
        writer.scrub()
        assert not any(data(name))


def test_what_the_reader_holds_or_has_not_read_stays(make: Make) -> None:
    name = make("stream", CAPACITY)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        for word in (b"read", b"held", b"waiting"):
            writer.put(word)
        reader.acquire()
        reader.release()
        held = reader.acquire()
        writer.scrub()
        assert b"read" not in data(name)
        assert held is not None
        assert held.data.tobytes() == b"held"
        reader.release()
        assert [record.data.tobytes() for record in reader] == [b"waiting"]
        writer.scrub()
        assert not any(data(name))


@pytest.mark.parametrize(
    "give_up",
    [StreamWriter.abort, lambda writer: writer.commit(1), lambda writer: writer.claim(0), StreamWriter.close],
    ids=["aborted", "committed in part", "claimed anew", "closed"],
)
def test_what_is_claimed_stays_and_what_was_given_up_goes(make: Make, give_up: Callable[[StreamWriter], None]) -> None:
    name = make("stream", CAPACITY)
    writer = StreamWriter(name)
    writer.scrub()
    claimed = writer.claim(300)
    assert claimed is not None
    claimed[:] = 7
    writer.scrub()
    assert claimed.tolist() == [7] * 300
    give_up(writer)
    with StreamReader(name) as reader:
        for _ in reader:
            pass
    if writer.closed:
        writer = StreamWriter(name)
    assert any(data(name))
    writer.scrub()
    assert not any(data(name))
    writer.close()


def test_a_damaged_ring_is_not_scrubbed(make: Make) -> None:
    name = make("stream", CAPACITY)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        writer.put(b"a secret")
        with Path("/dev/shm", name).open("r+b") as file:
            file.seek(READER_POSITION)
            file.write((2**40).to_bytes(8, "little"))
        with pytest.raises(ringbuf.RingCorrupt, match="impossible"):
            writer.scrub()
        assert b"a secret" in data(name)
        assert reader.acquire() is not None


def test_scrubbing_wants_an_open_ring_and_nothing_else(make: Make) -> None:
    with StreamWriter(make("stream", CAPACITY)) as writer:
        with pytest.raises(TypeError):
            writer.scrub(1)  # type: ignore[call-arg]
        assert writer.scrub() is None  # type: ignore[func-returns-value]
    with pytest.raises(ringbuf.RingError, match="closed"):
        writer.scrub()
