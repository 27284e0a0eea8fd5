"""Views live as long as somebody holds them: whatever is closed, unlinked, collected or killed meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import ringbuf
from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

SHM = Path("/dev/shm")
SIZES = {"stream": (4096,), "history": (4096, 16000), "latest": (1000,), "cells": (8,)}
# Who fills a ring for its reader, and is killed while the reader holds a view.
FILL = {
    "stream": "writer = ringbuf.StreamWriter(name); writer.put(bytes(range(100)))",
    "history": "writer = ringbuf.HistoryWriter(name); [writer.put(bytes(range(250)) * 12, 0) for _ in range(16)]",
    "latest": "writer = ringbuf.LatestWriter(name); writer.put(bytes(range(100)))",
    "cells": "words = ringbuf.Cells(name); [words.store(i, i) for i in range(8)]",
}
FILLER = "import sys, numpy, ringbuf; name = sys.argv[1]; {}; print('filled', flush=True); sys.stdin.read()"
# kind, and how a process comes to hold a view of it.
HOLDERS = {
    "stream writer": ("stream", "ring = ringbuf.StreamWriter(name); view = ring.claim(100); view[:] = range(100)"),
    "stream reader": ("stream", "ring = ringbuf.StreamReader(name); view = ring.acquire().data"),
    "stream record": ("stream", "ring = ringbuf.StreamReader(name); record = ring.acquire(); view = record.data"),
    "history writer": (
        "history",
        "ring = ringbuf.HistoryWriter(name); view = ring.claim(100); view[:] = range(100)",
    ),
    "history window": ("history", "ring = ringbuf.HistoryReader(name, 0, 'oldest'); view = ring.acquire(2000)"),
    "second image": ("history", "ring = ringbuf.HistoryReader(name, 0); view = ring.view(20470, 20500)"),
    "latest writer": ("latest", "ring = ringbuf.LatestWriter(name); view = ring.claim(100); view[:] = range(100)"),
    "latest reader": ("latest", "ring = ringbuf.LatestReader(name); view = ring.acquire()"),
    "cells": ("cells", "ring = ringbuf.Cells(name); view = ring.array"),
    "cells to look at": ("cells", "ring = ringbuf.Cells(name, writable=False); view = ring.array"),
}
# All kinds of views of the view; then new mappings where the old pages would have been, if they were gone.
HOLD = """if True:
    import gc, mmap, sys, numpy, ringbuf
    name = sys.argv[1]
    {}
    views = [view, view[1:-1], view.view(numpy.uint8), numpy.frombuffer(view, numpy.uint8), memoryview(view)]
    expected = [bytes(one) for one in views]
    assert any(expected[0])
    print("held", flush=True)
    sys.stdin.readline()
    ring.close()
    ring.close()
    assert [bytes(one) for one in views] == expected, "changed by close"
    del ring
    gc.collect()
    others = [mmap.mmap(-1, size) for size in (4096, 8192, 16384, 20480, 32768) for _ in range(8)]
    for other in others:
        other.write(bytes([255]) * len(other))
    assert [bytes(one) for one in views] == expected, "changed by collection"
    def mapped():
        return name in open("/proc/self/maps").read()
    assert mapped()
    views[:4] = []
    view = record = None
    gc.collect()
    assert mapped(), "the last view is still there"
    views.clear()
    gc.collect()
    assert not mapped(), "the last view is gone, the pages are not"
"""


@pytest.mark.parametrize("holder", HOLDERS)
def test_views_stay_readable_and_their_pages_go_with_the_last_one(make: Make, spawn: Spawn, holder: str) -> None:
    kind, code = HOLDERS[holder]
    name = make(kind, *SIZES[kind])
    filler = None
    if "writer" not in holder:
        filler = spawn(FILLER.format(FILL[kind]), name)
        assert filler.stdout is not None
        assert filler.stdout.readline() == "filled\n"
    process = spawn(HOLD.format(code), name)
    assert process.stdout is not None
    said = process.stdout.readline()
    if filler is not None:
        filler.kill()
        filler.wait()
    (SHM / name).unlink()
    _, error = process.communicate("go\n")
    assert (said, error, process.returncode) == ("held\n", "", 0)


# With everything still alive in globals, in a cycle and in a thread's frame when the interpreter goes down.
EXIT = """if True:
    import sys, threading, ringbuf, numpy
    name = sys.argv[1]
    {}
    cycle = [ring, view]
    cycle.append(cycle)
    del view
    def linger(ring=ring, window=cycle[1]):
        threading.Event().wait()
    threading.Thread(target=linger, daemon=True).start()
    kept = memoryview(cycle[1])
    {}
