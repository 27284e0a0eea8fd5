"""Every number the engine shows (engine/metrics.py): each a cell, or a run of cells, of one shared page.

Workers write their own without locks; anybody may read all of them. Histograms are log-linear, as in HdrHistogram
(https://hdrhistogram.github.io/HdrHistogram/): eight buckets for each doubling, from 1 µs to 34 s, so that a duration
that a percentile tells is right to within a sixteenth, 6.25 %.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import ringbuf
from engine.metrics import BUCKETS, HIGHEST, LOWEST, METRICS, OF_EACH_STAGE, STATES, STEPS, Metric

__all__ = [
    "AT",
    "BUCKETS",
    "CELLS",
    "LAYOUT",
    "LOADING",
    "METRICS",
    "OF_EACH_STAGE",
    "READY",
    "STATES",
    "Distribution",
    "Metric",
    "Telemetry",
    "bucket",
    "bucket_middle",
    "signed",
]

_WORD = (1 << 64) - 1


LOADING, READY = 1, 2


def _layout() -> Iterator[tuple[str, int]]:
    at = 0
    for metric in METRICS:
        yield metric.name, at
        at += metric.cells


AT = dict(_layout())
CELLS = sum(metric.cells for metric in METRICS)
LAYOUT = zlib.crc32("\n".join(f"{metric.name} {metric.kind}" for metric in METRICS).encode())
"""What `engine.layout` holds."""


def bucket(ns: int) -> int:
    """The histogram bucket of a duration. What counts them is `ringbuf.Cells.observe`, which does the same in C."""
    power = max(ns, 0).bit_length() - 1
    if power < LOWEST:
        return 0
    if power >= HIGHEST:
        return BUCKETS - 1
    return (power - LOWEST) * STEPS + ((ns >> (power - 3)) & (STEPS - 1))


def bucket_middle(index: int) -> int:
    """The duration in ns that stands for a bucket."""
    power, step = divmod(index, STEPS)
    low = (STEPS + step) << (power + LOWEST - 3)
    return low + (1 << (power + LOWEST - 3)) // 2


def signed(value: int) -> int:
    """What a cell means that may be below 0."""
    return value - _WORD - 1 if value >> 63 else value


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A histogram at one moment. counts: shape [BUCKETS], how many durations fell into each bucket."""

    counts: NDArray[np.uint64]

    @classmethod
    def of(cls, cells: NDArray[np.uint64], name: str) -> Distribution:
        """cells: all of the page's, shape [CELLS]; they are copied."""
        return cls(cells[AT[name] : AT[name] + BUCKETS].copy())

    @property
    def count(self) -> int:
        """How many durations there were."""
        return int(self.counts.sum())

    @property
    def sum_ns(self) -> int:
        """Their sum, as right as the buckets are."""
        return sum(count * bucket_middle(index) for index, count in enumerate(self.counts.tolist()) if count)

    def percentiles(self, *ranks: float) -> list[float] | None:
        """The percentiles (0 to 100) in ms, or None if there are no durations."""
        upto = np.cumsum(self.counts.astype(np.float64))
        if not upto[-1]:
            return None
        wanted = [max(1.0, rank / 100 * upto[-1]) for rank in ranks]
        return [bucket_middle(int(index)) / 1e6 for index in np.searchsorted(upto, wanted)]


class Telemetry:
    """The cells by their names."""

    def __init__(self, cells: ringbuf.Cells) -> None:
        self.cells = cells
        self.durations = True
        """Durations are counted; False (`engine.telemetry`) is for measuring what that costs."""

    def get(self, name: str) -> int:
        return self.cells.load(AT[name])

    def set(self, name: str, value: int) -> None:
        """Set a gauge. A value below 0 is stored as its two's complement."""
        self.cells.store(AT[name], value & _WORD)

    def get_signed(self, name: str) -> int:
        """A gauge that may be below 0."""
        return signed(self.get(name))

    def count(self, name: str, by: int = 1) -> None:
        self.cells.add(AT[name], by)

    def watch(self, name: str) -> ringbuf.Watchable:
        """Something a worker can be woken by when the value changes."""
        return self.cells.watch(AT[name])

    def observe(self, name: str, ns: int) -> None:
        """Add a duration to a histogram."""
        if self.durations:
            self.cells.observe(AT[name], ns)

    def percentiles(self, name: str, *ranks: float) -> list[float] | None:
        """The percentiles (0 to 100) of a histogram in ms, or None if it is empty."""
        return self.distribution(name).percentiles(*ranks)

    def distribution(self, name: str) -> Distribution:
        """A histogram as it is now."""
        return Distribution.of(self.cells.array, name)
