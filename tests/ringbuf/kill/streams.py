"""Killed in the middle of a stream's operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from ringbuf import StreamReader, StreamWriter

from .warden import PAGE, Arm, Steps, epoch, must, once, ring, step, word

CAPACITY = 4096
POSITION = 128
# Payloads of the first records, and how many of them are read before the operation. In the first row the next record
# has room behind them, in the second it has not: padding comes before it.
BEFORE = {"": ([100, 200, 0], 1), " with padding": ([960, 960, 960, 100], 2)}
LENGTH = 900


def payload(i: int, length: int) -> bytes:
    """What record i holds; its tag says i, too."""
    return (np.arange(length, dtype=np.uint64) * 31 + i * 7).astype(np.uint8).tobytes()


def put(writer: StreamWriter, i: int, length: int) -> bool:
    """Write record i."""
    return writer.put(payload(i, length), turn=i, a=length)


def take(reader: StreamReader) -> list[int]:
    """Read all there is, look at every byte; the records' numbers."""
    numbers = []
    for record in reader:
        must(record.length == record.a, "a record has another length")
        must(record.data.tobytes() == payload(record.turn, record.length), "a record has other bytes")
        numbers.append(record.turn)
    return numbers


def fill_some(name: str, lengths: list[int]) -> None:
    """The records that lie there before."""
    with StreamWriter(name) as writer:
        for i, length in enumerate(lengths):
            must(put(writer, i, length), "no room")


def go_on(writer: StreamWriter, reader: StreamReader, first: int, expected: list[int]) -> None:
    """More than a lap, record by record."""
    must(take(reader) == expected, "not the records that should be there")
    for i in range(first, first + 12):
        must(put(writer, i, LENGTH - i), "no room in an empty ring")
        must(take(reader) == [i], "not the record that was written")


def claim(writer: StreamWriter, arm: Arm) -> None:
    """In place, with a step in the middle of the filling."""
    arm()
    at = writer.claim(LENGTH)
    must(at is not None, "no room")
    at[:] = 0xA5  # type: ignore[index]
    step()
    at[:] = np.frombuffer(payload(99, LENGTH), np.uint8)  # type: ignore[index]
    step()


def op_put(writer: StreamWriter, arm: Arm) -> None:
    arm()
    must(put(writer, 99, LENGTH), "no room")


def op_claim_commit(writer: StreamWriter, arm: Arm) -> None:
    claim(writer, arm)
    writer.commit(LENGTH, turn=99, a=LENGTH)


def op_claim_abort(writer: StreamWriter, arm: Arm) -> None:
    claim(writer, arm)
    writer.abort()


def op_scrub(writer: StreamWriter, arm: Arm) -> None:
    arm()
    writer.scrub()


def op_close(writer: StreamWriter, arm: Arm) -> None:
    arm()
    writer.close()


def op_full(writer: StreamWriter, arm: Arm) -> None:
    while put(writer, 99, 0):
        pass
    arm()
    must(not put(writer, 99, 0), "room in a full ring")


def writer_killed(operate: Callable[[StreamWriter, Arm], None], commits: bool, before: str) -> None:
    """Whatever the step: the record is there whole, or not at all; and all others."""
    lengths, read = BEFORE[before]
    arrived = []
    for at in Steps(f"stream writer: {operate.__name__[3:]}{before}"):
        with ring("stream", CAPACITY) as name:
            fill_some(name, lengths)
            reader = StreamReader(name)
            for _ in range(read):
                reader.acquire()
                reader.release()
            there = list(range(read, len(lengths)))

            def work(arm: Arm, name: str = name) -> StreamWriter:
                writer = StreamWriter(name)
                operate(writer, arm)
                return writer

            at.run(work)
            held = reader.acquire()  # the other side goes on before there is a successor
            must(held is not None and held.turn == there[0], "not the record that was next")
            numbers = [number for number in take(reader) if operate is not op_full or number != 99]
            arrived.append(numbers == [*there, 99])
            must(arrived[-1] or numbers == there, f"{numbers} arrived")
            taken = epoch(name, 1)
            with StreamWriter(name) as successor:
                must(successor.epoch == taken + 1, "the role was not taken over")
                go_on(successor, reader, 100, [])
            reader.close()
    once(arrived, last=commits)


