"""One process alone: what the calls themselves cost, and what they allocate."""

from __future__ import annotations

import sys
import tracemalloc
from array import array
from collections.abc import Callable
from itertools import repeat

import numpy as np

import ringbuf
from ringbench.frames import PING, SIZES, Frames, total
from ringbench.ours import ATTEMPT, CAPTURE_NS, SESSION, TURN, history_link, stream_link
from ringbench.system import Scratch, clock

BATCH = 1000
SETTLED = 20_000
"""Hops after which every place of the rings was seen, and every view made."""


def links(scratch: Scratch) -> tuple[dict[str, str], dict[str, str]]:
    """The rings for it."""
    return stream_link(scratch, 640), history_link(scratch, 640)


class Calls:
    """A writer and a reader of the same ring, with the bells that they have in the engine."""

    def __init__(self, stream: dict[str, str], history: dict[str, str]) -> None:
        self.frames = Frames(PING, 640)
        bells = ringbuf.Bells(stream["bells"])
        self.writer = ringbuf.StreamWriter(stream["ping"], bells=[bells[1]], dtype=np.int16)
        self.reader = ringbuf.StreamReader(stream["ping"], bells=[bells[0]], dtype=np.int16)
        self.mic = ringbuf.HistoryWriter(history["ping"], bells=[bells[1]])
        self.ear = ringbuf.HistoryReader(history["ping"], slot=0)

    def costs(self, batches: int) -> dict[str, float]:
        """Median of so many batches, ns for one round of the calls. An empty loop's cost is taken off."""
        empty = _median(_empty, batches)
        loops = {"four": self._four, "four_tagged": self._four_tagged, "four_history": self._four_history}
        for loop in loops.values():
            loop(SETTLED)
        found = {name: _median(loop, batches) - empty for name, loop in loops.items()}
        return {**found, **{f"fill_and_sum_{size}": _work(size) for size in SIZES}}

    def allocations(self, hops: int) -> dict[str, int]:
        """Blocks and traced bytes that so many hops through both kinds of ring leave behind."""
        self._hops(SETTLED)
        found = array("q", [0, 0, 0, 0])  # readings kept as objects would be counted themselves
        found[0] = sys.getallocatedblocks()
        self._hops(hops)
        found[1] = sys.getallocatedblocks()
        tracemalloc.start()
        self._hops(BATCH)
        found[2] = tracemalloc.get_traced_memory()[0]
        self._hops(hops)
        found[3] = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return {"hops": hops, "blocks": found[1] - found[0], "traced_bytes": found[3] - found[2]}

    def close(self) -> None:
        for end in (self.writer, self.reader, self.mic, self.ear):
            end.close()

    def _four(self, n: int) -> None:
        writer, reader = self.writer, self.reader
        for _ in repeat(None, n):
            writer.claim(320)
            writer.commit(320)
            reader.acquire()
            reader.release()

    def _four_tagged(self, n: int) -> None:
        writer, reader = self.writer, self.reader
        for _ in repeat(None, n):
            writer.claim(320)
            writer.commit(320, session=SESSION, turn=TURN, attempt=ATTEMPT, capture_ns=CAPTURE_NS)
            reader.acquire()
            reader.release()

    def _four_history(self, n: int) -> None:
        writer, reader = self.mic, self.ear
        for _ in repeat(None, n):
            writer.claim(320)
            writer.commit(320, capture_ns=CAPTURE_NS)
            reader.acquire(320)
            reader.release(320)

    def _hops(self, n: int) -> None:
        """Whole hops, through both kinds of ring."""
        writer, reader, mic, ear, source = self.writer, self.reader, self.mic, self.ear, self.frames.out[0]
        for _ in repeat(None, n):
            view = writer.claim(320)
            view[:] = source  # type: ignore[index]  # it is emptied at once
            writer.commit(320, session=SESSION, turn=TURN, attempt=ATTEMPT, capture_ns=CAPTURE_NS)
            record = reader.acquire()
            mic.claim(320)[:] = record.data  # type: ignore[union-attr]  # it was filled just now
            reader.release()
            mic.commit(320, capture_ns=CAPTURE_NS)
            total(ear.acquire(320))
            ear.release(320)


def _empty(n: int) -> None:
    for _ in repeat(None, n):
        pass


def _work(size: int) -> float:
    """ns for a fill and a sum in private memory."""
    frames, times = Frames(PING, size), []
    frame = np.zeros(frames.items, np.int16)
    for source, _ in frames.pairs(BATCH):
        began = clock()
        frame[:] = source
        total(frame)
        times.append(clock() - began)
    return float(np.median(times)) - _clock()


def _clock() -> float:
    """ns that a reading of the clock takes."""
    readings = [clock() for _ in range(BATCH)]
    return float(np.median(np.diff(readings)))


def _median(loop: Callable[[int], None], batches: int) -> float:
    times = []
    for _ in range(batches):
        began = clock()
        loop(BATCH)
        times.append(clock() - began)
    return float(np.median(times)) / BATCH
