"""The engine beside other voice frameworks: how soon each answers, and what it gets wrong for it.

    python bench/against_peers.py [--systems engine,pipecat,livekit] [--configs default,stop-0.3] [--sessions 1]
        [--pause 0.45] [--peers .venv-peers/bin/python] [--shared ../shared] [--stub] [--json FILE]

One row for each configuration: what turns.py of the shared folder sees in the recordings, how many answers were
recognised as the answer to what had been said, and what the system measured itself. bench/peers/README.md says what is
the same for all and what differs. It takes as long as the conversations: about a minute a row and session. Where
`idle` is low, the machine had other things to do and the row is worth little.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from conversation import GAP_S, RATE, SHORT, Recogniser, converse, nearest, read, tool
from peers.settings import CONFIGURATIONS

from engine.config import Config, load

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = ("engine", "pipecat", "livekit")
COLUMNS = (
    "utterances",
    "misses",
    "cut_ins",
    "response_ms_p50",
    "response_ms_p95",
    "right",
    "own_p50",
    "late_p99",
    "idle",
)


def processor() -> tuple[int, int]:
    """(idle, all) time of the machine's processors so far."""
    times = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return times[3] + times[4], sum(times)


def engine(track: Path, work: Path, name: str, shared: Path) -> dict[str, Any]:
    """One session of the engine, in the form in which peers give theirs."""
    silence_s = CONFIGURATIONS[name].silence_s
    options = ["--set", f"turns.end_of_speech_ms={silence_s * 1000:.0f}"] if silence_s else []
    report = converse(track, work, "--set", "llm.backend=repeat", *options)
    labels = json.loads(track.with_suffix(".json").read_text())
    rows, total = tool(shared, "turns").measure(work / f"{track.stem}.out.wav", labels)
    own = [turn["response_ms"] for turn in report["turns"] if turn["response_ms"] is not None]
    return {"turns": rows, "total": total, "own_latency_ms": own, "input_late_ms_p99": None}


def peer(system: str, track: Path, work: Path, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One session of a peer, as its own program reports it."""
    output = work / f"{track.stem}.out.wav"
    command = [arguments.peers, "-m", "bench.peers", "--system", system, "--config", name, "--track", track]
    command += ["--labels", track.with_suffix(".json"), "--output", output, "--shared", arguments.shared, "--json"]
    command += ["--stub"] if arguments.stub else []
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def right(recording: Path, labels: list[dict[str, Any]], turns: list[dict[str, Any]], config: Config) -> int:
    """How many utterances were answered with what they said: a recogniser that is told all answers of the session
    listens to each answer, and must find its own utterance's."""
    answers = [f"You said {label['text']}." for label in labels]
    listener = Recogniser(config, tuple(answers))
    played = read(recording)[:, 1]
    found = 0
    ends = [label["start"] for label in labels[1:]] + [len(played) / RATE]
    for label, turn, until, answer in zip(labels, turns, ends, answers, strict=True):
        if turn["response_ms"] is not None:
            begin = label["end"] + turn["response_ms"] / 1000 - 0.2
            sound = np.ascontiguousarray(played[round(begin * RATE) : round(until * RATE)])
            found += nearest(listener.recognise(sound), answers) == answer
    return found


def row(system: str, name: str, tracks: list[Path], work: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All sessions of one system in one configuration."""
    results, correct = [], 0
    idle, whole = processor()
    config = load(sets=["llm.backend=repeat"])
    for track in tracks:
        if system == "engine":
            results.append(engine(track, work, name, arguments.shared))
        else:
            results.append(peer(system, track, work, name, arguments))
        if not arguments.stub:
            labels = json.loads(track.with_suffix(".json").read_text())["utterances"]
            correct += right(work / f"{track.stem}.out.wav", labels, results[-1]["turns"], config)
    idle, whole = (after - before for after, before in zip(processor(), (idle, whole), strict=True))
    responses = [
        turn["response_ms"] for result in results for turn in result["turns"] if turn["response_ms"] is not None
    ]
    own = [ms for result in results for ms in result["own_latency_ms"]]
    late = [result["input_late_ms_p99"] for result in results if result["input_late_ms_p99"] is not None]
    return {
        "system": system,
        "config": name,
        **{key: sum(result["total"][key] for result in results) for key in ("utterances", "misses", "cut_ins")},
        **{f"response_ms_p{rank}": percentile(responses, rank) for rank in (50, 95)},
        "right": None if arguments.stub else correct,
        "own_p50": percentile(own, 50),
        "late_p99": max(late, default=None),
        "idle": f"{idle / whole:.0%}",
        "sessions": results,
    }


def percentile(values: list[float], rank: float) -> int | None:
    return round(float(np.percentile(values, rank))) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="with commas")
    parser.add_argument("--configs", default=",".join(CONFIGURATIONS), help="with commas; the engine has stop-… alone")
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds for which every speaker hesitates in the middle"
    )
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers" / "bin" / "python", help="their Python")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--stub", action="store_true", help="stages that only wait; not for the engine")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    arguments = parser.parse_args()
    if not (arguments.shared / "measure").is_dir():
        raise SystemExit(f"{arguments.shared} has no recordings and no measure: give --shared")
    systems, names = arguments.systems.split(","), arguments.configs.split(",")
    if unknown := ({*systems} - {*SYSTEMS}) | ({*names} - {*CONFIGURATIONS}):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join([*SYSTEMS, *CONFIGURATIONS])}")
    if systems != ["engine"] and not arguments.peers.exists():
        raise SystemExit(f"there is no {arguments.peers}: run `make peers`, or give --peers")
    rows = []
    print(f"{platform.machine()}, Python {platform.python_version()}, {arguments.sessions} sessions")
    print(f"{'system':8} {'config':10} " + " ".join(f"{column:>15}" for column in COLUMNS))
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        tracks = [work / f"session{seed}.wav" for seed in range(1, arguments.sessions + 1)]
        for seed, track in enumerate(tracks, 1):
            builder = [sys.executable, arguments.shared / "measure" / "session.py", track]
            builder += [
                "--pause",
                str(arguments.pause),
                "--audio",
                arguments.shared / "audio",
                "--utterances",
                SHORT,
                "--gap",
                str(GAP_S),
            ]
            subprocess.run([*builder, "--seed", str(seed)], check=True)
        for system in systems:
            for name in names:
                if system == "engine" and (arguments.stub or CONFIGURATIONS[name].kind not in ("default", "stop")):
                    continue
                rows.append(row(system, name, tracks, work, arguments))
                cells = " ".join(f"{rows[-1][column]!s:>15}" for column in COLUMNS)
                print(f"{system:8} {name:10} {cells}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
