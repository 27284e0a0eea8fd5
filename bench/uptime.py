"""Uptime under faults: how many turns are answered, and how long the engine is whole, while its workers are killed and
its backends fail on a schedule.

    python bench/uptime.py [--turns 60] [--every 10] [--shared ../shared] [--json FILE]

Every so many seconds one worker after the other gets `kill -9`. Beside that the language model crashes in every seventh
question that a process of its gets (guesses are questions, too), the recogniser hangs in every ninth utterance, and the
voice is two seconds late in every fifth answer. Recorded utterances in real time through the virtual sound card;
responses and holes are read from the recording by turns.py of the shared folder. By a phrase: what was heard only holds
the turn, or says that there is no answer. Whole: every stage is ready. Back: from the kill until the worker is loaded,
warm and at work again.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from allbench.results import Figure, as_json, counted, measured, share
from faultbench.kills import WORKERS
from faultbench.target import Target
from overloadbench.ride import Ride
from overloadbench.sections import names
from overloadbench.verdict import answers, responses
from talkbench.figures import Table, percentile, rate
from talkbench.files import check
from talkbench.tracks import Builder, Track, tool

from engine.telemetry import READY

FAILING: dict[str, object] = {
    "faults.llm.kind": "crash",
    "faults.llm.from_job": 7,
    "faults.llm.every": 7,
    "faults.asr.kind": "hang",
    "faults.asr.from_job": 9,
    "faults.asr.every": 9,
    "faults.vocoder.kind": "slow",
    "faults.vocoder.factor": 1,
    "faults.vocoder.ms": 2000,
    "faults.vocoder.from_job": 5,
    "faults.vocoder.every": 5,
    "llm.backend": "repeat",
}
FIRST_S, LAST_S = 3.0, 10.0
"""The first kill comes so long after the beginning, and the last one so long before the end."""
_LOOK_S = 0.01


@dataclass(slots=True)
class Watch:
    """Looks at the stages' states, by another thread. whole, looks: in so many of so many looks all were ready."""

    engine: Target
    looks: int = 0
    whole: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `end`."""
        while not self._over.wait(_LOOK_S):
            self.looks += 1
            self.whole += all(self.engine.get(f"{worker}.state") == READY for worker in WORKERS)

    def end(self) -> None:
        self._over.set()


@dataclass(frozen=True, slots=True)
class Trial:
    """ride: what was heard, and what the engine says of it. backs: after each kill, in s. whole, looks: of Watch."""

    ride: Ride
    backs: Sequence[float]
    whole: int
    looks: int


def lives(engine: Target, worker: str) -> bool:
    """Whether it is there to be killed."""
    return worker in engine.pids()


def schedule(seconds: float, every_s: float) -> list[tuple[float, str]]:
    """When to kill whom, in seconds of the track."""
    count = max(0, math.ceil((seconds - FIRST_S - LAST_S) / every_s))
    return [(FIRST_S + number * every_s, WORKERS[number % len(WORKERS)]) for number in range(count)]


def trial(builder: Builder, track: Track, every_s: float) -> Trial:
    """One conversation under the schedule."""
    output, report = builder.work / "uptime.wav", builder.work / "uptime.json"
    files = ("--input", str(track.path), "--output", str(output), "--report", str(report))
    said, backs = track.labels["utterances"], list[float]()
    with Target(builder.work, *files, sets=FAILING) as engine:
        watch = Watch(engine)
        watching = threading.Thread(target=watch.run)
        watching.start()
        try:
            for at_s, worker in schedule(track.labels["seconds"], every_s):
                engine.until_second(at_s)
                engine.until(functools.partial(lives, engine, worker), worker)  # a fault may have ended it just before
                backs.append(engine.kill(worker))
            engine.until_second(said[-1]["end"])
        finally:
            watch.end()
            watching.join()
        engine.process.wait(120)
    if engine.process.returncode:
        raise SystemExit(f"the engine ended with exit code {engine.process.returncode}")
    rows, total = tool(builder.shared, "turns").measure(output, track.labels)
    told = json.loads(report.read_text())
    return Trial(Ride(said, rows, total, told["turns"], told["totals"]), backs, watch.whole, watch.looks)


def summary(found: Trial) -> tuple[Table, dict[str, Figure]]:
    """The table and the figures."""
    ride, each = found.ride, answers(found.ride)
    count, ms = len(each), responses(each)
    spoken = sum(one.response_ms is not None and not one.degraded for one in each)
    whole = 100 * found.whole / max(1, found.looks)
    figures = {
        "answered": share(len(ms), count, asked=100),
        "answered by more than a phrase": share(spoken, count),
        "whole": Figure(whole, "%", "higher"),
        "holes": counted(len(ride.total["holes"])),
    }
    if ms:
        figures["response p50"] = measured(ms, "ms", "lower")
        figures["response p95"] = measured(ms, "ms", "lower", 95)
    if found.backs:
        figures["back p50"] = measured(found.backs, "s", "lower")
        figures["back p95"] = measured(found.backs, "s", "lower", 95, asked=3)
    row = {
        "turns": str(count),
        "answered": rate(len(ms), count),
        "by a phrase": str(len(ms) - spoken),
        "not at all": str(count - len(ms)),
        "response p50": percentile(ms, 50),
        "p95": percentile(ms, 95),
        "holes": str(len(ride.total["holes"])),
        "kills": str(len(found.backs)),
        "starts again": str(ride.totals["restarts"]),
        "back p50, ms": percentile([1000 * back for back in found.backs], 50),
        "back p95": percentile([1000 * back for back in found.backs], 95),
        "whole": f"{whole:.1f} %",
    }
    title = f"Uptime under faults: {ride.utterances[-1]['end'] / 60:.1f} minutes"
    return Table(title, [{"": name, "measured": value} for name, value in row.items()]), figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--every", type=float, default=10.0, metavar="SECONDS", help="from one kill to the next")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    arguments = parser.parse_args()
    check(arguments.json)
    if arguments.turns < 1 or arguments.every <= 0:
        raise SystemExit("--turns is 1 or more, --every more than 0")
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(arguments.shared, Path(work))
        table, figures = summary(trial(builder, builder.build(names(arguments.turns), 1), arguments.every))
    print(table)
    if arguments.json:
        arguments.json.write_text(as_json(figures))


if __name__ == "__main__":
    main()