"""
ENDS = {"its end": ("", 0), "sys.exit": ("sys.exit(3)", 3), "a with block": ("ring.__enter__(); ring.__exit__()", 0)}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("holder", ["stream writer", "history writer", "latest writer", "cells"])
def test_a_program_with_live_rings_and_views_ends_in_silence(make: Make, spawn: Spawn, holder: str, end: str) -> None:
    kind, code = HOLDERS[holder]
    last, status = ENDS[end]
    process = spawn(EXIT.format(code, last), make(kind, *SIZES[kind]))
    assert process.communicate() == ("", "")
    assert process.returncode == status


def test_closing_never_raises_while_views_are_held(prefix: str) -> None:
    with (
        ringbuf.create_stream(f"{prefix}.s", 4096) as stream,
        ringbuf.create_history(f"{prefix}.h", 4096, 16000) as history,
        ringbuf.create_latest(f"{prefix}.l", 100) as latest,
        ringbuf.create_cells(f"{prefix}.c", 8) as cells,
        ringbuf.create_bells(f"{prefix}.b", 2) as bells,
        ringbuf.Bells(bells.name) as line,
        ringbuf.StreamWriter(stream.name, bells=[line[0]]) as stream_writer,
        ringbuf.StreamReader(stream.name, bells=[line[1]]) as stream_reader,
        ringbuf.HistoryWriter(history.name, bells=[line[0]]) as history_writer,
        ringbuf.HistoryReader(history.name, 0) as history_reader,
        ringbuf.LatestWriter(latest.name, bells=[line[0]]) as latest_writer,
        ringbuf.LatestReader(latest.name) as latest_reader,
        ringbuf.Cells(cells.name) as words,
    ):
        waiter = ringbuf.Waiter(line[0], [stream_reader, history_reader, latest_reader, words.watch(0)])
        stream_writer.put(b"1")
        history_writer.put(b"11", 0)
        latest_writer.put(b"1")
        held = [
            stream_writer.claim(8),
            stream_reader.acquire(),
            history_writer.claim(8),
            history_reader.acquire(1),
            latest_writer.claim(8),
            latest_reader.acquire(),
            words.array,
            memoryview(words.array),  # type: ignore[arg-type]
            waiter,
            line[1],
        ]
        assert None not in [one if one is None else 0 for one in held]
    # All of it closed and unlinked here; the waiter and the bell go on working.
    assert waiter.wait(0) is True
    line_one = held[-1]
    assert isinstance(line_one, ringbuf.Bell)
    line_one.ring()


VIEWS = "test_views.py::test_views_stay_readable_and_their_pages_go_with_the_last_one"
SILENCE = "test_views.py::test_a_program_with_live_rings_and_views_ends_in_silence"
CLOSING = "test_views.py::test_closing_never_raises_while_views_are_held"
REGISTERS = Mutation(
    "attach.py",
    "    try:\n        return _core.Mapping(",
    '    __import__("multiprocessing.resource_tracker").resource_tracker.register(f"/{name}", "shared_memory")\n'
    "    try:\n        return _core.Mapping(",
)
GIVE = "    if (map && self->role) rb_role_give"
MUTANTS = {
    "the pages go at close": Mutant(
        Mutation(
            "binding/ring.c",
            "    Py_XDECREF((PyObject *)map);\n",
            "    if (map) rb_map_close(&map->map);\n    Py_XDECREF((PyObject *)map);\n",
        ),
        f"{VIEWS}[stream reader]",
        r"-11\b|changed by close",
    ),
    "the pages never go": Mutant(
        Mutation("binding/mapping.c", "    rb_map_close(&self->map);\n", ""),
        f"{VIEWS}[second image]",
        "the last view is gone, the pages are not",
    ),
    "close wants no views": Mutant(
        Mutation(
            "binding/ring.c",
            GIVE,
            "    if (map && Py_REFCNT((PyObject *)map) > 2)\n"
            f'        return PyErr_Format(PyExc_BufferError, "there are views");\n{GIVE}',
        ),
        CLOSING,
        "BufferError: there are views",
    ),
    "the tracker is told of what was only attached": Mutant(
        REGISTERS,
        f"{SILENCE}[stream writer-its end]",
        "leaked shared_memory",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
