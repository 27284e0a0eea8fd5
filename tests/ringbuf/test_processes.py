"""Processes that come from other processes: fork, spawn, forkserver and plain execution, also one within the other."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ringbuf
from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

# A program with rings of its own that starts a consumer in the way its arguments say; each further one is a step down.
PROGRAM = """
import multiprocessing, os, subprocess, sys, time
import numpy
import ringbuf

RECORDS = 500

def soon():
    return time.monotonic_ns() + 60_000_000_000

def consume(prefix, owner):
    for attach in (lambda: ringbuf.StreamWriter(f"{prefix}.s"), lambda: ringbuf.HistoryReader(f"{prefix}.h", 0)):
        try:
            attach()
        except ringbuf.RoleTaken as taken:
            assert taken.pid == int(owner), taken
        else:
            raise SystemExit("a child took what its parent holds")
    bells = ringbuf.Bells(f"{prefix}.b")
    words = ringbuf.Cells(f"{prefix}.c")
    with ringbuf.StreamReader(f"{prefix}.s", bells=[bells[1]]) as reader:
        waiter = ringbuf.Waiter(bells[0], [reader])
        seen = 0
        while seen < RECORDS:
            assert waiter.wait(soon()) and waiter.missed == 0, f"a wake-up was lost after {seen}"
            for record in reader:
                assert record.turn == seen and record.data.tolist() == [seen % 256] * 300, record
                seen += 1
    with ringbuf.HistoryReader(f"{prefix}.h", 1, start="oldest") as reader:
        assert reader.acquire(100).tolist() == list(range(100))
        assert reader.release(100)
    words.store(0, seen)

def start(ways, *arguments):
    way, rest = ways[0], ways[1:]
    if way == "exec":
        child = subprocess.Popen([sys.executable, __file__, "child", ",".join(rest), *arguments])
        return lambda: child.poll() is None, child.wait
    process = multiprocessing.get_context(way).Process(target=child_main, args=(",".join(rest), *arguments))
    process.start()
    return process.is_alive, lambda: (process.join(), process.exitcode)[1]

def child_main(ways, *arguments):
    if ways:
        assert start(ways.split(","), *arguments)[1]() == 0
    else:
        consume(*arguments)

def parent(ways, prefix):
    with (
        ringbuf.create_stream(f"{prefix}.s", 4096),
        ringbuf.create_history(f"{prefix}.h", 4096, 16000),
        ringbuf.create_bells(f"{prefix}.b", 2),
        ringbuf.create_cells(f"{prefix}.c", 1),
    ):
        bells = ringbuf.Bells(f"{prefix}.b")
        history = ringbuf.HistoryWriter(f"{prefix}.h")
        history.put(numpy.arange(1000, dtype=numpy.int16), capture_ns=0)
        reader = ringbuf.HistoryReader(f"{prefix}.h", 0, start="oldest")
        window = reader.acquire(1000)
        writer = ringbuf.StreamWriter(f"{prefix}.s", bells=[bells[0]])
        alive, join = start(ways.split(","), prefix, str(os.getpid()))
        waiter = ringbuf.Waiter(bells[1], [writer.space(300)])
        for i in range(RECORDS):
            while not writer.put(bytes([i % 256]) * 300, turn=i):
                assert waiter.wait(time.monotonic_ns() + 500_000_000) or alive(), "the child has ended"
                assert waiter.missed == 0, f"a wake-up was lost after {i}"
        assert join() == 0
        assert ringbuf.Cells(f"{prefix}.c").load(0) == RECORDS
        # What is the parent's is still so, what was the child's is free, and the segments are there.
        me = {"pid": os.getpid(), "alive": True, "epoch": 1}
        stream, sound = ringbuf.describe(f"{prefix}.s"), ringbuf.describe(f"{prefix}.h")
        assert (stream["writer"], stream["readers"][0]["role"]) == (me, None), stream
        assert (sound["writer"], sound["readers"][0]["role"], sound["readers"][1]["role"]) == (me, me, None), sound
        assert window.tolist() == list(range(1000)) and reader.release(1000)
        assert writer.put(b"again")
        with ringbuf.StreamReader(f"{prefix}.s") as successor:
            assert [record.data.tobytes() for record in successor] == [b"again"]

if __name__ == "__main__":
    {"parent": parent, "child": child_main}[sys.argv[1]](*sys.argv[2:])
