"""Who may write where. A role maps read-only whatever it has nothing to write to: a stray write then faults in the
program that errs, and never becomes a damaged ring in another one."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import ringbuf
from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]


class Role(NamedTuple):
    kind: str
    attach: str
    writes: set[str]


SIZES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "stream": ((4096,), {}),
    "history": ((4096, 16000), {"readers": 3}),
    "latest": ((100,), {}),
    "cells": ((8,), {}),
    "bells": ((2,), {}),
}
PAGES = {
    "stream": ["header", "writer", "reader 0"],
    "history": ["header", "writer", "reader 0", "reader 1", "reader 2", "table"],
    "latest": ["header", "writer"],
    "cells": ["header"],
    "bells": ["header"],
}
OBSERVER = "ringbuf.attach.attach(name, 0, ringbuf._core.OBSERVE)"
ROLES = {
    "stream writer": Role("stream", "ringbuf.StreamWriter(name)", {"writer", "data"}),
    "stream reader": Role("stream", "ringbuf.StreamReader(name)", {"reader 0"}),
    "stream observer": Role("stream", OBSERVER, set()),
    "history writer": Role("history", "ringbuf.HistoryWriter(name)", {"writer", "table", "data"}),
    "history reader": Role("history", "ringbuf.HistoryReader(name, 1)", {"reader 1"}),
    "history observer": Role("history", OBSERVER, set()),
    "latest writer": Role("latest", "ringbuf.LatestWriter(name)", {"writer", "data"}),
    "latest reader": Role("latest", "ringbuf.LatestReader(name)", set()),
    "cells": Role("cells", "ringbuf.Cells(name)", {"data"}),
    "cells to look at": Role("cells", "ringbuf.Cells(name, writable=False)", set()),
    "bells": Role("bells", "ringbuf.Bells(name)", {"data"}),
}

# Every page that the attached process has of the segment is written to, each by a fork that may die of it: one of the
# C library's, since in one of Python's the ring is closed.
TOUCH = """if True:
    import ctypes, json, os, sys, ringbuf, ringbuf.attach
    name, page = sys.argv[1], os.sysconf("SC_PAGESIZE")
    ring, fork = {}, ctypes.PyDLL(None).fork
    outcomes = []
    for line in open("/proc/self/maps").read().splitlines():
        if not line.endswith("/" + name):
            continue
        start, stop = (int(part, 16) for part in line.split()[0].split("-"))
        for at in range(start, stop, page):
            child = fork()
            if child == 0:
                ctypes.memset(at + page // 2, ctypes.c_ubyte.from_address(at + page // 2).value, 1)
                os._exit(0)
            file_offset = int(line.split()[2], 16) + at - start
            outcomes.append([file_offset // page, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])])
    print(json.dumps(outcomes))
"""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults(make: Make, spawn: Spawn, role: str) -> None:
    kind, attach, writes = ROLES[role]
    sizes, options = SIZES[kind]
    out, error = spawn(TOUCH.format(attach), make(kind, *sizes, **options)).communicate()
    assert error == ""
    pages = PAGES[kind]
    touched = [(pages[number] if number < len(pages) else "data", outcome) for number, outcome in json.loads(out)]
    assert {part for part, _ in touched} == {*pages, "data"}
    for part, outcome in touched:
        assert outcome == (0 if part in writes else -signal.SIGSEGV), f"{role}, {part}: {outcome}"
    images = sum(part == "data" for part, _ in touched)
    assert images >= (4 if kind == "history" else 1), "the second image of a history was not looked at"


def test_what_a_reader_is_given_cannot_be_written_through_numpy(make: Make) -> None:
    stream, history, latest, cells = (make(kind, *SIZES[kind][0]) for kind in ("stream", "history", "latest", "cells"))
    with (
        ringbuf.StreamWriter(stream) as stream_writer,
        ringbuf.StreamReader(stream) as stream_reader,
        ringbuf.HistoryWriter(history) as history_writer,
        ringbuf.HistoryReader(history, 0) as history_reader,
        ringbuf.LatestWriter(latest) as latest_writer,
        ringbuf.LatestReader(latest) as latest_reader,
        ringbuf.Cells(cells) as words,
    ):
        stream_writer.put(bytes(10))
        history_writer.put(np.zeros(10, np.int16), capture_ns=0)
        latest_writer.put(bytes(10))
        record = stream_reader.acquire()
        assert record is not None
        views = {
            "stream": record.data,
            "history": history_reader.acquire(10),
            "history at random": history_reader.view(0, 10),
            "latest": latest_reader.acquire(),
            "cells": words.array,
        }
        for name, view in views.items():
            assert view is not None, name
            for array in (view, view[1:], view.view(np.uint8), np.asarray(memoryview(view))):  # type: ignore[arg-type]
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 1
        for name in ("stream", "history", "latest"):
            with pytest.raises(ValueError, match="WRITEABLE"):
                views[name].flags.writeable = True  # type: ignore[union-attr]


MUTANTS = {
    "readers may write to the data": Mutant(
        Mutation("core/map.c", "const int data = m->writable ? rw : ro;", "const int data = rw;"),
        "test_rights.py::test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults[stream reader]",
        "AssertionError: stream reader, data: 0",
    ),
    "readers may write to the second image": Mutant(
        Mutation(
            "core/map.c",
            "map_part(m, fd, l->total, l->data, image, data, later)",
            "map_part(m, fd, l->total, l->data, image, rw, later)",
        ),
        "test_rights.py::test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults[history reader]",
        "AssertionError: history reader, data: 0",
    ),
    "readers may write to the block table": Mutant(
        Mutation("core/map.c", "l->data - l->table, own, later", "l->data - l->table, rw, later"),
        "test_rights.py::test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults[history reader]",
        "AssertionError: history reader, table: 0",
    ),
    "readers may write to the writer's page": Mutant(
        Mutation("core/map.c", "if (l->writer && own == rw && map_part", "if (l->writer && map_part"),
        "test_rights.py::test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults[history reader]",
        "AssertionError: history reader, writer: 0",
    ),
    "readers may write to each other's pages": Mutant(
        Mutation(
            "core/map.c", "mine, mine, l->page, rw, now", "l->reader, l->reader, mine + l->page - l->reader, rw, now"
        ),
        "test_rights.py::test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults[history reader]",
        "AssertionError: history reader, reader 0: 0",
    ),
    "everyone may write to the header": Mutant(
        Mutation("core/map.c", "map_part(m, fd, 0, 0, l->table, ro, now)", "map_part(m, fd, 0, 0, l->table, rw, now)"),
        "test_rights.py::test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults[latest writer]",
        "AssertionError: latest writer, header: 0",
    ),
    "who only looks may write": Mutant(
        Mutation(
            "core/map.c", "m->writable = access == RB_WRITE || access == RB_SHARE;", "m->writable = access != RB_READ;"
        ),
        "test_rights.py::test_a_role_writes_to_its_own_pages_and_a_write_to_any_other_faults[cells to look at]",
        "AssertionError: cells to look at, data: 0",
    ),
    "numpy is told that it may write": Mutant(
        Mutation("binding/mapping.c", "!self->map.writable, flags)", "0, flags)"),
        "test_rights.py::test_what_a_reader_is_given_cannot_be_written_through_numpy",
        "DID NOT RAISE ValueError|Segmentation fault",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
