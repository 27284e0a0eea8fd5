"""The floors in C, compiled when they are needed; floors.c says what they do."""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import time
from array import array
from functools import cached_property
from pathlib import Path
from typing import Any

from ringbench.frames import Frames
from ringbench.system import SHM, Damaged, End, Missing, Scratch

SOURCE = Path(__file__).with_name("floors.c")
COMPILER = "cc"
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
HEADER = 4096
SPAN = 1 << 17
"""Bytes of frames for each side, as in the ring beside it."""


def library(scratch: Scratch) -> str:
    """The compiled floors; the first call compiles them."""
    path = scratch.folder / "floors.so"
    if not path.exists():
        compiler = shutil.which(COMPILER)
        if compiler is None:
            raise Missing("the floors need a C compiler: install gcc, or leave them out with --peers")
        done = subprocess.run([compiler, *FLAGS, "-o", path, SOURCE], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"the floors do not compile: {done.stderr.strip().splitlines()[0]}")
    return str(path)


def floor_link(scratch: Scratch, size: int) -> dict[str, Any]:
    """Two lines and the frames of both sides in a file in memory, by its name."""
    path = SHM / scratch.name("floor")
    slots = 1 << (max(8, SPAN // size) - 1).bit_length() if size else 1  # a power of two
    path.write_bytes(bytes(HEADER + 2 * slots * size))
    scratch.stack.callback(path.unlink)
    return {"library": library(scratch), "memory": str(path), "slots": slots}


class _Game(ctypes.Structure):
    _fields_ = (
        ("shared", ctypes.c_void_p),
        ("role", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("slots", ctypes.c_uint64),
        ("variety", ctypes.c_uint64),
        ("sources", ctypes.c_void_p),
        ("expected", ctypes.c_void_p),
        ("sleeps", ctypes.c_uint64),
    )


class Spin(End):
    """Spins on the other side's line. The whole game runs in C."""

    sleeps = False

    def __init__(self, link: dict[str, Any], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        self.c = ctypes.CDLL(link["library"])
        with open(link["memory"], "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        words = ctypes.c_uint32.from_buffer(self.memory)
        self.sources = (ctypes.c_void_p * len(frames.out))(*(frame.ctypes.data for frame in frames.out))
        self.expected = (ctypes.c_uint32 * len(frames.out))(*frames.expected)
        self.seen = 0
        self.game = _Game(
            ctypes.addressof(words),
            role,
            frames.size,
            link["slots"],
            len(frames.out),
            ctypes.addressof(self.sources),
            ctypes.addressof(self.expected),
            self.sleeps,
        )
        self.c.floor_receive.restype = ctypes.c_uint32
        self.c.floor_hops.restype = ctypes.c_uint64

    @cached_property
    def here(self) -> Any:
        return ctypes.byref(self.game)

    def send(self, source: Any) -> None:
        which = next(i for i, frame in enumerate(self.frames.out) if frame is source)
        self.c.floor_send(self.here, ctypes.c_uint64(which))

    def receive(self) -> int:
        sum_ = int(self.c.floor_receive(self.here, ctypes.c_uint32(self.seen)))
        self.seen += 1
        return sum_

    def hops(self, n: int, stamps: array[int] | None) -> None:
        noted = (ctypes.c_int64 * n)() if stamps is not None else None
        done = self.c.floor_hops(self.here, ctypes.c_uint64(n), ctypes.c_uint32(self.seen), noted)
        if done != n:
            raise Damaged
        self.seen += n
        if stamps is not None:
            stamps.extend(noted or ())


class Futex(Spin):
    """Sleeps in the kernel until the other side wakes it."""

    sleeps = True


class Sleeper:
    """The two sides of a wake-up, for what it costs whoever wakes."""

    def __init__(self, link: dict[str, Any]) -> None:
        self.c = ctypes.CDLL(link["library"])
        with open(link["memory"], "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.word = ctypes.c_uint32.from_buffer(self.memory)

    def sleep(self) -> None:
        """Until whoever wakes has done."""
        self.word.value = 1
        self.c.floor_sleeper(ctypes.byref(self.word))

    def wake(self, n: int, gap_ns: int) -> bytes:
        """Wake it n times; how long each system call took, in ns, as int64."""
        took = (ctypes.c_int64 * n)()
        while not self.word.value:  # the sleeper has not begun
            time.sleep(0.001)
        self.c.floor_waker(ctypes.byref(self.word), ctypes.c_uint64(n), ctypes.c_int64(gap_ns), took)
        return bytes(took)

    def close(self) -> None:
        """Nothing to let go of but memory."""
