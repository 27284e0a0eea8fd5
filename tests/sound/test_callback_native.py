"""The callbacks in builds and processes of their own: what sanitizers see of two threads, and that neither the memory's
keeper nor the kernel is asked for anything."""

from __future__ import annotations

import signal
import subprocess
import sysconfig

import pytest

from engine.telemetry import BUCKETS, bucket
from tests.ringbuf.c import build
from tests.ringbuf.conftest import Make, Spawn
from tests.ringbuf.test_no_system_calls import SEAL
from tests.ringbuf.variants import Variants
from tests.sound import native

SANITIZE = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *build.WARNINGS]


def test_a_device_and_the_worker_race_for_nothing(variants: Variants) -> None:
    ran = build.run_with_thread_sanitizer([str(native.program(variants, "threads", build.THREAD_SANITIZER))])
    assert (ran.returncode, ran.stdout) == (0, "done\n")


def test_a_device_and_the_worker_make_no_bad_access_and_nothing_undefined(variants: Variants) -> None:
    command = [str(native.program(variants, "threads", SANITIZE))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")


def test_the_callbacks_ask_nobody_for_memory(variants: Variants) -> None:
    program = str(native.program(variants, "sealed", ["-O2", *build.WARNINGS]))
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")
    assert subprocess.run([program, "and one who does"], check=False).returncode == 9


def test_durations_are_counted_where_the_telemetry_looks_for_them(variants: Variants) -> None:
    ns = [0, 1, 1023, 1024, 1025, *(round(1.07**power) for power in range(100, 400)), 2**35 - 1, 2**35, 2**40, 2**62]
    program = native.program(variants, "buckets", ["-O1", *build.WARNINGS], with_callback=False)
    ran = subprocess.run([str(program), *map(str, ns)], capture_output=True, text=True, check=True)
    assert [int(line) for line in ran.stdout.split()] == [bucket(one) for one in ns]
    assert {0, BUCKETS - 1} < {bucket(one) for one in ns}


@pytest.mark.parametrize("file", ["callback.c", "module.c"])
def test_the_compiler_has_nothing_to_say(file: str) -> None:
    include = f"-I{sysconfig.get_path('include')}"
    command = [*build.STANDARD, *build.WARNINGS, "-O2", include, "-fsyntax-only", str(native.CALLBACK / file)]
    ran = subprocess.run([build.tool("cc"), *command], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


CALLS = 20_000
SEALED = """
import sys, numpy, ringbuf
from workers.drivers._callback import Callback
capture, marks, playout, bells = sys.argv[1:]
line = ringbuf.Bells(bells)
told = ringbuf.StreamWriter(capture, bells=[line[0]], dtype=numpy.int16)
frames = ringbuf.StreamReader(capture, dtype=numpy.int16)
mark_reader = ringbuf.StreamReader(marks)
writer = ringbuf.StreamWriter(playout, dtype=numpy.int16)
played = ringbuf.StreamReader(playout, dtype=numpy.int16)
cells = numpy.zeros(200, numpy.uint64)
ear = Callback(1, told.handle(), None, cells)
mouth = Callback(1, ringbuf.StreamWriter(marks, bells=[line[0]]).handle(), played.handle(), cells)
waiter = ringbuf.Waiter(line[0], [frames, mark_reader])
period = numpy.arange(480, dtype=numpy.int16)
out = numpy.zeros(480, numpy.int16)

def hops(n):
    for i in range(n):
        assert ear.run(period, 480) == 0 and mouth.run(out, 480) == 0
        assert waiter.wait(None)
        if i % 3:  # at times it has to fade
            assert writer.put(period)
        for ring in (frames, mark_reader):
            assert ring.acquire() is not None
            ring.release()

hops(2000)
seal(LEAVE, CLOCK)
hops({})
os._exit(7)
"""


def test_no_callback_asks_the_kernel_for_anything_while_the_worker_is_awake(make: Make, spawn: Spawn) -> None:
    names = [make("stream", 1 << 16) for _ in range(3)]
    process = spawn(SEAL + SEALED.format(CALLS), *names, make("bells", 1))
    _, error = process.communicate()
    assert process.returncode != -signal.SIGSYS, "there was a system call"
    assert (error, process.returncode) == ("", 7)
