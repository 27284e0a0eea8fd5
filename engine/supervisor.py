"""The supervisor: owns the shared memory, starts the workers, watches them and brings them back, and ends it all.

No audio passes through it and no turn waits for it. It sleeps in the event loop. Its doorbell is an eventfd, which the
loop can sleep on, where the workers' are futexes: a thread that hands over to the loop would be one more hop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

from engine import messages as m
from engine.channels import PROCESSES
from engine.config import Config
from engine.ends import SaidError, cause, while_loading
from engine.errors import DeviceError, EngineError, WorkerError
from engine.events import Error, StageChanged, StateChanged
from engine.footprint import Footprint
from engine.fork_server import ForkServer
from engine.hub import Hub
from engine.lease import plan
from engine.recovery import Verdict
from engine.scheduling import cores
from engine.segments import Segments, instance_name
from engine.switchboard import Switchboard
from engine.worker import Worker

_WATCH_S = 0.5
"""How often, at least, heartbeats are looked at, and what was read is scrubbed. A bound is looked at when it is over:
none is shorter than this."""
_STOPPED_S = 1.0
"""A look that is so late: this process did not run, and maybe no other did."""
_A_LITTLE_S = 0.001
"""After a bound is over: timers fire a little early."""
_HANDLED = {"tool": ("door.tools", "turns"), "dialogue": ("door.dialogue", "llm")}
"""What clients of the door may do for the engine → the cell that says how many do, and the worker that asks for it."""
NOBODYS = 0
"""The number of a command that nobody waits for."""
_DEVICES_APART_S = 0.1
"""A device that comes and goes: the audio worker is not started again sooner than so long after its last start."""


class Supervisor:
    """One running engine. `hub` is told what the supervisor does; `on_message` is called in the event loop with what
    `turns` and `audio` tell.

    Use: `await start()`, then `await ended()`, and `await stop()` in every case.
    """

    def __init__(self, config: Config, hub: Hub, on_message: Callable[[m.Message], None]) -> None:
        self.config, self._hub, self._on_message = config, hub, on_message
        self.instance = instance_name(config)
        self._segments = Segments(self.instance, config)
        self._switchboard = Switchboard(self.instance, config)
        self.telemetry, self.wake = self._switchboard.telemetry, self._switchboard.wake
        self.telemetry.set("audio.muted", int(config.audio.muted))
        self.telemetry.set("engine.lease", plan(config, cores()).bits)
        wanted = [process for process in PROCESSES if process.wanted(config)]
        self.workers = [Worker(process, self.instance, config, self.telemetry) for process in wanted]
        self._fork_server = ForkServer(
            self.instance,
            self._switchboard.doorbell,
            self._started,
            self._execute,
            lambda pid: self.telemetry.set("engine.forks", pid),
        )
        self.on_death: Callable[[str], None] = lambda _stage: None
        """Called when a worker has ended, before it is started again."""
        self.footprint = Footprint(self._pids)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = False
        self._again: dict[str, asyncio.TimerHandle] = {}
        """The workers that wait to be started again."""
        self._gone = asyncio.Event()

    # Start.

    async def start(self) -> bool:
        """Start all workers and wait until each is loaded and warm. False: `end` came first.

        Raises EngineError with a worker's own exit code when it ends instead (it has said why), or WorkerError when
        one takes too long.
        """
        self._ready = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._switchboard.doorbell, self._rung)
        self._fork_server.start()
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
        self.telemetry.set("engine.go", 1)
        self._hub.tell(StateChanged("listening"))
        self._watching = asyncio.ensure_future(self._watch())
        self._switchboard.wake_all()
        return True

    @property
    def _all_ready(self) -> bool:
        return all(worker.ready for worker in self.workers)

    def _launch(self, worker: Worker) -> None:
        """Start a worker, unless it runs or the engine ends."""
        self._forget_timer(worker)
        if not (worker.pid or self._is_over):
            self._fork_server.fork(worker)

    @property
    def _is_over(self) -> bool:
        return self._stopping or self._ended.done()

    def _execute(self, worker: Worker) -> None:
        """Start a worker without the fork server. One that cannot be started is like one that died."""
        if self._is_over:
            return
        try:
            worker.start(self._switchboard.doorbell)
        except EngineError as error:
            if self.telemetry.get("engine.go"):
                self._failed(worker, str(error))
            else:
                self._fail(worker.process.name, error)
        else:
            self._started(worker)

    def _started(self, worker: Worker) -> None:
        asyncio.get_running_loop().add_reader(worker.pidfd, self._died, worker)

    def _launch_in(self, after_s: float, worker: Worker) -> None:
        self._forget_timer(worker)
        self._again[worker.process.name] = asyncio.get_running_loop().call_later(after_s, self._launch, worker)

    def _forget_timer(self, worker: Worker) -> None:
        """It was started sooner (`bring_back`), or waits anew: an old timer must not cut a later wait short."""
        if (timer := self._again.pop(worker.process.name, None)) is not None:
            timer.cancel()

    # While it runs.

    async def ended(self) -> None:
        """Wait until the conversation is over. Raises WorkerError when a worker cannot be brought back."""
        await asyncio.shield(self._ended)

    def end(self) -> None:
        """Let `ended` return."""
        if not self._ended.done():
            self._ended.set_result(None)

    def send(self, channel: str, message: m.Message) -> bool:
        """Send a command of the host to a worker. False: its ring is full."""
        return self._switchboard.send(channel, message)

    def count_handlers(self, what: str, count: int) -> None:
        """So many clients of the door do something for the engine: let whoever asks for it know. what: `tool` or
        `dialogue`."""
        cell, worker = _HANDLED[what]
        self.telemetry.set(cell, count)
        self.wake(worker)

    @property
    def pids(self) -> dict[str, int]:
        """The workers that run, by name."""
        return {worker.process.name: worker.pid for worker in self.workers if worker.pid}

    def publish(self, config: Config) -> int:
        """Give all workers new settings; which version that is, as in the cell engine.settings. ValueError: they are
        larger than the room there is."""
        version = self._switchboard.publish(config)
        self.config = config
        return version

    def bring_back(self) -> None:
        """Start the stages that are left out now: they may have been mended."""
        for worker in self.workers:
            if worker.recovery.resting:
                self._launch(worker)

    def _fail(self, where: str, error: EngineError) -> None:
        """End the engine with this error, after telling of it."""
        if not self._ended.done():
            if str(error):
                self._hub.tell(Error(where, error.what, error.remedy))
            self._ended.set_exception(SaidError(error.code))

    def _died(self, worker: Worker) -> None:
        asyncio.get_running_loop().remove_reader(worker.pidfd)
        code = worker.reap()
        self._switchboard.lease.reap()  # whoever waits for what it held goes on at once
        if self._stopping:
            if not any(worker.pid for worker in self.workers):
                self._gone.set()
            return
        self._hear()  # what it said last
        self.on_death(worker.process.name)
        if not self.telemetry.get("engine.go"):
            self._fail(worker.process.name, while_loading(worker, code))
        elif worker.process.name == "audio" and code == DeviceError.code:
            self._device_changed(worker)
        else:
            self._failed(worker, cause(worker, code))

    def _failed(self, worker: Worker, what: str) -> None:
        """A worker died of a fault: start it again, or leave it out for a while where it does so too often."""
        name, settings = worker.process.name, self.config.engine
        verdict = worker.recovery.died(
            time.monotonic(), settings.restarts_per_minute, settings.restart_backoff_ms / 1000
        )
        if verdict.what == "end":
            remedy = "see its messages above, or raise engine.restarts_per_minute"
            self._fail(name, WorkerError(f"{what}; {verdict.why}", remedy))
            return
        self.telemetry.count(f"{name}.restarts")
        if verdict.what == "again":
            self._hub.tell(Error(name, what, "it is started again"))
        else:
            self._do_without(name, f"{what}; {verdict.why}", verdict)
        self._launch_in(verdict.after_s, worker)

    def _do_without(self, stage: str, what: str, verdict: Verdict) -> None:
        """The engine goes on without this stage, and says so: the first time aloud."""
        remedy = f"it is tried again in {verdict.after_s:g} s"
        self._hub.tell(Error(stage, f"{what}; the engine does without it", remedy))
        if not self.telemetry.get(f"{stage}.gone"):
            self.telemetry.set(f"{stage}.gone", 1)
            self._hub.tell(StageChanged(stage, "gone"))
        if verdict.first:
            phrase = self.config.phrases[self.config.language].impaired
            self.send("commands", m.Say(number=NOBODYS, text=phrase, mode="queue", interruptible=1))

    def _note_ready(self) -> None:
        """Take note of workers that have come back."""
        for worker in self.workers:
            if worker.ready and not worker.recovery.is_at_work:
                worker.recovery.ready(time.monotonic())
                if self.telemetry.get(f"{worker.process.name}.gone"):
                    self.telemetry.set(f"{worker.process.name}.gone", 0)
                    self._hub.tell(StageChanged(worker.process.name, "back"))

    def _device_changed(self, worker: Worker) -> None:
        """The audio worker asks to be started again, because a sound device was lost or came back: libraries see
        devices as they were when they were loaded. No fault, unless there never was a device."""
        if not self._hub.device_was_open:
            self._fail(worker.process.name, SaidError(DeviceError.code))
            return
        self._launch_in(max(0.0, _DEVICES_APART_S - worker.age_s), worker)

    async def _watch(self) -> None:
        due, excused = time.monotonic_ns(), False
        while True:
            self._switchboard.scrub()
            now = time.monotonic_ns()
            self.telemetry.set("engine.beat_ns", now)
            # In a container that was paused all stood still: who lives says so by the next look.
            excused = not excused and now - due > _STOPPED_S * 1e9
            due = now + round(_WATCH_S * 1e9)
            for worker in self.workers:
                if silent_for := worker.hangs(now):
                    if not excused:
                        worker.kill(silent_for)  # its death is seen like any other
                elif (until := worker.patience[0]) > now:
                    due = min(due, until)
            await asyncio.sleep((due - now) / 1e9 + _A_LITTLE_S)

    @property
    def is_fresh(self) -> bool:
        """No stage hangs. One that is being started again has its time for it; one that is left out is not missed."""
        now = time.monotonic_ns()
        return not any(worker.hangs(now) for worker in self.workers)

    @property
    def left_out(self) -> list[str]:
        """The stages that the engine does without."""
        return [worker.process.name for worker in self.workers if worker.recovery.resting]

    @property
    def absent(self) -> frozenset[str]:
        """Those of them that have no process just now: nothing is to be had from them."""
        return frozenset(worker.process.name for worker in self.workers if worker.recovery.resting and not worker.pid)

    def _pids(self) -> list[int]:
        return [os.getpid(), *self._fork_server.pids, *(worker.pid for worker in self.workers if worker.pid)]

    def total(self, metric: str) -> int:
        """A per-stage counter, summed over the stages."""
        return sum(self.telemetry.get(f"{process.name}.{metric}") for process in PROCESSES)

    # The doorbell.

    def _rung(self) -> None:
        self._switchboard.answer()
        self._hear()
        self._switchboard.scrub()
        self._note_ready()
        if self._all_ready:
            self._ready.set()

    def _hear(self) -> None:
        """Pass on what turns and audio have told."""
        for message in self._switchboard.heard():
            self._on_message(message)

    # The end.

    async def stop(self) -> None:
        """End all workers, by kill where they take too long, and remove the shared memory."""
        self._stopping = True
        self._hub.tell(StateChanged("stopping"))
        if hasattr(self, "_watching"):
            self._watching.cancel()
        self._fork_server.close()
        self.telemetry.set("engine.stop", 1)
        self._switchboard.wake_all()
        if any(worker.pid for worker in self.workers):
            # Before Python 3.11 not the built-in TimeoutError.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._gone.wait(), self.config.engine.stop_timeout_s)
        for worker in self.workers:
            worker.kill()
            if worker.pid:
                asyncio.get_running_loop().remove_reader(worker.pidfd)
                worker.reap()
        self._hear()  # what was said last
        asyncio.get_running_loop().remove_reader(self._switchboard.doorbell)
        self._switchboard.close()
        await self.footprint.done()
        self._segments.remove()
