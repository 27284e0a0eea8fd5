"""What of a reading is pressure: the limits of [governor], each with a band, so that nothing flickers at its edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.governor.reading import Heat, Reading
from engine.governor.settings import Governor

BAND, BAND_C = 0.1, 5.0
"""What was too much is over once it is so much below its limit (of a share; °C)."""
WORDS_MS = 500.0
"""The recogniser is behind when it tells the words of sound that is older than this."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """reason: for people, a part of a line. gpu: only what computes on a GPU can do anything about it. stage: only this
    one can; empty: any."""

    reason: str
    gpu: bool = False
    stage: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """One thing that may be too much. over: how far beyond its limit; band: as far below it ends."""

    key: str
    over: float
    band: float
    pressure: Pressure


class Pressures:
    """Judges one reading after the other."""

    def __init__(self) -> None:
        self._on: set[str] = set()

    def judge(self, reading: Reading, limits: Governor) -> list[Pressure]:
        """All the pressure there is, the most plausible cause first."""
        looks = list(_looks(reading, limits))
        on = {look.key for look in looks if look.over > (-look.band if look.key in self._on else 0.0)}
        self._on = on
        return [look.pressure for look in looks if look.key in on]


def _looks(reading: Reading, limits: Governor) -> Iterator[_Look]:
    """The engine's own work is no pressure: it takes what is free, and is late when that is not enough. So a busy
    processor counts only if others have a part in it; their part has no band, for it is what makes the difference."""
    others = limits.others_percent / 100
    for heat in reading.heat:
        yield _hot("heat", heat, limits, gpu=False)
    if reading.slowed:
        yield _Look("slowed", 1, 0, Pressure(f"the processor: {reading.slowed}"))
    if reading.cpu is not None and (reading.others or 0) >= others:
        yield _share("cpu", reading.cpu, limits.cpu_percent, "the processor is {} % busy, also with others' work")
    if reading.stalled is not None:
        yield _share("stall", reading.stalled, limits.stall_percent, "something waits for a processor {} % of the time")
    if reading.memory is not None:
        yield _share("memory", reading.memory, limits.memory_percent, "{} % of the memory is in use")
    if reading.words_ms is not None:
        what = f"the recogniser is {reading.words_ms:.0f} ms behind"
        yield _Look("words", reading.words_ms - WORDS_MS, WORDS_MS / 2, Pressure(what, stage="asr"))
    for gpu in reading.gpus:
        if gpu.heat is not None:
            yield _hot(f"{gpu.name} heat", gpu.heat, limits, gpu=True)
        if gpu.slowed:
            yield _Look(f"{gpu.name} slowed", 1, 0, Pressure(f"{gpu.name} is {gpu.slowed}", gpu=True))
        if gpu.busy is not None and (gpu.others or 0) >= others:
            what = f"{gpu.name} is {{}} % busy, also with others' work"
            yield _share(f"{gpu.name} busy", gpu.busy, limits.gpu_percent, what, gpu=True)
        if gpu.memory is not None:
            what = f"{{}} % of {gpu.name}'s memory is in use"
            yield _share(f"{gpu.name} memory", gpu.memory, limits.gpu_memory_percent, what, gpu=True)


def _share(key: str, share: float, percent: int, what: str, gpu: bool = False) -> _Look:
    # Less of a band where there is little room above the limit, as with memory.
    band = min(BAND, 1 - percent / 100) or 0.01
    return _Look(key, share - percent / 100, band, Pressure(what.format(round(100 * share)), gpu))


def _hot(key: str, heat: Heat, limits: Governor, gpu: bool) -> _Look:
    limit = limits.hot_c if heat.limit_c is None else heat.limit_c
    return _Look(
        f"{key} {heat.name}", heat.celsius - limit, BAND_C, Pressure(f"{heat.name} is {heat.celsius:.0f} °C hot", gpu)
    )
