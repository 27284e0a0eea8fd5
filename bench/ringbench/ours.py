"""The rings of this project, through the calls that its workers make."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

import ringbuf
from ringbench.frames import PING, PONG, Frames, total
from ringbench.system import Damaged, End, Scratch, clock

SECOND = 1_000_000_000
SESSION, TURN, ATTEMPT, CAPTURE_NS = 1, 7, 2, 1_700_000_000_000_000_000


def stream_link(scratch: Scratch, size: int) -> dict[str, str]:
    """A stream each way, as large as the engine's speaker ring or eight frames, and a bell for each side."""
    capacity = max(1 << 17, 8 * (size + 64))
    return {
        "ping": _made(scratch, ringbuf.create_stream(scratch.name("stream"), capacity)),
        "pong": _made(scratch, ringbuf.create_stream(scratch.name("stream"), capacity)),
        "bells": _made(scratch, ringbuf.create_bells(scratch.name("bells"), 2)),
    }


def history_link(scratch: Scratch, size: int) -> dict[str, str]:
    """A history each way, as long as the engine's, or eight frames."""
    capacity = max(1 << 19, 8 * size // 2)
    return {
        "ping": _made(scratch, ringbuf.create_history(scratch.name("history"), capacity, 16000)),
        "pong": _made(scratch, ringbuf.create_history(scratch.name("history"), capacity, 16000)),
        "bells": _made(scratch, ringbuf.create_bells(scratch.name("bells"), 2)),
    }


def _made(scratch: Scratch, segment: ringbuf.Segment) -> str:
    scratch.stack.callback(segment.unlink)
    return segment.name


def _names(role: int) -> tuple[str, str]:
    """What this side writes and what it reads."""
    return ("ping", "pong") if role == PING else ("pong", "ping")


class Stream(End):
    """Polls for the next record; tags what it sends as the vocoder does. Both ends have the other's bell, as they do in
    the engine: whoever sleeps would be woken."""

    def __init__(self, link: dict[str, str], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        ours, theirs = _names(role)
        self.bells = ringbuf.Bells(link["bells"])
        other = self.bells[PONG if role == PING else PING]
        self.writer = ringbuf.StreamWriter(link[ours], bells=[other], dtype=np.int16)
        self.reader = ringbuf.StreamReader(link[theirs], bells=[other], dtype=np.int16)

    def send(self, source: Any) -> None:
        view = self.writer.claim(self.frames.items)
        assert view is not None, "full"
        view[:] = source
        self.writer.commit(self.frames.items, session=SESSION, turn=TURN, attempt=ATTEMPT, capture_ns=CAPTURE_NS)

    def receive(self) -> int:
        while (record := self.reader.acquire()) is None:
            pass
        sum_ = total(record.data)
        self.reader.release()
        return sum_

    def hops(self, n: int, stamps: array[int] | None) -> None:
        writer, reader, items = self.writer, self.reader, self.frames.items
        for source, expected in self.frames.pairs(n):
            view = writer.claim(items)
            view[:] = source  # type: ignore[index]  # a ping-pong never finds it full
            writer.commit(items, session=SESSION, turn=TURN, attempt=ATTEMPT, capture_ns=CAPTURE_NS)
            while (record := reader.acquire()) is None:
                pass
            if total(record.data) != expected:
                raise Damaged
            reader.release()
            if stamps is not None:
                stamps.append(clock())

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


class UntaggedStream(Stream):
    """Without the tag, which the peers do not carry either."""

    def hops(self, n: int, stamps: array[int] | None) -> None:
        writer, reader, items = self.writer, self.reader, self.frames.items
        for source, expected in self.frames.pairs(n):
            view = writer.claim(items)
            view[:] = source  # type: ignore[index]  # a ping-pong never finds it full
            writer.commit(items)
            while (record := reader.acquire()) is None:
                pass
            if total(record.data) != expected:
                raise Damaged
            reader.release()
            if stamps is not None:
                stamps.append(clock())


class SleepingStream(Stream):
    """Sleeps on its doorbell until the next record is there."""

    spin_ns = 0

    def __init__(self, link: dict[str, str], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        self.waiter = ringbuf.Waiter(self.bells[role], [self.reader], spin_ns=self.spin_ns)

    def receive(self) -> int:
        self.waiter.wait(clock() + 60 * SECOND)
        record = self.reader.acquire()
        assert record is not None, "a wake-up was lost"
        sum_ = total(record.data)
        self.reader.release()
        return sum_

    hops = End.hops


class SpinningWaiter(SleepingStream):
    """Waits as a worker does, in one call that spins for a while before it sleeps."""

    spin_ns = SECOND


class History(End):
    """The microphone's kind of ring: any number of readers, and the writer knows none of them."""

    def __init__(self, link: dict[str, str], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        ours, theirs = _names(role)
        bells = ringbuf.Bells(link["bells"])
        other = bells[PONG if role == PING else PING]
        self.writer = ringbuf.HistoryWriter(link[ours], bells=[other])
        self.reader = ringbuf.HistoryReader(link[theirs], slot=0, start=0)

    def send(self, source: Any) -> None:
        self.writer.claim(self.frames.items)[:] = source
        self.writer.commit(self.frames.items, capture_ns=CAPTURE_NS)

    def receive(self) -> int:
        while (window := self.reader.acquire(self.frames.items)) is None:
            pass
        sum_ = total(window)
        self.reader.release(self.frames.items)
        return sum_

    def hops(self, n: int, stamps: array[int] | None) -> None:
        writer, reader, items = self.writer, self.reader, self.frames.items
        for source, expected in self.frames.pairs(n):
            writer.claim(items)[:] = source
            writer.commit(items, capture_ns=CAPTURE_NS)
            while (window := reader.acquire(items)) is None:
                pass
            if total(window) != expected or not reader.release(items):
                raise Damaged
            if stamps is not None:
                stamps.append(clock())

    def close(self) -> None:
        self.writer.close()
        self.reader.close()
