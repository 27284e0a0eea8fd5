"""`kill -9` of each worker in a conversation, of many workers in a row, and of the supervisor."""

from __future__ import annotations

import itertools
import signal
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from talkbench.figures import Table
from talkbench.tracks import RATE, SHORT, Builder, Track, read, tool

from engine.channels import PROCESSES

from .target import Target

WORKERS = tuple(process.name for process in PROCESSES)
INTO_S = 0.3
"""So long after its first sample an answer is in its middle."""
TIMES = 5
LIMIT_S = 1.0
MANY: dict[str, object] = {"engine.restarts_per_minute": 600, "llm.backend": "repeat"}
WHEN = ("mid-question", "mid-answer")


@dataclass(frozen=True, slots=True)
class Scene:
    """folder: for files. quiet: a recording in which nobody speaks. kills: how many in a row."""

    folder: Path
    builder: Builder
    quiet: Path
    kills: int


def conversation(scene: Scene) -> list[Table]:
    """Kill each worker in the middle of a question, and in the middle of an answer, in one long conversation."""
    builder, folder = scene.builder, scene.folder
    kills = list(itertools.product(WORKERS, WHEN))
    names = ",".join(itertools.islice(itertools.cycle(SHORT.split(",")), 2 * len(kills)))
    track = builder.build(names, 1)
    said, output = track.labels["utterances"], folder / "kills.wav"
    rows, backs, others_xruns = [], [], 0
    exact = {**MANY, "audio.aec": "off"}  # nothing is taken out of what is heard: it can be compared
    with Target(folder, "--input", str(track.path), "--output", str(output), sets=exact) as engine:
        for number, (worker, when) in enumerate(kills):
            struck, after = said[2 * number], said[2 * number + 1]
            xruns = engine.get("audio.xruns")
            if when == WHEN[0]:
                engine.until_second((struck["start"] + struck["end"]) / 2)
            else:
                engine.until_second(struck["end"])
                engine.until(lambda: engine.get("audio.playing"), "an answer")
                time.sleep(INTO_S)
            backs.append(engine.kill(worker))
            engine.until_second(after["start"])
            more = engine.get("audio.xruns") - xruns
            others_xruns += more if worker != "audio" else 0
            rows.append({"kill -9 of": worker, "when": when, "back after": f"{backs[-1]:.2f} s", "xruns": str(more)})
        engine.process.wait(120)
    measured, _ = tool(builder.shared, "turns").measure(output, track.labels)
    for number, row in enumerate(rows):
        row["that turn"], row["the next turn"] = (_answer(measured[2 * number + one]) for one in (0, 1))
    whole = _same(track, output, [kill == "audio" for kill, _ in kills])
    audio = max(back for back, (worker, _) in zip(backs, kills, strict=True) if worker == "audio")
    summary = {
        "": "together",
        "back, p95": f"{np.percentile(backs, 95):.2f} s",
        "audio, longest": f"{audio:.2f} s",
        "next turn answered": f"{sum('ms' in row['the next turn'] for row in rows)} of {len(rows)}",
        "xruns of a living audio worker": str(others_xruns),
        "heard as it was said": whole,
    }
    return [Table("Each worker killed in a conversation", rows), Table("Together", [summary])]


def _answer(row: dict[str, Any]) -> str:
    return "no answer" if row["response_ms"] is None else f"{row['response_ms']:.0f} ms"


def _same(track: Track, output: Path, of_audio: Sequence[bool]) -> str:
    """Whether the sound between the kills of the audio worker stands in the recording, sample by sample."""
    sound, heard = read(track.path)[:, 0], read(output)[:, 0]
    length, said = min(len(sound), len(heard)), track.labels["utterances"]
    same = sound[:length] == heard[:length]
    for number, mine in enumerate(of_audio):
        if mine:  # what it did not fetch while it was away is silence
            same[int(said[2 * number]["start"] * RATE) : int(said[2 * number + 1]["start"] * RATE)] = True
    return "all of it" if same.all() else f"but for {np.count_nonzero(~same) / RATE * 1000:.0f} ms"


def many(scene: Scene) -> list[Table]:
    """Kill one worker after the other, so many in all; what has grown meanwhile."""
    kills, files = scene.kills, ("--input", str(scene.quiet), "--output", str(scene.folder / "many.wav"))
    with Target(scene.folder, *files, sets=MANY) as engine:
        workers = itertools.cycle(sorted(engine.pids()))
        for _ in range(10):  # until then caches fill
            engine.kill(next(workers))
        before, backs = engine.footprint(), [engine.kill(next(workers)) for _ in range(kills)]
        after = engine.footprint()
    left = engine.segments()
    rows = [
        {"": when, **{name: f"{value:.1f}" if "MB" in name else f"{value:.0f}" for name, value in what.items()}}
        for when, what in (("before", before), ("after", after))
    ]
    note = f"back after {statistics.median(backs):.2f} s in the median, {np.percentile(backs, 95):.2f} s at p95"
    return [Table(f"{kills} kills in a row", rows, f"{note}; left when it had ended: {len(left)} segments")]


def supervisor(scene: Scene) -> list[Table]:
    """Kill the supervisor: how long until no process and no segment is left."""
    rows = []
    for name, sets in (("all well", {}), ("a stage hangs and holds its lock", _HANGS)):
        took = []
        for _ in range(TIMES):
            with Target(scene.folder, "--input", str(scene.quiet), sets={**MANY, **sets}) as engine:
                if sets:
                    engine.client().command("ask", text="hello")
                    engine.until(lambda: engine.get("llm.bound_ns"), "it to hang")
                    time.sleep(0.2)
                pids = engine.processes()
                engine.process.send_signal(signal.SIGKILL)
                began = time.monotonic()
                engine.process.wait()
                while engine.segments() or any(map(engine.is_left, pids.values())):
                    if time.monotonic() - began > 60:
                        break
                    time.sleep(0.002)
                took.append(time.monotonic() - began)
        rows.append({"": name, "nothing left after, longest": f"{max(took):.2f} s", "times": str(TIMES)})
    return [Table("kill -9 of the supervisor", rows)]


_HANGS: dict[str, object] = {"faults.llm.kind": "hang", "faults.llm.hold_lock": True, "llm.hard_limit_s": 600.0}


def hang(scene: Scene) -> list[Table]:
    """A call that hangs and holds its interpreter's lock: when it is killed, and when its question is answered."""
    sets = {**MANY, **_HANGS, "faults.llm.from_job": 2, "llm.hard_limit_s": LIMIT_S}
    with Target(scene.folder, "--input", str(scene.quiet), sets=sets) as engine:
        client = engine.client()
        client.command("subscribe", events=["answer.started", "error"])
        client.command("ask", text="one")
        _until(client, "answer.started")
        engine.until(lambda: not engine.get("audio.playing"), "the end of the answer")
        time.sleep(1)
        client.command("ask", text="two")
        began = time.monotonic()
        _until(client, "error")
        killed = time.monotonic() - began
        _until(client, "answer.started")
        answered = time.monotonic() - began
    row = {"limit": f"{LIMIT_S:g} s", "killed after": f"{killed:.2f} s", "answered after": f"{answered:.2f} s"}
    return [Table("A language model that hangs in a call", [row])]


def _until(client: Any, name: str) -> None:
    while (event := client.event(60)) is not None and event.get("event") != name:
        pass


PARTS = {part.__name__: part for part in (conversation, many, supervisor, hang)}
