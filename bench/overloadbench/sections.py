"""The tables of bench/overload.py."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from talkbench.bench import Bench, why
from talkbench.figures import Table
from talkbench.tracks import SHORT, Track

from engine.config import load as settings

from .load import Window, may_be_realtime, stress, without_rights
from .ride import Ride, of_engine, of_peer
from .table import counted, moved
from .verdict import answers, responses

Drive: TypeAlias = Callable[[], Ride]


@dataclass(frozen=True, slots=True)
class Desk:
    """What every table is made with. keep: takes each ride, with its name. rows: only rows that have this in their name
    are measured."""

    bench: Bench
    keep: Callable[[str, Ride], None]
    rows: str = ""

    def drive(self, table: Table, drive: Drive, row: Mapping[str, str]) -> Ride | None:
        """Add a row: its own cells, and what the ride comes to. None: the ride failed, or nobody wanted it."""
        name = ", ".join(row.values())
        if self.rows not in name:
            return None
        try:
            ride = drive()
        except subprocess.SubprocessError as error:
            self.bench.add(table, {**row, "turns": f"FAILED: {why(error)}"})
            return None
        self.keep(name, ride)
        return ride


ECHOES: dict[str, object] = {
    "llm.backend": "repeat",
    "phrases.en.repeat": "You said, {text}.",
    "audio.aec": "off",
}
"""Answers as long as the questions, whose first clause is short; and no echo, which the peers could not cancel."""
COMPUTING = {**ECHOES, "profile": "computing", "llm.backend": "computing", "llm.computing.words": "repeat"}
GOVERNED = "governor on"
GOVERNORS: Mapping[str, Mapping[str, object]] = {
    GOVERNED: {"governor.mode": "on"},
    "governor off, top rung": {"governor.mode": "off", "governor.rung": "top"},
    "governor off, bottom rung": {"governor.mode": "off", "governor.rung": "bottom"},
}
CPUS = 4
"""Programs that compute all the time, as stress-ng has them."""
EARLIER_S = 0.5
"""The load begins and ends so long before an utterance."""
PEER_CONFIG = "stop-0.2"
PEERS = ("pipecat", "livekit")
BUSY = (0, 1, 2, 3)
BLOCKS_MS = (80, 250)
EVERY_MS = 500
LOCKED = ("asr", "vocoder")
FAULTY = ("asr", "llm", "vocoder")
SPARE_MS = 100.0
"""A turn may be so late beyond its deadline where a backend does not answer at all."""
NOT_RUN = "not run"
RIGHTS, NO_RIGHTS = "real-time", "none"
LATE = (
    "late p99: ms by which the loop that feeds the loudspeaker came too late to a block of 10 ms; 5 are the most that "
    "there shall be"
)
ASKED_FOR = (
    "asked for with the governor on: no xrun and no hole, all answered, p95 at most 800 ms, down after at most 2 turns "
    f"under load, at the top again after at most 10 without; {LATE}"
)


def names(utterances: int) -> str:
    """So many of the short recordings, over and over."""
    known = SHORT.split(",")
    return ",".join(known[number % len(known)] for number in range(utterances))


def loaded_track(bench: Bench, seed: int) -> tuple[Track, Window]:
    """An easy part, one under load, and one in which it is easy again."""
    before, loaded, after = (2, 4, 6) if bench.quick else (4, bench.sessions or 20, 14)
    track = bench.builder.build(names(before + loaded + after), seed)
    starts = [label["start"] - EARLIER_S for label in track.labels["utterances"]]
    return track, Window(starts[before], starts[before + loaded])


def overload(desk: Desk) -> Table:
    """Other programs want the processor: with and without real-time rights, governed or not, and the peer."""
    table = Table(f"stress-ng --cpu {CPUS} beside it; figures of the turns under load")
    table.note = ASKED_FOR
    bench = desk.bench
    track, window = loaded_track(bench, 1)
    for rights, under in ranks().items():
        if under is None:
            bench.add(table, {"": NOT_RUN, "rights": rights, "turns": "this machine does not allow it"})
            continue
        drives: dict[str, Drive] = {
            name: functools.partial(
                of_engine, bench.builder, track, {**COMPUTING, **sets}, under=under, command=stress(CPUS), window=window
            )
            for name, sets in GOVERNORS.items()
            if name == GOVERNED or not bench.quick
        }
        if bench.peers:
            options = [*as_peer(COMPUTING), *priority(rights == RIGHTS)]
            drives["pipecat"] = functools.partial(
                of_peer,
                *(bench.builder, track, "pipecat", options, bench.peers),
                under=under,
                command=stress(CPUS),
                window=window,
            )
        for name, drive in drives.items():
            row = {"": name, "rights": rights}
            if (ride := desk.drive(table, drive, row)) is not None:
                bench.add(table, {**row, **counted(ride), **moved(ride)})
    return table


def ranks() -> dict[str, Sequence[str] | None]:
    """With and without real-time rights: what to run a system under, None where that cannot be had here."""
    return {RIGHTS: () if may_be_realtime() else None, NO_RIGHTS: without_rights()}


def as_peer(sets: Mapping[str, object]) -> list[str]:
    """The same settings as options of bench.peers."""
    plain = {"profile": "realtime", **sets}
    pairs = (f"{key}={value}" for key, value in plain.items())
    return ["--config", PEER_CONFIG, *(part for pair in pairs for part in ("--set", pair))]


def priority(rights: bool) -> list[str]:
    """The engine's own priorities: of audio for the loop, and of a stage for the rest."""
    return ["--fifo", str(settings().audio.realtime_priority), "--nice", str(niceness())] if rights else []


