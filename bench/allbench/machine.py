"""The machine, as far as figures depend on it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from overloadbench.load import may_be_realtime
from ringbench.machine import processor, virtual

ROOT = Path(__file__).resolve().parents[2]
_CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")
SAME = ("processor", "architecture", "cores", "memory", "kernel", "python", "governor", "real-time rights", "gpu")
"""Figures of two runs that differ in one of these are of different machines."""
BUSY = 10
"""Percent of the processors' time before the start from which on something else runs beside the measurement. The load
average would tell of the last minutes, when perhaps somebody waited for just that to be over."""
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Ticks:
    """Time of all processors since the machine's start, in ticks (proc(5), /proc/stat). stolen: what the machine below
    a virtual one gave to others."""

    busy: int
    stolen: int
    all: int

    @classmethod
    def now(cls) -> Ticks:
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, _text(Path("/proc/stat")).split()[1:9])
        busy = user + nice + system + irq + softirq
        return cls(busy, steal, busy + idle + iowait + steal)

    def since(self, before: Ticks) -> tuple[float, float]:
        """Percent busy and stolen since then."""
        whole = max(1, self.all - before.all)
        return 100 * (self.busy - before.busy) / whole, 100 * (self.stolen - before.stolen) / whole


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _memory() -> str:
    for line in _text(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 1e6:.1f} GB"
    return "not known"


def _said(*command: str) -> str:
    """What a command prints; nothing if it is not there or fails."""
    if shutil.which(command[0]) is None:
        return ""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.stdout.strip() if ran.returncode == 0 else ""


def _governor() -> str:
    return _text(_CPU / "scaling_governor") or "not told (a virtual machine, or no frequency scaling)"


def _frequency() -> str:
    if khz := _text(_CPU / "scaling_cur_freq"):
        return f"{int(khz) / 1e3:.0f} MHz"
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("cpu MHz"):
            return f"{float(line.partition(':')[2]):.0f} MHz"
    return "not told"


def _beside() -> str:
    before = Ticks.now()
    time.sleep(_LOOK_S)
    busy, stolen = Ticks.now().since(before)
    return f"{busy:.0f} % busy, {stolen:.0f} % stolen"


def _dirty() -> str:
    return "with changes" if _said("git", "status", "--porcelain") else "as committed"


TELLS: Mapping[str, Callable[[], str]] = {
    "processor": lambda: processor() + virtual(),
    "architecture": platform.machine,
    "cores": lambda: f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}",
    "memory": _memory,
    "kernel": lambda: f"{platform.system()} {platform.release()}",
    "python": lambda: f"{platform.python_implementation()} {platform.python_version()}",
    "governor": _governor,
    "frequency": _frequency,
    "beside": _beside,
    "real-time rights": lambda: "yes" if may_be_realtime() else "no",
    "gpu": lambda: _said("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader") or "none",
    "commit": lambda: _said("git", "rev-parse", "HEAD") or "not known",
    "files": lambda: _dirty() if _said("git", "rev-parse", "HEAD") else "not known",
}


def describe() -> dict[str, str]:
    """As it is now, before anything is measured."""
    return {name: tell() for name, tell in TELLS.items()}


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """What makes them different machines, a line for each."""
    pairs = ((name, one.get(name, "not known"), other.get(name, "not known")) for name in SAME)
    return [f"{name}: {left} | {right}" for name, left, right in pairs if left != right]


def was_busy(machine: Mapping[str, str]) -> bool:
    """Whether something else ran when the measurement began."""
    first = machine.get("beside", "").split()[:1]
    return bool(first) and first[0].isdigit() and int(first[0]) >= BUSY
