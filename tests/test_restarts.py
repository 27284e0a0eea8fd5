"""A worker that ends by itself: what is a fault and what is not. Real processes, which are no workers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from engine import messages as m
from engine import supervisor as supervisor_module
from engine.channels import PROCESSES
from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.errors import DeviceError, EngineError
from engine.events import DeviceChanged, dump
from engine.hub import Happening, Hub
from engine.supervisor import Supervisor
from engine.worker import Worker

OPEN = DeviceChanged("microphone", "open", "USB mic", "", 48000, 1, "the microphone is USB mic")


class Ends(Worker):
    """A worker that ends at once with an exit code, at first."""

    def become(self, code: int, times: int) -> None:
        self._code, self._times = code, times
        self.starts: list[float] = []

    def start(self, doorbell: int) -> None:
        self._started_ns = time.monotonic_ns()
        self.starts.append(self._started_ns / 1e9)
        ends = len(self.starts) <= self._times
        code = f"import os; os._exit({self._code})" if ends else "import time; time.sleep(60)"
        self._popen = subprocess.Popen([sys.executable, "-S", "-c", code])
        self.pidfd = os.pidfd_open(self._popen.pid)


class Scene:
    """A supervisor with one worker, told that all are ready."""

    def __init__(self, name: str, code: int, times: int, *sets: str) -> None:
        self.told: list[dict[str, Any]] = []
        config = load(sets=[f"engine.instance=t{uuid.uuid4().hex[:10]}", *sets], environ={SYSTEM_CONFIG: ""})
        self.hub = Hub(100)
        self.hub.subscribe(self._note)
        self.supervisor = Supervisor(config, self.hub, self._take)
        process = next(process for process in PROCESSES if process.name == name)
        self.worker = Ends(process, self.supervisor.instance, config, self.supervisor.telemetry)
        self.worker.become(code, times)
        self.supervisor.workers = [self.worker]

    def _note(self, happening: Happening) -> None:
        self.told.append(happening.fields)

    def _take(self, message: m.Message) -> None:
        assert isinstance(message, m.Happened)
        self.hub.happened(message)

    async def run(self, true: Callable[[], Any]) -> EngineError | None:
        """Start the worker and wait for something, or for the end; the error it ended with."""
        self.supervisor.telemetry.set("engine.go", 1)
        self.supervisor._launch(self.worker)
        try:
            while not true():
                if self.supervisor._ended.done():
                    await self.supervisor.ended()
                await asyncio.sleep(0.01)
        except EngineError as error:
            return error
        finally:
            await self.supervisor.stop()
        return None

    def errors(self) -> list[str]:
        return [fields["what"] for fields in self.told if fields["event"] == "error"]


def test_a_lost_device_restarts_the_audio_worker_which_is_no_fault_and_counts_for_nothing() -> None:
    async def scene() -> Scene:
        scene = Scene("audio", DeviceError.code, times=14)  # more often than a worker may die in a minute
        scene.hub.happened(m.Happened(at_ns=1, event=dump(OPEN)))
        assert await scene.run(lambda: len(scene.worker.starts) == 15) is None
        assert scene.supervisor.telemetry.get("audio.restarts") == 0
        return scene

    seen = uvloop.run(scene())
    assert seen.errors() == []
    gaps = [later - earlier for earlier, later in zip(seen.worker.starts, seen.worker.starts[1:], strict=False)]
    # The loop's idea of the present is a little old on a busy machine: so much sooner a timer may fire.
    assert min(gaps) > supervisor_module._DEVICES_APART_S / 2


def test_devices_that_never_were_end_the_engine_with_their_exit_code_and_no_second_line() -> None:
    async def scene() -> EngineError | None:
        scene = Scene("audio", DeviceError.code, times=1)
        error = await scene.run(lambda: False)
        assert scene.errors() == []  # the worker has said why
        return error

    error = uvloop.run(scene())
    assert error is not None
    assert (error.code, str(error)) == (DeviceError.code, "")


@pytest.mark.parametrize(("name", "code"), [("asr", DeviceError.code), ("audio", 1)])
def test_any_other_end_is_a_fault_that_is_told_and_counted(name: str, code: int) -> None:
    async def scene() -> Scene:
        scene = Scene(name, code, times=2)
        scene.hub.happened(m.Happened(at_ns=1, event=dump(OPEN)))
        assert await scene.run(lambda: len(scene.worker.starts) == 3) is None
        assert scene.supervisor.telemetry.get(f"{name}.restarts") == 2
        return scene

    assert uvloop.run(scene()).errors() == [f"ended with exit code {code}"] * 2


def test_one_that_is_brought_back_early_is_not_started_by_the_timer_of_its_long_wait() -> None:
    async def scene() -> None:
        scene, timers = Scene("asr", 1, 99, "engine.restarts_per_minute=0"), list[asyncio.TimerHandle]()
        supervisor = scene.supervisor

        def died_again() -> bool:
            timer = supervisor._again.get("asr")  # it has died, and is left out
            if timer is not None and not timers:
                timers.append(timer)
                assert supervisor.absent == {"asr"}
                supervisor.bring_back()
                assert supervisor.absent == set()
            return timer is not None and timer is not timers[0]

        assert await scene.run(died_again) is None
        assert len(scene.worker.starts) == 2
        assert timers[0].cancelled()

    uvloop.run(scene())


def test_the_last_of_too_many_faults_is_told_as_an_event_too() -> None:
    async def scene() -> tuple[Scene, EngineError | None]:
        scene = Scene("vad", 1, 99, "engine.restart_backoff_ms=10", "engine.restarts_per_minute=2")
        return scene, await scene.run(lambda: False)

    seen, error = uvloop.run(scene())
    assert error is not None
    assert error.code == 8
    assert seen.errors()[-1] == "ended with exit code 1; deaths in the last minute: 3, allowed: 2"
    assert seen.told[-1]["state"] == "stopping"
