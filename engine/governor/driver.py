"""The governor at work, in the supervisor's event loop: what it sees goes to the policy, and the moves that come of it
to the stages, the log and the door. It looks at the sensors once a second while the engine is in use, or gives way, and
in a thread: no turn waits for any of that.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from engine.config import Config
from engine.events import Error, RungChanged
from engine.governor.policy import Ladder, Move, Policy
from engine.governor.pressure import Pressures
from engine.governor.reading import Reading
from engine.governor.recent import Recent, turn_of
from engine.governor.sensors import Sensors
from engine.governor.sensors.cpu import Cpu
from engine.hub import Happening, Hub
from engine.ladders import distinct, ladder
from engine.telemetry import Telemetry

LOOK_S = 1.0
LINGER_S = 5.0
"""It goes on looking for so long after the engine was in use: the next word is likely."""
BLIND_S = 10.0
"""What was seen so long before a turn's end says nothing of it: a driver may take its time for ever."""
_IN_USE = frozenset({"hearing", "thinking", "speaking", "announcing"})
_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


class Governor:
    """Subscribes to the hub. wake: lets a worker look at what is wanted of it. pids: of the workers that run, by name.

    `begin` before the workers are started, `reload` when the settings are others, `died` when a worker has.
    """

    def __init__(
        self,
        config: Config,
        telemetry: Telemetry,
        hub: Hub,
        wake: Callable[[str], None],
        pids: Callable[[], dict[str, int]],
        sensors: Callable[[], Sensors] = Sensors,
    ) -> None:
        self._config, self._telemetry, self._hub, self._wake, self._pids = config, telemetry, hub, wake, pids
        self._numbers = {stage: distinct(config, stage) for stage in config.stages}
        """Of the rungs that are worth a move, as in the configuration. The policy counts these alone."""
        ladders = [
            Ladder(stage, tuple(_on_gpu(config, stage, number) for number in numbers))
            for stage, numbers in self._numbers.items()
            if len(numbers) > 1
        ]
        self._names = {stage: [step.name for step in ladder(config, stage)] for stage in self._numbers}
        self._policy, self._pressures = Policy(ladders, config.governor), Pressures()
        self._make_sensors, self._cpu = sensors, Cpu()
        self._sensors: Sensors | None = None
        self._words, self._starved = Recent(telemetry, "asr.partial_ns"), 0
        self._used_ticks: dict[str, tuple[int, int]] = {}
        self._looking: asyncio.TimerHandle | asyncio.Future[Any] | None = None
        self._used_s = self._seen_s = 0.0
        self._stopped = False
        hub.subscribe(self)

    def begin(self) -> None:
        """Publish where each stage is to be."""
        if self._config.governor.mode == "off":
            self._apply(self._policy.fix(self._fixed), quietly=True)

    def reload(self, config: Config) -> None:
        """The settings are others now."""
        self._config, self._policy.limits = config, config.governor
        if config.governor.mode == "off":
            self._apply(self._policy.fix(self._fixed))
        else:
            self._look_soon(0)

    def died(self, stage: str) -> None:
        """A worker has ended, by a fault."""
        if self._on:
            self._apply(self._policy.died(time.monotonic(), stage))

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._looking is not None:
            self._looking.cancel()

    def __call__(self, happening: Happening) -> None:
        fields = happening.fields
        if happening.name == "state" and fields["state"] in _IN_USE:
            self._used_s = time.monotonic()
            self._look_soon(0)
        elif happening.name == "answer.ended" and fields["record"] and self._on:
            self._turn(fields["record"])

    @property
    def _on(self) -> bool:
        return self._config.governor.mode == "on"

    @property
    def _fixed(self) -> dict[str, int]:
        """Where governor.rung wants each stage. A rung that changes nothing is the one above it."""
        wanted = self._config.governor.rung
        if wanted == "bottom":
            return {}
        number = 0 if wanted == "top" else int(wanted)
        return {stage: bisect.bisect_right(numbers, number) - 1 for stage, numbers in self._numbers.items()}

    # Turns.

    def _turn(self, record: dict[str, Any]) -> None:
        # Of the host's words, too: what they took is no later turn's.
        starved, self._starved = self._starved, self._telemetry.get("audio.starved")
        cpu_ms = self._cpu_ms()
        if record["source"] == "say":
            return
        known = {
            stage: numbers.index(record["rungs"][stage])
            for stage, numbers in self._numbers.items()
            if record.get("rungs", {}).get(stage) in numbers
        }
        now = time.monotonic()
        if now - self._seen_s > BLIND_S:
            self._policy.blind()
        turn = turn_of({**record, "rungs": known}, self._config, now, cpu_ms, self._starved > starved)
        self._apply(self._policy.turn(turn))

    def _cpu_ms(self) -> dict[str, float]:
        """The processor time that each stage's process has taken since the last turn."""
        found = {}
        for stage, pid in self._pids().items():
            if stage in self._numbers and (used := self._cpu.used(pid)) is not None:
                before = self._used_ticks.get(stage)
                self._used_ticks[stage] = pid, used
                if before is not None and before[0] == pid:
                    found[stage] = (used - before[1]) * _TICK_MS
        return found

    # Sensors.

    def _look_soon(self, seconds: float) -> None:
        if self._looking is None and not self._stopped and self._on and len(self._policy.rungs):
            self._looking = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        pids, words_ms = [os.getpid(), *self._pids().values()], self._words.median_ms()

        def read() -> Reading:
            if self._sensors is None:
                self._sensors = self._make_sensors()
            return self._sensors.read(pids, words_ms)

        self._looking = looking = asyncio.get_running_loop().create_future()
        looking.add_done_callback(self._seen)
        # Not the loop's executor, which is waited for at the end: a driver that never answers keeps nobody.
        threading.Thread(target=_answer, args=(read, looking), name="sensors", daemon=True).start()

    def _seen(self, looked: asyncio.Future[Reading]) -> None:
        self._looking = None
        if self._stopped or looked.cancelled() or not self._on:
            return
        if (error := looked.exception()) is not None:
            what = f"the sensors cannot be read: {type(error).__name__}: {error}"
            self._hub.tell(Error("governor", what, "lateness alone counts now"))
            self._policy.blind()
            self._stopped = True
            return
        now = self._seen_s = time.monotonic()
        pressures = self._pressures.judge(looked.result(), self._config.governor)
        self._apply(self._policy.sample(now, pressures))
        in_use = self._hub.now.state in _IN_USE
        self._used_s = now if in_use else self._used_s
        if in_use or now - self._used_s < LINGER_S or not self._policy.at_top:
            self._look_soon(LOOK_S)

    # Moves.

    def _apply(self, moves: Iterable[Move], quietly: bool = False) -> None:
        for move in moves:
            numbers, names = self._numbers[move.stage], self._names[move.stage]
            before, to = numbers[move.before], numbers[move.to]
            self._telemetry.set(f"{move.stage}.rung", to)
            if not quietly:
                self._wake(move.stage)
                self._hub.tell(RungChanged(move.stage, before, to, names[to], move.reason))


def _answer(read: Callable[[], Reading], looking: asyncio.Future[Reading]) -> None:
    """Read in this thread, and answer in the loop's, if anybody still waits."""
    answer: Callable[[], None]
    try:
        answer = functools.partial(looking.set_result, read())
    except Exception as error:
        answer = functools.partial(looking.set_exception, error)
    with contextlib.suppress(RuntimeError):  # the loop is closed
        looking.get_loop().call_soon_threadsafe(lambda: None if looking.done() else answer())


def _on_gpu(config: Config, stage: str, number: int) -> bool:
    """This rung computes on a GPU, where there is one."""
    section = getattr(ladder(config, stage)[number].config, stage)
    table = getattr(section, section.backend, None)
    return section.backend.startswith("exllama") or getattr(table, "device", "cpu") != "cpu"
