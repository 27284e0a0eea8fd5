"""A history under a writer that never stops: what is called whole is whole, what is lost is counted, and every answer
of the block table is right or "not known".

The writer runs in its own process, with blocks of odd sizes; for a while it lingers over some of them, so that samples
are overwritten but not published, then it goes as fast as it can. The reader holds windows for so many samples as the
writer needs to come near, over or far past them. What sample i holds, when it was captured and how its block was
flagged follow from i.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import ringbuf
from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen, run_tests

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

CAPACITY, WINDOW, WINDOWS = 4096, 512, 300

# Executed here and in the writer. Sample i is SAMPLES[i % PERIOD]; PERIOD and the ring's size have no common factor.
CONTENT = """
import numpy
PERIOD = 65_521
SAMPLES = numpy.random.default_rng(7).integers(-(2**15), 2**15, PERIOD, numpy.int16)
TWICE = numpy.concatenate([SAMPLES, SAMPLES])
LENGTHS = 1 + numpy.arange(97) * 37 % 300
STARTS = numpy.concatenate([[0], numpy.cumsum(LENGTHS)])

def block_first(block):
    rounds, rest = divmod(block, len(LENGTHS))
    return rounds * int(STARTS[-1]) + int(STARTS[rest])

def block_of(index):
    rounds, rest = divmod(index, int(STARTS[-1]))
    return rounds * len(LENGTHS) + int(numpy.searchsorted(STARTS, rest, "right")) - 1

def captured(block):
    return block * 7_919_000_017 % (1 << 50)

def flags(block):
    return (block % 3 == 0) | (block % 5 == 0) << 1
"""
WRITER = (
    CONTENT
    + """
import sys, time, ringbuf
name, words = sys.argv[1], ringbuf.Cells(sys.argv[2])
block = 0
with ringbuf.HistoryWriter(name) as writer:
    while not words.load(0):
        at, length = writer.position, int(LENGTHS[block % len(LENGTHS)])
        place = writer.claim(length)
        place[:] = TWICE[at % PERIOD :][:length]
        if block % 4 == 0 and block % 1024 < 768:
            time.sleep(1e-6)
        writer.commit(length, capture_ns=captured(block), flags=flags(block))
        block += 1
