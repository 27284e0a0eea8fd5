"""Conversations of the engine in real time, through the virtual sound card, and what their recordings say."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.door.client import DoorClient
from engine.errors import DoorError

from .tracks import Track, tool

ROOT = Path(__file__).resolve().parents[2]
_NUMBERS = itertools.count(1)
SPARE_S = 180.0
"""Time to start and to end in, on a busy machine."""
PAUSED, RESUMED, STARTED = "answer.paused", "answer.resumed", "answer.started"


@dataclass(frozen=True, slots=True)
class Run:
    """One conversation: turns.py's rows and totals, the engine's own report, the recording, and what the engine told at
    its door, if somebody was to listen."""

    rows: list[dict[str, Any]]
    total: dict[str, Any]
    report: dict[str, Any]
    recording: Path
    events: Sequence[dict[str, Any]] = ()

    @property
    def responses(self) -> list[float]:
        return [row["response_ms"] for row in self.rows if row["response_ms"] is not None]


def settings(sets: Mapping[str, object]) -> list[str]:
    """Settings as options of `engine run`."""
    return [part for key, value in sets.items() for part in ("--set", f"{key}={json.dumps(value)}")]


def own_file(track: Track, suffix: str) -> Path:
    """A file beside a track for one conversation's own: no other conversation on that track is given the same."""
    return track.path.with_name(f"{track.path.stem}.{next(_NUMBERS)}{suffix}")


def longest_s(track: Track) -> float:
    """Who has not ended by then hangs."""
    return float(track.labels["seconds"]) + SPARE_S


def converse(
    shared: Path,
    track: Track,
    sets: Mapping[str, object],
    environ: Mapping[str, str] | None = None,
    *,
    listen: Sequence[str] = (),
    told: Callable[[dict[str, Any]], None] | None = None,
    under: Sequence[str] = (),
) -> Run:
    """Let the engine converse with a track, with these settings, and measure what it recorded. listen: at its door, to
    events that begin so; told: takes each as it comes. under: a command that runs the engine. SubprocessError: it
    failed, and what it said last is on stderr, or it hung."""
    output = own_file(track, ".wav")
    report, door = output.with_suffix(".json"), track.path.with_name(f"door{next(_NUMBERS)}")  # short, as sockets want
    command = [*under, sys.executable, "-m", "engine", "run", "--input", str(track.path), "--output", str(output)]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "bench"), os.environ.get("PYTHONPATH", "")]),
        **(environ or {}),
    }
    options = ["--report", str(report), *settings({**sets, **({"door.socket": str(door)} if listen else {})})]
    events: list[dict[str, Any]] = []

    def keep(event: dict[str, Any]) -> None:
        events.append(event)
        if told is not None:
            told(event)

    with subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ
    ) as engine:
        listening = threading.Thread(target=_listen, args=(door, engine, listen, keep), daemon=True)
        if listen:
            listening.start()
        try:
            _, said = engine.communicate(timeout=longest_s(track))
        except subprocess.TimeoutExpired:
            engine.kill()
            raise
    if listen:
        listening.join(10)
    if engine.returncode:
        print(said[-1000:], file=sys.stderr)
        raise subprocess.CalledProcessError(engine.returncode, "engine run")
    rows, total = tool(shared, "turns").measure(output, track.labels)
    return Run(rows, total, json.loads(report.read_text()), output, events)


def _listen(
    door: Path, engine: subprocess.Popen[str], names: Sequence[str], keep: Callable[[dict[str, Any]], None]
) -> None:
    """Keep what the engine tells of these, until it ends."""
    while engine.poll() is None:
        try:
            client = DoorClient(door)
        except DoorError:  # it has only begun to start
            time.sleep(0.05)
            continue
        client.command("subscribe", events=list(names))
        for line in client.lines():
            keep(json.loads(line))
        client.close()


def pauses(run: Run) -> list[tuple[float, float | None]]:
    """When answers fell silent because somebody might speak, and when they were to go on, by the engine's events: in
    seconds of the recording. None: it was an interruption."""
    start_ns = start_ns_of(run)
    found: list[tuple[float, float | None]] = []
    for event in run.events:
        at_s = (event["mono_ns"] - start_ns) / 1e9
        if event["event"] == PAUSED:
            found.append((at_s, None))
        elif event["event"] == RESUMED and found:
            found[-1] = (found[-1][0], at_s)
    return found


def start_ns_of(run: Run) -> int:
    """When the recording begins, CLOCK_MONOTONIC: an answer's first sample is told at its time, and stands in the
    report at its place."""
    for turn in run.report["turns"]:
        for event in run.events:
            if (
                event["event"] == STARTED
                and turn["response_ms"] is not None
                and all(event[key] == turn[key] for key in ("session", "turn"))
            ):
                first_s: float = turn["speech"]["end_s"] + turn["stages"]["audio"]["first"] / 1000
                return int(event["mono_ns"]) - round(first_s * 1e9)
    return 0
