"""One process is killed at the first step of an operation, another at the second, and so on, until one survives.

This runs in a process of its own, with the package that was built with steps (`steps.h`). A scenario is a function that
goes through `Steps`: for each it makes a ring, has a forked child do the operation, and then looks at what is left, as
the other side and as the successor."""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import signal
import struct
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ringbuf
from ringbuf import _core

Arm = Callable[[], None]
"""A child calls this when its next step may be the last."""
Work = Callable[[Arm], object]
"""What a child does. It returns what must not be closed before the countdown is over."""

PAGE = mmap.PAGESIZE
SITE = struct.Struct("=28sI")  # struct rb_site
PATIENCE = float(os.environ.get("KILL_PATIENCE", "20"))
"""Seconds after which something that should happen did not."""

_shared = mmap.mmap(-1, SITE.size)
_countdown = ctypes.c_int(0)  # until `begin`: of no effect


def begin(package: str) -> None:
    """Take hold of the steps of the ringbuf that was imported, which must lie in `package`."""
    global _countdown
    must(_core.__file__.startswith(package), f"{_core.__file__} is not the build with steps")
    library = ctypes.CDLL(_core.__file__)
    ctypes.c_void_p.in_dll(library, "rb_site").value = ctypes.addressof(ctypes.c_char.from_buffer(_shared))
    _countdown = ctypes.c_int.in_dll(library, "rb_countdown")


sites: set[str] = set()
"""Where processes were killed, as file:line."""
done: dict[str, list[int]] = {}
"""How many steps each operation had; several numbers where several runs of it differ in how it began."""


class Broken(AssertionError):  # noqa: N818
    """What must hold does not."""


def must(condition: object, what: str) -> None:
    """An assertion that -O does not take away."""
    if not condition:
        raise Broken(what)


class Child:
    """A forked process that runs `work`, and is killed at step `n` after it armed itself."""

    def __init__(self, work: Work, n: int = 0) -> None:
        def arm() -> None:
            _countdown.value = n

        self.pid = os.fork()
        if self.pid:
            _alive.add(self)
            return
        code = 1
        try:
            signal.alarm(int(2 * PATIENCE))  # one that hangs dies in the end, even when nobody is left to see it
            rings = work(arm)
            _countdown.value = 0
            del rings
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def ended(self, killed: bool | None = None) -> bool:
        """Wait for its end: was it killed? Any other end than that or success is an error, as is the wrong one."""
        fd = os.pidfd_open(self.pid)
        there, _, _ = select.select([fd], [], [], PATIENCE)
        os.close(fd)
        must(there, "a child does not end: nobody woke it?")
        _, status = os.waitpid(self.pid, 0)
        _alive.discard(self)
        was = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        must(was or status == 0, f"a child ended with {status}")
        must(killed in (None, was), "a child was killed" if was else "a child survived")
        return was

    def kill(self) -> None:
        """Kill it from outside, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        _alive.discard(self)


_alive: set[Child] = set()


def kill_the_rest() -> None:
    """What a scenario that broke has left."""
    for child in list(_alive):
        child.kill()


class Steps:
    """The steps of one operation: `for step in Steps(name)`, and in each turn one `step.run(…)`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.n = 0
        self.survived = False

    def __iter__(self) -> Iterator[Steps]:
        while not self.survived:
            self.n += 1
            must(self.n < 100, f"{self.name} does not end")
            yield self
        done.setdefault(self.name, []).append(self.n - 1)

    def start(self, work: Work) -> Child:
        """Fork a child that does the operation."""
        return Child(work, self.n)

    def end(self, child: Child) -> bool:
        """Wait for it; whether it was killed. Notes where."""
        killed = child.ended()
        self.survived = not killed
        if killed:
            file, line = SITE.unpack(_shared[:])
            sites.add(f"{file.rstrip(bytes(1)).decode()}:{line}")
        return killed

    def run(self, work: Work) -> bool:
        """Fork, wait; whether it was killed."""
        return self.end(self.start(work))


def step() -> None:
    """A step of the test's own, in the middle of what only Python code does: filling what was claimed."""
    if _countdown.value > 0:
        _countdown.value -= 1
        if _countdown.value == 0:
            _shared[:] = SITE.pack(b"python", 0)
            os.kill(os.getpid(), signal.SIGKILL)


_CREATE: dict[str, Callable[..., ringbuf.Segment]] = {
    "stream": ringbuf.create_stream,
    "history": ringbuf.create_history,
    "latest": ringbuf.create_latest,
    "cells": ringbuf.create_cells,
    "bells": ringbuf.create_bells,
    "lease": ringbuf.create_lease,
}


@contextmanager
def ring(kind: str, *size: int, **geometry: Any) -> Iterator[str]:
    """A new ring's name; it is gone afterwards."""
    with _CREATE[kind](f"killtest{uuid.uuid4().hex[:12]}", *size, **geometry) as segment:
        yield segment.name


def word(name: str, offset: int, code: str = "Q") -> int:
    """A number in a segment, read from outside."""
    with Path("/dev/shm", name).open("rb") as file:
        file.seek(offset)
        value: int = struct.unpack(f"={code}", file.read(struct.calcsize(code)))[0]
        return value


def epoch(name: str, page: int) -> int:
    """How often the role on this page was taken (layout.h: 1 the writer, 2 and on the readers)."""
    return word(name, page * PAGE + 8)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        must(time.monotonic() < deadline, what)
        time.sleep(0.0002)


def once(happened: list[bool], first: bool = False, last: bool = True) -> None:
    """Over all steps: not yet at the first, done at the last, and once done, done."""
    must(happened == sorted(happened), f"done, and not done a step later: {happened}")
    must((happened[0], happened[-1]) == (first, last), f"at the first and last step: {happened}")
