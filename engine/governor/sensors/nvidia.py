"""NVIDIA's graphics processors, by the driver's own library (NVML) where the extra `nvml` is installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from engine.governor.reading import Gpu, Heat

SLOWED = {
    0x08: "slowed down by its hardware",
    0x20: "slowed down for its heat",
    0x40: "slowed down by its hardware for its heat",
    0x80: "slowed down, its power supply asks for it",
}
"""Bits of nvmlDeviceGetCurrentClocksEventReasons that are no usual state. A busy GPU at its power limit (4) is one."""
BELOW_SLOWDOWN_C = 3.0


class Nvidia:
    """All of them. library: NVML's Python face; None: `pynvml`, if it is there. Nothing here raises: a driver that is
    replaced or lost while we run leaves no GPU."""

    def __init__(self, library: Any = None) -> None:
        self._nvml: Any = library
        self._asked_us = 0
        self.devices: list[Any] = []
        try:
            if library is None:
                import pynvml

                library = self._nvml = pynvml
            library.nvmlInit()
            self.devices = [library.nvmlDeviceGetHandleByIndex(n) for n in range(library.nvmlDeviceGetCount())]
        except Exception:  # ImportError; NVMLError: no driver, no device, not allowed
            self.devices = []

    @property
    def names(self) -> list[str]:
        return [str(self._ask(self._nvml.nvmlDeviceGetName, device) or "GPU") for device in self.devices]

    def read(self, pids: Collection[int] = ()) -> tuple[Gpu, ...]:
        """pids: our own processes. May take milliseconds, and long where a GPU is lost: not for an event loop."""
        since, self._asked_us = self._asked_us, time.time_ns() // 1000
        return tuple(self._gpu(number, device, pids, since) for number, device in enumerate(self.devices))

    def _gpu(self, number: int, device: Any, pids: Collection[int], since_us: int) -> Gpu:
        nvml = self._nvml
        busy, memory = (
            self._ask(ask, device) for ask in (nvml.nvmlDeviceGetUtilizationRates, nvml.nvmlDeviceGetMemoryInfo)
        )
        celsius = self._ask(nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU)
        limit = self._ask(nvml.nvmlDeviceGetTemperatureThreshold, device, nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksEventReasons, device) or 0
        used = self._ask(nvml.nvmlDeviceGetProcessUtilization, device, since_us) if since_us else None
        name = f"GPU {number}"
        return Gpu(
            name,
            busy=None if busy is None else busy.gpu / 100,
            others=None if used is None else _of_others(used, pids),
            memory=None if memory is None or not memory.total else memory.used / memory.total,
            heat=None if celsius is None else Heat(name, celsius, limit - BELOW_SLOWDOWN_C if limit else None),
            slowed=next((why for bit, why in SLOWED.items() if reasons & bit), ""),
        )

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What NVML answers; None where this device does not have that."""
        try:
            return function(*arguments)
        except Exception:  # NVMLError of any kind; an older driver has no such function
            return None


def _of_others(samples: Any, pids: Collection[int], proc: Path = Path("/proc")) -> float | None:
    """The share of the time that others computed: the newest sample of each process. None where processes have numbers
    that we do not know: in a container they are the host's, and ours are among them."""
    newest: dict[int, Any] = {}
    for sample in samples:
        if sample.pid not in newest or sample.timeStamp > newest[sample.pid].timeStamp:
            newest[sample.pid] = sample
    if not all((proc / str(pid)).exists() for pid in newest):
        return None
    return float(min(1.0, sum(sample.smUtil for pid, sample in newest.items() if pid not in pids) / 100))
