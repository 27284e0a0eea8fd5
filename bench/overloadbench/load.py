"""Load beside a conversation: other programs that want the processor, from one second of the track to another."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

STRESS = ("stress-ng", "--quiet", "--cpu")
UNPRIVILEGED = ("setpriv", "--bounding-set", "-sys_nice,-ipc_lock,-sys_resource")
"""Runs a command that may take no real-time priority, no niceness below 0 and lock no memory, even as root."""


def stress(cpus: int) -> tuple[str, ...]:
    """The command. SystemExit: it is not installed."""
    if shutil.which(STRESS[0]) is None:
        raise SystemExit("stress-ng is missing: apt-get install stress-ng")
    return (*STRESS, str(cpus))


def may_be_realtime() -> bool:
    """This user is granted real-time priorities here."""
    ran = subprocess.run(["chrt", "--fifo", "1", "true"], capture_output=True, check=False)
    return ran.returncode == 0


def without_rights() -> Sequence[str] | None:
    """What to run a command under, so that it has none of these rights. None: that cannot be done here."""
    if not may_be_realtime():
        return ()
    ran = subprocess.run([*UNPRIVILEGED, "chrt", "--fifo", "1", "true"], capture_output=True, check=False)
    works = subprocess.run([*UNPRIVILEGED, "true"], capture_output=True, check=False).returncode == 0
    return UNPRIVILEGED if works and ran.returncode != 0 else None


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when, in seconds of the track."""

    from_s: float
    until_s: float


class Load:
    """A command that runs while the window is open. `begin` says when the track began; until then nothing runs."""

    def __init__(self, command: Sequence[str], window: Window) -> None:
        self._command, self._window = command, window
        self._began, self._over = threading.Event(), threading.Event()
        self._start_ns = 0
        self.running: subprocess.Popen[bytes] | None = None
        self.ran_ns: tuple[int, int] | None = None
        """When it really began and ended, CLOCK_MONOTONIC."""
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def begin(self, start_ns: int) -> None:
        """The track began then, CLOCK_MONOTONIC. Only the first call counts."""
        if not self._began.is_set():
            self._start_ns = start_ns
            self._began.set()

    def close(self) -> None:
        """The conversation is over: nothing runs any more."""
        self._over.set()
        self._began.set()
        self._thread.join()

    def _run(self) -> None:
        self._began.wait()
        if self._wait_until(self._window.from_s):
            return
        with subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            self.running = running
            began_ns = time.monotonic_ns()
            self._wait_until(self._window.until_s)
            running.terminate()
            running.wait()
            self.ran_ns = began_ns, time.monotonic_ns()

    def _wait_until(self, track_s: float) -> bool:
        """Whether the conversation ended before."""
        due_s = self._start_ns / 1e9 + track_s
        return self._over.wait(max(0.0, due_s - time.monotonic()))
