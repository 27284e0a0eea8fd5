"""The stages of a frame, a line each; what waits in the rings; how long steps take."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from engine.channels import CHANNELS
from engine.snapshot import Ring, Snapshot, Stage
from engine.top.pieces import BAD, BOLD, DIM, GOOD, NAME_WIDTH, WARN, Line, bar, percent, short, wrapped

_STATES = {"ready": GOOD, "loading": WARN}
_LATENCIES = {
    "turns.response_ns": "response",
    "audio.lateness_ns": "capture",
    "vad.hop_ns": "vad hop",
    "asr.partial_ns": "words",
    "asr.final_ns": "final text",
    "llm.first_ns": "first token",
    "vocoder.first_ns": "first sound",
}
_FULL, _SHOWN = 0.5, 0.005
"""Shares from which on a ring is shown as a warning, and at all."""
_LATE_BEAT_S = 2.0
_COLUMNS = (("stage", NAME_WIDTH), ("state", 9), ("rung", 14))
_NUMBERS = (("late", 6), ("dropped", 9), ("restarts", 10), ("cpu", 7), ("memory", 9), ("beat", 9), ("unread", 9))


def stages(seen: Snapshot, width: int) -> Iterator[Line]:
    """A line for each, and below them those processes that are no stage. What has no room in whole is left out."""
    columns = _fitting(width)
    words = "".join(name.ljust(wide) for name, wide in _COLUMNS)
    yield ((words + "".join(name.rjust(wide) for name, wide in _NUMBERS[:columns]), DIM),)
    unread = _inputs(seen.rings)
    for stage in seen.stages:
        yield (*_words(stage), *_numbers(stage, unread.get(stage.name, 0.0))[:columns])
    for process in seen.processes:
        if process.name not in {stage.name for stage in seen.stages}:
            told = {"cpu": percent(process.cpu), "memory": f"{process.mb:.0f} MB"}
            numbers = [(told.get(name, "").rjust(wide), DIM) for name, wide in _NUMBERS]
            yield ((process.name.ljust(sum(wide for _, wide in _COLUMNS)), DIM), *numbers[:columns])


def _fitting(width: int) -> int:
    """How many of the numbers have room."""
    ends = itertools.accumulate((wide for _, wide in _NUMBERS), initial=sum(wide for _, wide in _COLUMNS))
    return sum(end <= width for end in list(ends)[1:])


def _words(stage: Stage) -> Line:
    below, moving = stage.rung > 0, stage.rung != stage.rung_wanted
    rung = f"{stage.rung} {stage.rung_name}" if stage.rungs > 1 else stage.rung_name
    return (
        (stage.name.ljust(NAME_WIDTH), BOLD),
        (stage.told.ljust(9), _STATES.get(stage.told, BAD)),
        (f"{rung}{' →' + str(stage.rung_wanted) if moving else ''}".ljust(14)[:14], WARN if below or moving else ""),
    )


def _numbers(stage: Stage, unread: float) -> Line:
    process = stage.process
    beat = "" if stage.beat_age_s is None else "busy" if stage.busy else short(stage.beat_age_s)
    late_beat = stage.hangs or (stage.beat_age_s or 0.0) > _LATE_BEAT_S
    return (
        *((str(n).rjust(wide), WARN if n else DIM) for n, wide in _of(stage)),
        (percent(process.cpu if process else None).rjust(7), ""),
        ((f"{process.mb:.0f} MB" if process else "").rjust(9), ""),
        (beat.rjust(9), WARN if late_beat else DIM),
        ((f"{100 * unread:.0f} %" if unread >= _SHOWN else "-").rjust(9), WARN if unread > _FULL else DIM),
    )


def _of(stage: Stage) -> tuple[tuple[int, int], ...]:
    return (stage.late, 6), (stage.dropped, 9), (stage.restarts, 10)


def _inputs(rings: Iterable[Ring]) -> dict[str, float]:
    """How full the fullest stream is that a stage reads, as a share."""
    readers = {channel.name: channel.readers for channel in CHANNELS}
    found: dict[str, float] = {}
    for ring in rings:
        for reader in readers.get(ring.name, ()) if ring.kind == "stream" else ():
            found[reader] = max(found.get(reader, 0.0), ring.waiting / ring.capacity)
    return found


def rings(seen: Snapshot, width: int) -> Iterator[Line]:
    """What waits, in those rings in which something does."""
    pieces: list[tuple[str, str]] = []
    for ring in seen.rings:
        if ring.kind == "history" and ring.name == "mic":
            pieces.append((f"mic {1000 * ring.waiting / ring.bytes_per_s:.0f} ms behind", ""))
        share = ring.waiting / ring.capacity
        if ring.kind == "stream" and (share >= _SHOWN or ring.drops):
            drops = f", {ring.drops} dropped" if ring.drops else ""
            pieces.append((f"{ring.name} {bar(share, 8)} {100 * share:.0f} %{drops}", WARN if share > _FULL else ""))
    yield from wrapped("rings", pieces, width)


def latencies(seen: Snapshot, width: int) -> Iterator[Line]:
    """Median and 95th percentile of each step since the engine's start."""
    found = seen.percentiles(50, 95)
    told = [f"{label} {_ms(found[name])}" for name, label in _LATENCIES.items() if name in found]
    if told:
        yield from wrapped("p50/p95", [(each, "") for each in (*told[:-1], f"{told[-1]} ms")], width)


def _ms(values: Sequence[float]) -> str:
    return "/".join(f"{ms:.0f}" if ms >= 10 else f"{ms:.1f}" for ms in values)
