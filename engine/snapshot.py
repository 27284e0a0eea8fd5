"""One reading of a running engine: its stages, rings, devices and numbers, and the machine that it runs on.

It is taken from outside (`engine top`, `engine health`) and in the supervisor (metrics, page) in the same way: the
engine's shared memory is mapped read-only, and no ring's role is taken. It costs a millisecond; whatever takes longer a
thread reads beside it (engine/machine.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import ringbuf
from engine import NAME
from engine.channels import CHANNELS, ENGINE, PROCESSES, Channel, segment
from engine.errors import DoorError
from engine.hanging import hangs_at
from engine.machine import Machine, Watcher
from engine.telemetry import AT, CELLS, LAYOUT, METRICS, OF_EACH_STAGE, READY, STATES, Distribution, signed
from engine.usage import Process, Usage
from ringbuf import observe

FORKS = "forks"
"""What the process that workers are forked from is called here."""
_SHOWN_KINDS = ("stream", "history")
_RESTING = ("asr", "ending")
"""Readers of a history that read while there is something to be heard, and stay where they were in between."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, and the worker that runs it. state: absent (it has no process), loading or ready. rung: the one that it
    works on, 0 is the best; rung_wanted: where the governor wants it. gone: the engine does without it. beat_age_s: how
    long ago its worker came round its loop; None before it did. busy: it is in a call that cannot be interrupted.
    hangs: it has shown no sign of life for longer than it may. lease_s: how long it has waited for the lease in all.
    process: None while it has none."""

    name: str
    state: Literal["absent", "loading", "ready"]
    rung: int
    rung_wanted: int
    rung_name: str
    rungs: int
    restarts: int
    late: int
    dropped: int
    overdrafts: int
    lease_s: float
    gone: bool
    beat_age_s: float | None
    busy: bool
    hangs: bool
    process: Process | None

    @property
    def told(self) -> str:
        """In one word how it is."""
        return "gone" if self.gone else "hangs" if self.hangs else self.state


@dataclass(frozen=True, slots=True)
class Ring:
    """A stream or history. All sizes in bytes. bytes_per_s: of a history, what its sound takes; else 0. waiting: what
    its slowest reader has not read yet, but for those that rest between turns. drops: how often the writer found no
    room. lost: what was overwritten before it was read, all readers together. Observers do not count."""

    name: str
    kind: Literal["stream", "history"]
    bytes_per_s: int
    capacity: int
    waiting: int
    drops: int
    lost: int


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound devices' numbers. ppm: how fast a device's clock is against ours, parts per million. volume: 0 to 100.
    xruns: output blocks that came too late; lost: input blocks that nobody fetched; starved: blocks in which an answer
    had not been made in time."""

    muted: bool
    volume: int
    microphone_ppm: int
    loudspeaker_ppm: int
    xruns: int
    lost: int
    starved: int


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """instance: as in /dev/shm. name: `engine.instance`. pid: the supervisor's. at_ns: CLOCK_MONOTONIC. uptime_s: since
    the shared memory was made. beat_age_s: how long ago the supervisor looked at its workers, which it does every half
    second; None before the engine is ready. state: as the door tells it, and `starting` and `stopping`. processes: all
    that live, the supervisor first. cells: the whole page, shape [CELLS], a copy."""

    instance: str
    name: str
    pid: int
    profile: str
    at_ns: int
    uptime_s: float
    beat_age_s: float | None
    state: str
    session: int
    turn: int
    stages: tuple[Stage, ...]
    processes: tuple[Process, ...]
    rings: tuple[Ring, ...]
    sound: Sound
    machine: Machine
    cells: NDArray[np.uint64]

    def value(self, name: str) -> int:
        """A counter or gauge."""
        return int(self.cells[AT[name]])

    @property
    def counters(self) -> dict[str, int]:
        """All counters."""
        return {metric.name: self.value(metric.name) for metric in METRICS if metric.kind == "counter"}

    def distribution(self, name: str) -> Distribution:
        """A histogram."""
        return Distribution.of(self.cells, name)

    def percentiles(self, *ranks: float) -> dict[str, list[float]]:
        """In ms, of each histogram that is not empty."""
        names = (metric.name for metric in METRICS if metric.kind == "histogram")
        return {name: found for name in names if (found := self.distribution(name).percentiles(*ranks))}


