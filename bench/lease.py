"""The lease, measured: how soon the first clause of an answer is spoken while a long answer is being generated, with
and without it, in processes that really compute.

    python bench/lease.py [--rounds 3] [--seconds 5] [--json FILE]

Processes as in the engine: a language model (the Llama of the tests, made larger, on CTranslate2, by the engine's own
backend), a voice that makes a clause three times a second, and in some scenes a recogniser that gets a bit of sound
every 100 ms, or a model that sees, one frame after the other. All but the first multiply matrices so many times.
Latency: from when the clause is there until its sound is. In each round every arm is run once, in another order; ratios
are within a round, to the arm without a lease; shown are medians over the rounds, and in brackets the least and the
most. Needs the packages of the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ringbuf  # noqa: E402
from engine.contract import NO_LEASE, Job, Lease, Rung, Tag, Token  # noqa: E402
from engine.telemetry import Telemetry  # noqa: E402
from engine.worker import environment  # noqa: E402
from workers.lease import Share  # noqa: E402

SLOTS = {"llm": 0, "voice": 1, "asr": 2, "vision": 3}
LAYERS, FEED_FORWARD = 12, 4096
CLAUSE_MS, CLAUSE_BUDGET_MS, CLAUSE_EVERY_S = 60, 80, (0.25, 0.45)
CHUNK_MS, CHUNK_BUDGET_MS, CHUNK_EVERY_S = 25, 100, 0.1
FRAME_MS = 30
LONGEST_MS = 200


@dataclass(frozen=True)
class Scene:
    """What computes beside the model and the voice, and on how many cores. llm_threads: of the model."""

    title: str
    cores: int
    llm_threads: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arm:
    """units: of the lease; 0: none. nice: of the language model and of what sees."""

    title: str
    units: int = 0
    nice: int = 0


SCENES = (
    Scene("two cores: model with 2 threads, voice, recogniser", 2, 2, ("asr",)),
    Scene("two cores: model with 2 threads, voice, recogniser, vision", 2, 2, ("asr", "vision")),
    Scene("one core: model, voice, recogniser", 1, 1, ("asr",)),
    Scene("one core: model, voice, vision", 1, 1, ("vision",)),
)
ARMS = (Arm("no lease"), Arm("lease of 1", 1), Arm("lease of 2", 2), Arm("model at nice 5", 0, 5))


# The processes.


class Counts:
    """In the place of the telemetry."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def count(self, name: str, by: int = 1) -> None:
        self.of[name] = self.of.get(name, 0) + by


class Matrices:
    """Work, a fifth of a millisecond or so at a time: so many products of two matrices."""

    def __init__(self) -> None:
        import numpy as np

        rng = np.random.default_rng(0)
        self._a, self._b = (rng.standard_normal((192, 192), np.float32) for _ in range(2))
        self._out = np.empty_like(self._a)
        self._dot = np.dot

    def work(self, times: int) -> None:
        for _ in range(times):
            self._dot(self._a, self._b, self._out)


def calibrate() -> float:
    """How many products a millisecond takes, on a core that has nothing else to do."""
    matrices, took = Matrices(), []
    for _ in range(20):
        began = time.monotonic()
        matrices.work(100)
        took.append(time.monotonic() - began)
    return 0.1 / statistics.median(took)


def be_periodic(lease: Lease, seconds: float, times: int, budget_ms: float, every: tuple[float, float]) -> list[float]:
    """Work that comes again and again: how late each piece of it was done, in ms after it had come."""
    matrices, chance, found = Matrices(), random.Random(1), []
    matrices.work(times)
    ready()
    came = time.monotonic_ns()
    until = came + round(seconds * 1e9)
    while came < until:
        came += round(chance.uniform(*every) * 1e9)
        if (left := came - time.monotonic_ns()) > 0:
            time.sleep(left / 1e9)
        lease.take(came + round(budget_ms * 1e6))
        matrices.work(times)
        lease.give()
        found.append((time.monotonic_ns() - came) / 1e6)
    return found


