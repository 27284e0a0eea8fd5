"""Where it ran: cores to run on, and the words for the head of the table."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import zlib
from importlib import metadata
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_PACKAGES = ("numpy", "iceoryx2", "pyzmq", "faster-fifo")


def cores() -> list[int]:
    """One processor of each physical core that this process may use."""
    found: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = _CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        found.setdefault(siblings.read_text().strip() if siblings.exists() else str(cpu), cpu)
    return list(found.values())


def describe(pair: tuple[int, int]) -> dict[str, str]:
    """What a reader needs to judge the figures."""
    return {
        "machine": f"{processor()}, {platform.machine()}, {os.cpu_count()} cores{virtual()}; "
        f"the two sides on cores {pair[0]} and {pair[1]}; load {os.getloadavg()[0]:.1f} at the start",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, zlib {zlib.ZLIB_RUNTIME_VERSION}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "compiler": _compiler(),
    }


def processor() -> str:
    """Its name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    model = Path("/proc/device-tree/model")
    return model.read_text().strip("\0\n") if model.exists() else "unknown processor"


def virtual() -> str:
    """Words for the name of a machine that is one on another."""
    return ", virtual" if " hypervisor" in Path("/proc/cpuinfo").read_text() else ""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _compiler() -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        return "none"
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
