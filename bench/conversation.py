"""The conversation, measured on real recordings: response, holes, words, memory, start.

    python bench/conversation.py [--shared ../shared] [--sessions 3] [--json FILE]

Builds sessions of recorded utterances, lets the engine converse with them in real time through the virtual sound
card, and measures the recordings it leaves. Session builder and measure are not part of this project: they lie with
the recordings in the shared folder, and define what a response, a cut-in and a hole are.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from word_errors import errors, words

from engine.config import Config, load
from engine.contract import Backend, Heard, Job, Pcm, Tag
from workers.backends.registry import make, rung

SHORT = "go_forward,go_somewhere,cards_001,cards_002,cards_003,hello_world,lj_0002,librivox_0880"
"""The short recordings. The long ones have pauses that a fixed wait takes for an end."""
RATE = 16000
GAP_S = 5.0


class Recogniser:
    """The engine's own recogniser, fed a whole file at once. `expected`: the phrases it leans towards, if not the
    configuration's."""

    def __init__(self, config: Config, expected: tuple[str, ...] | None = None) -> None:
        self._backend: Backend = make("asr", config)
        usual = rung("asr", config)
        self._backend.load(usual if expected is None else replace(usual, expected=expected))
        self._backend.warm_up()
        self._jobs = 0

    def recognise(self, sound: Pcm) -> str:
        self._jobs += 1
        job = Job(Tag(1, self._jobs, 1))
        text = ""
        self._backend.begin(job)
        self._backend.feed(job, sound)
        self._backend.finish(job)
        while not self._backend.idle:
            for event in self._backend.step(1_000_000_000):
                if isinstance(event, Heard) and event.final:
                    text = event.text
        return text


def read(path: Path) -> Any:
    """The samples of a 16-bit WAV file, shape [n, channels]."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())


def converse(track: Path, work: Path, *options: str) -> dict[str, Any]:
    """One run of the engine on a track; its report."""
    output, report = work / f"{track.stem}.out.wav", work / f"{track.stem}.report.json"
    command = [sys.executable, "-m", "engine", "run", "--input", str(track), "--output", str(output)]
    subprocess.run([*command, "--report", str(report), *options], check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def tool(shared: Path, name: str) -> Any:
    """A module of the shared folder."""
    spec = importlib.util.spec_from_file_location(name, shared / "measure" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spoken(turn: dict[str, Any], recording: Any) -> Pcm:
    """What the loudspeaker played of a turn's answer."""
    end_s = turn["speech"]["end_s"]
    first, last = (end_s + turn["stages"]["audio"][mark] / 1000 for mark in ("first", "ended"))
    return np.ascontiguousarray(recording[max(0, int((first - 0.2) * RATE)) : int((last + 0.2) * RATE), 1])


def by_label(labels: list[dict[str, Any]], turns: list[dict[str, Any]]) -> list[str]:
    """What was heard of each utterance: the turns whose speech began in its time. Nothing is skipped or shifted."""
    starts = [label["start"] - 0.5 for label in labels] + [float("inf")]
    return [
        " ".join(turn["transcript"] for turn in turns if begin <= turn["speech"]["start_s"] < end)
        for begin, end in itertools.pairwise(starts)
    ]


def nearest(heard: str, answers: list[str]) -> str:
    """The answer with the fewest word errors against what was heard."""
    return min(answers, key=lambda answer: errors(answer, heard))


def session(shared: Path, work: Path, seed: int, utterances: str, config: Config) -> dict[str, Any]:
    """Build, converse, measure."""
    track = work / f"session{seed}.wav"
    builder = [sys.executable, str(shared / "measure" / "session.py"), str(track), "--audio", str(shared / "audio")]
    subprocess.run([*builder, "--utterances", utterances, "--gap", str(GAP_S), "--seed", str(seed)], check=True)
    labels = json.loads(track.with_suffix(".json").read_text())
    report = converse(track, work, "--set", "llm.backend=repeat")
    recording = work / f"{track.stem}.out.wav"
    rows, total = tool(shared, "turns").measure(recording, labels)
    pcm = read(recording)
    heard = by_label(labels["utterances"], report["turns"])
    answered = [turn for turn in report["turns"] if turn["response_ms"] is not None]
    answers = [turn["answer"] for turn in answered]
    # It is told all answers of the session, and must find which one was played.
    listener = Recogniser(config, tuple(answers))
    again = [listener.recognise(spoken(turn, pcm)) for turn in answered]
    return {
        "seed": seed,
        "measured": total,
        "responses": [row["response_ms"] for row in rows if row["response_ms"] is not None],
        "said": [label["text"] for label in labels["utterances"]],
        "heard": heard,
        "answers": answers,
        "answers_heard_again": again,
        "answers_known_again": sum(
            nearest(text, answers) == answer for text, answer in zip(again, answers, strict=True)
        ),
        "totals": report["totals"],
        "ready_s": report["ready_s"],
    }


