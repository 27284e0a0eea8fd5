"""The callbacks alone, in C: what sanitizers see of two threads, and that nobody is asked for memory."""

from __future__ import annotations

import subprocess
import sysconfig

import pytest

from engine.telemetry import BUCKETS, bucket
from tests.ringbuf.c import build
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