def be_vision(lease: Lease, seconds: float, times: int) -> list[float]:
    """One frame after the other, for which nobody waits; how long each took, in ms."""
    matrices, found = Matrices(), []
    matrices.work(times)
    ready()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        lease.take(0)
        matrices.work(times)
        lease.give()
        found.append((time.monotonic() - began) * 1000)
    return found


def be_llm(lease: Lease, seconds: float, folder: str, threads: int) -> list[float]:
    """Generate all the time; the times between tokens, in ms."""
    from workers.backends.ct2_generator import Ct2Generator

    backend = Ct2Generator()
    backend.load(Rung(llm_settings(folder), threads=threads, lease=lease))
    backend.warm_up()
    ready()
    last = time.monotonic()
    until, found, attempt, open_ = last + seconds, [], 0, False
    while time.monotonic() < until:
        if not open_:
            attempt, open_ = attempt + 1, True
            backend.begin(Job(Tag(1, 1, attempt), text="Tell me a long story."))
        for event in backend.step(20_000_000):
            now = time.monotonic()
            if isinstance(event, Token):
                found.append((now - last) * 1000)
                last = now
            else:
                open_ = False
        time.sleep(0.002)
    return found


def llm_settings(folder: str) -> dict[str, Any]:
    return {
        "model": folder,
        "device": "cpu",
        "require_device": True,
        "compute_type": "int8",
        "context_tokens": 2048,
        "max_tokens": 1500,
        "temperature": 0.0,
        "top_k": 1,
        "top_p": 1.0,
        "repetition_penalty": 1.0,
        "system_prompt": "",
    }


def ready() -> None:
    """Say so, and wait for the start."""
    print("ready", flush=True)
    sys.stdin.readline()


def be(role: str, arguments: dict[str, Any]) -> None:
    """One of the processes: its figures as JSON."""
    counts, lease = Counts(), cast(Lease, NO_LEASE)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments["cores"]])
    if role in ("llm", "vision"):
        os.nice(arguments["nice"])
    if arguments["lease"]:
        taken = ringbuf.Lease(arguments["lease"], SLOTS[role])
        lease = Share(taken, LONGEST_MS * 1_000_000, cast(Telemetry, counts), role)
    seconds = arguments["seconds"]
    clause, chunk, frame = (round(ms * arguments["rate"]) for ms in (CLAUSE_MS, CHUNK_MS, FRAME_MS))
    if role == "llm":
        found = be_llm(lease, seconds, arguments["folder"], arguments["threads"])
    elif role == "voice":
        found = be_periodic(lease, seconds, clause, CLAUSE_BUDGET_MS, CLAUSE_EVERY_S)
    elif role == "asr":
        found = be_periodic(lease, seconds, chunk, CHUNK_BUDGET_MS, (CHUNK_EVERY_S, CHUNK_EVERY_S))
    else:
        found = be_vision(lease, seconds, frame)
    print(json.dumps({"found": found, "counts": counts.of}), flush=True)
    os._exit(0)


# Who starts them, and the table.


def build_model(folder: Path) -> None:
    """The Llama of the tests, some 50 million weights."""
    from tests.models import llama

    llama.LAYERS, llama.FEED_FORWARD = LAYERS, FEED_FORWARD
    folder.mkdir()
    with contextlib.redirect_stderr(io.StringIO()):  # bars that show how far it is
        llama.build_ct2(folder, endless=True)


