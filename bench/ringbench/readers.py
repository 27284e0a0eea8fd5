"""The history ring's writer, with more and more readers: what each of them costs it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

import ringbuf
from ringbench.floors import Sleeper, floor_link
from ringbench.frames import PING, Frames, total
from ringbench.ours import CAPTURE_NS, SECOND
from ringbench.process import Child
from ringbench.system import Scratch, clock

HOP = 320
AWAKE = (0, 1, 2, 10)
"""How many readers are awake; each number has a ring, and a bell for each of its readers, as in the engine."""
STOP, BEGUN = 0, 1


@dataclass(frozen=True)
class Rings:
    """Names of the segments."""

    history: dict[int, str]
    """By the number of readers."""
    bells: str
    cells: str


def rings(scratch: Scratch) -> Rings:
    def kept(segment: ringbuf.Segment) -> str:
        scratch.stack.callback(segment.unlink)
        return segment.name

    return Rings(
        {
            readers: kept(ringbuf.create_history(scratch.name("readers"), 1 << 19, 16000, readers=max(readers, 1)))
            for readers in AWAKE
        },
        kept(ringbuf.create_bells(scratch.name("bells"), max(AWAKE))),
        kept(ringbuf.create_cells(scratch.name("cells"), 2)),
    )


class Writer:
    """Writes a hop now and then and notes what it took."""

    def __init__(self, names: Rings) -> None:
        bells = list(ringbuf.Bells(names.bells))
        self.writers = {n: ringbuf.HistoryWriter(name, bells=bells[:n]) for n, name in names.history.items()}
        self.cells = ringbuf.Cells(names.cells)
        self.bells = bells
        self.frames = Frames(PING, 2 * HOP)

    def hops(self, readers: int, n: int, gap_ns: int) -> list[int]:
        """claim, fill, commit, n times, when so many readers have begun; then stops them. What each hop took, in ns,
        a reading of the clock included."""
        writer = self.writers[readers]
        while self.cells.load(BEGUN) < readers:
            time.sleep(0.001)
        took = []
        for source in islice(cycle(self.frames.out), n):
            next_ns = clock() + gap_ns
            while clock() < next_ns:
                pass
            began = clock()
            writer.claim(HOP)[:] = source
            writer.commit(HOP, capture_ns=CAPTURE_NS)
            took.append(clock() - began)
        self.cells.store(STOP, 1)
        for bell in self.bells:
            bell.ring()
        return took

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()


class Reader:
    """Reads every hop and sums it, until it is told to stop."""

    def __init__(self, names: Rings, slot: int) -> None:
        self.readers = {n: ringbuf.HistoryReader(name, slot) for n, name in names.history.items() if slot < n}
        self.cells = ringbuf.Cells(names.cells)
        self.bell = ringbuf.Bells(names.bells)[slot]

    def poll(self, ring: int) -> int:
        """Without ever sleeping; how many hops it read."""
        return self._read(ring, asleep=False)

    def sleep(self, ring: int) -> int:
        """Sleeping until there is a hop; how many it read."""
        return self._read(ring, asleep=True)

    def _read(self, ring: int, asleep: bool) -> int:
        reader, cells, read = self.readers[ring], self.cells, 0
        reader.seek(reader.position)
        reader.want(HOP)
        waiter = ringbuf.Waiter(self.bell, [reader, cells.watch(STOP)])
        cells.add(BEGUN, 1)
        while not cells.load(STOP):
            if asleep:
                waiter.wait(clock() + SECOND)
            while (window := reader.acquire(HOP)) is not None:
                total(window)
                reader.release(HOP)
                read += 1
        return read

    def close(self) -> None:
        for reader in self.readers.values():
            reader.close()


class Audience:
    """The processes of it: the writer on a core of its own, the readers on the others, in turn."""

    def __init__(self, scratch: Scratch, cores: list[int], floor: bool) -> None:
        names = rings(scratch)
        self.cells = ringbuf.Cells(names.cells)
        scratch.stack.callback(self.cells.close)
        self.writer = self._child(scratch, "the history's writer", cores[0], Writer, names)
        others = cores[1:]
        self.readers = [
            self._child(scratch, f"reader {slot}", others[slot % len(others)], Reader, names, slot)
            for slot in range(max(AWAKE))
        ]
        self.sleepers = []
        if floor:
            link = floor_link(scratch, 0)
            self.sleepers = [self._child(scratch, "the floor's waker", core, Sleeper, link) for core in cores[:2]]
        for child in (self.writer, *self.readers, *self.sleepers):
            child.answer()

    @staticmethod
    def _child(scratch: Scratch, what: str, core: int, *make: object) -> Child:
        child = Child(what, core, *make)  # type: ignore[arg-type]
        scratch.stack.callback(child.close)
        return child

    def measure(self, hops: int) -> dict[str, float]:
        """ns for a hop of the writer, clock included: by the number of readers awake, and with one asleep."""
        found = {f"awake_{n}": self._hop(n, "poll", hops, 5_000) for n in AWAKE}
        found["asleep_1"] = self._hop(1, "sleep", hops // 20, 200_000)
        # With the same pauses and a reader awake: what the writer's own caches forget meanwhile is no part of the wake.
        found["awake_1_slow"] = self._hop(1, "poll", hops // 20, 200_000)
        if self.sleepers:
            waker, sleeper = self.sleepers
            sleeper.tell("sleep")
            found["futex_wake"] = float(np.median(np.frombuffer(waker.ask("wake", hops // 20, 200_000), np.int64)))
            sleeper.answer()
        return found

    def _hop(self, readers: int, how: str, hops: int, gap_ns: int) -> float:
        self.cells.store(STOP, 0)
        self.cells.store(BEGUN, 0)
        for reader in self.readers[:readers]:
            reader.tell(how, readers)
        took = self.writer.ask("hops", readers, hops, gap_ns)
        for reader in self.readers[:readers]:
            reader.answer()
        return float(np.median(took))