def rate_of(pairs: list[tuple[str, str]]) -> float:
    """Word error rate over (said, heard)."""
    return sum(errors(*pair) for pair in pairs) / max(1, sum(len(words(said)) for said, _ in pairs))


def last_words(pairs: list[tuple[str, str]]) -> str:
    """How many utterances ended with their own last word."""
    kept = sum(words(said)[-1:] == words(heard)[-1:] for said, heard in pairs)
    return f"{kept} of {len(pairs)}"


def table(results: list[dict[str, Any]], whole: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """What is shown: name, value, what is asked for."""
    responses = [ms for result in results for ms in result["responses"]]
    heard = [pair for result in results for pair in zip(result["said"], result["heard"], strict=True)]
    again = [pair for result in results for pair in zip(result["answers"], result["answers_heard_again"], strict=True)]

    def total(name: str) -> int:
        return sum(result["measured"][name] for result in results)

    def latency(name: str, rank: str) -> str:
        return f"{max(result['totals']['latency_ms'][name][rank] for result in results):.2f} ms"

    def add(name: str) -> str:
        return str(sum(result["totals"][name] for result in results))

    return [
        (
            "utterances, misses, cut-ins",
            f"{total('utterances')}, {total('misses')}, {total('cut_ins')}",
            "no miss, no cut-in",
        ),
        ("holes, xruns", f"{sum(len(r['measured']['holes']) for r in results)}, {add('xruns')}", "none"),
        ("response p50", f"{np.percentile(responses, 50):.0f} ms", "<= 600 ms"),
        ("response p95", f"{np.percentile(responses, 95):.0f} ms", "<= 800 ms"),
        ("response min to max", f"{min(responses):.0f} to {max(responses):.0f} ms", ""),
        ("word errors, conversation", f"{rate_of(heard):.1%}", "no worse than the whole file"),
        ("word errors, whole file", f"{rate_of(whole):.1%}", ""),
        ("last word kept", f"{last_words(heard)} (whole file {last_words(whole)})", "no worse than the whole file"),
        ("answers recognised again", f"{sum(r['answers_known_again'] for r in results)} of {len(again)}", "all"),
        ("word errors of the voice", f"{rate_of(again):.1%}", "(told all answers of a session)"),
        ("block readable by VAD p99", latency("vad.wake", "p99"), "<= 1 ms"),
        ("block published late p99", latency("audio.lateness", "p99"), ""),
        ("memory of all processes, peak", f"{max(r['totals']['peak_pss_mb'] for r in results):.0f} MB", "<= 700 MB"),
        ("start to ready", f"{statistics.median(r['ready_s'] for r in results):.1f} s", "<= 5 s"),
        ("deadline misses", add("deadline_misses"), ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--sessions", type=int, default=3)
    parser.add_argument("--utterances", default=SHORT, help="names in the manifest, with commas")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    arguments = parser.parse_args()
    if not (arguments.shared / "measure").is_dir():
        raise SystemExit(f"{arguments.shared} has no recordings and no measure: give --shared")
    config = load(sets=["llm.backend=repeat"])
    with tempfile.TemporaryDirectory() as work:
        seeds = range(1, arguments.sessions + 1)
        results = [session(arguments.shared, Path(work), n, arguments.utterances, config) for n in seeds]
    manifest = json.loads((arguments.shared / "audio" / "manifest.json").read_text())
    texts = {Path(entry["file"]).stem: entry["text"] for entry in manifest}
    names = arguments.utterances.split(",")
    recogniser = Recogniser(config)
    whole = [
        (texts[n], recogniser.recognise(read(arguments.shared / "audio" / f"{n}.wav")[:, 0].copy())) for n in names
    ]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {arguments.sessions} sessions")
    for name, value, asked in table(results, whole):
        print(f"{name:32} {value:30} {asked}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"sessions": results, "whole_file": whole}, indent=1))


if __name__ == "__main__":
    main()