def writer_attaches() -> None:
    """A writer that dies while it attaches has taken the role or not, and is in nobody's way."""
    for at in Steps("stream writer: attach"):
        with ring("stream", CAPACITY) as name, StreamReader(name) as reader:
            fill_some(name, [10, 20])

            def work(arm: Arm, name: str = name) -> StreamWriter:
                arm()
                return StreamWriter(name)

            at.run(work)
            taken = epoch(name, 1)
            with StreamWriter(name) as successor:
                must(successor.epoch == taken + 1 and taken in (1, 2), "the role was not taken over")
                go_on(successor, reader, 100, [0, 1])


def op_acquire(reader: StreamReader, arm: Arm) -> None:
    arm()
    must(reader.acquire() is not None, "nothing to read")
    step()  # while it holds the record


def op_release(reader: StreamReader, arm: Arm) -> None:
    reader.acquire()
    arm()
    reader.release()


def op_reader_close(reader: StreamReader, arm: Arm) -> None:
    reader.acquire()
    arm()
    reader.close()


def reader_killed(operate: Callable[[StreamReader, Arm], None], releases: bool, before: str) -> None:
    """The record that it held comes again, until it was released; no other does, and none is left out."""
    lengths, read = BEFORE[before]
    released = []
    for at in Steps(f"stream reader: {operate.__name__[3:]}{before}"):
        with ring("stream", CAPACITY) as name, StreamWriter(name) as writer:
            for i, length in enumerate(lengths[:read]):
                must(put(writer, i, length), "no room")
            with StreamReader(name) as earlier:
                take(earlier)
            if before:  # the next one is a record behind padding
                with StreamReader(name) as earlier:
                    for i, length in enumerate(lengths[read:], read):
                        must(put(writer, i, length), "no room")
                    take(earlier)
                read = len(lengths)
            for i in (read, read + 1):
                must(put(writer, i, LENGTH), "no room")

            def work(arm: Arm, name: str = name) -> StreamReader:
                reader = StreamReader(name)
                operate(reader, arm)
                return reader

            at.run(work)
            must(put(writer, read + 2, 10), "the writer cannot go on")
            taken = epoch(name, 2)
            with StreamReader(name) as successor:
                must(successor.epoch == taken + 1, "the role was not taken over")
                numbers = take(successor)
                released.append(numbers[0] == read + 1)
                must(numbers == list(range(read + released[-1], read + 3)), f"{numbers} came again")
                go_on(writer, successor, 100, [])
            lengths, read = BEFORE[before]
    once(released, last=releases)


def reader_attaches(start: Literal["resume", "latest"]) -> None:
    """It takes over what is there, or skips all of it; nothing between."""
    skipped = []
    for at in Steps(f"stream reader: attach, {start}"):
        with ring("stream", CAPACITY) as name, StreamWriter(name) as writer:
            for i in range(3):
                put(writer, i, 100)

            def work(arm: Arm, name: str = name) -> StreamReader:
                arm()
                return StreamReader(name, start=start)

            at.run(work)
            put(writer, 3, 100)
            taken = epoch(name, 2)
            with StreamReader(name) as successor:
                must(successor.epoch == taken + 1 and taken in (0, 1), "the role was not taken over")
                numbers = take(successor)
                must(numbers in ([0, 1, 2, 3], [3]), f"{numbers} came")
                skipped.append(numbers == [3])
                must(word(name, 2 * PAGE + POSITION) == word(name, PAGE + POSITION), "not all was given back")
                go_on(writer, successor, 100, [])
    once(skipped, last=start == "latest")


SCENARIOS: dict[str, Callable[[], None]] = {
    "stream writer full": partial(writer_killed, op_full, False, ""),
    "stream writer attach": writer_attaches,
    "stream reader attach resume": partial(reader_attaches, "resume"),
    "stream reader attach latest": partial(reader_attaches, "latest"),
}
for _before in BEFORE:
    SCENARIOS |= {
        f"stream writer put{_before}": partial(writer_killed, op_put, True, _before),
        f"stream writer commit{_before}": partial(writer_killed, op_claim_commit, True, _before),
        f"stream writer abort{_before}": partial(writer_killed, op_claim_abort, False, _before),
        f"stream writer scrub{_before}": partial(writer_killed, op_scrub, False, _before),
        f"stream writer close{_before}": partial(writer_killed, op_close, False, _before),
        f"stream reader acquire{_before}": partial(reader_killed, op_acquire, False, _before),
        f"stream reader release{_before}": partial(reader_killed, op_release, True, _before),
        f"stream reader close{_before}": partial(reader_killed, op_reader_close, False, _before),
    }
