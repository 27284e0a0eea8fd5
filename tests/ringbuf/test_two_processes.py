"""Two real processes, checksums on everything, sleeping and waking; a passed deadline is a lost wake-up."""

from __future__ import annotations

import subprocess
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest

import ringbuf

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

STREAM = """if True:
    import random, sys, time, zlib, ringbuf
    name, bells, seed, count = sys.argv[1], ringbuf.Bells(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    rng = random.Random(seed)
    with ringbuf.StreamWriter(name, bells=[bells[0]]) as writer:
        waiter = ringbuf.Waiter(bells[1], [writer.space(900)])
        for i in range(count):
            payload = rng.randbytes(rng.randrange(901))
            while not writer.put(payload, turn=i, a=zlib.crc32(payload)):
                if not waiter.wait(time.monotonic_ns() + 60_000_000_000) or waiter.missed:
                    sys.exit("a wake-up was lost")
            if rng.random() < 0.01:
                time.sleep(0.0005)
"""


@pytest.mark.parametrize("first", [0, 2**64 - 64 * 1000])
@pytest.mark.parametrize("spin_ns", [0, 20_000])
def test_a_stream_between_processes_loses_and_damages_nothing(
    make: Make, spawn: Spawn, first: int, spin_ns: int
) -> None:
    name, bells, count = make("stream", 4096, first=first), make("bells", 2), 20_000
    process = spawn(STREAM, name, bells, "7", str(count))
    line = ringbuf.Bells(bells)
    seen = 0
    with ringbuf.StreamReader(name, bells=[line[1]]) as reader:
        waiter = ringbuf.Waiter(line[0], [reader], spin_ns=spin_ns)
        while seen < count:
            assert waiter.wait(time.monotonic_ns() + 60_000_000_000), f"a wake-up was lost after {seen}"
            assert waiter.missed == 0, f"a wake-up was lost after {seen}"
            for record in reader:
                assert record.turn == seen
                assert record.a == zlib.crc32(record.data.tobytes())
                seen += 1
    assert process.wait() == 0


HISTORY = """if True:
    import sys, time, numpy, ringbuf
    name, bells, blocks = sys.argv[1], ringbuf.Bells(sys.argv[2]), int(sys.argv[3])
    with ringbuf.HistoryWriter(name, bells=list(bells)) as writer:
        for i in range(blocks):
            n = 1 + (i * 37) % 300
            at = writer.position
            block = writer.claim(n)
            block[:] = numpy.arange(at, at + n) % 32749
            writer.commit(n, capture_ns=at)
            if i % 16 == 0:
                time.sleep(0.0002)
        print(writer.position)
"""


def test_history_readers_see_whole_windows_or_learn_that_they_were_lapped(make: Make, spawn: Spawn) -> None:
    name, bells, blocks = make("history", 4096, 10**9), make("bells", 1), 20_000
    total = sum(1 + (i * 37) % 300 for i in range(blocks))
    line = ringbuf.Bells(bells)
    whole = spoilt = used = 0
    with ringbuf.HistoryReader(name, 0, start="oldest") as reader:
        process = spawn(HISTORY, name, bells, str(blocks))
        reader.want(512)
        waiter = ringbuf.Waiter(line[0], [reader])
        while reader.cursor + 512 <= total:
            assert waiter.wait(time.monotonic_ns() + 60_000_000_000), f"a wake-up was lost at {reader.cursor}"
            assert waiter.missed == 0, f"a wake-up was lost at {reader.cursor}"
            window = reader.acquire(512)
            if window is None:
                continue
            start = reader.cursor
            expected = (np.arange(start, start + 512) % 32749).astype(np.int16)
            captured = reader.capture_ns(start + 100)
            same = bool((window == expected).all())
            if reader.release(512):
                assert same, f"a window at {start} was said to be whole and is not"
                whole += 1
                assert captured is None or captured == start + 100
            else:
                spoilt += 1
            used += 512
        assert reader.lost + used == reader.cursor
    assert process.wait() == 0
    assert whole > 100


# The writer touches both ends of a large frame only: it is round much sooner than the reader has copied one.
LATEST = """if True:
    import sys, numpy, ringbuf
    with ringbuf.LatestWriter(sys.argv[1], dtype=numpy.uint64) as writer:
        for i in range(1, int(sys.argv[2]) + 1):
            frame = writer.claim(32768)
            frame[0] = frame[-1] = i
            writer.commit(32768, a=i)
"""


def test_a_latest_value_is_never_torn(make: Make, spawn: Spawn) -> None:
    name, count = make("latest", 32768 * 8, slots=2), 100_000
    process = spawn(LATEST, name, str(count))
    last = reads = 0
    with ringbuf.LatestReader(name, dtype=np.uint64) as reader:
        while last < count:
            frame = reader.acquire()
            if frame is not None:
                ends = int(frame[0]), int(frame[-1])
                if reader.check():
                    assert ends == (reader.record.a, reader.record.a)
            value = reader.read()
            if value is None:
                continue
            words = np.frombuffer(value, np.uint64)
            assert (int(words[0]), int(words[-1])) == (reader.record.a, reader.record.a)
            assert reader.record.a >= last
            last = reader.record.a
            reads += 1
    assert process.wait() == 0
    assert reads > 0


ADD = """if True:
    import sys, ringbuf
    cells = ringbuf.Cells(sys.argv[1])
    for i in range(20_000):
        cells.add(0, 1)
        cells.maximum(1, i)
        while not cells.cas(2, before := cells.load(2), before + 1):
            pass
"""


def test_cells_count_every_change_of_every_process(make: Make, spawn: Spawn) -> None:
    name = make("cells", 3)
    processes = [spawn(ADD, name) for _ in range(3)]
    for process in processes:
        assert process.wait() == 0
    assert ringbuf.Cells(name).array.tolist() == [60_000, 19_999, 60_000]
