"""Real-time priority must not be able to freeze the machine."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys

import pytest

NOT_GRANTED = 77


def ran(program: str) -> tuple[int, str]:
    """Exit code and output of a process of its own: limits cannot be taken back."""
    command = [sys.executable, "-c", f"import os, resource, workers.join as join\n{program}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, (2_000_000, 4_000_000)), ((200_000, 3_000_000), (200_000, 3_000_000))],
    ids=["no limit", "a narrower one"],
)
def test_how_long_a_realtime_thread_may_run_without_sleeping_is_limited(
    before: tuple[int, int] | None, after: tuple[int, int]
) -> None:
    if resource.getrlimit(resource.RLIMIT_RTTIME) != (resource.RLIM_INFINITY, resource.RLIM_INFINITY):
        pytest.skip("there is a limit here already")
    narrow = f"resource.setrlimit(resource.RLIMIT_RTTIME, {before})\n" if before else ""
    assert ran(f"{narrow}join.be_realtime(1)\nprint(resource.getrlimit(resource.RLIMIT_RTTIME))") == (0, str(after))


def test_without_realtime_priority_nothing_is_limited() -> None:
    program = "before = resource.getrlimit(resource.RLIMIT_RTTIME)\njoin.be_realtime(0)\n"
    assert ran(f"{program}print(resource.getrlimit(resource.RLIMIT_RTTIME) == before)") == (0, "True")


def test_a_realtime_thread_that_spins_is_ended() -> None:
    code, _ = ran(
        "join._SPIN_US = 100_000\njoin.be_realtime(1)\n"
        f"if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_FIFO: os._exit({NOT_GRANTED})\n"
        "while True: pass"
    )
    if code == NOT_GRANTED:
        pytest.skip(f"user {os.getuid()} may not have real-time priority here")
    assert code == -signal.SIGXCPU
