"""What a system must bring to be measured: a link made by the parent, and an end of it in each of two processes."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ringbench.frames import PING, Frames

clock = time.perf_counter_ns
"""CLOCK_MONOTONIC, like the clock in floors.c."""

SHM = Path("/dev/shm")
SPINS, SLEEPS = "spins", "sleeps"


class BenchError(Exception):
    """Why the bench cannot be run, in one line."""


class Missing(BenchError):  # noqa: N818
    """Something that it needs is not installed; the message says how to get it."""


class Damaged(BenchError):  # noqa: N818
    """A frame did not arrive as it was sent."""

    def __init__(self) -> None:
        super().__init__("a frame did not arrive as it was sent")


class Scratch:
    """What this run makes, by names that no other run has; all of it is gone at the end."""

    def __init__(self) -> None:
        self.prefix = f"ringbench-{os.getpid()}-"
        self.stack = ExitStack()

    def __enter__(self) -> Scratch:
        self.folder = Path(tempfile.mkdtemp(prefix=self.prefix))
        self.stack.callback(shutil.rmtree, self.folder)
        self.stack.callback(self._sweep)
        self._names = 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stack.close()

    def _sweep(self) -> None:
        """Remove what a peer has left behind in shared memory: iceoryx2 does, after a clean end too."""
        for path in SHM.glob(f"{self.prefix}*"):
            path.unlink(missing_ok=True)

    def name(self, what: str) -> str:
        """A name for a segment of shared memory, a socket, a service."""
        self._names += 1
        return f"{self.prefix}{what}-{self._names}"


class End(ABC):
    """One end of a link. It runs in a process of its own, pinned to a core of its own.

    `hops` may be written out where a call more would count; the two calls more that this one makes are 0.05 us.
    """

    def __init__(self, link: Any, role: int, frames: Frames) -> None:
        self.link, self.role, self.frames = link, role, frames

    @abstractmethod
    def send(self, source: Any) -> None:
        """Fill a frame from `source` and send it."""

    @abstractmethod
    def receive(self) -> int:
        """Wait for the next frame; the sum of all its bytes."""

    def hops(self, n: int, stamps: array[int] | None) -> None:
        """n times: send a frame, receive the other side's, check its sum, note the time."""
        for source, expected in self.frames.pairs(n):
            self.send(source)
            if self.receive() != expected:
                raise Damaged
            if stamps is not None:
                stamps.append(clock())

    def close(self) -> None:
        """Let go of the link."""
        self.link = None

    def ping(self, n: int) -> bytes:
        """Begin and end a game of n round trips; the times at which each was complete, as int64."""
        stamps = array("q", [clock()])
        self.hops(n, stamps)
        self.send(self.frames.out[n % len(self.frames.out)])  # the other side waits for one more
        return stamps.tobytes()

    def pong(self, n: int) -> None:
        """Reply to it."""
        if self.receive() != self.frames.first:
            raise Damaged
        self.hops(n, None)


@dataclass(frozen=True)
class System:
    """A row of the table."""

    key: str
    """Its name in the JSON."""
    title: str
    peer: str
    """What it is called in --peers; several rows may belong to one."""
    waits: str
    link: Callable[[Scratch, int], Any]
    """Makes the link for frames of so many bytes; called in the parent, which outlives both ends."""
    end: type[End]
    module: str | None = None
    package: str | None = None
    sizes: tuple[int, ...] | None = None
    """Frames it is measured with, if not those of all."""


class Side:
    """All links of a system, seen from one of its two processes."""

    def __init__(self, end: type[End], role: int, links: dict[int, Any]) -> None:
        self._ends = {size: end(link, role, Frames(role, size)) for size, link in links.items()}
        self._play = "ping" if role == PING else "pong"

    def play(self, size: int, n: int) -> Any:
        return getattr(self._ends[size], self._play)(n)

    def close(self) -> None:
        for end in self._ends.values():
            end.close()
