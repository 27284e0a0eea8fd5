"""Killed in the middle of a history's operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringbuf import LOST, HistoryReader, HistoryWriter

from .warden import Arm, Steps, epoch, must, once, ring, step

CAPACITY, RATE, BLOCKS = 2048, 1_000_000, 16
HOP, BIG = 160, 700  # samples of an ordinary block, and of the one in which the writer dies
BEFORE = 30 * HOP  # more than a lap


def samples(start: int, n: int) -> NDArray[np.int16]:
    """What lies at these indices; sample i was captured at 1000 i ns, the time that RATE gives it."""
    return (np.arange(start, start + n) * 7919 % 32749).astype(np.int16)


def put(writer: HistoryWriter, n: int, flags: int = 0) -> None:
    """Write the next n samples."""
    at = writer.position
    writer.put(samples(at, n), capture_ns=at * 1000, flags=flags)


def holds(reader: HistoryReader, start: int, window: NDArray[Any] | None) -> None:
    """What is said to be whole is what was written."""
    must(window is not None, f"samples from {start} on are not there")
    assert window is not None
    same = bool((window == samples(start, len(window))).all())
    must(same or not reader.holds(start), f"samples from {start} on are said to be whole and are not")


def look_round(reader: HistoryReader, marked: bool) -> None:
    """Everything that a reader can ask, between the oldest sample and the newest. marked: the BIG block is there."""
    oldest, position = reader.oldest, reader.position
    must(CAPACITY - BIG <= position - oldest <= CAPACITY, f"{position - oldest} samples are there")
    must(reader.holds(oldest), "the oldest is not whole")
    holds(reader, oldest, reader.view(oldest, position))
    must(reader.view(oldest - 1, position) is None and reader.view(oldest, position + 1) is None, "more than there is")
    for index in (oldest, oldest + 1, position - BIG, position - 2, position - 1):
        must(reader.capture_ns(index) == index * 1000, f"sample {index} has the time {reader.capture_ns(index)}")
    must(reader.capture_ns(position) is None, "a time for a sample that is not there")
    flags = LOST if marked and oldest < BEFORE + BIG else 0
    must(reader.flags(oldest, position) == flags, f"the flags are {reader.flags(oldest, position)}, not {flags}")


def go_on(writer: HistoryWriter, reader: HistoryReader, marked: bool) -> None:
    """More than a lap, every sample once."""
    look_round(reader, marked)
    reader.seek(reader.position)
    lost = reader.lost
    for i in range(20):
        put(writer, HOP + i)
        window = reader.acquire(HOP + i)
        holds(reader, reader.cursor, window)
        must(reader.release(HOP + i), "overwritten at once")
        look_round(reader, marked)
    must(reader.lost == lost and reader.cursor == reader.position, "samples were lost")


def fill_some(name: str) -> None:
    with HistoryWriter(name) as writer:
        for _ in range(BEFORE // HOP):
            put(writer, HOP)


def claim(writer: HistoryWriter, arm: Arm) -> None:
    """In place, with steps in the middle of the filling."""
    arm()
    at = writer.claim(BIG)
    at[:] = -1
    step()
    at[:] = samples(writer.position, BIG)
    step()


def op_put(writer: HistoryWriter, arm: Arm) -> None:
    arm()
    put(writer, BIG, LOST)


def op_commit(writer: HistoryWriter, arm: Arm) -> None:
    claim(writer, arm)
    writer.commit(BIG, capture_ns=writer.position * 1000, flags=LOST)


def op_abort(writer: HistoryWriter, arm: Arm) -> None:
    claim(writer, arm)
    writer.abort()


def op_close(writer: HistoryWriter, arm: Arm) -> None:
    arm()
    writer.close()


def _writes(name: str, operate: Callable[[HistoryWriter, Arm], None]) -> Callable[[Arm], HistoryWriter]:
    def work(arm: Arm) -> HistoryWriter:
        writer = HistoryWriter(name)
        operate(writer, arm)
        return writer

    return work


def writer_killed(operate: Callable[[HistoryWriter, Arm], None], commits: bool) -> None:
    """The samples are there, or not; what was overwritten is said to be, whatever else happened."""
    arrived = []
    for at in Steps(f"history writer: {operate.__name__[3:]}"):
        with ring("history", CAPACITY, RATE, readers=2, blocks=BLOCKS) as name:
            fill_some(name)
            with HistoryReader(name, 0) as reader:
                oldest = reader.oldest
                window = reader.view(oldest, oldest + 1000)
                at.run(_writes(name, operate))
                holds(reader, oldest, window)
                arrived.append(reader.position == BEFORE + BIG)
                must(arrived[-1] or reader.position == BEFORE, "half a block arrived")
                look_round(reader, arrived[-1])
                taken = epoch(name, 1)
                with HistoryWriter(name) as successor, HistoryReader(name, 1, start="oldest") as late:
                    must(successor.epoch == taken + 1, "the role was not taken over")
                    must(successor.position == reader.position, "the successor begins elsewhere")
                    go_on(successor, late, arrived[-1])
    once(arrived, last=commits)


def writer_attaches() -> None:
    """Killed while it attaches to a ring that its predecessor left at any step of a commit."""
    for first in Steps("history writer: put, then attach"):
        for at in Steps("history writer: attach"):
            with ring("history", CAPACITY, RATE, readers=2, blocks=BLOCKS) as name:
                fill_some(name)
                first.run(_writes(name, op_put))

                def work(arm: Arm, name: str = name) -> HistoryWriter:
                    arm()
                    return HistoryWriter(name)

                at.run(work)
                taken = epoch(name, 1)
                with HistoryReader(name, 0) as reader, HistoryWriter(name) as successor:
                    must(successor.epoch == taken + 1, "the role was not taken over")
                    go_on(successor, reader, successor.position > BEFORE)


def op_acquire(reader: HistoryReader, arm: Arm) -> None:
    reader.seek(100)  # long overwritten: it goes on at the oldest
    arm()
    must(reader.acquire(HOP) is not None, "nothing to read")
    step()


def op_release(reader: HistoryReader, arm: Arm) -> None:
    reader.seek(reader.oldest)
    reader.acquire(HOP)
    arm()
    reader.release(HOP)


def op_seek(reader: HistoryReader, arm: Arm) -> None:
    arm()
    reader.seek(BEFORE + 5)


def op_reader_close(reader: HistoryReader, arm: Arm) -> None:
    arm()
    reader.close()


def op_attach(reader: HistoryReader, arm: Arm) -> None:
    reader.close()
    arm()
    reader.__init__(reader.name, 0, start="oldest")  # type: ignore[misc]


def reader_killed(operate: Callable[[HistoryReader, Arm], None]) -> None:
    """Nobody notices: neither the writer nor the other readers, nor the successor in the same slot."""
    for at in Steps(f"history reader: {operate.__name__[3:]}"):
        with ring("history", CAPACITY, RATE, readers=2, blocks=BLOCKS) as name:
            fill_some(name)
            with HistoryWriter(name) as writer, HistoryReader(name, 1, start="oldest") as other:

                def work(arm: Arm, name: str = name) -> HistoryReader:
                    reader = HistoryReader(name, 0, start="oldest")
                    operate(reader, arm)
                    return reader

                at.run(work)
                taken = epoch(name, 2)
                with HistoryReader(name, 0, start="oldest") as successor:
                    must(successor.epoch == taken + 1, "the role was not taken over")
                    must(
                        successor.cursor == BEFORE - CAPACITY and successor.lost == 0, "the successor begins elsewhere"
                    )
                    go_on(writer, successor, False)
                must(other.cursor == BEFORE - CAPACITY, "the other reader was moved")
                go_on(writer, other, False)


SCENARIOS: dict[str, Callable[[], None]] = {
    "history writer put": partial(writer_killed, op_put, True),
    "history writer commit": partial(writer_killed, op_commit, True),
    "history writer abort": partial(writer_killed, op_abort, False),
    "history writer close": partial(writer_killed, op_close, False),
    "history writer attach": writer_attaches,
    "history reader acquire": partial(reader_killed, op_acquire),
    "history reader release": partial(reader_killed, op_release),
    "history reader seek": partial(reader_killed, op_seek),
    "history reader close": partial(reader_killed, op_reader_close),
    "history reader attach": partial(reader_killed, op_attach),
}