"""
WAYS = ["fork", "spawn", "forkserver", "exec", "exec,spawn", "exec,forkserver", "spawn,fork", "forkserver,exec"]


@pytest.mark.parametrize("ways", WAYS)
def test_a_child_attaches_for_itself_and_its_end_harms_nobody(prefix: str, tmp_path: Path, ways: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program, "parent", ways, prefix], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


# What a fork inherits can be looked at, not used; it is let go in every way there is, and then the child's interpreter
# ends in the usual way.
FORK = """if True:
    import gc, os, sys, numpy, ringbuf
    stream, history, latest = sys.argv[1:]
    objects = [
        ringbuf.StreamWriter(stream), ringbuf.StreamReader(stream), ringbuf.HistoryWriter(history),
        ringbuf.HistoryReader(history, 0), ringbuf.HistoryReader(history, 1), ringbuf.LatestWriter(latest),
    ]
    objects[2].put(numpy.arange(100, dtype=numpy.int16), capture_ns=0)
    window = objects[3].view(0, 100)
    def taken(expression):
        try:
            eval(expression)
        except ringbuf.RoleTaken as error:
            return error.pid
    expressions = [
        "ringbuf.StreamWriter(stream)", "ringbuf.StreamReader(stream)", "ringbuf.HistoryWriter(history)",
        "ringbuf.HistoryReader(history, 0)", "ringbuf.HistoryReader(history, 1)", "ringbuf.LatestWriter(latest)",
    ]
    def refused(use):
        try:
            use()
        except ringbuf.RingError as error:
            return "attach" in str(error)
    child = os.fork()
    if child == 0:
        assert refused(lambda: objects[0].put(b"child")) and refused(lambda: objects[1].acquire())
        assert refused(lambda: objects[2].claim(1)) and refused(lambda: objects[3].release(0))
        assert refused(lambda: objects[5].put(b"child")), "two processes would write as one"
        for one in objects[:3]:
            one.close()
        with objects[3]:
            pass
        del objects, one
        gc.collect()
        assert window.tolist() == list(range(100)), "the view is gone"
        assert [taken(one) for one in expressions] == [os.getppid()] * 6, "the child took what its parent holds"
        with ringbuf.HistoryReader(history, 2, start="oldest") as mine:
            assert mine.acquire(100).tolist() == list(range(100))
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [taken(one) for one in expressions] == [os.getpid()] * 6, "the child gave a role of its parent away"
    objects[0].put(b"after")
    assert objects[1].acquire().data.tobytes() == b"after"
    objects[2].put(numpy.arange(100, dtype=numpy.int16), capture_ns=0)
    assert window.tolist() == list(range(100)) and objects[3].view(100, 200) is not None
"""


def test_a_forked_child_has_the_objects_but_not_the_roles(make: Make, spawn: Spawn) -> None:
    process = spawn(FORK, make("stream", 4096), make("history", 4096, 16000), make("latest", 100))
    assert process.communicate() == ("", "")
    assert process.returncode == 0


FORKED_CREATOR = """if True:
    import os, sys, ringbuf
    with ringbuf.create_stream(sys.argv[1], 4096) as segment:
        child = os.fork()
        if child == 0:
            sys.exit(0)  # out of the with block
        assert os.waitpid(child, 0)[1] == 0
        with ringbuf.StreamWriter(segment.name) as writer:
            writer.put(b"there")
"""


def test_a_forked_child_does_not_remove_its_parents_segment(prefix: str, spawn: Spawn) -> None:
    process = spawn(FORKED_CREATOR, f"{prefix}.s")
    assert process.communicate() == ("", "")
    assert process.returncode == 0


ORPHAN = """if True:
    import os, signal, sys, ringbuf
    writer = ringbuf.StreamWriter(sys.argv[1])
    if os.fork() == 0:
        print("orphan", flush=True)
        sys.stdin.readline()
        writer.close()
        print("closed", flush=True)
        sys.exit(0)
    signal.pause()
