"""Real-time priority must not be able to freeze the machine."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

import ringbuf
from engine import realtime
from engine.realtime import CORES, MEMORY, NICE, PRIORITY, SayOnce
from engine.telemetry import CELLS, Telemetry
from engine.worker import environment

NOT_GRANTED = 77


def ran(program: str) -> tuple[int, str]:
    """Exit code and output of a process of its own: limits cannot be taken back."""
    command = [sys.executable, "-c", f"import os, resource, engine.realtime as realtime; refused = []\n{program}"]
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
    program = f"{narrow}realtime.be_realtime(1, True, refused.append)\n"
    assert ran(f"{program}print(resource.getrlimit(resource.RLIMIT_RTTIME))") == (0, str(after))


def test_without_realtime_priority_nothing_is_limited() -> None:
    program = "before = resource.getrlimit(resource.RLIMIT_RTTIME)\nrealtime.be_realtime(0, True, refused.append)\n"
    assert ran(f"{program}print(resource.getrlimit(resource.RLIMIT_RTTIME) == before)") == (0, "True")


def test_a_realtime_thread_that_spins_is_ended() -> None:
    code, _ = ran(
        "realtime._SPIN_US = 100_000\nrealtime.be_realtime(1, True, refused.append)\n"
        f"if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_FIFO: os._exit({NOT_GRANTED})\n"
        "while True: pass"
    )
    if code == NOT_GRANTED:
        pytest.skip(f"user {os.getuid()} may not have real-time priority here")
    assert code == -signal.SIGXCPU


# What is refused.

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
NO_LIMITS = ["prlimit", "--rtprio=0:0", "--memlock=65536:65536", "--nice=0:0"]
ASK = """
import os
before = os.sched_getaffinity(0)
from engine.processor_settings import Realtime
from engine.realtime import be_realtime, settle
settings = Realtime(lock_memory=True, collect="pauses", nice=("asr: -4", "llm: 3"), cores=("asr: 4095",))
refused = []
settle("turns", settings, refused.append)
assert refused == []
settle("asr", settings, refused.append)
be_realtime(5, True, refused.append)
print(*(each.bit for each in refused), os.sched_getaffinity(0) == before, os.nice(0))
settle("llm", settings, refused.append)
print(os.nice(0))
"""


def asked(*command: str) -> list[str]:
    """What a process of its own was refused, and how nice it is."""
    done = subprocess.run([*command, sys.executable, "-c", ASK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_without_rights_all_is_refused_and_nothing_fails() -> None:
    drop = NOBODY if os.geteuid() == 0 else []
    nice, bits = os.nice(0), [str(each.bit) for each in (NICE, CORES, MEMORY, PRIORITY)]
    assert asked(*NO_LIMITS, *drop) == [*bits, "True", str(nice), str(min(nice + 3, 19))]


@pytest.mark.parametrize(
    ("limit", "capable", "later"),
    [(resource.RLIM_INFINITY, False, True), (1 << 29, False, False), (1 << 29, True, True)],
)
def test_memory_that_comes_later_is_locked_only_where_that_cannot_use_up_a_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int, capable: bool, later: bool
) -> None:
    """Beyond a limit the kernel gives no memory at all, rather than some that is not locked."""
    asked: list[int] = []
    library = SimpleNamespace(mlockall=asked.append)

    def refuse() -> None:  # of priority this is not about
        raise OSError

    monkeypatch.setattr(realtime, "_limit_spinning", refuse)
    monkeypatch.setattr(realtime, "ctypes", SimpleNamespace(CDLL=lambda _name: library))
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (limit, limit))
    monkeypatch.setattr(realtime, "has_capability", lambda bit: capable and bit == realtime.CAP_IPC_LOCK, raising=False)
    realtime.be_realtime(1, True, lambda _refusal: None)
    assert [bool(flags & realtime._MCL_FUTURE) for flags in asked] == [later]


def test_with_rights_niceness_is_granted() -> None:
    if subprocess.run([sys.executable, "-c", "import os; os.nice(-4)"], capture_output=True, check=False).returncode:
        pytest.skip(f"user {os.getuid()} may not be less nice here")
    nice, said = os.nice(0), asked()
    assert said[0] == str(CORES.bit)  # there is no such core, whoever asks
    assert said[-2:] == [str(nice - 4), str(nice - 4 + 3)]


def test_a_refusal_is_said_once_for_all_processes(capsys: pytest.CaptureFixture[str]) -> None:
    with ringbuf.create_cells(f"refusals.{os.getpid()}", CELLS) as segment:
        for _ in range(2):  # two processes, with the same cells
            with ringbuf.Cells(segment.name) as cells:
                say = SayOnce(Telemetry(cells))
                say(NICE)
                say(MEMORY)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "LimitNICE" in lines[0]
    assert "LimitMEMLOCK" in lines[1]


# Thread pools.


@pytest.mark.parametrize("threads", [1, 2])
def test_libraries_start_as_many_threads_as_the_supervisor_allows(threads: int) -> None:
    """NumPy's BLAS, by the environment that a worker is started with; ONNX Runtime and CTranslate2, by what their
    backends are told, do not start more when they are imported."""
    program = """
import os, numpy
matrix = numpy.ones((600, 600), numpy.float32)
matrix @ matrix
import onnxruntime, ctranslate2
print(len(os.listdir("/proc/self/task")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(threads), capture_output=True, text=True, check=True
    )
    assert int(done.stdout) <= threads
