"""Whether the processor runs slower than it could, and why, in the files that Linux has for that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.governor.sensors.files import number, text

SYS = Path("/sys")
PI = {1: "its voltage is too low", 2: "its clock is capped", 4: "it is throttled", 8: "it is near its heat limit"}
"""Bits of the Raspberry Pi's `get_throttled` (docs: raspberrypi.com, "vcgencmd get_throttled"), at present."""
SLOWS = ("thermal-cpufreq", "cpufreq-cpu", "thermal-devfreq", "processor")
"""What cooling devices are called that cool by slowing down, and not by a fan."""


class Clocks:
    """Each way to know is looked for once."""

    def __init__(self, sys: Path = SYS) -> None:
        cpus = sys / "devices" / "system" / "cpu"
        self._pi = sys / "devices" / "platform" / "soc" / "soc:firmware" / "get_throttled"
        self._counters = sorted(cpus.glob("cpu*/thermal_throttle/*_throttle_count"))
        self._counted = {path: number(path) for path in self._counters}
        self._cooling = [
            path / "cur_state"
            for path in sorted((sys / "class" / "thermal").glob("cooling_device*"))
            if text(path / "type").lower().startswith(SLOWS)
        ]
        self._limits = {path: number(path) for path in sorted(cpus.glob("cpufreq/policy*/scaling_max_freq"))}
        """What was allowed when we began: it was somebody's wish. Less than that later is the machine's."""
        self._ways: dict[str, tuple[bool, Callable[[], str]]] = {
            "Raspberry Pi's firmware": (self._pi.exists(), self._of_pi),
            "heat events": (bool(self._counters), self._of_counters),
            "cooling": (bool(self._cooling), self._of_cooling),
            "clock limits": (bool(self._limits), self._of_limits),
        }

    @property
    def names(self) -> list[str]:
        return [name for name, (there, _) in self._ways.items() if there]

    def read(self) -> str:
        """Why it is slow; empty: it is not."""
        return next((why for there, look in self._ways.values() if there and (why := look())), "")

    def _of_pi(self) -> str:
        try:
            bits = int(text(self._pi), 16)
        except ValueError:
            return ""
        return next((why for bit, why in PI.items() if bits & bit), "")

    def _of_counters(self) -> str:
        before, self._counted = self._counted, {path: number(path) for path in self._counters}
        grew = any((now or 0) > (before[path] or 0) for path, now in self._counted.items())
        return "it was slowed down for its heat" if grew else ""

    def _of_cooling(self) -> str:
        return "it is slowed down for its heat" if any((number(path) or 0) > 0 for path in self._cooling) else ""

    def _of_limits(self) -> str:
        lowered = (usual and (now := number(path)) and now < usual for path, usual in self._limits.items())
        return "its clock was limited" if any(lowered) else ""
