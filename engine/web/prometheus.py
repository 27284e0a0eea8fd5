"""/metrics: the table of metrics in Prometheus's text format, version 0.0.4, in its units and by its names.

Counters and histograms are all there, by their own names. Of gauges many are the engine's own bookkeeping (samples,
identities, moments on a clock); those that tell somebody outside something are listed here.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.channels import PROCESSES
from engine.telemetry import AT, BUCKETS, METRICS, Metric, Telemetry, bucket, bucket_middle
from engine.web.numbers import Usage

PREFIX = "antiphon"
Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]
"""A suffix of the name, labels, value."""

_RATE = 16000
_MS, _NS = 1e-3, 1e-9
_UNITS = {"_ns": ("_seconds", _NS), "_ms": ("_seconds", _MS)}

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
    value: Callable[[int, int], float | None]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_GAUGES = {
    "engine.go": _Gauge("ready", "1 once every stage was ready", lambda value, _: value),
    "door.tools": _Gauge("door_tool_clients", "clients of the door that do what is called", lambda value, _: value),
    "door.dialogue": _Gauge("door_dialogue_clients", "clients of the door that answer", lambda value, _: value),
    "audio.muted": _Gauge("muted", "1 while the microphone is closed", lambda value, _: value),
    "audio.volume": _Gauge(
        "volume_ratio", "how loud the loudspeaker is set, 0 to 1", lambda value, _: (value - 1) / 100 if value else None
    ),
    "audio.microphone_ppm": _Gauge(
        "microphone_clock_offset_ratio", "how fast the microphone's clock is", lambda value, _: _signed(value) / 1e6
    ),
    "audio.loudspeaker_ppm": _Gauge(
        "loudspeaker_clock_offset_ratio", "how fast the loudspeaker's clock is", lambda value, _: _signed(value) / 1e6
    ),
    "audio.behind": _Gauge(
        "audio_behind_seconds", "sound that the echo canceller holds back", lambda value, _: value / _RATE
    ),
    "turns.visitor": _Gauge("visitor", "1 while a session is under way", lambda value, _: value),
    "state": _Gauge("stage_state", "0 not running, 1 loading, 2 ready", lambda value, _: value),
    "beat_ns": _Gauge(
        "stage_heartbeat_age_seconds",
        "since the worker last came round its loop",
        lambda value, now: max(0, now - value) * _NS if value else None,
    ),
    "gone": _Gauge("stage_gone", "1 while the engine does without the stage", lambda value, _: value),
    "rung": _Gauge("stage_rung_wanted", "the rung that is wanted, 0 is the best", lambda value, _: value),
    "rung_at": _Gauge("stage_rung", "the rung that the stage works on, 0 is the best", lambda value, _: value),
}
STATES = ("starting", "listening", "asleep", "muted", "hearing", "thinking", "speaking", "announcing", "stopping")


def _of_a_stage(metric: Metric) -> tuple[str, str]:
    """(what every stage has, the stage) of a metric that every stage has; of others ("", "")."""
    stage, _, what = metric.name.partition(".")
    return (what, stage) if what in _EACH else ("", "")


_NAMES = {metric.name for metric in METRICS}
_EACH = {
    what
    for what in (name.partition(".")[2] for name in _NAMES)
    if all(f"{process.name}.{what}" in _NAMES for process in PROCESSES)
}


def expose(
    telemetry: Telemetry,
    about: Labels,
    state: str,
    turns: Mapping[str, int],
    processes: Mapping[str, Usage],
) -> bytes:
    """Everything. about: labels of `info`; turns: how many ended with which outcome; processes: what each takes."""
    families = _Families()
    families.add("info", "gauge", "what runs", [("", about, 1)])
    families.add(
        "state", "gauge", "1 for the state that it is in", [("", {"state": each}, float(each == state)) for each in STATES]
    )
    families.add(
        "turns_total", "counter", "turns that are over", [("", {"outcome": each}, count) for each, count in turns.items()]
    )
    families.add(
        "process_cpu_seconds_total",
        "counter",
        "processor time of each process",
        [("", {"process": name}, used.cpu_s) for name, used in processes.items()],
    )
    families.add(
        "process_resident_memory_bytes",
        "gauge",
        "memory of each process; what they share is in each",
        [("", {"process": name}, used.memory) for name, used in processes.items()],
    )
    now = time.monotonic_ns()
    for metric in METRICS:
        what, stage = _of_a_stage(metric)
        labels = {"stage": stage} if stage else {}
        if metric.kind == "histogram":
            name, _ = _named(metric.name.replace(".", "_"))
            families.add(name, "histogram", metric.meaning, _histogram(telemetry, metric.name, labels))
        elif metric.kind == "counter":
            name, scale = _named(f"stage_{what}" if stage else metric.name.replace(".", "_"))
            families.add(f"{name}_total", "counter", metric.meaning, [("", labels, telemetry.get(metric.name) * scale)])
        elif gauge := _GAUGES.get(what or metric.name):
            value = gauge.value(telemetry.get(metric.name), now)
            families.add(gauge.name, "gauge", gauge.meaning, [] if value is None else [("", labels, value)])
    return families.text()


def _named(name: str) -> tuple[str, float]:
    """The name in base units, and what a value has to be multiplied by."""
    unit, scale = _UNITS.get(name[-3:], ("", 1))
    return (name[:-3] + unit, scale) if unit else (name, scale)


def _histogram(telemetry: Telemetry, name: str, labels: Labels) -> Iterator[Sample]:
    """The sum is made of the buckets' middles: right to within 6 %."""
    at = AT[name]
    counts = telemetry.cells.array[at : at + BUCKETS].tolist()
    counted, begin = 0, 0
    for bound, beyond in _BOUNDS:
        counted += sum(counts[begin:beyond])
        begin = beyond
        yield "_bucket", {**labels, "le": f"{bound * _NS:.9f}"}, counted
    whole = counted + sum(counts[begin:])
    yield "_bucket", {**labels, "le": "+Inf"}, whole
    yield "_sum", labels, sum(count * bucket_middle(index) for index, count in enumerate(counts) if count) * _NS
    yield "_count", labels, whole


class _Families:
    """Samples under one heading for each name, in the order in which the names came."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def add(self, name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> None:
        whole = f"{PREFIX}_{name}"
        if whole not in self._lines:
            told = meaning.replace("\\", r"\\").replace("\n", r"\n")
            self._lines[whole] = [f"# HELP {whole} {told}", f"# TYPE {whole} {kind}"]
        self._lines[whole] += [f"{whole}{suffix}{_labels(labels)} {_number(value)}" for suffix, labels, value in samples]

    def text(self) -> bytes:
        return "".join(f"{line}\n" for lines in self._lines.values() for line in lines).encode()


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = {name: value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for name, value in labels.items()}
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.9g}"
