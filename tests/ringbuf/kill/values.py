"""Killed in the middle of a latest's operations, of a cell's, and while a ring is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import ringbuf
from ringbuf import Cells, LatestReader, LatestWriter, StreamReader, StreamWriter, _core

from .warden import Arm, Steps, epoch, must, once, ring, step, word

SIZE = 300
READY = 140  # where the header says that it is whole
FIRST = 6  # the values before; the next one goes where a reader still looks


def value(k: int) -> bytes:
    """What publication k holds; its tag says k, too."""
    return (np.arange(SIZE - k % 3, dtype=np.uint64) * 29 + k).astype(np.uint8).tobytes()


def put(writer: LatestWriter, k: int) -> None:
    writer.put(value(k), a=k)


def read(reader: LatestReader) -> int:
    """The newest value's number, by copy and in place."""
    copy = reader.read()
    k = reader.record.a
    must(copy == value(k), "a value has other bytes")
    there = reader.acquire()
    must(there is not None and there.tobytes() == copy and reader.check(), "a value is not there in place")
    return k


def fill(writer: LatestWriter, arm: Arm) -> None:
    arm()
    bytes_of = np.frombuffer(value(FIRST + 1), np.uint8)
    at = writer.claim(len(bytes_of))
    at[:] = 0xA5
    step()
    at[:] = bytes_of
    step()


def op_put(writer: LatestWriter, arm: Arm) -> None:
    arm()
    put(writer, FIRST + 1)


def op_commit(writer: LatestWriter, arm: Arm) -> None:
    fill(writer, arm)
    writer.commit(len(value(FIRST + 1)), a=FIRST + 1)


def op_abort(writer: LatestWriter, arm: Arm) -> None:
    fill(writer, arm)
    writer.abort()


def op_close(writer: LatestWriter, arm: Arm) -> None:
    arm()
    writer.close()


def op_attach(writer: LatestWriter, arm: Arm) -> None:
    writer.close()
    arm()
    writer.__init__(writer.name)  # type: ignore[misc]


def writer_killed(operate: Callable[[LatestWriter, Arm], None], commits: bool) -> None:
    """The new value is there or the old one, whole; and who still looks at an older one learns that it went."""
    arrived = []
    for at in Steps(f"latest writer: {operate.__name__[3:]}"):
        with ring("latest", SIZE, slots=2) as name, LatestReader(name) as reader, LatestReader(name) as looking:
            with LatestWriter(name) as writer:
                for k in range(1, FIRST):
                    put(writer, k)
                held = looking.acquire()
                must(held is not None and looking.check(), "nothing to look at")
                put(writer, FIRST)

            def work(arm: Arm, name: str = name) -> LatestWriter:
                writer = LatestWriter(name)
                operate(writer, arm)
                return writer

            at.run(work)
            whole = held is not None and held.tobytes() == value(FIRST - 1)
            must(whole or not looking.check(), "what was overwritten is said to be whole")
            k = read(reader)
            arrived.append(k == FIRST + 1)
            must(k in (FIRST, FIRST + 1), f"value {k} is there")
            taken = epoch(name, 1)
            with LatestWriter(name) as successor:
                must(successor.epoch == taken + 1, "the role was not taken over")
                must(successor.sequence == k == read(reader), "the successor begins elsewhere")
                for following in range(k + 1, k + 6):
                    put(successor, following)
                    must(read(reader) == following, "the new value is not there")
    once(arrived, last=commits)


CELL_OPERATIONS: dict[str, tuple[Callable[[Cells], object], int]] = {
    "store": (lambda cells: cells.store(1, 9), 9),
    "add": (lambda cells: cells.add(1, 4), 11),
    "cas": (lambda cells: cells.cas(1, 7, 8), 8),
    "maximum": (lambda cells: cells.maximum(1, 10), 10),
}


def cell_killed(name: str) -> None:
    """The cell has the old number or the new one."""
    operate, new = CELL_OPERATIONS[name]
    arrived = []
    for at in Steps(f"cell: {name}"):
        with ring("cells", 3) as segment, Cells(segment) as cells:
            cells.store(1, 7)

            def work(arm: Arm, segment: str = segment) -> Cells:
                cells = Cells(segment)
                arm()
                operate(cells)
                return cells

            at.run(work)
            must(cells.load(1) in (7, new) and cells.load(0) == cells.load(2) == 0, "another number is there")
            arrived.append(cells.load(1) == new)
            must(cells.add(1, 1) == (new if arrived[-1] else 7) + 1, "others cannot go on")
    once(arrived)


def creator_killed() -> None:
    """A ring that is not finished is refused as one; a finished one works; and its creator can begin again."""
    finished = []
    for at in Steps("ring: format"):
        with ring("stream", 4096) as name:
            path = Path("/dev/shm", name)
            size = path.stat().st_size
            path.write_bytes(bytes(size))

            def work(arm: Arm, path: Path = path) -> None:
                with path.open("r+b") as file:
                    arm()
                    _core.format(_core.STREAM, 4096, readers=1, fd=file.fileno())

            at.run(work)
            try:
                with StreamReader(name):
                    finished.append(True)
                must(word(name, READY, "I") != 0, "a ring was taken that is not ready")
            except (ringbuf.RingCorrupt, ringbuf.NoRing):
                finished.append(False)
                path.write_bytes(bytes(size))
                fd = os.open(path, os.O_RDWR)
                _core.format(_core.STREAM, 4096, readers=1, fd=fd)
                os.close(fd)
            with StreamWriter(name) as writer, StreamReader(name) as reader:
                writer.put(b"x")
                must([record.data.tobytes() for record in reader] == [b"x"], "the ring does not work")
    once(finished)


SCENARIOS: dict[str, Callable[[], None]] = {
    "latest writer put": partial(writer_killed, op_put, True),
    "latest writer commit": partial(writer_killed, op_commit, True),
    "latest writer abort": partial(writer_killed, op_abort, False),
    "latest writer close": partial(writer_killed, op_close, False),
    "latest writer attach": partial(writer_killed, op_attach, False),
    **{f"cell {name}": partial(cell_killed, name) for name in CELL_OPERATIONS},
    "ring format": creator_killed,
}
