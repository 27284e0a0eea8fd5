"""What a wrong call, a wrong moment or a wrong array is told, and that it harms nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ringbuf
from ringbuf import Bells, Cells, HistoryReader, HistoryWriter, LatestWriter, StreamReader, StreamWriter, Waiter
from tests.ringbuf.conftest import Make


@pytest.mark.parametrize("name", ["a/b", "", ".", "..", "x" * 251, "a\0b", "a\nb", "ö"])
@pytest.mark.parametrize("call", [lambda name: ringbuf.create_cells(name, 4), Cells])
def test_a_name_that_cannot_be_is_named(name: str, call: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match="a ring cannot be called"):
        call(name)


@pytest.mark.parametrize(("kind", "sizes", "writer"), [
    ("stream", (4096,), lambda name: StreamWriter(name, dtype=np.int16)),
    ("history", (4096, 16000), HistoryWriter),
    ("latest", (1000,), lambda name: LatestWriter(name, dtype=np.int16)),
])  # fmt: skip
def test_an_array_of_another_dtype_is_not_taken_for_bytes(
    make: Make, kind: str, sizes: tuple[int, ...], writer: Callable[[str], Any]
) -> None:
    when = {"capture_ns": 0}
    with writer(make(kind, *sizes)) as ring:
        with pytest.raises(TypeError, match=r"items of 8 bytes do not go into ring .* convert"):
            ring.put(np.zeros(16), **when)
        ring.put(np.zeros(16, np.int16), **when)
        ring.put(bytes(32), **when)


@pytest.mark.parametrize("rate", [-1, 0, 2**32 + 16000])
def test_a_rate_that_cannot_be_is_refused(prefix: str, rate: int) -> None:
    with pytest.raises(ValueError, match="rate"):
        ringbuf.create_history(f"{prefix}.x", 4096, rate)


@pytest.mark.parametrize("dtype", ["datetime64[s]", "S2", [("l", "i2"), ("r", "i2")], object])
def test_samples_are_numbers(prefix: str, dtype: Any) -> None:
    with pytest.raises(ValueError, match="plain numbers"):
        ringbuf.create_history(f"{prefix}.x", 4096, 16000, dtype=dtype)


def test_a_ring_that_is_being_made_is_not_there_yet(make: Make) -> None:
    name = make("stream", 4096)
    path = Path("/dev/shm", name)
    for size in (path.stat().st_size, 0):
        path.write_bytes(bytes(size))
        with pytest.raises(ringbuf.NoRing, match="is being made"):
            StreamReader(name)


def test_a_role_that_this_process_holds_is_said_to_be_its_own(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name), pytest.raises(ringbuf.RoleTaken, match=f"is this process, {os.getpid()}, already"):
        StreamWriter(name)


def test_only_one_thread_waits_on_a_bell_and_a_forked_child_is_not_that_thread(make: Make) -> None:
    name = make("bells", 1)
    bell = Bells(name)[0]
    thread = threading.Thread(target=Waiter(bell, any_ring=True).wait, args=(None,))
    thread.start()
    try:
        sleeping = slice(os.sysconf("SC_PAGESIZE") + 4, os.sysconf("SC_PAGESIZE") + 8)
        while not any(Path("/dev/shm", name).read_bytes()[sleeping]):
            time.sleep(0.001)
        with pytest.raises(ringbuf.RingError, match="this process already waits on this bell"):
            Waiter(bell).wait(time.monotonic_ns() + 10**9)
        child = os.fork()
        if child == 0:
            os._exit(Waiter(bell).wait(time.monotonic_ns() + 10**6))
        assert os.waitpid(child, 0)[1] == 0
    finally:
        bell.ring()
        thread.join()


HALF_CLOSED = """if True:
    import sys, weakref, ringbuf
    writer = ringbuf.StreamWriter(sys.argv[1])
    said = []
    def use(_):
        try:
            writer.claim(4)
        except ringbuf.RingError as error:
            said.append(str(error))
    end = weakref.finalize(writer.claim(8).base, use, None)
    writer.close()
    del end
    assert writer.closed
    print(said)
"""


def test_code_that_runs_while_a_ring_closes_finds_it_closed(make: Make) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HALF_CLOSED, make("stream", 4096)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the ring is closed" in done.stdout


def test_an_attach_that_failed_leaves_the_role_free(make: Make) -> None:
    name = make("stream", 4096)
    path = Path("/dev/shm", name)
    whole = path.read_bytes()
    page = os.sysconf("SC_PAGESIZE")
    damaged = bytearray(whole)
    damaged[page + 128 : page + 136] = (64 * 999).to_bytes(8, "little")  # the writer's position
    path.write_bytes(damaged)
    with pytest.raises(ringbuf.RingCorrupt) as kept:
        StreamWriter(name)
    path.write_bytes(whole)
    with StreamWriter(name) as writer:  # and not "taken by this process", though the exception is kept
        assert writer.put(b"x")
    assert kept.value is not None


def test_flags_of_samples_that_are_not_there_are_none(make: Make) -> None:
    name = make("history", 4096, 16000)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        writer.put(bytes(320), capture_ns=0, flags=ringbuf.LOST)
        assert reader.flags(0, 160) == ringbuf.LOST
        assert reader.flags(160, 320) == 0
