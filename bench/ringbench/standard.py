"""The standard library's ways: Pipe, SimpleQueue, Queue."""

from __future__ import annotations

from typing import Any

import numpy as np

from ringbench.frames import PING, Frames, total
from ringbench.process import context
from ringbench.system import End, Scratch


def _this_way(link: tuple[Any, Any], role: int) -> tuple[Any, Any]:
    """What this side writes and what it reads."""
    return link if role == PING else link[::-1]


def pipe_link(scratch: Scratch, size: int) -> tuple[Any, Any]:
    """A one-way pipe each way: faster than a duplex one, which is a socket."""
    ways = context.Pipe(duplex=False), context.Pipe(duplex=False)
    for way in ways:
        for end in way:
            scratch.stack.callback(end.close)
    return ways


class PipeBytes(End):
    """`send_bytes` of the frame as it lies; `recv_bytes`, which is faster than `recv_bytes_into`."""

    def __init__(self, link: tuple[Any, Any], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        ours, theirs = _this_way(link, role)
        self.outbox, self.inbox = ours[1], theirs[0]
        self.frame = np.zeros(frames.items, np.int16)

    def send(self, source: Any) -> None:
        self.frame[:] = source
        self.outbox.send_bytes(self.frame)

    def receive(self) -> int:
        return total(self.inbox.recv_bytes())


class PipeBytesInto(PipeBytes):
    """`recv_bytes_into` a buffer that is used again."""

    def __init__(self, link: tuple[Any, Any], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        self.buffer = bytearray(frames.size)

    def receive(self) -> int:
        self.inbox.recv_bytes_into(self.buffer)
        return total(self.buffer)


class PipeObject(PipeBytes):
    """`send` and `recv`: the array is pickled, as most people do it."""

    def send(self, source: Any) -> None:
        self.frame[:] = source
        self.outbox.send(self.frame)

    def receive(self) -> int:
        return total(self.inbox.recv())


def simple_queue_link(scratch: Scratch, size: int) -> tuple[Any, Any]:
    """A SimpleQueue each way."""
    return context.SimpleQueue(), context.SimpleQueue()


def queue_link(scratch: Scratch, size: int) -> tuple[Any, Any]:
    """A Queue each way."""
    return context.Queue(), context.Queue()


class Queued(End):
    """Both queues pickle; bytes are what they pickle fastest."""

    def __init__(self, link: tuple[Any, Any], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        self.outbox, self.inbox = _this_way(link, role)
        self.frame = np.zeros(frames.items, np.int16)

    def send(self, source: Any) -> None:
        self.frame[:] = source
        self.outbox.put(self.frame.tobytes())

    def receive(self) -> int:
        return total(self.inbox.get())
