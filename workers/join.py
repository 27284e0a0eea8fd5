"""How a worker joins the engine: its arguments, its rings, its doorbell, its cells, and how it ends.

    python -m workers engine:vad --instance NAME --parent PID --doorbell FD

Everything else is found in shared memory under the instance's name; the configuration is read there too. Joining
needs NumPy, posix_ipc and the standard library only, so that a worker can run under an interpreter of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
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
from engine.contract import NO_LEASE, NO_LINE, Backend, Lease, Line
from engine.errors import BackendError, EngineError
from engine.levels import say
from engine.outlet import Outlet
from engine.realtime import SayOnce, be_realtime, settle
from engine.scheduling import be_usual, share_interpreter
from engine.telemetry import AT, LOADING, READY, Telemetry
from workers.garbage import Garbage
from workers.lease import Apart, share

BEAT_NS = 1_000_000_000
"""A worker that has nothing to do still comes round its loop this often."""
_PR_SET_PDEATHSIG = 1


class Seat:
    """A worker's place in the running engine: what it joins, what it waits for, how it says that it lives.

    doorbell: the supervisor's, a file descriptor; below 0 nobody is woken, which is for tests.
    """

    def __init__(self, process: Process, instance: str, doorbell: int = -1) -> None:
        self.process, self.instance = process, instance
        self._doorbell = doorbell
        self.cells = ringbuf.Cells(segment(instance, "cells"))
        self.telemetry = Telemetry(self.cells)
        self._reloads = self.cells.watch(AT["engine.settings"])
        self.version = self._reloads.take()
        """Of the settings in `config`: how often they were published anew."""
        self.config = read_config(instance)
        self.telemetry.durations = self.config.engine.telemetry
        self.lease: Lease = share(instance, process.name, self.config, self.telemetry)
        """The right to compute now."""
        self.apart: Lease = Apart(self.lease, self.telemetry, process.name, lambda: self.hard_limit_s)
        """The same for threads of the backend's own: it is known how long each of their calls may take."""
        self.line: Line = NO_LINE
        """To the host's own dialogue program, for the worker that may let it answer."""
        self.garbage = Garbage(self.telemetry)
        self._bells = ringbuf.Bells(segment(instance, "bells"))
        # A short heartbeat_timeout_s must not make a worker that sleeps look like one that hangs.
        timeout_ns = round(self.config.engine.heartbeat_timeout_s * 1e9)
        self._beat_every_ns = min(BEAT_NS, timeout_ns // 4) if timeout_ns else BEAT_NS
        self._bound_ns = 0
        """How long the call that is under way may take, while it shows no progress; 0: none is."""
        self._inputs: list[ringbuf.Watchable] = [self.telemetry.watch("engine.stop"), self._reloads]
        self._waiter: ringbuf.Waiter | None = None
        self._any_ring = False
        self._outlets: dict[str, Outlet] = {}
        self._written: list[ringbuf.StreamWriter] = []
        """Streams in which nothing is to be left that was read."""
        self.beat()
        for bound in ("bound_ns", "apart_ns"):  # a predecessor may have died in the middle of a call
            self.telemetry.set(f"{process.name}.{bound}", 0)
        self.telemetry.set(f"{process.name}.state", LOADING)

    # Rings.

    def outlet(self, name: str) -> Outlet:
        """The writing end of a stream of messages."""
        if name not in self._outlets:
            dropped = f"{self.process.name}.dropped"
            wake = self._wake_engine if ENGINE in channel(name).readers else _nobody
            self._outlets[name] = Outlet(self.stream_writer(name), lambda: self.telemetry.count(dropped), wake)
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
        return tuple(self.bell_of(name) for name in names)

    def bell_of(self, name: str) -> ringbuf.Bell:
        """Somebody's doorbell."""
        return self._bells[BELLS.index(name)]

    @property
    def bell(self) -> ringbuf.Bell:
        """This process's own doorbell."""
        return self.bell_of(self.process.name)

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
        self.garbage.rest()
        beat_by = self.beat() + self._beat_every_ns
        self._waiter.wait(beat_by if deadline_ns is None else min(deadline_ns, beat_by))

    def wait_for(self, watched: ringbuf.Watchable) -> None:
        """Sleep until `watched` has something, the engine stops, or the next beat."""
        self.progress()
        longest_ns = min(self._beat_every_ns, self._bound_ns // 2 or BEAT_NS)  # before the bound is over
        ringbuf.Waiter(self.bell, [watched, self._inputs[0]]).wait(self.beat() + longest_ns)

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
        self.garbage.begin()
        priority = getattr(self.config, self.process.section).realtime_priority
        be_realtime(priority, self.config.realtime.lock_memory, SayOnce(self.telemetry))
        self.beat()  # loading may have taken longer than a beat may
        self.telemetry.set(f"{self.process.name}.state", READY)
        self._wake_engine()

    def _wake_engine(self) -> None:
        if self._doorbell >= 0:
            os.eventfd_write(self._doorbell, 1)

    def beat(self) -> int:
        """Say that the loop goes round; returns the time. And let nothing that was read lie in the rings: what a
        visitor said, and was told, is gone from there once they have left."""
        for writer in self._written:
            writer.scrub()
        self.garbage.limit()
        now = time.monotonic_ns()
        self.telemetry.set(f"{self.process.name}.beat_ns", now)
        return now

    @property
    def hard_limit_s(self) -> float:
        """How long a call of this stage may take."""
        own = getattr(self.config, self.process.section)
        limit_s: float = getattr(own, "hard_limit_s", self.config.turns.hard_limit_s)
        return limit_s

    @contextlib.contextmanager
    def bound(self, limit_s: float = 0.0) -> Iterator[None]:
        """Around a call that cannot be interrupted: says how long it may take, limit_s, or else the stage's
        `hard_limit_s`. A worker that is still in it then hangs, and is killed."""
        self._bound_ns = round((limit_s or self.hard_limit_s) * 1e9)
        self.progress()
        try:
            yield
        finally:
            self.beat()  # first: without a bound the last beat counts, and that was before the call
            self._bound_ns = 0
            self.telemetry.set(f"{self.process.name}.bound_ns", 0)

    def progress(self) -> None:
        """Something came of the call that is under way, or it waits for somebody else: its time starts anew. For the
        thread that makes the call, and for no other."""
        if self._bound_ns:
            self.telemetry.set(f"{self.process.name}.bound_ns", time.monotonic_ns() + self._bound_ns)

    @contextlib.contextmanager
    def computing(self, backend: Backend, due_ns: int) -> Iterator[None]:
        """Around a step of the backend, which cannot be interrupted either: it has the lease meanwhile. due_ns: when
        what comes of it has to be there, CLOCK_MONOTONIC; 0 where nobody waits for it."""
        lease = NO_LEASE if backend.abilities.own_thread else self.lease
        with self.bound():
            lease.take(due_ns)
            self.progress()  # it has waited for somebody else
            try:
                yield
            finally:
                lease.give()


def _nobody() -> None:
    """To wake."""


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


def name_thread(title: str) -> None:
    """What `top` shows of this thread."""
    with open("/proc/self/comm", "w") as comm:
        comm.write(title)


def parser() -> argparse.ArgumentParser:
    """What a worker is told by its arguments."""
    parser = argparse.ArgumentParser(description="A worker of the engine; `engine run` starts it.")
    parser.add_argument("title", help="engine:STAGE, what ps and top show")
    parser.add_argument("--instance", required=True, help="the running engine's name in /dev/shm")
    parser.add_argument("--parent", type=int, required=True, help="the supervisor's process id")
    parser.add_argument("--doorbell", type=int, required=True, help="the supervisor's eventfd, which was inherited")
    parser.add_argument("--requests", type=int, help="be the fork server: where workers are asked for")
    return parser


def run() -> None:
    """Be the worker that the arguments name: join, run its `main`, and end with an exit code and one line for whatever
    went wrong."""
    arguments = parser().parse_args()
    # Ctrl-C reaches the whole foreground group; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not die_with(arguments.parent):
        say(f"{arguments.title}: its parent is not the supervisor; start it directly")
        os._exit(8)
    share_interpreter()
    be_usual()  # the supervisor is not
    name_thread(arguments.title)
    process = next(process for process in PROCESSES if process.title == arguments.title)
    code = 0
    try:
        seat = Seat(process, arguments.instance, arguments.doorbell)
        settle(process.name, seat.config.realtime, SayOnce(seat.telemetry))
        seat.garbage = Garbage(seat.telemetry, seat.config.realtime.collect)
        import_module(process.module).main(seat)
    except ImportError as error:
        say(f"{arguments.title}: {error}; install it into {sys.executable}")
        code = BackendError.code
    except EngineError as error:
        say(f"{arguments.title}: {error}")
        code = error.code
    except Exception as error:
        if os.environ.get("ANTIPHON_TRACEBACK"):
            traceback.print_exc()
        say(f"{arguments.title}: internal fault: {type(error).__name__}: {error}")
        code = 1
    # Threads of model libraries must not keep a worker that has finished.
    os._exit(code)
