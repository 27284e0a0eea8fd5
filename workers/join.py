"""How a worker joins the engine: its arguments, its rings, its doorbell, its cells, and how it ends.

    python -m workers engine:vad --instance NAME --parent PID

Everything else is found in shared memory under the instance's name; the configuration is read there too. Joining
needs NumPy, posix_ipc and the standard library only, so that a worker can run under an interpreter of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Literal

import numpy as np

import ringbuf
from engine.channels import BELLS, ENGINE, PROCESSES, Channel, Process, channel, segment
from engine.config import Config
from engine.errors import BackendError, EngineError
from engine.outlet import Outlet
from engine.scheduling import be_usual
from engine.telemetry import AT, LOADING, READY, Telemetry

BEAT_NS = 1_000_000_000
"""A worker that has nothing to do still comes round its loop this often."""
_PR_SET_PDEATHSIG = 1
_SPIN_US = 2_000_000
"""How long a real-time thread may run without sleeping."""
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


class Seat:
    """A worker's place in the running engine: what it joins, what it waits for, how it says that it lives."""

    def __init__(self, process: Process, instance: str) -> None:
        self.process, self.instance = process, instance
        self.cells = ringbuf.Cells(segment(instance, "cells"))
        self.telemetry = Telemetry(self.cells)
        self._reloads = self.cells.watch(AT["engine.settings"])
        self.version = self._reloads.take()
        """Of the settings in `config`: how often they were published anew."""
        self.config = read_config(instance)
        self._bells = ringbuf.Bells(segment(instance, "bells"))
        # A short heartbeat_timeout_s must not make a worker that sleeps look like one that hangs.
        timeout_ns = round(self.config.engine.heartbeat_timeout_s * 1e9)
        self._beat_every_ns = min(BEAT_NS, timeout_ns // 4) if timeout_ns else BEAT_NS
        self._bound_ns = round(self.config.turns.hard_limit_s * 1e9)
        self._inputs: list[ringbuf.Watchable] = [self.telemetry.watch("engine.stop"), self._reloads]
        self._waiter: ringbuf.Waiter | None = None
        self._any_ring = False
        self._outlets: dict[str, Outlet] = {}
        self._written: list[ringbuf.StreamWriter] = []
        """Streams in which nothing is to be left that was read."""
        self.beat()
        self.telemetry.set(f"{process.name}.state", LOADING)

    # Rings.

    def outlet(self, name: str) -> Outlet:
        """The writing end of a stream of messages."""
        if name not in self._outlets:
            dropped = f"{self.process.name}.dropped"
            self._outlets[name] = Outlet(self.stream_writer(name), lambda: self.telemetry.count(dropped))
        return self._outlets[name]

    def stream_writer(
        self, name: str, dtype: type[np.generic] = np.uint8, *, scrub: bool = True
    ) -> ringbuf.StreamWriter:
        """The writing end of a stream. scrub: what was read of it is overwritten at each `beat`; False for one that
        another thread will write."""
        bells = self._bells_of(self._ours(name).readers)
        writer = ringbuf.StreamWriter(segment(self.instance, name), bells=bells, dtype=dtype)
        if scrub:
            self._written.append(writer)
        return writer

    def stream_reader(
        self, name: str, dtype: type[np.generic] = np.uint8, *, wake: bool = True
    ) -> ringbuf.StreamReader:
        """The reading end of a stream; a record in it ends `wait` unless `wake` is False."""
        writer = self._bells_of([channel(name).writer])
        reader = ringbuf.StreamReader(segment(self.instance, name), bells=writer, dtype=dtype)
        if wake:
            self.wake_on(reader)
        return reader

    def history_writer(self, name: str) -> ringbuf.HistoryWriter:
        """The writing end of a history of sound."""
        return ringbuf.HistoryWriter(segment(self.instance, name), bells=self._bells_of(self._ours(name).readers))

    def history_reader(
        self, name: str, start: Literal["latest"] | int = "latest", *, wake: bool = True
    ) -> ringbuf.HistoryReader:
        """A reading end of a history of sound; as many samples as it `want`s end `wait` unless `wake` is False."""
        slot = channel(name).readers.index(self.process.name)
        reader = ringbuf.HistoryReader(segment(self.instance, name), slot=slot, start=start)
        if wake:
            self.wake_on(reader)
        return reader

    def wake_on(self, watched: ringbuf.Watchable) -> None:
        """Let `wait` end when `watched` has something."""
        self._inputs.append(watched)
        self._waiter = None

    def _bells_of(self, names: Iterable[str]) -> tuple[ringbuf.Bell, ...]:
        return tuple(self._bells[BELLS.index(name)] for name in names)

    @property
    def bell(self) -> ringbuf.Bell:
        """This process's own doorbell."""
        return self._bells[BELLS.index(self.process.name)]

    def _ours(self, name: str) -> Channel:
        found = channel(name)
        if found.writer != self.process.name:
            raise ValueError(f"{self.process.name} does not write {name}")
        return found

    # Sleeping.

    def wait(self, deadline_ns: int | None = None) -> None:
        """Sleep until an input has something, the engine stops, the deadline (CLOCK_MONOTONIC), or the next beat."""
        if self._waiter is None:
            self._waiter = ringbuf.Waiter(self.bell, self._inputs, any_ring=self._any_ring)
        beat_by = self.beat() + self._beat_every_ns
        self._waiter.wait(beat_by if deadline_ns is None else min(deadline_ns, beat_by))

    def wait_for(self, watched: ringbuf.Watchable) -> None:
        """Sleep until `watched` has something, the engine stops, or the next beat."""
        ringbuf.Waiter(self.bell, [watched, self._inputs[0]]).wait(self.beat() + self._beat_every_ns)

    def wake(self) -> None:
        """End `wait` from another thread of this process, once `wakeable` was called."""
        self.bell.ring()

    def wakeable(self) -> None:
        """Let `wait` end whenever the doorbell rings, inputs or not."""
        self._any_ring, self._waiter = True, None

    def reloaded(self) -> bool:
        """The settings were published anew since the last call, which ends `wait` too; `config` has them now."""
        if not self._reloads.ready:
            return False
        self.version = self._reloads.take()
        self.config = read_config(self.instance)
        return True

    @property
    def stopping(self) -> bool:
        """The engine ends."""
        return self.telemetry.get("engine.stop") != 0

    # Telling.

    def ready(self) -> None:
        """Loaded and warmed up. What is on the heap now stays: the collector need not look at it again."""
        gc.collect()
        gc.freeze()
        be_realtime(getattr(self.config, self.process.section).realtime_priority)
        self.beat()  # loading may have taken longer than a beat may
        self.telemetry.set(f"{self.process.name}.state", READY)
        self._bells_of([ENGINE])[0].ring()

    def beat(self) -> int:
        """Say that the loop goes round; returns the time. And let nothing that was read lie in the rings: what a
        visitor said, and was told, is gone from there once they have left."""
        for writer in self._written:
            writer.scrub()
        now = time.monotonic_ns()
        self.telemetry.set(f"{self.process.name}.beat_ns", now)
        return now

    @contextlib.contextmanager
    def bound(self, seconds: float | None = None) -> Iterator[None]:
        """Around a call that cannot be interrupted: says how long it may take, or that it may take as long as
        a turn is waited for."""
        name = f"{self.process.name}.bound_ns"
        bound_ns = self._bound_ns if seconds is None else round(seconds * 1e9)
        self.telemetry.set(name, time.monotonic_ns() + bound_ns)
        try:
            yield
        finally:
            self.telemetry.set(name, 0)
            self.beat()


def read_config(instance: str) -> Config:
    """The configuration the supervisor has published."""
    raw = ringbuf.LatestReader(segment(instance, "settings")).read()
    if raw is None:
        raise EngineError("the supervisor has published no settings")
    return Config.from_dict(json.loads(raw))


def die_with(parent: int) -> bool:
    """Let the kernel kill this process when its parent dies, however it dies. False: `parent` is not its parent; it
    died before we asked, or a script between us did not `exec` the interpreter."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


def be_realtime(priority: int) -> None:
    """Real-time scheduling and memory that stays in place, where it was asked for and the machine lets us have it."""
    if priority:
        ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)
        with contextlib.suppress(OSError):
            _limit_spinning()
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))


def _limit_spinning() -> None:
    """A real-time thread of this process that never sleeps would keep everybody else from its core, whoever could end
    it too: the kernel does, by SIGXCPU, and should that be blocked by SIGKILL."""
    soft, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, (_narrower(_SPIN_US, soft), _narrower(2 * _SPIN_US, hard)))


def _narrower(limit: int, present: int) -> int:
    """The narrower of two limits, of which the second may be none."""
    return limit if present == resource.RLIM_INFINITY else min(limit, present)


def run() -> None:
    """Be the worker that the arguments name: join, run its `main`, and end with an exit code and one line for whatever
    went wrong."""
    parser = argparse.ArgumentParser(description="A worker of the engine; `engine run` starts it.")
    parser.add_argument("title", help="engine:STAGE, what ps and top show")
    parser.add_argument("--instance", required=True, help="the running engine's name in /dev/shm")
    parser.add_argument("--parent", type=int, required=True, help="the supervisor's process id")
    arguments = parser.parse_args()
    # Ctrl-C reaches the whole foreground group; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not die_with(arguments.parent):
        print(f"{arguments.title}: its parent is not the supervisor; start it directly", file=sys.stderr, flush=True)
        os._exit(8)
    be_usual()  # the supervisor is not
    with open("/proc/self/comm", "w") as comm:
        comm.write(arguments.title)
    process = next(process for process in PROCESSES if process.title == arguments.title)
    code = 0
    try:
        import_module(process.module).main(Seat(process, arguments.instance))
    except ImportError as error:
        print(f"{arguments.title}: {error}; install it into {sys.executable}", file=sys.stderr, flush=True)
        code = BackendError.code
    except EngineError as error:
        print(f"{arguments.title}: {error}", file=sys.stderr, flush=True)
        code = error.code
    except Exception as error:
        if os.environ.get("ANTIPHON_TRACEBACK"):
            traceback.print_exc()
        print(f"{arguments.title}: internal fault: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        code = 1
    # Threads of model libraries must not keep a worker that has finished.
    os._exit(code)
