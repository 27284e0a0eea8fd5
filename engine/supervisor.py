"""The supervisor: owns the shared memory, starts the workers, watches them and brings them back, and ends it all.

No audio passes through it and no turn waits for it. It sleeps in the event loop; a thread of its own sleeps on its
doorbell and hands what comes to the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import ringbuf
from engine import messages as m
from engine.channels import BELLS, ENGINE, PROCESSES, segment
from engine.config import Config
from engine.errors import EngineError, WorkerError
from engine.segments import Segments, instance_name, settings
from engine.telemetry import Telemetry
from engine.worker import Worker, pss

_WATCH_S = 0.5
"""How often heartbeats are looked at."""
_WORST_BACKOFF_S = 5.0


class Supervisor:
    """One running engine. `on_message` is called in the event loop with what `turns` tells.

    Use: `await start()`, then `await ended()`, and `await stop()` in every case.
    """

    def __init__(self, config: Config, on_message: Callable[[m.Message], None]) -> None:
        self.config, self._on_message = config, on_message
        self.instance = instance_name(config)
        self._segments = Segments(self.instance, config)
        self._cells = ringbuf.Cells(segment(self.instance, "cells"))
        self.telemetry = Telemetry(self._cells)
        self._bells = ringbuf.Bells(segment(self.instance, "bells"))
        self._story = ringbuf.StreamReader(segment(self.instance, "story"), bells=[self._bells[BELLS.index("turns")]])
        ringbuf.LatestWriter(segment(self.instance, "settings")).put(settings(config))
        wanted = [p for p in PROCESSES if config.audio.output or not p.only_with_output]
        self.workers = [Worker(process, self.instance, config, self.telemetry) for process in wanted]
        self.peak_pss = 0
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = False
        self._gone = asyncio.Event()
        self._listener = threading.Thread(target=self._listen, args=(asyncio.get_running_loop(),), daemon=True)

    # Start.

    async def start(self) -> bool:
        """Start all workers and wait until each is loaded and warm. False: `end` came first.

        Raises EngineError with a worker's own exit code when it ends instead (it has said why), or WorkerError when
        one takes too long.
        """
        self._ready = asyncio.Event()
        self._listener.start()
        for worker in self.workers:
            self._launch(worker)
        ready: asyncio.Future[Any] = asyncio.ensure_future(self._ready.wait())
        timeout = self.config.engine.start_timeout_s
        await asyncio.wait((ready, self._ended), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._ended.done():
            self._ended.result()
            return False
        if not self._all_ready:
            slow = ", ".join(worker.process.name for worker in self.workers if not worker.ready)
            raise WorkerError(f"not ready after {timeout:g} s: {slow}", "raise engine.start_timeout_s")
        self.measure_memory()
        self.telemetry.set("engine.go", 1)
        self._watching = asyncio.ensure_future(self._watch())
        self._ring_all()
        return True

    @property
    def _all_ready(self) -> bool:
        return all(worker.ready for worker in self.workers)

    def _launch(self, worker: Worker) -> None:
        worker.start()
        asyncio.get_running_loop().add_reader(worker.pidfd, self._died, worker)

    # While it runs.

    async def ended(self) -> None:
        """Wait until the conversation is over. Raises WorkerError when a worker cannot be brought back."""
        await asyncio.shield(self._ended)

    def end(self) -> None:
        """Let `ended` return."""
        if not self._ended.done():
            self._ended.set_result(None)

    def _fail(self, error: EngineError) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

    def _died(self, worker: Worker) -> None:
        asyncio.get_running_loop().remove_reader(worker.pidfd)
        code = worker.reap()
        if self._stopping:
            if not any(worker.pid for worker in self.workers):
                self._gone.set()
            return
        what = f"{worker.process.title} {_cause(code)}"
        if not self.telemetry.get("engine.go"):
            self._fail(_while_loading(worker, code))
            return
        deaths, allowed = worker.deaths_in_last_minute(), self.config.engine.restarts_per_minute
        if deaths > allowed:
            count = f"{what}; deaths in the last minute: {deaths}, allowed: {allowed}"
            self._fail(WorkerError(count, "see its messages above, or raise engine.restarts_per_minute"))
            return
        self.telemetry.count(f"{worker.process.name}.restarts")
        backoff = min(self.config.engine.restart_backoff_ms / 1000 * 2 ** (deaths - 1), _WORST_BACKOFF_S)
        asyncio.get_running_loop().call_later(backoff, self._relaunch, worker)

    def _relaunch(self, worker: Worker) -> None:
        if self._stopping:
            return
        try:
            self._launch(worker)
        except EngineError as error:
            self._fail(error)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_S)
            now = time.monotonic_ns()
            for worker in self.workers:
                if worker.hung(now):
                    worker.kill()  # its death is seen like any other

    def measure_memory(self) -> None:
        """Take the memory of all processes into the peak."""
        now = pss(os.getpid()) + sum(worker.pss() for worker in self.workers)
        self.peak_pss = max(self.peak_pss, now)

    def total(self, metric: str) -> int:
        """A per-stage counter, summed over the stages."""
        return sum(self.telemetry.get(f"{process.name}.{metric}") for process in PROCESSES)

    # The doorbell.

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread that sleeps on the doorbell."""
        waiter = ringbuf.Waiter(self._bells[BELLS.index(ENGINE)], [self._story], any_ring=True)
        taken = threading.Event()
        while not self._stopping:
            if waiter.wait(None) and not self._stopping:
                taken.clear()
                loop.call_soon_threadsafe(self._rung, taken)
                taken.wait(1.0)

    def _rung(self, taken: threading.Event) -> None:
        self._hear()
        if self._all_ready:
            self._ready.set()
        taken.set()

    def _hear(self) -> None:
        """Pass on what turns has told."""
        for message in [m.decode(record) for record in self._story]:
            self._on_message(message)

    def _ring_all(self) -> None:
        for index in range(len(BELLS)):
            self._bells[index].ring()

    # The end.

    async def stop(self) -> None:
        """End all workers, by kill where they take too long, and remove the shared memory."""
        self._stopping = True
        if hasattr(self, "_watching"):
            self._watching.cancel()
        self.measure_memory()
        self.telemetry.set("engine.stop", 1)
        self._ring_all()
        if any(worker.pid for worker in self.workers):
            # Before Python 3.11 not the built-in TimeoutError.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._gone.wait(), self.config.engine.stop_timeout_s)
        for worker in self.workers:
            worker.kill()
            if worker.pid:
                asyncio.get_running_loop().remove_reader(worker.pidfd)
                worker.reap()
        if self._listener.is_alive():
            self._listener.join(2)
        self._hear()  # what was said last
        self._segments.remove()


def _cause(code: int) -> str:
    """Why a process ended, from its exit code."""
    return f"was killed by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with exit code {code}"


def _while_loading(worker: Worker, code: int) -> EngineError:
    """What to say of a worker that ended before it was ready."""
    if code > 1:
        return _SaidError(code)
    what = f"{worker.process.title} {_cause(code)} while loading"
    if code < 0:
        return WorkerError(what, "start again; the system's log says if memory ran out")
    # None of the engine's own errors: it is broken, or never was this engine's.
    return WorkerError(what, f"see its message above, and {worker.process.section}.python if it is set")


class _SaidError(EngineError):
    """A worker ended while loading, with this exit code, and has said why itself."""

    def __init__(self, code: int) -> None:
        super().__init__("")
        self.code = code