def instances(name: str = "") -> list[str]:
    """The engines that run on this machine, or those called `name`, as /dev/shm knows them. OSError: it is not to be
    read."""
    sight = observe.look(f"{NAME}.{name}." if name else f"{NAME}.")
    cells = [ring for ring in sight.rings if ring["kind"] == "cells" and ring["label"] == "cells"]
    return [ring["group"] for ring in cells if ring["creator"] and ring["creator"]["alive"]]


class Observer:
    """Takes snapshots of one engine. instance: one of `instances()`.

    Raises DoorError: it has ended, it is another user's, or of another version.
    """

    def __init__(self, instance: str) -> None:
        self.instance = instance
        try:
            self._cells = ringbuf.Cells(segment(instance, "cells"), writable=False)
            self._settings_ring = ringbuf.LatestReader(segment(instance, "settings"))
            shown = [channel for channel in CHANNELS if channel.kind in _SHOWN_KINDS]
            self._rings = [(channel, observe.Watched(segment(instance, channel.name))) for channel in shown]
        except (ringbuf.RingError, OSError) as error:
            raise DoorError(f"the engine {instance} cannot be looked at: {error}", "be its user, or root") from error
        if self._cells.count != CELLS or self._cells.load(AT["engine.layout"]) != LAYOUT:
            raise DoorError(f"the engine {instance} is of another version", "use its own `engine`")
        self._page = observe.Watched(segment(instance, "cells"))
        page = self._page.look()
        self.pid, self._made_ns = int(page["creator"]["pid"]), int(page["created_ns"])
        self._usage, self._watcher = Usage(), Watcher()
        self._settings: dict[str, Any] = {}
        self._version = -1

    def take(self, *, wait: bool = False) -> Snapshot:
        """The engine now. wait: let the machine be read first, instead of telling what a thread read last; that may
        take tens of milliseconds.

        An engine that has ended stays as it was; ask `ended`. Raises ringbuf.RingCorrupt.
        """
        page = np.array(self._cells.array)
        now = time.monotonic_ns()
        settings = self._read_settings(int(page[AT["engine.settings"]]))

        def of(name: str) -> int:
            return int(page[AT[name]])

        pids = {ENGINE: self.pid, **{process.name: of(f"{process.name}.pid") for process in PROCESSES}}
        pids[FORKS] = of("engine.forks")
        living = [pid for pid in pids.values() if pid]
        machine = self._watcher.read(living) if wait else self._watcher.latest(living)
        processes = self._usage.look(pids, machine.pss_mb)
        by_name = {process.name: process for process in processes}
        return Snapshot(
            instance=self.instance,
            name=self.instance.split(".")[1],
            pid=self.pid,
            profile=str(settings.get("profile", "")),
            at_ns=now,
            uptime_s=(now - self._made_ns) / 1e9,
            beat_age_s=max(0, now - beat) / 1e9 if (beat := of("engine.beat_ns")) else None,
            state=_state(of("engine.go"), of("engine.stop"), of("turns.shown")),
            session=of("turns.session") if of("turns.visitor") else 0,
            turn=of("turns.turn"),
            stages=tuple(_stages(page, settings, by_name, now)),
            processes=processes,
            rings=tuple(_ring(channel, ring.look()) for channel, ring in self._rings),
            sound=_sound(page),
            machine=machine,
            cells=page,
        )

    def setting(self, section: str, name: str) -> Any:
        """A setting of the running engine; None where it has no such one."""
        settings = self._read_settings(self._cells.load(AT["engine.settings"]))
        return settings.get(section, {}).get(name)

    @property
    def ended(self) -> bool:
        """The engine is over: it said so, or its supervisor is gone."""
        return self._cells.load(AT["engine.stop"]) != 0 or not self._page.look()["creator"]["alive"]

    def _read_settings(self, version: int) -> dict[str, Any]:
        if version != self._version and (raw := self._settings_ring.read()) is not None:
            self._settings, self._version = json.loads(raw), version
        return self._settings


