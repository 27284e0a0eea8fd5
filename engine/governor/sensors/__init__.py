"""All sensors of the machine at one look. Each is a reader of its own that takes the paths it reads, for tests."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator

from engine.governor.reading import Reading
from engine.governor.sensors.clocks import Clocks
from engine.governor.sensors.cpu import Cpu, Stalled
from engine.governor.sensors.heat import Temperatures
from engine.governor.sensors.memory import Memory
from engine.governor.sensors.nvidia import Nvidia


class Sensors:
    """What there is. Not for an event loop: some drivers take their time."""

    def __init__(self) -> None:
        self.cpu, self.stalled, self.memory = Cpu(), Stalled(), Memory()
        self.temperatures, self.clocks, self.nvidia = Temperatures(), Clocks(), Nvidia()

    def read(self, pids: Collection[int] = (), words_ms: float | None = None) -> Reading:
        """pids: the engine's own processes. words_ms: as in Reading."""
        cpu, others = self.cpu.read(pids)
        return Reading(
            cpu=cpu,
            others=others,
            stalled=self.stalled.read(time.monotonic()),
            memory=self.memory.read(),
            heat=self.temperatures.read(),
            slowed=self.clocks.read(),
            gpus=self.nvidia.read(pids) if self.nvidia.devices else (),
            words_ms=words_ms,
        )

    def present(self) -> Iterator[tuple[str, str]]:
        """(what, how it is known) of each sensor; how is empty where there is none."""
        yield "processor", "/proc/stat" if self.cpu.there else ""
        yield "waiting", "/proc/pressure/cpu" if self.stalled.there else ""
        yield "memory", "/proc/meminfo" if self.memory.there else ""
        yield "temperature", ", ".join(dict.fromkeys(self.temperatures.names))
        yield "clock", ", ".join(self.clocks.names)
        yield "NVIDIA GPU", ", ".join(self.nvidia.names)
