"""Temperatures of processors: /sys/class/thermal (ARM boards, Jetson, Raspberry Pi, ACPI), /sys/class/hwmon (x86)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.governor.reading import Heat
from engine.governor.sensors.files import number, text

THERMAL, HWMON = Path("/sys/class/thermal"), Path("/sys/class/hwmon")
PROCESSORS = ("cpu", "gpu", "soc", "x86_pkg", "coretemp", "k10temp", "zenpower", "amdgpu", "cluster", "package", "tj")
"""What the sensors of processors have in their names; disks, batteries and radios have others."""
BELOW_CRITICAL_C = 8.0
"""At its critical temperature a machine switches itself off."""


class Temperatures:
    """Those of processors."""

    def __init__(self, thermal: Path = THERMAL, hwmon: Path = HWMON) -> None:
        # Found once: what there is does not change, and looking for it takes longer than reading it.
        self._sensors = [*_zones(thermal), *_chips(hwmon)]

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self._sensors]

    def read(self) -> tuple[Heat, ...]:
        found = []
        for name, path, limit in self._sensors:
            if (value := number(path)) is not None:  # some are asleep with what they measure
                found.append(Heat(name, value / 1000, limit))
        return tuple(found)


def _zones(folder: Path) -> Iterator[tuple[str, Path, float | None]]:
    for zone in sorted(folder.glob("thermal_zone*")):
        name = text(zone / "type")
        if _of_processor(name) and number(zone / "temp") is not None:
            yield name, zone / "temp", _trip(zone)


def _trip(zone: Path) -> float | None:
    """Where the kernel begins to slow things down, or a little below where it switches off."""
    limits = []
    for kind in zone.glob("trip_point_*_type"):
        value = number(kind.with_name(kind.name.replace("_type", "_temp")))
        if value is not None and value > 0:
            below = {"passive": 0.0, "hot": 0.0, "critical": BELOW_CRITICAL_C}.get(text(kind))
            limits += [value / 1000 - below] if below is not None else []
    return min(limits, default=None)


def _chips(folder: Path) -> Iterator[tuple[str, Path, float | None]]:
    for chip in sorted(folder.glob("hwmon*")):
        name = text(chip / "name")
        if not _of_processor(name):
            continue
        for path in sorted(chip.glob("temp*_input")):
            label = text(path.with_name(path.name.replace("_input", "_label"))) or path.name.removesuffix("_input")
            if label.startswith("Core "):  # the package is as hot as its hottest
                continue
            critical, most = (number(path.with_name(path.name.replace("_input", end))) for end in ("_crit", "_max"))
            limit = critical / 1000 - BELOW_CRITICAL_C if critical else most / 1000 if most else None
            yield f"{name} {label}", path, limit


def _of_processor(name: str) -> bool:
    return any(part in name.lower() for part in PROCESSORS)
