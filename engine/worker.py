"""One worker as the supervisor sees it: started, watched, killed, started again."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any, Protocol

from engine import mps, own_python
from engine.channels import Process
from engine.config import Config
from engine.errors import WorkerError
from engine.hanging import hangs_at
from engine.recovery import Recovery
from engine.telemetry import READY, Telemetry

# What makes libraries start threads of their own. They read these when they are imported, so they are set before.
_THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# Threads that spin while they wait for work ruin their neighbours' latency on a small machine.
_NO_SPINNING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "GOMP_SPINCOUNT": "0"}
# onnxruntime's builds since 1.32 tell their maker who uses them, unless this is there when it is loaded.
_NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}
# Models come by `engine models pull` alone. A library that misses a file shall say so, not fetch it.
_NO_NETWORK = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

# A group of its own: Ctrl-C is for the supervisor alone to understand. Not a session of its own, which the kernel may
# schedule as a group (autogroup): a worker's priority would then not count against the other workers.
OWN_GROUP: dict[str, Any] = {"process_group": 0} if sys.version_info >= (3, 11) else {"preexec_fn": os.setpgrp}
"""For `subprocess.Popen`."""


def environment(threads: int, python: str = "") -> dict[str, str]:
    """The environment of a worker. python: the interpreter of its own that it runs under, if it has one."""
    return {
        **(own_python.cleaned(os.environ, python) if python else os.environ),
        **_NO_SPINNING,
        **_NO_TELEMETRY,
        **_NO_NETWORK,
        **{name: str(threads) for name in _THREAD_COUNTS},
        "PYTHONSAFEPATH": "1",
    }


def arguments(python: str, title: str, instance: str, doorbell: int) -> list[str]:
    """The command line of a worker. python: the interpreter of its own, if it has one."""
    numbers = ("--parent", str(os.getpid()), "--doorbell", str(doorbell))
    return own_python.command(python, "-m", "workers", title, "--instance", instance, *numbers)


class Child(Protocol):
    """What is needed of a child's process; subprocess.Popen has it."""

    @property
    def pid(self) -> int: ...

    def wait(self) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


GONE_S = 2.0
"""How long the end of a process that was killed is waited for: the kernel may keep it in a call of a driver."""


class Worker:
    """The process of a stage."""

    def __init__(self, process: Process, instance: str, config: Config, telemetry: Telemetry) -> None:
        section = getattr(config, process.section)
        self.process, self._telemetry = process, telemetry
        self._python = getattr(section, "python", "")
        self._threads = getattr(section, "threads", 1)
        self._mps = mps.environment(config.mps, process.name)
        self._instance = instance
        self._popen: Child | None = None
        self._started_ns = 0
        self._heartbeat_ns = round(config.engine.heartbeat_timeout_s * 1e9)
        self._loading_ns = round(config.engine.start_timeout_s * 1e9)
        self.pidfd = -1
        self.recovery = Recovery(process.vital)
        self.killed_for = ""
        """What its silence was longer than when it was killed, if it was."""

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._popen.pid if self._popen else 0

    @property
    def age_s(self) -> float:
        """How long ago it was last started."""
        return (time.monotonic_ns() - self._started_ns) / 1e9

    @property
    def ready(self) -> bool:
        return self._telemetry.get(f"{self.process.name}.state") == READY

    @property
    def forkable(self) -> bool:
        """It runs under the engine's own interpreter."""
        return not self._python

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its process."""
        return {**environment(self._threads, self._python), **self._mps}

    def begin(self) -> None:
        """It is being started."""
        self._started_ns, self.killed_for = time.monotonic_ns(), ""

    def start(self, doorbell: int) -> None:
        """Start it. The kernel sends the parent's death to it through the thread that called this: call it from the
        main thread. doorbell: the supervisor's eventfd, which it inherits. Raises WorkerError when its interpreter
        cannot be executed."""
        self.begin()
        try:
            child = subprocess.Popen(
                arguments(self._python, self.process.title, self._instance, doorbell),
                env=self.environ,
                stdin=subprocess.DEVNULL,
                pass_fds=(doorbell,),
                **OWN_GROUP,
            )
        except OSError as error:
            why = f"cannot be started: {self._python or sys.executable}: {error.strerror}"
            full = error.errno in (errno.EAGAIN, errno.ENOMEM)
            remedy = "allow more processes (ulimit -u), or free memory"
            raise WorkerError(why, remedy if full else f"correct {self.process.section}.python") from error
        self.adopt(child)

    def adopt(self, child: Child) -> None:
        """This child of ours is its process."""
        self._popen = child
        self.pidfd = os.pidfd_open(child.pid)
        self._telemetry.set(f"{self.process.name}.pid", child.pid)

    def reap(self) -> int:
        """Take leave of a process that has ended, or was killed; its exit code, negative for a signal. One that the
        kernel keeps in a call of a driver cannot even be killed: that is waited for no longer than 2 s."""
        assert self._popen is not None
        gone = select.select([self.pidfd], [], [], GONE_S)[0]
        code = self._popen.wait() if gone else -signal.SIGKILL
        os.close(self.pidfd)
        self._popen, self.pidfd = None, -1
        self._telemetry.set(f"{self.process.name}.state", 0)
        self._telemetry.set(f"{self.process.name}.pid", 0)
        self._telemetry.set(f"{self.process.name}.bound_ns", 0)
        self._telemetry.set(f"{self.process.name}.apart_ns", 0)
        return code

    def kill(self, silent_for: str = "") -> None:
        """Kill it, whatever it does. silent_for: the setting that its silence was longer than, if that is why."""
        if self._popen is not None:
            self.killed_for = silent_for
            self._popen.send_signal(signal.SIGKILL)

    @property
    def patience(self) -> tuple[int, str]:
        """Until when it need show no sign of life, CLOCK_MONOTONIC (0: for ever), and the setting that says so."""
        name, section = self.process.name, self.process.section
        if not self.pid:
            return 0, ""
        if not self.ready:
            return self._started_ns + self._loading_ns, "engine.start_timeout_s"
        bound, beat, apart = (self._telemetry.get(f"{name}.{each}") for each in ("bound_ns", "beat_ns", "apart_ns"))
        until, limited = hangs_at(bound, beat, apart, self._heartbeat_ns)
        return until, f"{section}.hard_limit_s" if limited else "engine.heartbeat_timeout_s"

    def hangs(self, now_ns: int) -> str:
        """What its silence is longer than, if it hangs by now; else nothing."""
        until, setting = self.patience
        return setting if 0 < until < now_ns else ""
