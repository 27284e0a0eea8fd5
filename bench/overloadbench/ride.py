"""One conversation under load, of the engine or of a peer: what was heard of it, and what the engine says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from talkbench.runs import ROOT, converse, longest_s, own_file, start_ns_of
from talkbench.tracks import Builder, Track

from .load import Load, Window

EVENTS = ("state", "answer", "rung")
HEARING = "hearing"
START = "the timeline begins at"
"""As bench/peers says it."""
VAD_S = 0.1
"""So long after speech begins the engine knows of it, about: the load is set off by that."""


@dataclass(frozen=True, slots=True)
class Move:
    """A stage goes to another rung. at_s: on the track."""

    at_s: float
    stage: str
    rung: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ride:
    """utterances: labels of the track. rows, total: of turns.py. turns, totals: of the engine's report, empty for a
    peer. load: when there was some, in seconds of the track. late_ms: p99 of how late the loop that feeds the
    loudspeaker came to a block of sound."""

    utterances: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    total: dict[str, Any]
    turns: list[dict[str, Any]] = field(default_factory=list)
    totals: dict[str, Any] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    load: tuple[float, float] | None = None
    late_ms: float | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Ride:
        moves = [Move(**move) for move in found["moves"]]
        load = None if found["load"] is None else (found["load"][0], found["load"][1])
        return cls(**{**found, "moves": moves, "load": load})


def of_engine(
    builder: Builder,
    track: Track,
    sets: Mapping[str, object],
    *,
    under: Sequence[str] = (),
    command: Sequence[str] = (),
    window: Window | None = None,
) -> Ride:
    """The engine, under another command. command, window: the load. SubprocessError: as `converse`."""
    first_s, load = track.labels["utterances"][0]["start"], Load(command, window) if window else None
    starts: list[int] = []

    def told(event: dict[str, Any]) -> None:
        if not starts and event["event"] == "state" and event["state"] == HEARING:
            starts.append(event["mono_ns"] - round((first_s + VAD_S) * 1e9))
            if load is not None:
                load.begin(starts[0])

    try:
        run = converse(builder.shared, track, sets, listen=EVENTS, told=told, under=under)
    finally:
        if load is not None:
            load.close()
    run.recording.unlink()
    totals, start_ns = run.report["totals"], start_ns_of(run) or next(iter(starts), 0)
    lateness = totals["latency_ms"].get("audio.lateness")
    return Ride(
        track.labels["utterances"],
        run.rows,
        run.total,
        run.report["turns"],
        totals,
        [
            Move((each["mono_ns"] - start_ns) / 1e9, each["stage"], each["to"], each["reason"])
            for each in run.events
            if each["event"] == "rung"
        ],
        _seconds(load, start_ns),
        lateness["p99"] if lateness else None,
        track.labels["seconds"],
    )


def of_peer(
    builder: Builder,
    track: Track,
    system: str,
    options: Sequence[str],
    python: Path,
    *,
    under: Sequence[str] = (),
    command: Sequence[str] = (),
    window: Window | None = None,
) -> Ride:
    """A peer of bench/peers, with these options. SubprocessError: it failed or hung."""
    output = own_file(track, f".{system}.wav")
    run = [*under, str(python), "-m", "bench.peers", "--system", system, "--track", str(track.path), "--json"]
    run += ["--labels", str(track.path.with_suffix(".json")), "--output", str(output), "--tell-start"]
    run += ["--shared", str(builder.shared), *options]
    load, starts = Load(command, window) if window else None, list[int]()
    said: list[str] = []
    with (
        tempfile.TemporaryFile("w+") as told,  # a pipe that nobody reads meanwhile would fill up
        subprocess.Popen(run, stdout=told, stderr=subprocess.PIPE, text=True, cwd=ROOT) as peer,
    ):

        def listen() -> None:
            assert peer.stderr is not None
            for line in peer.stderr:
                said.append(line)
                if line.startswith(START):
                    starts.append(int(line.removeprefix(START)))
                    if load is not None:
                        load.begin(starts[0])

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        try:
            peer.wait(longest_s(track))
        except subprocess.TimeoutExpired:
            peer.kill()
            raise
        finally:
            if load is not None:
                load.close()
        listening.join()
        told.seek(0)
        text = told.read()
    if peer.returncode:
        print("".join(said)[-1000:], file=sys.stderr)
        raise subprocess.CalledProcessError(peer.returncode, system)
    found = json.loads(text)
    output.unlink()
    return Ride(
        track.labels["utterances"],
        found["turns"],
        found["total"],
        load=_seconds(load, starts[0] if starts else 0),
        late_ms=found["input_late_ms_p99"],
        seconds=track.labels["seconds"],
    )


def _seconds(load: Load | None, start_ns: int) -> tuple[float, float] | None:
    if load is None or load.ran_ns is None:
        return None
    began, ended = ((ns - start_ns) / 1e9 for ns in load.ran_ns)
    return began, ended
