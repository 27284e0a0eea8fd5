"""The numbers of the page, once a second: what each stage is doing, and what was counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.channels import ENGINE
from engine.snapshot import Snapshot, Stage
from engine.usage import Process

_COUNTED = {
    "interruptions": "turns.interruptions",
    "taken over by the floor": "turns.taken_over",
    "xruns": "audio.xruns",
    "lost blocks": "audio.lost_blocks",
    "starved blocks": "audio.starved",
}
"""What the page calls the counters that it shows."""


def shown(snapshot: Snapshot) -> dict[str, Any]:
    """What the page is told of the stages and of the machine."""
    by_name = {process.name: process for process in snapshot.processes}
    return {
        "stages": [
            {"name": ENGINE, **_taken(by_name.get(ENGINE))},
            *(_stage(stage) for stage in snapshot.stages),
        ],
        "counters": {name: snapshot.value(metric) for name, metric in _COUNTED.items()},
        "machine": dict(_machine(snapshot)),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "state": stage.told,
        "late": stage.late,
        "restarts": stage.restarts,
        "rung": stage.rung,
        "rungs": stage.rungs,
        "rung_name": stage.rung_name,
        **_taken(stage.process),
    }


def _taken(process: Process | None) -> Mapping[str, float | None]:
    """Processor, as a share of one core, and memory, in MB: its own where that is known, else with what it shares."""
    if process is None:
        return {"cpu": None, "mb": None}
    return {"cpu": process.cpu, "mb": process.mb}


def _machine(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """What is known of the machine, in words."""
    reading = snapshot.machine.reading
    if reading.cpu is not None:
        yield "processor", f"{100 * reading.cpu:.0f} % of {snapshot.machine.cores}"
    if reading.memory is not None:
        yield "memory", f"{100 * reading.memory:.0f} %"
    for heat in reading.heat[:1]:
        yield "temperature", f"{heat.celsius:.0f} °C"
    for gpu in reading.gpus[:1]:
        if gpu.busy is not None:
            yield "GPU", f"{100 * gpu.busy:.0f} %"