def _state(go: int, stop: int, turns: int) -> str:
    if stop:
        return "stopping"
    return STATES[turns] if go and 0 < turns < len(STATES) else "listening" if go else "starting"


def _stages(
    page: NDArray[np.uint64], settings: Mapping[str, Any], processes: Mapping[str, Process], now: int
) -> Iterator[Stage]:
    """Those that this engine has: one that it was not told to have never had a process."""
    heartbeat_ns = round(settings.get("engine", {}).get("heartbeat_timeout_s", 0) * 1e9)
    for stage in PROCESSES:
        own = {metric: int(page[AT[f"{stage.name}.{metric}"]]) for metric in _OWN}
        if not (own["pid"] or own["beat_ns"] or own["restarts"]):
            continue
        process = processes.get(stage.name)
        ready = process is not None and own["state"] == READY
        until, _ = hangs_at(own["bound_ns"], own["beat_ns"], own["apart_ns"], heartbeat_ns)
        rungs = _rungs(settings.get(stage.name, {}))
        yield Stage(
            name=stage.name,
            state="absent" if process is None else "ready" if ready else "loading",
            rung=own["rung_at"],
            rung_wanted=own["rung"],
            rung_name=rungs[own["rung_at"]] if own["rung_at"] < len(rungs) else "",
            rungs=len(rungs),
            restarts=own["restarts"],
            late=own["late"],
            dropped=own["dropped"],
            overdrafts=own["overdrafts"],
            lease_s=own["lease_ns"] / 1e9,
            gone=bool(own["gone"]),
            beat_age_s=max(0, now - own["beat_ns"]) / 1e9 if own["beat_ns"] else None,
            busy=own["bound_ns"] != 0,
            hangs=ready and 0 < until < now,
            process=process,
        )


_OWN = tuple(metric.name for metric in OF_EACH_STAGE)


def _rungs(section: Mapping[str, Any]) -> list[str]:
    """The names of a stage's rungs, as engine/ladders.py names them."""
    return [rung["name"] for rung in section.get("rungs", ())] or [section.get("backend", "")]


def _ring(channel: Channel, seen: observe.Ring) -> Ring:
    item = np.dtype(seen["dtype"]).itemsize if seen["kind"] == "history" else 1
    readers = {name: each for name, each in zip(channel.readers, seen["readers"], strict=False) if each["role"]}
    behind = max((each["behind"] for name, each in readers.items() if name not in _RESTING), default=0)
    return Ring(
        name=channel.name,
        kind=seen["kind"],
        bytes_per_s=seen["rate"] * item if seen["kind"] == "history" else 0,
        capacity=seen["capacity"] * item,
        waiting=(seen["fill"] if seen["kind"] == "stream" else min(seen["capacity"], behind)) * item,
        drops=seen.get("full_count", 0),
        lost=sum(each["lost"] for each in readers.values()) * item,
    )


def _sound(page: NDArray[np.uint64]) -> Sound:
    def of(name: str) -> int:
        return int(page[AT[f"audio.{name}"]])

    return Sound(
        muted=bool(of("muted")),
        volume=max(0, of("volume") - 1),
        microphone_ppm=signed(of("microphone_ppm")),
        loudspeaker_ppm=signed(of("loudspeaker_ppm")),
        xruns=of("xruns"),
        lost=of("lost_blocks"),
        starved=of("starved"),
    )
