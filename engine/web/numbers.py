"""The numbers of the page, once a second: what each stage is doing, and what was counted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.channels import ENGINE
from engine.config import Config
from engine.governor.sensors.cpu import Cpu
from engine.ladders import ladder
from engine.telemetry import Telemetry

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATES = ("off", "loading", "ready")
_COUNTED = {
    "interruptions": "turns.interruptions",
    "taken over": "turns.taken_over",
    "underruns": "audio.xruns",
    "lost blocks": "audio.lost_blocks",
    "starved blocks": "audio.starved",
}
"""What the page calls the counters that it shows."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken so far."""

    cpu_s: float
    memory: int
    """Resident, in bytes; what processes share is in each of them."""


def usage(pids: Mapping[str, int], proc: Path = Path("/proc")) -> dict[str, Usage]:
    """Of each process that there is. Two small files for each are read, some 30 µs."""
    cpu, found = Cpu(proc), {}
    for name, pid in pids.items():
        ticks = cpu.used(pid)
        try:
            pages = int((proc / str(pid) / "statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if ticks is not None:
            found[name] = Usage(ticks / _TICKS_PER_S, pages * _PAGE_BYTES)
    return found


class Numbers:
    """pids: of the processes that run, by name; `engine` is the supervisor."""

    def __init__(self, config: Config, telemetry: Telemetry, pids: Callable[[], Mapping[str, int]]) -> None:
        self._telemetry, self._pids = telemetry, pids
        self._rungs = {stage: [step.name for step in ladder(config, stage)] for stage in config.stages}
        self._last: dict[str, tuple[int, float]] = {}
        self._last_s = 0.0

    def take(self) -> dict[str, Any]:
        """What there is now. CPU: the share of one core since the last call."""
        pids = dict(self._pids())
        used, now = usage(pids), time.monotonic()
        lasted, self._last_s = now - self._last_s, now
        stages = [self._stage(name, pid, used.get(name), lasted) for name, pid in pids.items()]
        self._last = {name: (pids[name], one.cpu_s) for name, one in used.items()}
        return {"stages": stages, "counters": {shown: self._telemetry.get(name) for shown, name in _COUNTED.items()}}

    def _stage(self, name: str, pid: int, used: Usage | None, lasted: float) -> dict[str, Any]:
        before = self._last.get(name)
        known = used is not None and before is not None and before[0] == pid and lasted > 0
        told: dict[str, Any] = {
            "name": name,
            "cpu": round((used.cpu_s - before[1]) / lasted * 100, 1) if known and used and before else None,
            "memory": used.memory if used else None,
        }
        if name == ENGINE:
            return told
        get, rungs = self._telemetry.get, self._rungs.get(name, [])
        rung = min(get(f"{name}.rung_at"), len(rungs) - 1)
        return told | {
            "state": "gone" if get(f"{name}.gone") else _STATES[min(get(f"{name}.state"), 2)],
            "late": get(f"{name}.late"),
            "restarts": get(f"{name}.restarts"),
            "rung": rung if len(rungs) > 1 else None,
            "rungs": len(rungs),
            "rung_name": rungs[rung] if rungs else "",
        }