"""


def test_a_role_ends_with_its_process_though_a_forked_child_lives_on(make: Make, spawn: Spawn) -> None:
    name = make("stream", 4096)
    process = spawn(ORPHAN, name)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "orphan\n"
    with pytest.raises(ringbuf.RoleTaken, match=str(process.pid)):
        ringbuf.StreamWriter(name)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with ringbuf.StreamWriter(name) as successor:
        assert successor.epoch == 2
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "closed\n"
        with pytest.raises(ringbuf.RoleTaken, match=str(os.getpid())):
            ringbuf.StreamWriter(name)


def test_nothing_of_a_ring_can_be_pickled_and_the_error_says_what_to_do(prefix: str) -> None:
    with (
        ringbuf.create_stream(f"{prefix}.s", 4096) as stream,
        ringbuf.create_history(f"{prefix}.h", 4096, 16000) as history,
        ringbuf.create_latest(f"{prefix}.l", 100) as latest,
        ringbuf.create_cells(f"{prefix}.c", 8) as cells,
        ringbuf.create_bells(f"{prefix}.b", 1) as bells,
        ringbuf.StreamWriter(stream.name) as stream_writer,
        ringbuf.StreamReader(stream.name) as stream_reader,
        ringbuf.HistoryWriter(history.name) as history_writer,
        ringbuf.HistoryReader(history.name, 0) as history_reader,
        ringbuf.LatestWriter(latest.name) as latest_writer,
        ringbuf.LatestReader(latest.name) as latest_reader,
        ringbuf.Cells(cells.name) as words,
        ringbuf.Bells(bells.name) as line,
    ):
        named = [stream_writer, stream_reader, history_writer, history_reader, latest_writer, latest_reader, words]
        for ring in [*named, line, stream, history, latest, cells, bells]:
            with pytest.raises(TypeError, match=rf"^.*{prefix}.*attach.*by name.*$") as error:
                pickle.dumps(ring)
            assert "\n" not in str(error.value)
        stream_writer.put(b"1")
        record = stream_reader.acquire()
        for part in (line[0], ringbuf.Waiter(line[0]), stream_reader.watch, record):
            with pytest.raises(TypeError, match=f"cannot pickle '.*{type(part).__name__}' object"):
                pickle.dumps(part)
        # Samples go: as a copy that has nothing to do with the ring.
        history_writer.put(np.arange(10, dtype=np.int16), capture_ns=0)
        window = history_reader.acquire(10)
        copied = pickle.loads(pickle.dumps(window))
        assert not history_reader.contains(copied)
        assert copied.tolist() == list(range(10))


def test_a_ring_as_an_argument_of_a_process_is_refused_where_it_is_passed(make: Make) -> None:
    with ringbuf.StreamReader(make("stream", 4096)) as reader:
        process = multiprocessing.get_context("spawn").Process(target=print, args=(reader,))
        with pytest.raises(TypeError, match=reader.name):
            process.start()


REGISTERS = Mutation(
    "attach.py",
    "    try:\n        return _core.Mapping(",
    '    __import__("multiprocessing.resource_tracker").resource_tracker.register(f"/{name}", "shared_memory")\n'
    "    try:\n        return _core.Mapping(",
)
GUARD = Mutation("core/role.c", "    if (rb_holder_pid(me) != (uint64_t)getpid()) return;\n", "")
CHILD = "test_processes.py::test_a_child_attaches_for_itself_and_its_end_harms_nobody"
FORKED = "test_processes.py::test_a_forked_child_has_the_objects_but_not_the_roles"
ORPHANED = "test_processes.py::test_a_role_ends_with_its_process_though_a_forked_child_lives_on"
MUTANTS = {
    "a child gives its parent's role away": Mutant(GUARD, FORKED, "AssertionError"),
    "a child may use what it has inherited": Mutant(
        Mutation("attach.py", "os.register_at_fork(after_in_child=_close_inherited)\n", ""),
        FORKED,
        "AssertionError",
    ),
    "a child removes its parent's segment": Mutant(
        Mutation("segment.py", "if not self._linked or os.getpid() != self._creator:", "if not self._linked:"),
        "test_processes.py::test_a_forked_child_does_not_remove_its_parents_segment",
        "there is no ring",
    ),
    "an orphan gives its parent's successor's role away": Mutant(
        (
            GUARD,
            Mutation(
                "core/role.c",
                "    uint64_t expected = me;\n",
                "    uint64_t expected = atomic_load(&role->holder);\n",
            ),
        ),
        ORPHANED,
        "DID NOT RAISE",
    ),
    "a role is taken from a living process": Mutant(
        Mutation("core/role.c", "rb_holder_alive(*holder)) return", "!rb_holder_alive(*holder)) return"),
        f"{CHILD}[spawn]",
        "a child took what its parent holds",
    ),
    "a process is known by its pid alone": Mutant(
        Mutation("core/role.c", "return rb_holder_of((uint64_t)getpid());", "return (uint64_t)getpid();"),
        f"{CHILD}[exec]",
        "a child took what its parent holds",
    ),
    "the tracker is told of what was only attached": Mutant(REGISTERS, f"{CHILD}[exec]", "leaked shared_memory"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