def niceness() -> int:
    """Of the stage that the engine prefers most."""
    wanted = getattr(getattr(settings(), "realtime", None), "nice", ())
    found = dict(each.split(": ") for each in wanted)
    return min((int(found[stage]) for stage in FAULTY if stage in found), default=0)


def lock(desk: Desk) -> Table:
    """A stage that holds its interpreter's lock; for a peer that is the interpreter of all of it."""
    bench, table = desk.bench, Table("Python that holds its interpreter's lock", note=LATE)
    track = bench.builder.build(names(bench.count(4, 20)), 2)
    burdens = {f"{busy} busy threads": {"busy_threads": busy} for busy in ((0, 2) if bench.quick else BUSY)}
    blocks = BLOCKS_MS[1:] if bench.quick else BLOCKS_MS
    burdens |= {f"blocked {ms} ms": {"block_ms": ms, "block_every_ms": EVERY_MS} for ms in blocks}
    for what, burden in burdens.items():
        systems: dict[str, Drive] = {}
        for stage in LOCKED if any(burden.values()) else LOCKED[:1]:
            faults = {f"faults.{stage}.{key}": value for key, value in burden.items()}
            systems[f"engine, in {stage}"] = functools.partial(of_engine, bench.builder, track, {**ECHOES, **faults})
        for peer in PEERS:
            if bench.peers is None:
                break
            flags = {"busy_threads": "--busy", "block_ms": "--block", "block_every_ms": "--block-every"}
            options = [*as_peer(ECHOES), *(part for key, value in burden.items() for part in (flags[key], str(value)))]
            systems[peer] = functools.partial(of_peer, bench.builder, track, peer, options, bench.peers)
        for name, drive in systems.items():
            row = {"": name, "burden": what}
            if (ride := desk.drive(table, drive, row)) is not None:
                bench.add(table, {**row, **counted(ride)})
    return table


def faults(desk: Desk) -> Table:
    """A backend that is ten times as slow, and one that hangs in a call that cannot be interrupted."""
    bench, deadline_ms = desk.bench, settings().turns.response_budget_ms
    most_ms = deadline_ms + SPARE_MS
    table = Table(f"A backend that does not keep its time; deadline of a turn {deadline_ms} ms")
    track = bench.builder.build(names(bench.count(4, 20)), 3)
    for what, broken in (("10 times as slow", slow), ("hangs", hanging)):
        for stage in FAULTY:
            row = {"": stage, "fault": what}
            sets = {**COMPUTING, **broken(stage)}
            if (ride := desk.drive(table, functools.partial(of_engine, bench.builder, track, sets), row)) is not None:
                late = sum(ms > most_ms for ms in responses(answers(ride)))
                bench.add(table, {**row, **counted(ride), f"over {most_ms:.0f} ms": str(late)})
    return table


def slow(stage: str) -> dict[str, object]:
    """Ten times as many layers as the best rung has, and no ladder to go down."""
    layers = getattr(settings("computing"), stage).computing.layers
    return {f"{stage}.rungs": [], f"{stage}.computing.layers": 10 * layers}


def hanging(stage: str) -> dict[str, object]:
    """In every third job it never comes back."""
    return {f"faults.{stage}.kind": "hang", f"faults.{stage}.every": 3}


def gpu(desk: Desk) -> Table:
    """The same where a second process saturates the GPU."""
    table = Table("A second process that saturates the GPU")
    there = shutil.which("nvidia-smi") and not subprocess.run(["nvidia-smi", "-L"], capture_output=True).returncode
    why_not = "the stages of this bench compute on the processor" if there else "no GPU"
    desk.bench.add(table, {"": f"{NOT_RUN}: {why_not}"})
    return table


SECTIONS: dict[str, Callable[[Desk], Table]] = {
    "overload": overload,
    "lock": lock,
    "faults": faults,
    "gpu": gpu,
}
