"""In the steady state nothing is allocated. Once every place of a ring has been used, 100,000 hops leave the number of
Python's memory blocks and the bytes that tracemalloc sees where they were, and they take nothing on the way either: but
the number that a cell's value is for Python, and what NumPy notes of an array whose memory is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

HOPS, NUMPY_NOTE, ONE_NUMBER = 100_000, 64, 32
# Before 3.11 a call with keywords makes a method object first.
BOUND_METHOD = 72 if sys.version_info < (3, 11) else 0


class Hop(NamedTuple):
    """A way through a ring: `hop` is called again and again; after `places` calls all of its places were used. At most
    `passing` bytes may be in use on the way."""

    kind: str
    sizes: tuple[int, ...]
    open: str
    hop: str
    places: int
    passing: int


OPEN_STREAM = """
writer = ringbuf.StreamWriter(name, bells=[line[0]], dtype=numpy.int16)
reader = ringbuf.StreamReader(name, bells=[line[1]], dtype=numpy.int16)
waiter = ringbuf.Waiter(line[0], [reader])
"""
OPEN_HISTORY = """
writer = ringbuf.HistoryWriter(name, bells=list(line))
reader = ringbuf.HistoryReader(name, 0)
waiter = ringbuf.Waiter(line[0], [reader])
"""
OPEN_LATEST = """
writer = ringbuf.LatestWriter(name, bells=[line[0]], dtype=numpy.int16)
reader = ringbuf.LatestReader(name, dtype=numpy.int16)
"""
WHOLE = 2**19  # samples of a history
HOPPING = {
    "stream in place": Hop(
        "stream",
        (65536,),
        OPEN_STREAM,
        """
numpy.copyto(writer.claim(320), frame)
writer.commit(320, turn=3, capture_ns=NOW)
waiter.wait(NOW)
record = reader.acquire()
record.data, record.turn
reader.release()
""",
        200,
        0,
    ),
    "stream by copy": Hop(
        "stream",
        (65536,),
        OPEN_STREAM,
        "writer.put(frame, turn=3, capture_ns=NOW); reader.acquire(); reader.release()",
        200,
        NUMPY_NOTE,
    ),
    "history in hops of 160": Hop(
        "history",
        (WHOLE, 16000),
        OPEN_HISTORY,
        """
numpy.copyto(writer.claim(160), half)
writer.commit(160, capture_ns=NOW)
waiter.wait(NOW)
reader.acquire(160)
reader.release(160)
""",
        WHOLE // 32,
        0,
    ),
    "history in hops of 320": Hop(
        "history",
        (WHOLE, 16000),
        OPEN_HISTORY,
        """
writer.put(frame, capture_ns=NOW)
reader.acquire(320)
reader.release(320)
""",
        WHOLE // 64,
        NUMPY_NOTE,
    ),
    "latest in place": Hop(
        "latest",
        (640,),
        OPEN_LATEST,
        """
numpy.copyto(writer.claim(320), frame)
writer.commit(320, capture_ns=NOW)
reader.acquire()
reader.check()
""",
        100,
        0,
    ),
    "latest by copy": Hop("latest", (640,), OPEN_LATEST, "writer.put(frame, capture_ns=NOW)", 100, NUMPY_NOTE),
    "cells": Hop(
        "cells",
        (208,),
        "words = ringbuf.Cells(name)",
        "words.observe(8, NOW); words.store(0, NOW); words.add(1, 1 << 40);"
        "words.maximum(2, NOW); words.load(0); words.cas(3, NOW, NOW)",
        100,
        ONE_NUMBER,
    ),
}
MEASURE = """
import gc, itertools, sys, tracemalloc, numpy, ringbuf
name, line = sys.argv[1], ringbuf.Bells(sys.argv[2])
frame = numpy.arange(320, dtype=numpy.int16)
half = frame[:160]
NOW = 1 << 50
{open}

def hops(n):
    for _ in itertools.repeat(None, n):
        {hop}

def blocks(n):
    before = sys.getallocatedblocks()
    hops(n)
    return sys.getallocatedblocks() - before

def traced(n):
    tracemalloc.reset_peak()
    start, _ = tracemalloc.get_traced_memory()
    hops(n)
    end, peak = tracemalloc.get_traced_memory()
    return end - start, peak - start

hops({places})
gc.collect()
gc.disable()
# Against no hop at all, measured in the same way: the measure takes a little for itself. The first fills the lists of
# freed objects that Python keeps, and gc.collect empties.
first = blocks(1)
none = blocks(0)
many = blocks({hops})
print(none, many)
tracemalloc.start()
hops({places})
first = traced(1)
none = traced(0)
many = traced({hops})
print(*none, *many)
"""


@pytest.mark.parametrize("way", HOPPING)
def test_a_hundred_thousand_hops_allocate_nothing(make: Make, spawn: Spawn, way: str) -> None:
    hop = HOPPING[way]
    body = "\n        ".join(hop.hop.strip().splitlines())
    code = MEASURE.format(open=hop.open, hop=body, places=hop.places, hops=HOPS)
    out, error = spawn(code, make(hop.kind, *hop.sizes), make("bells", 2)).communicate()
    assert error == ""
    blocks, traced = ([int(word) for word in line.split()] for line in out.splitlines())
    assert blocks[1] == blocks[0], "Python has more memory blocks than before"
    assert traced[2] == traced[0], "tracemalloc finds more bytes than before"
    assert traced[3] - traced[1] <= hop.passing + BOUND_METHOD, "more than that is allocated on the way and freed again"


WAYS = "test_no_allocation.py::test_a_hundred_thousand_hops_allocate_nothing"
MADE = "if (e->offset != offset || e->length != length || !e->array) return"
MUTANTS = {
    "a view is made for every call": Mutant(
        Mutation("binding/views.h", MADE, "if (1) return"),
        f"{WAYS}[stream in place]",
        "allocated on the way",
    ),
    "few views are kept": Mutant(
        Mutation("binding/views.h", "#define RB_MAX_VIEWS 16384", "#define RB_MAX_VIEWS 4096"),
        f"{WAYS}[history in hops of 320]",
        "allocated on the way",
    ),
    "views are kept for ever": Mutant(
        (
            Mutation("binding/views.h", "#define RB_MAX_VIEWS 16384", "#define RB_MAX_VIEWS 64"),
            Mutation("binding/views.c", "    Py_XDECREF(before);\n", "    (void)before;\n"),
        ),
        f"{WAYS}[stream in place]",
        "Python has more memory blocks than before",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
