"""How busy the processors are, with whose work, and what waits for them: /proc/stat, /proc/PID/stat, PSI."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


class Cpu:
    """The processors that this process may use. cores: their numbers, as the kernel counts them."""

    def __init__(self, proc: Path = PROC, cores: Iterable[int] | None = None) -> None:
        self._proc, self._cores = proc, frozenset(os.sched_getaffinity(0) if cores is None else cores)
        self._last: tuple[int, int] | None = None
        self._own: dict[int, int] = {}

    @property
    def there(self) -> bool:
        return self._ticks() is not None

    def read(self, pids: Iterable[int] = ()) -> tuple[float | None, float | None]:
        """(busy, others): shares of the time since the last look; None the first time. pids: our own processes.

        Work at a low priority counts like any other: what it takes is only known when something was late."""
        ticks, own = self._ticks(), {pid: used for pid in pids if (used := self.used(pid)) is not None}
        last, self._last = self._last, ticks
        before, self._own = self._own, own
        if ticks is None or last is None or ticks[1] <= last[1]:
            return None, None
        whole = ticks[1] - last[1]
        busy = (ticks[0] - last[0]) / whole
        ours = sum(max(0, used - before[pid]) for pid, used in own.items() if pid in before) / whole
        return busy, max(0.0, busy - ours)

    def used(self, pid: int) -> int | None:
        """The processor time of a process so far, in ticks of the kernel's (usually 10 ms); None: it is gone."""
        try:
            fields = (self._proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
        except (OSError, IndexError, ValueError):
            return None

    def _ticks(self) -> tuple[int, int] | None:
        """(busy, all) since the machine was started."""
        try:
            lines = (self._proc / "stat").read_text().splitlines()
        except OSError:
            return None
        busy = whole = 0
        for line in lines:
            name, *counts = line.split() or [""]
            if name[:3] == "cpu" and name[3:].isdecimal() and int(name[3:]) in self._cores and len(counts) >= 5:
                numbers = list(map(int, counts[:8]))  # what follows, guests, is in the first ones already
                whole += sum(numbers)
                busy += sum(numbers) - numbers[3] - numbers[4]  # idle, and waiting for a disk
        return (busy, whole) if whole else None


class Stalled:
    """For how much of the time something that could run had to wait (pressure stall information, Linux 4.20)."""

    def __init__(self, path: Path = PROC / "pressure" / "cpu") -> None:
        self._path = path
        self._last: tuple[float, int] | None = None

    @property
    def there(self) -> bool:
        return self._total() is not None

    def read(self, now_s: float) -> float | None:
        """The share of the time since the last look; None the first time. now_s: any clock that runs evenly."""
        total = self._total()
        last, self._last = self._last, None if total is None else (now_s, total)
        if total is None or last is None or now_s <= last[0]:
            return None
        return min(1.0, (total - last[1]) / 1e6 / (now_s - last[0]))

    def _total(self) -> int | None:
        """Microseconds since the machine was started."""
        try:
            for line in self._path.read_text().splitlines():
                if line.startswith("some "):
                    return int(line.rpartition("total=")[2])
        except (OSError, ValueError):
            pass
        return None
