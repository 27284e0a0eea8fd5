"""While a reader is awake, nobody on either side asks the kernel for anything: the processes run with a filter that
ends them at the first system call, whichever it is. (A sleeping reader costs its own sleep and the writer one wake.)"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

# seccomp with a filter rather than in its strict mode, which is refused where a container has set a filter already.
SEAL = """
import ctypes, os, platform, struct

LEAVE, CLOCK = {"x86_64": (231, 228), "aarch64": (94, 113)}[platform.machine()]  # exit_group, clock_gettime
ALLOW, KILL = 0x7FFF0000, 0x80000000

def seal(*allowed):
    steps = [(0x20, 0, 0, 0)]  # load the number of the system call
    for left, number in enumerate(allowed):
        steps.append((0x15, len(allowed) - left, 0, number))  # equal: jump over the rest and the kill
    steps += [(0x06, 0, 0, KILL), (0x06, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in ((38, 1, 0, 0, 0), (22, 2, ctypes.byref(program), 0, 0)):  # no new privileges; the filter
        assert prctl(*arguments) == 0, os.strerror(ctypes.get_errno())
"""
HOPS = 100_000

# Both roles in one process: every call of every kind. The first round is not sealed: it may still allocate.
ALONE = """
import sys, numpy, ringbuf
stream, history, latest, cells, bells = sys.argv[1:]
line = ringbuf.Bells(bells)
words = ringbuf.Cells(cells)
frame = numpy.arange(320, dtype=numpy.int16)
stream_writer = ringbuf.StreamWriter(stream, bells=[line[0]], dtype=numpy.int16)
stream_reader = ringbuf.StreamReader(stream, bells=[line[1]], dtype=numpy.int16)
history_writer = ringbuf.HistoryWriter(history, bells=list(line))
history_reader = ringbuf.HistoryReader(history, 0)
latest_writer = ringbuf.LatestWriter(latest, bells=[line[0]])
latest_reader = ringbuf.LatestReader(latest)
waiter = ringbuf.Waiter(line[0], [stream_reader, history_reader, latest_reader, words.watch(0)])

def hop(i):
    stream_writer.claim(320)[:] = frame
    stream_writer.commit(320, turn=1, capture_ns=i)
    assert waiter.wait(None)
    assert stream_reader.acquire().data[319] == 319
    stream_reader.release()
    assert stream_writer.put(frame) and stream_reader.acquire() is not None
    stream_reader.release()
    stream_writer.scrub()
    history_writer.claim(320)[:] = frame
    history_writer.commit(320, capture_ns=i)
    assert waiter.wait(None)
    assert history_reader.acquire(320)[319] == 319 and history_reader.release(320)
    latest_writer.put(frame)
    assert latest_reader.read() is not None and latest_reader.acquire() is not None and latest_reader.check()
    words.store(1, words.add(2, 1))
    words.maximum(3, i)
    words.observe(8, i)
    line[0].ring()
    line[1].ring()

def hops(n):
    for i in range(n):
        hop(i)

hops(2000)
seal(LEAVE)
hops({})
os._exit(7)
"""


def test_no_call_of_any_ring_reaches_the_kernel_while_nobody_sleeps(make: Make, spawn: Spawn) -> None:
    names = [make("stream", 65536), make("history", 65536, 16000), make("latest", 640), make("cells", 208)]
    process = spawn(SEAL + ALONE.format(HOPS), *names, make("bells", 2))
    _, error = process.communicate()
    assert process.returncode != -signal.SIGSYS, "there was a system call"
    assert (error, process.returncode) == ("", 7)


# Each role in its own process. The reader looks again and again, or spins in its Waiter: there the C library may ask
# the kernel for the time, where it cannot read it for itself.
APART = """
import sys, time, numpy, ringbuf
role, stream, history, cells, bells, records = *sys.argv[1:6], int(sys.argv[6])
line, words = ringbuf.Bells(bells), ringbuf.Cells(cells)
waiter = None

def write(n):
    global sent
    for sent in range(sent, sent + n):
        while (frame := stream.claim(320)) is None:
            pass
        frame[:] = sent % 1000
        stream.commit(320, turn=sent, capture_ns=sent)
        history.claim(320)[:] = sent % 1000
        history.commit(320, capture_ns=sent)
    sent += 1

def read(n):
    global seen, deadline
    for seen in range(seen, seen + n):
        if waiter is not None:
            assert waiter.wait(deadline) and waiter.missed == 0
        while (record := stream.acquire()) is None:
            pass
        assert record.turn == seen and record.data[0] == record.data[319] == seen % 1000
        stream.release()
        while history.acquire(320) is None:
            pass
        assert history.release(320)
    seen += 1

def meet(other):  # both are warm (a view is made once for each place of a ring): only now may they be sealed
    words.store(role != "writer", 1)
    while not words.load(other):
        pass

sent = seen = 0
deadline = time.monotonic_ns() + 3600 * 1_000_000_000
if role == "writer":
    stream = ringbuf.StreamWriter(stream, bells=[line[0]], dtype=numpy.int16)
    history = ringbuf.HistoryWriter(history, bells=[line[0]])
    write(20000)
    meet(1)
    seal(LEAVE)
    write(records)
else:
    stream = ringbuf.StreamReader(stream, bells=[line[1]], dtype=numpy.int16)
    history = ringbuf.HistoryReader(history, 0, start=0)
    read(20000)
    meet(0)
    if role == "spinning":
        waiter = ringbuf.Waiter(line[0], [stream], spin_ns=1 << 60)
        seal(LEAVE, CLOCK)
    else:
        seal(LEAVE)
    read(records)
os._exit(7)
"""


@pytest.mark.parametrize("reader", ["looking", "spinning"])
def test_no_system_call_is_made_between_a_writer_and_a_reader_that_is_awake(
    make: Make, spawn: Spawn, reader: str
) -> None:
    # The stream is full long before the history is: a reader that is not let run does not fall behind the history, and
    # has seen all its places when it is warm.
    names = [make("stream", 2**18), make("history", 2**19, 16000), make("cells", 2), make("bells", 2)]
    processes = {role: spawn(SEAL + APART, role, *names, str(HOPS)) for role in ("writer", reader)}
    # One that is ended by the filter would leave the other one waiting for it.
    while None in (ended := {role: process.poll() for role, process in processes.items()}.values()):
        if set(ended) - {None, 7}:
            break
        time.sleep(0.01)
    for role, process in processes.items():
        assert process.poll() != -signal.SIGSYS, f"{role}: it made a system call"
    for process in processes.values():
        assert process.communicate() == ("", "")
        assert process.returncode == 7


def test_the_seal_is_one(spawn: Spawn) -> None:
    assert spawn(SEAL + "seal(LEAVE); os._exit(7)").wait() == 7
    assert spawn(SEAL + "seal(LEAVE, CLOCK); import time; time.clock_gettime_ns(2); os._exit(7)").wait() == 7
    assert spawn(SEAL + "seal(LEAVE); os.getppid(); os._exit(7)").wait() == -signal.SIGSYS


MUTANTS = {
    "every commit wakes": Mutant(
        Mutation(
            "core/bell.h", "if (atomic_load_explicit(&bell->sleeping, memory_order_relaxed)) { /* C */", "if (1) {"
        ),
        "test_no_system_calls.py::test_no_system_call_is_made_between_a_writer_and_a_reader_that_is_awake[looking]",
        "made a system call",
    ),
    "every ring wakes": Mutant(
        Mutation(
            "core/bell.h",
            "    if (atomic_load_explicit(&bell->sleeping, memory_order_relaxed)) rb_bell_wake(bell);\n",
            "    rb_bell_wake(bell);\n",
        ),
        "test_no_system_calls.py::test_no_call_of_any_ring_reaches_the_kernel_while_nobody_sleeps",
        "there was a system call",
    ),
    "a waiter does not spin": Mutant(
        Mutation("core/wait.c", "now - start < spin_ns", "0"),
        "test_no_system_calls.py::test_no_system_call_is_made_between_a_writer_and_a_reader_that_is_awake[spinning]",
        "made a system call",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
