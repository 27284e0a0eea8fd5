"""Run one peer on one track, and measure what it played.

    python -m bench.peers --system pipecat|livekit --config NAME --track T.wav --labels L.json --output OUT.wav
        [--stub [--scale 2]] [--set SECTION.KEY=VALUE]... [--shared DIR] [--json]
        [--fifo 20] [--nice -4] [--busy N] [--block MS [--block-every MS]]

Run it from the project's folder, with the Python that `make peers` has set up. Track and labels come from session.py
in the shared folder, the figures from turns.py there, which sees the recording alone. Beside them stands the latency
that the peer measured itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from engine import wav
from engine.config import load
from engine.errors import EngineError
from workers.backends.burdens import Burdens

from .peer import Session
from .settings import CONFIGURATIONS
from .sink import RATE
from .stages import real_stages
from .stubs import stub_stages

START = "the timeline begins at"
SYSTEMS = {"pipecat": ("pipecat_peer", "pipecat-ai"), "livekit": ("livekit_peer", "livekit-agents")}
"""Name: module, and the package that has to be there."""


def peer(system: str) -> Any:
    """The module of a peer."""
    # What Pipecat says otherwise is much, and work; it also warns of every wait that is not its own.
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")
    return import_module(f".{SYSTEMS[system][0]}", __package__)


async def converse(system: str, session_of: Any) -> Session:
    """Build the stages in the loop that they will report to, and let the peer run."""
    session: Session = session_of()
    await peer(system).converse(session)
    return session


def write(session: Session, output: Path) -> None:
    """Left what was heard, right what was played."""
    wav.Recording.create(output, 2, RATE)
    recording = wav.Recording(output, 2, RATE)
    recording.write(np.stack([session.track, session.loudspeaker.recording()], axis=1))
    recording.close()


def measure(shared: Path, output: Path, labels: Path) -> dict[str, Any]:
    """turns.py's figures of a recording."""
    command = [sys.executable, str(shared / "measure" / "turns.py"), str(output), str(labels), "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def ms(values: list[float], rank: float) -> float | None:
    return round(float(np.percentile(values, rank)), 1) if values else None


def report(session: Session, measured: dict[str, Any], processor_s: float) -> dict[str, Any]:
    own = [seconds * 1000 for seconds in session.own_latency_s]
    return {
        **measured,
        "own_latency_ms": [round(value, 1) for value in own],
        "own_latency_ms_p50": ms(own, 50),
        "own_latency_ms_p95": ms(own, 95),
        "exchanges": [{"heard": heard, "answer": answer} for heard, answer in session.stages.exchanges],
        "input_late_ms_p99": ms(session.microphone.late_ms, 99),
        "processor_s": round(processor_s, 1),
    }


def show(found: dict[str, Any]) -> None:
    for turn in found["turns"]:
        notes = " ".join(name for name in ("cut_in", "barge_in", "talked_over") if turn[name])
        print(f"{turn['file']:24} response {turn['response_ms']!s:>6} ms  stop {turn['stop_ms']!s:>6} ms  {notes}")
    for exchange in found["exchanges"]:
        print(f"“{exchange['heard']}” → “{exchange['answer']}”")
    print("  ".join(f"{key} {value}" for key, value in found["total"].items()))
    own = ("own_latency_ms_p50", "own_latency_ms_p95", "input_late_ms_p99", "processor_s")
    print("  ".join(f"{key} {found[key]}" for key in own))


def prefer(fifo: int, nice: int) -> None:
    """Niceness for the whole process, and a real-time priority for this thread alone: it runs the event loop, and those
    that it starts, which compute, have what the engine's stages have. OSError: the machine refuses it."""
    os.nice(nice)
    if fifo:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(fifo))


def tell_start(start_ns: int) -> None:
    print(f"{START} {start_ns}", file=sys.stderr, flush=True)


def quiet(_start_ns: int) -> None:
    """Nobody asked."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--system", choices=SYSTEMS, required=True)
    parser.add_argument("--config", choices=CONFIGURATIONS, required=True)
    parser.add_argument("--track", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--stub", action="store_true", help="stages that only wait")
    parser.add_argument("--scale", type=float, default=1.0, help="makes the stubs' waits longer")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="the stages' settings")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[3] / "shared")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--fifo", type=int, default=0, help="real-time priority of the event loop, as the engine's audio"
    )
    parser.add_argument("--nice", type=int, default=0, help="niceness of all of it, as the engine's stages")
    parser.add_argument("--busy", type=int, default=0, help="so many threads that compute in Python all the time")
    parser.add_argument("--block", type=int, default=0, metavar="MS", help="keep the interpreter's lock for so long")
    parser.add_argument("--block-every", type=int, default=500, metavar="MS", help="and so often")
    parser.add_argument("--tell-start", action="store_true", help="say on stderr when the timeline begins")
    arguments = parser.parse_args()
    package = SYSTEMS[arguments.system][1]
    try:
        config = load(sets=["llm.backend=repeat", *arguments.set])
        track = wav.read(arguments.track, RATE)
        version(package)

        def session() -> Session:
            stages = stub_stages(arguments.scale) if arguments.stub else real_stages(config)
            if arguments.busy or arguments.block:
                Burdens(arguments.busy, arguments.block, arguments.block_every)
            return Session(
                track, CONFIGURATIONS[arguments.config], stages, tell_start if arguments.tell_start else quiet
            )

        prefer(arguments.fifo, arguments.nice)
        began = time.process_time()
        done = asyncio.run(converse(arguments.system, session))
    except (EngineError, ImportError) as error:
        raise SystemExit(f"{error}; `make peers` installs the peers, and .venv-peers/bin/python runs them") from None
    write(done, arguments.output)
    found = {"system": arguments.system, "version": version(package), "config": arguments.config} | report(
        done, measure(arguments.shared, arguments.output, arguments.labels), time.process_time() - began
    )
    if arguments.stub:  # with what the machinery is measured against: its own voice activity, by itself
        found["decided_s"] = asyncio.run(peer(arguments.system).decisions(track, done.configuration))
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
