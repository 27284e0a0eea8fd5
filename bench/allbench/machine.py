"""The machine, as far as figures depend on it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from overloadbench.load import may_be_realtime
from ringbench.machine import processor, virtual

ROOT = Path(__file__).resolve().parents[2]
_CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")
SAME = ("processor", "architecture", "cores", "memory", "kernel", "python", "governor", "real-time rights", "gpu")
"""Figures of two runs that differ in one of these are of different machines."""
BUSY = 1.0
"""A load average before the start from which on something else ran beside the measurement."""


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
    "load": lambda: f"{os.getloadavg()[0]:.2f}",
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
    try:
        return float(machine["load"]) >= BUSY
    except (KeyError, ValueError):
        return False