def run(scene: Scene, arm: Arm, folder: Path, seconds: float, rate: float) -> dict[str, Any]:
    """One scene with one arm: what each process found."""
    name = f"antiphon.bench.{os.getpid()}.lease"
    with ringbuf.create_lease(name, len(SLOTS), units=max(1, arm.units)):
        started: dict[str, subprocess.Popen[str]] = {}
        for role in ("llm", "voice", *scene.others):
            arguments = {
                "lease": name if arm.units else "",
                "nice": arm.nice,
                "cores": scene.cores,
                "seconds": seconds,
                "rate": rate,
                "folder": str(folder),
                "threads": scene.llm_threads,
            }
            started[role] = subprocess.Popen(
                [sys.executable, __file__, "--be", role, "--with", json.dumps(arguments)],
                env=environment(scene.llm_threads if role == "llm" else 1),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        for process in started.values():
            assert process.stdout is not None
            process.stdout.readline()
        for process in started.values():
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return {role: json.loads(process.communicate()[0]) for role, process in started.items()}


def figures(ran: dict[str, Any], seconds: float) -> dict[str, float]:
    """What the table shows of a run."""

    def percentile(role: str, rank: int) -> float:
        found = sorted(ran[role]["found"])
        return float(found[min(len(found) - 1, len(found) * rank // 100)])

    found = {"p50": percentile("voice", 50), "p95": percentile("voice", 95)}
    found["tokens"] = len(ran["llm"]["found"]) / seconds
    found["went on"] = sum(count for each in ran.values() for name, count in each["counts"].items() if "over" in name)
    if "asr" in ran:
        found["asr"] = percentile("asr", 95)
    if "vision" in ran:
        found["frames"] = len(ran["vision"]["found"]) / seconds
    return found


COLUMNS = {
    "p50": "first clause p50, ms",
    "p95": "p95, ms",
    "ratio": "p50 to no lease",
    "asr": "recogniser p95, ms",
    "tokens": "tokens/s",
    "frames": "frames/s",
    "went on": "without lease",
}


def table(scene: Scene, rounds: list[dict[str, dict[str, float]]]) -> str:
    """A scene's arms, a line each."""
    for each in rounds:
        for of in each.values():
            of["ratio"] = of["p50"] / each[ARMS[0].title]["p50"]
    shown = [key for key in COLUMNS if key in rounds[0][ARMS[0].title]]
    lines = [scene.title, " " * 16 + "".join(f"{COLUMNS[key]:>22}" for key in shown)]
    for arm in ARMS:
        values = (spread([each[arm.title][key] for each in rounds], 2 if key == "ratio" else 0) for key in shown)
        lines.append(f"{arm.title:16}" + "".join(f"{value:>22}" for value in values))
    return "\n".join(lines) + "\n"


def spread(values: list[float], digits: int) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def price() -> str:
    """What it costs while nobody waits, from Python, in ns."""
    with ringbuf.create_lease(f"antiphon.bench.{os.getpid()}.price", 2) as segment:
        lease, now, often = ringbuf.Lease(segment.name, 0), time.monotonic_ns(), 200_000

        def ns(statement: str) -> float:
            return (
                min(timeit.repeat(statement, globals={"lease": lease, "t": now}, number=often, repeat=5)) / often * 1e9
            )

        nothing = ns("pass")
        both = ns("lease.take(t, t); lease.give()") - nothing
        lease.take(now, now)
        turn = ns("lease.turn(t, t)") - nothing
        lease.close()
    return f"while nobody waits, from Python: take and give {both:.0f} ns, a look between two steps {turn:.0f} ns"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--be", help=argparse.SUPPRESS)
    parser.add_argument("--with", dest="arguments", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be:
        be(arguments.be, json.loads(arguments.arguments))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "llama"
        build_model(folder)
        rate = calibrate()
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {price()}")
        print(f"a clause takes {CLAUSE_MS} ms of a core, a bit of sound {CHUNK_MS} ms; rounds: {arguments.rounds}\n")
        kept = []
        for scene in SCENES:
            rounds = []
            for number in range(arguments.rounds):
                ran = {}
                for arm in random.Random(number).sample(ARMS, len(ARMS)):
                    ran[arm.title] = figures(run(scene, arm, folder, arguments.seconds, rate), arguments.seconds)
                rounds.append(ran)
            print(table(scene, rounds), flush=True)
            kept.append({"scene": asdict(scene), "rounds": rounds})
    if arguments.json:
        arguments.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