"""
)
expected = {}  # type: ignore[var-annotated]
exec(CONTENT, expected)


def sound(start: int, n: int) -> NDArray[np.int16]:
    return expected["TWICE"][start % expected["PERIOD"] :][:n]  # type: ignore[no-any-return]


class Checks:
    """What the reader asks while the writer goes on, and how often each answer came."""

    def __init__(self, reader: ringbuf.HistoryReader, blocks: int, alive: Callable[[], bool]) -> None:
        self.reader, self.alive = reader, alive
        self.reach = blocks * int(expected["STARTS"][-1]) // len(expected["LENGTHS"])
        self.random = random.Random(3)
        self.whole = self.spoilt = self.gone = self.known = self.unknown = 0

    def hold(self, start: int) -> None:
        """Keep still until the writer is so far past `start`: too little to overwrite it, often just so, or more."""
        near = CAPACITY - self.random.randrange(600)
        until = start + self.random.choice([0, 2500, near, near, near, self.random.randrange(3 * CAPACITY)])
        while self.reader.position < until:
            assert self.alive(), "the writer has ended"

    def next_window(self) -> int:
        """Take the next window, hold it, and give it back: the samples used."""
        window = self.reader.acquire(WINDOW)
        if window is None:
            return 0
        start = self.reader.cursor
        self.hold(start)
        same = bool((window == sound(start, WINDOW)).all())
        if self.reader.release(WINDOW):
            assert same, f"the window at {start} was said to be whole and is not"
            self.whole += 1
        else:
            behind = self.reader.position - start
            assert behind + 300 > CAPACITY, f"the window at {start} was said to be spoilt, only {behind} samples later"
            self.spoilt += 1
        return WINDOW

    def some_window(self) -> None:
        """Any part of what is there."""
        length = self.random.choice([1, 97, 2048, 4000])
        start = self.reader.position - length - self.random.randrange(CAPACITY - length)
        window = self.reader.view(start, start + length) if start >= 0 else None
        if window is None:
            self.gone += 1
            return
        self.hold(start)
        same = bool((window == sound(start, length)).all())
        assert same or not self.reader.holds(start), f"samples {start} to {start + length} were held and are not"

    def block_table(self) -> None:
        """Capture time and flags of what the table is about to forget, where it is being written."""
        for _ in range(4):
            index = self.reader.position - min(CAPACITY, self.reach) - self.random.randrange(-600, 300)
            if index < 0:
                continue
            block = expected["block_of"](index)
            ns = self.reader.capture_ns(index)
            right = expected["captured"](block) + index - expected["block_first"](block)
            assert ns in (None, right), f"sample {index} was captured at {right}, not {ns}"
            stop = index + self.random.choice([1, 100, 700])
            seen = self.reader.flags(index, stop)
            true = 0
            for one in range(block, expected["block_of"](stop - 1) + 1):
                true |= expected["flags"](one)
            assert seen == true or seen & ringbuf.UNKNOWN, f"samples {index} to {stop} have flags {true}, not {seen}"
            assert seen & ~ringbuf.UNKNOWN & ~true == 0, f"samples {index} to {stop} have flags {true}, not {seen}"
            self.known += ns is not None
            self.unknown += ns is None


@pytest.mark.parametrize("blocks", [16, 1024], ids=["short table", "long table"])
def test_a_reader_is_never_told_that_overwritten_samples_are_whole(make: Make, spawn: Spawn, blocks: int) -> None:
    name, stop = make("history", CAPACITY, 10**9, blocks=blocks), make("cells", 1)
    words = ringbuf.Cells(stop)
    with ringbuf.HistoryReader(name, 0, start="oldest") as reader:
        process = spawn(WRITER, name, stop)
        checks = Checks(reader, blocks, lambda: process.poll() is None)
        used = 0
        while checks.whole + checks.spoilt < WINDOWS:
            used += checks.next_window()
            checks.some_window()
            checks.block_table()
            assert reader.cursor == used + reader.lost, "samples are neither used nor counted as lost"
            if checks.random.random() < 0.01:
                time.sleep(0.001)
        words.store(0, 1)
        assert process.communicate() == ("", "")
        assert process.returncode == 0
    # Otherwise it was not what this test is about.
    assert min(checks.whole, checks.spoilt, checks.known, reader.lost) > WINDOWS // 20
    assert checks.unknown > 0 or blocks > 16


LAP = "test_lap.py::test_a_reader_is_never_told_that_overwritten_samples_are_whole"
# Where the two are to meet in the middle of an entry, both now and then take a break there. That alone changes nothing:
# the check passes.
BREAK = "    static unsigned turn;\n    extern int usleep(unsigned);\n    if (turn++ % 4 == 0) usleep(1);\n"
SLOW = (
    Mutation("core/blocks.c", "    out->capture_ns = ", f"{BREAK}    out->capture_ns = "),
    Mutation("core/blocks.c", "    atomic_store_explicit(&e->count, ", f"{BREAK}    atomic_store_explicit(&e->count, "),
)


def test_a_reader_and_a_writer_that_pause_within_the_block_table_are_right(variants: Variants) -> None:
    status, said = run_tests(variants.build("pauses in the block table", mutation=SLOW), f"{LAP}[short table]")
    assert status == 0, said


MUTANTS = {
    "the lap is judged by what is published": Mutant(
        Mutation("core/history_reader.c", "&r->writer->intent, memory_order_relaxed", "&r->writer->position, 0"),
        f"{LAP}[long table]",
        "was said to be whole and is not|were held and are not",
    ),
    "nothing is ever spoilt": Mutant(
        Mutation("core/history_reader.c", "*whole = rb_history_holds(r, r->cursor);", "*whole = 1;"),
        f"{LAP}[long table]",
        "was said to be whole and is not",
    ),
    "samples are given up too early": Mutant(
        Mutation("core/history_reader.c", "rb_history_holds(r, r->cursor)", "rb_history_holds(r, r->cursor - 2048)"),
        f"{LAP}[long table]",
        "was said to be spoilt, only",
    ),
    "what is lost is not all counted": Mutant(
        Mutation("core/history_reader.c", "r->lost += oldest - r->cursor;", "r->lost += 1;"),
        f"{LAP}[long table]",
        "neither used nor counted as lost",
    ),
    "a block is not looked at again after it was read": Mutant(
        (
            *SLOW,
            Mutation("core/blocks.c", "return atomic_load_explicit(&e->number, memory_order_relaxed) ==", "return 1 +"),
        ),
        f"{LAP}[short table]",
        "was captured at|have flags",
    ),
    "a block keeps its number while it is written": Mutant(
        (*SLOW, Mutation("core/blocks.c", "    atomic_store_explicit(&e->number, 0, memory_order_relaxed);\n", "")),
        f"{LAP}[short table]",
        "was captured at|have flags",
    ),
    "a block is believed to have no end": Mutant(
        (*SLOW, Mutation("core/history_reader.c", "    if (offset >= b.count) return RB_NONE;\n", "")),
        f"{LAP}[short table]",
        "was captured at",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
