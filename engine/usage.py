"""What processes take of the machine: processor time and memory, seen from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_CLOCK_OF_PROCESS = 2
"""CPUCLOCK_SCHED: what the scheduler has counted, in ns, where /proc/PID/stat counts ticks of 10 ms."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process. cpu: how much of one processor it took since the last look, 0 to 1 and more with several threads;
    None at the first look. rss_mb: the memory it has mapped in, which counts what it shares with others in full (a
    worker that was forked shares a lot). pss_mb: the same with what is shared divided among those who do; None while
    that was not measured."""

    name: str
    pid: int
    cpu: float | None
    rss_mb: float
    pss_mb: float | None

    @property
    def mb(self) -> float:
        """Its memory, as well as it is known."""
        return self.rss_mb if self.pss_mb is None else self.pss_mb


def cpu_ns(pid: int) -> int | None:
    """The processor time of all threads of a process so far; None: it is gone."""
    try:
        return time.clock_gettime_ns(~pid << 3 | _CLOCK_OF_PROCESS)
    except OSError:
        return None


def rss(pid: int) -> int | None:
    """Resident memory of a process in bytes; None: it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return None


class Usage:
    """Looks at the same processes over and over."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[int, int]] = {}
        """pid → (when, processor time), ns."""

    def look(self, pids: Mapping[str, int], pss_mb: Mapping[int, float]) -> tuple[Process, ...]:
        """Those of them that live. pids: name → process; 0 is none. pss_mb: what is known of it, by process."""
        found, before, self._before = [], self._before, {}
        for name, pid in pids.items():
            used, resident = (cpu_ns(pid), rss(pid)) if pid else (None, None)
            if used is None or resident is None:
                continue
            now = time.monotonic_ns()
            self._before[pid] = now, used
            then, used_then = before.get(pid, (0, 0))
            cpu = (used - used_then) / (now - then) if then and now > then else None
            found.append(Process(name, pid, cpu, resident / 1e6, pss_mb.get(pid)))
        return tuple(found)
