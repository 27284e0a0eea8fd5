"""The lease, measured: how soon the first clause of an answer is spoken while a long answer is being generated, with
and without it, in processes that really compute.

    python bench/lease.py [--rounds 3] [--seconds 8] [--json FILE]

Three processes, as in the engine: a language model (the Llama of the tests, made larger, on CTranslate2, by the
engine's own backend), a voice that makes a clause every half second or so, and in some scenes a recogniser that gets a
bit of sound every 100 ms. Voice and recogniser multiply matrices for a set time. Latency: from when the clause is there
until its sound is. In each round every arm is run once, in another order; ratios are within a round, to the arm without
lease; shown are medians over the rounds, and in brackets the least and the most. Needs the packages of the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ringbuf  # noqa: E402
from engine.contract import NO_LEASE, Job, Lease, Rung, Tag, Token  # noqa: E402
from engine.worker import environment  # noqa: E402
from workers.lease import Share  # noqa: E402

SLOTS = {"llm": 0, "voice": 1, "asr": 2}
LAYERS, FEED_FORWARD = 12, 4096
CLAUSE_MS, CLAUSE_BUDGET_MS, CLAUSE_EVERY_S = 60, 80, (0.35, 0.65)
CHUNK_MS, CHUNK_BUDGET_MS, CHUNK_EVERY_S = 25, 100, 0.1
LONGEST_MS = 200


@dataclass(frozen=True)
class Scene:
    """What computes, and on what. cores: 0 is all."""

    title: str
    llm_threads: int
    asr: bool
    cores: int = 0


@dataclass(frozen=True)
class Arm:
    """units: of the lease; 0: none. nice: of the language model."""

    title: str
    units: int = 0
    nice: int = 0


SCENES = (
    Scene("two cores, model with 1 thread, voice", 1, asr=False),
    Scene("two cores, model with 2 threads, voice", 2, asr=False),
    Scene("two cores, model with 2 threads, voice, recogniser", 2, asr=True),
    Scene("two cores, model with 1 thread, voice, recogniser", 1, asr=True),
    Scene("one core, model with 1 thread, voice, recogniser", 1, asr=True, cores=1),
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
    """Work that takes `ms` on a processor that it has for itself, a millisecond or so at a time."""

    def __init__(self, ms: float) -> None:
        import numpy as np

        rng = np.random.default_rng(0)
        self._a, self._b = (rng.standard_normal((192, 192), np.float32) for _ in range(2))
        self._out = np.empty_like(self._a)
        self._dot = np.dot
        took = []
        for _ in range(5):
            began = time.monotonic()
            for _ in range(100):
                self._dot(self._a, self._b, self._out)
            took.append((time.monotonic() - began) / 100)
        self._times = max(1, round(ms / 1000 / min(took)))

    def work(self) -> None:
        for _ in range(self._times):
            self._dot(self._a, self._b, self._out)


def be_periodic(lease: Lease, seconds: float, ms: float, budget_ms: float, every: tuple[float, float]) -> list[float]:
    """Work that comes again and again: how late each piece of it was done, in ms after it had come."""
    work, chance, found = Matrices(ms), random.Random(1), []
    ready()
    due = time.monotonic_ns()
    until = due + round(seconds * 1e9)
    while due < until:
        due += round(chance.uniform(*every) * 1e9)
        if (left := due - time.monotonic_ns()) > 0:
            time.sleep(left / 1e9)
        lease.take(due + round(budget_ms * 1e6))
        work.work()
        lease.give()
        found.append((time.monotonic_ns() - due) / 1e6)
    return found


def be_llm(lease: Lease, seconds: float, folder: str, threads: int) -> list[float]:
    """Generate all the time; the times between tokens, in ms."""
    from workers.backends.ct2_generator import Ct2Generator

    backend, settings = Ct2Generator(), llm_settings(folder)
    backend.load(Rung(settings, threads=threads, lease=lease))
    backend.warm_up()
    ready()
    until, last, found, attempt = time.monotonic() + seconds, time.monotonic(), [], 0
    while time.monotonic() < until:
        if not backend._open:
            attempt += 1
            backend.begin(Job(Tag(1, 1, attempt), deadline_ns=time.monotonic_ns(), text="Tell me a long story."))
        for event in backend.step(20_000_000):
            if isinstance(event, Token):
                now = time.monotonic()
                found.append((now - last) * 1000)
                last = now
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
    counts, lease = Counts(), NO_LEASE
    if arguments["cores"]:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments["cores"]])
    os.nice(arguments["nice"] if role == "llm" else 0)
    if arguments["lease"]:
        taken = ringbuf.Lease(arguments["lease"], SLOTS[role])
        lease = Share(taken, LONGEST_MS * 1_000_000, counts, role)  # type: ignore[arg-type]
    seconds = arguments["seconds"]
    if role == "llm":
        found = be_llm(lease, seconds, arguments["folder"], arguments["threads"])
    elif role == "voice":
        found = be_periodic(lease, seconds, CLAUSE_MS, CLAUSE_BUDGET_MS, CLAUSE_EVERY_S)
    else:
        found = be_periodic(lease, seconds, CHUNK_MS, CHUNK_BUDGET_MS, (CHUNK_EVERY_S, CHUNK_EVERY_S))
    print(json.dumps({"found": found, "counts": counts.of}), flush=True)
    os._exit(0)


# Who starts them, and the table.


def build_model(folder: Path) -> None:
    from tests.models import llama

    llama.LAYERS, llama.FEED_FORWARD = LAYERS, FEED_FORWARD
    folder.mkdir()
    llama.build_ct2(folder, endless=True)


def run(scene: Scene, arm: Arm, folder: Path, seconds: float) -> dict[str, Any]:
    """One scene with one arm: what each process found."""
    name = f"antiphon.bench.{os.getpid()}.lease"
    with ringbuf.create_lease(name, len(SLOTS), units=max(1, arm.units)):
        started = {}
        for role in ("llm", "voice", *(("asr",) if scene.asr else ())):
            arguments = {
                "lease": name if arm.units else "",
                "nice": arm.nice,
                "cores": scene.cores,
                "seconds": seconds,
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
            assert started[role].stdout.readline().strip() == "ready"  # one after the other: they measure themselves
        for process in started.values():
            process.stdin.write("go\n")
            process.stdin.flush()
        return {role: json.loads(process.communicate()[0]) for role, process in started.items()}


def figures(ran: dict[str, Any], seconds: float) -> dict[str, float]:
    def percentile(role: str, rank: int) -> float:
        found = sorted(ran[role]["found"])
        return found[min(len(found) - 1, len(found) * rank // 100)]

    found = {
        "p50": percentile("voice", 50),
        "p95": percentile("voice", 95),
        "tokens": len(ran["llm"]["found"]) / seconds,
    }
    found["without"] = sum(count for each in ran.values() for name, count in each["counts"].items() if "over" in name)
    return {**found, "asr95": percentile("asr", 95)} if "asr" in ran else found


def table(scene: Scene, rounds: list[dict[str, dict[str, float]]]) -> str:
    lines = [f"\n{scene.title}", f"  {'':16} {'first clause p50, ms':>22} {'p95, ms':>22} {'p50 to no lease':>20}"]
    lines[1] += f" {'tokens/s':>18} {'asr p95, ms':>20} {'went on':>8}"
    for arm in ARMS:
        of = [each[arm.title] for each in rounds]

        def shown(key: str, of: list[dict[str, float]] = of) -> str:
            return spread([each[key] for each in of]) if key in of[0] else ""

        ratio = spread([each[arm.title]["p50"] / each[ARMS[0].title]["p50"] for each in rounds], 2)
        lines.append(
            f"  {arm.title:16} {shown('p50'):>22} {shown('p95'):>22} {ratio:>20} {shown('tokens'):>18}"
            f" {shown('asr95'):>20} {statistics.median(each['without'] for each in of):8.0f}"
        )
    return "\n".join(lines)


def spread(values: list[float], digits: int = 0) -> str:
    """The median, and the least and the most."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--be", help=argparse.SUPPRESS)
    parser.add_argument("--with", dest="arguments", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be:
        be(arguments.be, json.loads(arguments.arguments))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "llama"
        build_model(folder)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; a clause takes")
        print(f"{CLAUSE_MS} ms of a core, a bit of sound {CHUNK_MS} ms; rounds: {arguments.rounds}")
        kept = []
        for scene in SCENES:
            rounds = []
            for number in range(arguments.rounds):
                order = random.Random(number).sample(ARMS, len(ARMS))
                rounds.append(
                    {a.title: figures(run(scene, a, folder, arguments.seconds), arguments.seconds) for a in order}
                )
            print(table(scene, rounds), flush=True)
            kept.append({"scene": asdict(scene), "rounds": rounds})
    if arguments.json:
        arguments.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
