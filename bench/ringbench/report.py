"""The table for people and the line for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ringbench.frames import SIZES
from ringbench.system import SPINS, System


@dataclass
class Row:
    """What the rounds found for one system and one size of frame, one way, in us."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        return {
            "p50": round(median(self.p50), 3),
            "p50_min": round(min(self.p50), 3),
            "p50_max": round(max(self.p50), 3),
            "p99": round(median(self.p99), 3),
        }


@dataclass
class Results:
    """All of one run."""

    about: dict[str, str]
    systems: Sequence[System]
    rows: dict[tuple[str, int], Row]
    calls: list[dict[str, float]]
    allocations: dict[str, int]
    readers: list[dict[str, float]]

    def one_way(self, key: str, size: int = SIZES[0]) -> float | None:
        """us, median over the rounds."""
        row = self.rows.get((key, size))
        return median(row.p50) if row else None

    def fastest(self, *keys: str) -> float | None:
        """us of the fastest of several systems."""
        return min((us for key in keys if (us := self.one_way(key)) is not None), default=None)

    def times(self, key: str, base: str, size: int = SIZES[0]) -> list[float]:
        """How many times as long one takes as the other, in each round: the machine may change its speed between two.
        Empty: one of them was left out."""
        upper, lower = self.rows.get((key, size)), self.rows.get((base, size))
        return [a / b for a, b in zip(upper.p50, lower.p50, strict=True)] if upper and lower else []

    def ratio(self, key: str, base: str, size: int = SIZES[0]) -> float | None:
        """The median of the rounds' own ratios."""
        return median(times) if (times := self.times(key, base, size)) else None


def base_of(system: System) -> str:
    """The ring that waits as it does."""
    return "ring_spin" if system.waits == SPINS else "ring_sleep"


def line(results: Results) -> str:
    """One line of JSON. Times one way, 640 B, p50, unless their name says otherwise; null where a peer was left out."""
    calls, readers = _medians(results.calls), _medians(results.readers)
    return json.dumps(
        {
            "spin_one_way_us": _round(results.one_way("ring_spin")),
            # As its documentation has it; by raw address it is faster and keeps nothing alive.
            "iceoryx2_one_way_us": _round(results.one_way("iceoryx2")),
            "iceoryx2_address_one_way_us": _round(results.one_way("iceoryx2_address")),
            "pipe_one_way_us": _round(results.fastest("pipe", "pipe_into", "pipe_object")),
            "floor_line_one_way_us": _round(results.one_way("floor_line", 0)),
            "floor_spin_one_way_us": _round(results.one_way("floor_spin")),
            "floor_futex_one_way_us": _round(results.one_way("floor_futex")),
            "sleep_one_way_us": _round(results.one_way("ring_sleep")),
            "sleep_over_futex_floor": _round(results.ratio("ring_sleep", "floor_futex")),
            "four_calls_ns": _round(calls["four"], 1),
            "four_calls_tagged_ns": _round(calls["four_tagged"], 1),
            "four_calls_history_ns": _round(calls["four_history"], 1),
            "fill_and_sum_ns": {str(size): _round(calls[f"fill_and_sum_{size}"], 1) for size in SIZES},
            "allocated": results.allocations,
            "history_writer_hop_ns": {name: _round(ns, 1) for name, ns in readers.items()},
            "one_way_us": {
                system.key: {str(size): row.summary() for (key, size), row in results.rows.items() if key == system.key}
                for system in results.systems
            },
            "times_the_ring": {
                system.key: {
                    str(size): [round(each, 3) for each in results.times(system.key, base_of(system), size)]
                    for size in SIZES
                }
                for system in results.systems
                if system.sizes is None
            },
            "rounds": len(results.calls),
            "about": results.about,
        }
    )


def table(results: Results) -> Iterable[str]:
    """For people."""
    for name, text in results.about.items():
        yield f"{name:9} {text}"
    yield ""
    yield from _one_way(results)
    yield ""
    yield from _figures(results)


def _one_way(results: Results) -> Iterable[str]:
    sizes = [size for size in SIZES if any((system.key, size) in results.rows for system in results.systems)]
    rounds = len(results.calls)
    yield f"one way, us: median of {rounds} rounds' p50 (lowest..highest), p99, times the ring's p50"
    yield f"{'':31}" + "".join(f"{f'{size} B':36}" for size in sizes).rstrip()
    calls = _medians(results.calls)
    alone = (f"{_us(calls[f'fill_and_sum_{size}'] / 1000):>6}" for size in sizes)
    yield (f"  {'fill and sum alone, Python':29}" + "".join(f"{cell:36}" for cell in alone)).rstrip()
    for waits in dict.fromkeys(system.waits for system in results.systems):
        yield waits
        for system in results.systems:
            if system.waits == waits and system.sizes is None:
                cells = (_cell(results, system.key, base_of(system), size) for size in sizes)
                yield (f"  {system.title:29}" + "".join(f"{cell:36}" for cell in cells)).rstrip()


def _cell(results: Results, key: str, base: str, size: int) -> str:
    row = results.rows[key, size].summary()
    ratio = results.ratio(key, base, size)
    times = "" if ratio is None else f"{ratio:.1f}x"
    spread = f"({_us(row['p50_min'])}..{_us(row['p50_max'])})"
    return f"{_us(row['p50']):>6} {spread:15}{_us(row['p99']):>6} {times:>6}"


def _figures(results: Results) -> Iterable[str]:
    calls, readers = _medians(results.calls), _medians(results.readers)
    found = results.allocations
    ratios = {
        "iceoryx2 / ring": (results.ratio("iceoryx2", "ring_spin"), ">= 5"),
        "iceoryx2 by raw address / ring": (results.ratio("iceoryx2_address", "ring_spin"), ""),
        "Pipe / ring": (results.ratio("pipe", "ring_spin"), ">= 10"),
        "ring asleep / C futex": (results.ratio("ring_sleep", "floor_futex"), "<= 1.3"),
    }
    yield from (_figure(name, f"{ratio:.2f}", asked) for name, (ratio, asked) in ratios.items() if ratio is not None)
    if line := results.rows.get(("floor_line", 0)):
        bare = line.summary()
        # Where a hypervisor moves the two cores apart, this and every spinning row get several times slower.
        yield _figure("C: two cache lines, no frame", f"{bare['p50']} us ({bare['p50_min']}..{bare['p50_max']})")
    yield _figure("claim, commit, acquire, release", f"{calls['four']:.0f} ns", "<= 100 ns")
    yield _figure("  with the vocoder's tag", f"{calls['four_tagged']:.0f} ns")
    yield _figure("  of a history", f"{calls['four_history']:.0f} ns")
    yield _figure(
        f"left behind by {found['hops']:,} hops", f"{found['blocks']} blocks, {found['traced_bytes']} traced bytes", "0"
    )
    for n in (0, 1, 2, 10):
        yield _figure(f"history writer's hop, {n} awake", f"{readers[f'awake_{n}']:.0f} ns, clock included")
    wake = readers["asleep_1"] - readers["awake_1_slow"]
    yield _figure("  more with 1 asleep", f"{wake:.0f} ns")
    if "futex_wake" in readers:
        yield _figure("  C: futex wake alone", f"{readers['futex_wake']:.0f} ns")


def _figure(name: str, value: str, asked: str = "") -> str:
    return f"{name:34}{value:34}{asked}".rstrip()


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def _us(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def _round(value: Any, digits: int = 3) -> Any:
    return None if value is None else round(value, digits)
