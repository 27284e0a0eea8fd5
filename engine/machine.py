"""The machine around the engine: load, memory, heat, clocks, GPUs; and what memory each process has to itself.

Some drivers take their time, and proportional memory takes milliseconds to count. So a thread reads all that, once a
second and only while somebody looks; whoever looks gets what was read last and never waits.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from engine.footprint import pss
from engine.governor.reading import Reading
from engine.governor.sensors import Sensors
from engine.governor.sensors.files import number

EVERY_S = 1.0
PSS_EVERY_S = 10.0
"""Counting it walks through the page tables of a process, under a lock that its next mapping waits for."""
_CPUFREQ = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Machine:
    """reading: as the governor sees the machine; its first one knows no shares of time. load: the kernel's load
    averages over 1, 5 and 15 minutes. clock_mhz: the mean clock of the processors that may be used; None where nobody
    tells. pss_mb: proportional memory by process, of those that were asked for."""

    reading: Reading = field(default_factory=Reading)
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cores: int = 1
    clock_mhz: float | None = None
    pss_mb: dict[int, float] = field(default_factory=dict)


class Watcher:
    """Reads the machine while it is asked. sensors: makes what reads them."""

    def __init__(self, sensors: Callable[[], Sensors] = Sensors) -> None:
        self._make_sensors = sensors
        self._sensors: Sensors | None = None
        self._latest = Machine()
        self._read_s = self._counted_s = float("-inf")
        self._counted: frozenset[int] = frozenset()
        """The processes whose memory was counted last."""
        self._reading = threading.Lock()

    def latest(self, pids: Collection[int]) -> Machine:
        """What was read last; if that is a while ago, it is read again meanwhile. pids: the engine's processes."""
        if time.monotonic() - self._read_s >= EVERY_S and not self._reading.locked():
            thread = threading.Thread(target=self._read_quietly, args=(tuple(pids),), name="machine", daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads: what is known stays
                thread.start()
        return self._latest

    def read(self, pids: Collection[int]) -> Machine:
        """Read it in this thread, unless another one is just reading it: then what was read last."""
        if not self._reading.acquire(blocking=False):
            return self._latest
        try:
            self._read_s = time.monotonic()  # first: what fails is not tried at every turn
            if self._sensors is None:
                self._sensors = self._make_sensors()
            cores = os.sched_getaffinity(0)
            self._latest = Machine(
                self._sensors.read(pids), os.getloadavg(), len(cores), clock_mhz(cores), self._memory(frozenset(pids))
            )
            return self._latest
        finally:
            self._reading.release()

    def _memory(self, pids: frozenset[int]) -> dict[int, float]:
        if pids <= self._counted and time.monotonic() - self._counted_s < PSS_EVERY_S:
            return self._latest.pss_mb
        self._counted, self._counted_s = pids, time.monotonic()
        return {pid: found / 1e6 for pid in pids if (found := pss(pid))}

    def _read_quietly(self, pids: Collection[int]) -> None:
        # A driver may do anything; what was known before is shown then, and nobody wants to read of it in between.
        with contextlib.suppress(Exception):
            self.read(pids)


def clock_mhz(cores: Collection[int], folder: Path = _CPUFREQ) -> float | None:
    """The mean clock of these processors; None where nobody tells."""
    found = [number(folder / f"cpu{core}" / "cpufreq" / "scaling_cur_freq") for core in cores]
    known = [khz for khz in found if khz is not None]
    return sum(known) / len(known) / 1000 if known else None
