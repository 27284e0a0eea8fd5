"""/metrics: the table of metrics in Prometheus's text format, version 0.0.4, in its units and by its names.

Counters and histograms are all there, by their own names. Of gauges many are the engine's own bookkeeping (samples,
identities, moments on a clock); those that tell somebody outside something are listed here.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from engine.channels import PROCESSES
from engine.snapshot import Snapshot
from engine.telemetry import METRICS, OF_EACH_STAGE, STATES, bucket, signed
from engine.usage import cpu_ns

PREFIX = "antiphon"
Labels: TypeAlias = Mapping[str, str]
Sample: TypeAlias = tuple[str, Labels, float]
"""A suffix of the name, labels, value."""

_RATE = 16000
_NS = 1e-9
_UNITS = {"_ns": ("_seconds", _NS), "_ms": ("_seconds", 1e-3)}

_EDGES_NS = (
    *(4**power for power in range(6, 13)),
    *(2**power for power in range(25, 34)),
    *(2**power * 3 // 2 for power in range(26, 30)),
)
_BOUNDS = tuple(sorted((edge - 1, bucket(edge)) for edge in _EDGES_NS))
"""The upper ends of some of the page's buckets, the last ns that belongs to them, and the first bucket beyond: what is
counted up to there is exact. From 4 µs to 8.6 s; the closest to each other where answers are."""


@dataclass(frozen=True, slots=True)
class _Gauge:
    """How a cell is told. value: of the cell, and the time on CLOCK_MONOTONIC in ns; None: there is nothing to tell."""

    name: str
    meaning: str
    value: Callable[[int, int], float | None] = lambda value, _now: value


_GAUGES = {
    "engine.go": _Gauge("ready", "1 once every stage was ready"),
    "door.tools": _Gauge("door_tool_clients", "clients of the door that do what is called"),
    "door.dialogue": _Gauge("door_dialogue_clients", "clients of the door that answer"),
    "audio.muted": _Gauge("muted", "1 while the microphone is closed"),
    "audio.volume": _Gauge(
        "volume_ratio", "how loud the loudspeaker is set, 0 to 1", lambda value, _: (value - 1) / 100 if value else None
    ),
    "audio.microphone_ppm": _Gauge(
        "microphone_clock_offset_ratio", "how fast the microphone's clock is", lambda value, _: signed(value) / 1e6
    ),
    "audio.loudspeaker_ppm": _Gauge(
        "loudspeaker_clock_offset_ratio", "how fast the loudspeaker's clock is", lambda value, _: signed(value) / 1e6
    ),
    "audio.behind": _Gauge(
        "audio_behind_seconds", "sound that the echo canceller holds back", lambda value, _: value / _RATE
    ),
    "turns.visitor": _Gauge("visitor", "1 while a session is under way"),
    "state": _Gauge("stage_state", "0 not running, 1 loading, 2 ready"),
    "beat_ns": _Gauge(
        "stage_heartbeat_age_seconds",
        "since the worker last came round its loop",
        lambda value, now: max(0, now - value) * _NS if value else None,
    ),
    "gone": _Gauge("stage_gone", "1 while the engine does without the stage"),
    "rung": _Gauge("stage_rung_wanted", "the rung that is wanted, 0 is the best"),
    "rung_at": _Gauge("stage_rung", "the rung that the stage works on, 0 is the best"),
}
"""By the name of the cell, or of what each stage has."""


def expose(snapshot: Snapshot, about: Labels, state: str, turns: Mapping[str, int]) -> bytes:
    """Everything. about: labels of `info`; state: as the door tells it; turns: how many ended with which outcome."""
    families = _Families()
    families.add("info", "gauge", "what runs", [("", about, 1)])
    states = [("", {"state": each}, float(each == state)) for each in STATES]
    families.add("state", "gauge", "1 for the state that it is in", states)
    ended = [("", {"outcome": each}, float(count)) for each, count in turns.items()]
    families.add("turns_total", "counter", "turns that are over", ended)
    _add_processes(families, snapshot)
    _add_rings(families, snapshot)
    stages = {stage.name for stage in snapshot.stages}
    for metric in METRICS:
        what, stage = _OF_A_STAGE.get(metric.name, ("", ""))
        if stage and stage not in stages:
            continue  # this engine has none
        labels = {"stage": stage} if stage else {}
        name, scale = _named(f"stage_{what}" if stage else metric.name.replace(".", "_"))
        if metric.kind == "histogram":
            families.add(name, "histogram", metric.meaning, _histogram(snapshot, metric.name, labels))
        elif metric.kind == "counter":
            counted = [("", labels, snapshot.value(metric.name) * scale)]
            families.add(f"{name}_total", "counter", metric.meaning, counted)
        elif gauge := _GAUGES.get(what or metric.name):
            value = gauge.value(snapshot.value(metric.name), snapshot.at_ns)
            families.add(gauge.name, "gauge", gauge.meaning, [] if value is None else [("", labels, value)])
    return families.text()


_OF_A_STAGE = {
    f"{process.name}.{metric.name}": (metric.name, process.name) for process in PROCESSES for metric in OF_EACH_STAGE
}


def _named(name: str) -> tuple[str, float]:
    """The name in base units, and what a value has to be multiplied by."""
    unit, scale = _UNITS.get(name[-3:], ("", 1))
    return (name[:-3] + unit, scale) if unit else (name, scale)


def _histogram(snapshot: Snapshot, name: str, labels: Labels) -> Iterator[Sample]:
    found = snapshot.distribution(name)
    counts = found.counts.tolist()
    upto = 0
    for (_, begin), (bound, beyond) in pairwise([(0, 0), *_BOUNDS]):
        upto += sum(counts[begin:beyond])
        yield "_bucket", {**labels, "le": f"{bound * _NS:.9f}"}, upto
    yield "_bucket", {**labels, "le": "+Inf"}, found.count
    yield "_sum", labels, found.sum_ns * _NS
    yield "_count", labels, found.count


def _add_processes(families: _Families, snapshot: Snapshot) -> None:
    used = [("", {"process": one.name}, ns * _NS) for one in snapshot.processes if (ns := cpu_ns(one.pid)) is not None]
    families.add("process_cpu_seconds_total", "counter", "processor time of each process", used)
    memory = [("", {"process": one.name}, float(round(one.rss_mb * 1e6))) for one in snapshot.processes]
    families.add("process_resident_memory_bytes", "gauge", "memory of each process; what they share is in each", memory)


def _add_rings(families: _Families, snapshot: Snapshot) -> None:
    rings = [({"ring": ring.name}, ring) for ring in snapshot.rings]
    told = (
        ("ring_capacity_bytes", "gauge", "how much it holds", [("", of, ring.capacity) for of, ring in rings]),
        ("ring_waiting_bytes", "gauge", "what was not read yet", [("", of, ring.waiting) for of, ring in rings]),
        ("ring_full_total", "counter", "times it had no room", [("", of, ring.drops) for of, ring in rings]),
        ("ring_lost_bytes_total", "counter", "overwritten unread", [("", of, ring.lost) for of, ring in rings]),
    )
    for name, kind, meaning, samples in told:
        families.add(name, kind, meaning, samples)


class _Families:
    """Samples under one heading for each name, in the order in which the names came."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def add(self, name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> None:
        whole = f"{PREFIX}_{name}"
        if whole not in self._lines:
            told = meaning.replace("\\", r"\\").replace("\n", r"\n")
            self._lines[whole] = [f"# HELP {whole} {told}", f"# TYPE {whole} {kind}"]
        self._lines[whole] += [
            f"{whole}{suffix}{_labels(labels)} {_number(value)}" for suffix, labels, value in samples
        ]

    def text(self) -> bytes:
        return "".join(f"{line}\n" for lines in self._lines.values() for line in lines).encode()


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    escape = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
    return "{" + ",".join(f'{name}="{value.translate(escape)}"' for name, value in labels.items()) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.9g}"
