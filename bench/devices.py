"""Sound devices, measured: the callback, clocks that drift, a conversation through a real sound server.

    python bench/devices.py [callback] [drift] [conversation] [unplug] [soak] [--shared ../shared] [--minutes 10]

Without names: callback, drift, conversation and unplug. It starts a PulseAudio daemon of its own with two null sinks:
the monitor of "person" is the engine's microphone, "speaker" its loudspeaker; both are recorded on one clock. No sound
card is needed and nothing is heard. Session builder and measure lie with the recordings in the shared folder.

callback      the same C function, called by PortAudio's thread (ours) and by a Python callback (PyAudio)
drift         30 minutes of two clocks 300 ppm apart, in simulated time
conversation  the same three sessions through the virtual card and through the server: responses, xruns, holes
unplug        the microphone is pulled out and plugged in again: when that is seen, what is answered afterwards
soak          --minutes of conversation through the server: xruns
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devicebench.drift import drift
from devicebench.live import live, play_session, pull_out
from talkbench.runs import converse
from talkbench.sections import ECHOES
from talkbench.tracks import SHORT, Builder, Track, tool

from tests.pulse import PulseServer

REPEAT = ("--set", "llm.backend=repeat")
CALLBACK_S = 20
SESSIONS = 3


def callback(_given: argparse.Namespace, _work: Path) -> None:
    """Ours and PyAudio, alone and under load."""
    print(f"callback: how late it is called, us, of {CALLBACK_S} s; a period is 10000 us")
    print(f"  {'':28}{'p50':>8}{'p99':>8}{'p99.9':>8}{'max':>8}")
    program = Path(__file__).parent / "devicebench" / "callback.py"
    with PulseServer({"person": 1, "speaker": 1}) as server:
        for load in ([], ["--load"]):
            for system in ("ours", "pyaudio"):
                command = [sys.executable, str(program), system, str(CALLBACK_S), *load]
                ran = subprocess.run(
                    command, env=os.environ | server.environ, check=True, stdout=subprocess.PIPE, text=True
                )
                for side, figures in json.loads(ran.stdout).items():
                    row = "".join(f"{figures[rank]:8.0f}" for rank in ("p50", "p99", "p99.9", "max"))
                    print(f"  {system:8} {side:12} {'load' if load else '':6}{row}")


class Way:
    """A way for sound to come and go: the responses in ms, NaN where there was none, and what went wrong."""

    def __init__(self, name: str) -> None:
        self.name, self.responses = name, list[float]()
        self.wrong: Counter[str] = Counter()

    def add(self, rows: list[dict[str, Any]], total: dict[str, Any], report: dict[str, Any]) -> None:
        """One more session, as turns.py and the engine saw it."""
        self.responses += [np.nan if row["response_ms"] is None else row["response_ms"] for row in rows]
        own = report["totals"]
        self.wrong.update(misses=total["misses"], cut_ins=total["cut_ins"], holes=len(total["holes"]))
        self.wrong.update(xruns=own["xruns"], lost=own["lost_blocks"])

    def __str__(self) -> str:
        p50, p95 = np.nanpercentile(self.responses, (50, 95))
        wrong = ", ".join(f"{what} {count}" for what, count in self.wrong.items())
        return f"  {self.name:14} p50 {p50:5.0f}  p95 {p95:5.0f}  of {len(self.responses)}: {wrong}"


def session(given: argparse.Namespace, work: Path, seed: int, utterances: str) -> tuple[Path, dict[str, Any]]:
    """A track of the user's and its labels."""
    track = Builder(given.shared, work).build(utterances, seed)
    return track.path, track.labels


def conversation(given: argparse.Namespace, work: Path) -> None:
    """The same sessions both ways, by turns. Utterances of all sessions together: one session's differ by more than
    what is to be seen."""
    measure = tool(given.shared, "turns").measure
    by_card, by_server = Way("virtual card"), Way("PulseAudio")
    for seed in range(1, SESSIONS + 1):
        track, labels = session(given, work, seed, SHORT)
        run = converse(given.shared, Track(track, labels), ECHOES)
        by_card.add(run.rows, run.total, run.report)
        with live(work, REPEAT) as (server, engine):
            play_session(server, track, work / "live.wav")
            report = engine.end()
        rows, total = measure(work / "live.wav", labels, track=track)
        by_server.add(rows, total, report)
    print(f"conversation: {SESSIONS} sessions, response in ms, end of speech to first sound in the recording")
    print(by_card, by_server, sep="\n")
    more = np.array(by_server.responses) - np.array(by_card.responses)
    p50 = np.nanmedian(by_server.responses) - np.nanmedian(by_card.responses)
    print(f"  difference of p50: {p50:+.0f} ms (asked: within 40); the median difference of an utterance:", end=" ")
    print(f"{np.nanmedian(more):+.0f} ms")


def unplug(given: argparse.Namespace, work: Path) -> None:
    """Pulled out in mid-session."""
    track, labels = session(given, work, 2, "go_forward,go_somewhere,cards_003")
    with live(work, REPEAT) as (server, engine):
        seen_s = pull_out(server, engine, track, labels["utterances"][1]["start"] + 0.5)
        report = engine.end()
    heard = [turn["transcript"] for turn in report["turns"] if turn["outcome"] == "answered"]
    print(f"unplug: seen after {seen_s:.2f} s (asked: 1), restarts for faults {report['totals']['restarts']}")
    print(f"  answered, the whole session having been played again after the return: {heard}")


def soak(given: argparse.Namespace, work: Path) -> None:
    """One engine, session after session."""
    measure = tool(given.shared, "turns").measure
    sessions = [session(given, work, seed, SHORT) for seed in range(1, 5)]
    found: list[dict[str, Any]] = []
    began = time.monotonic()
    with live(work, REPEAT) as (server, engine):
        while time.monotonic() < began + given.minutes * 60:
            track, labels = sessions[len(found) % len(sessions)]
            recording = work / f"soak{len(found)}.wav"
            play_session(server, track, recording)
            found.append(measure(recording, labels, track=track)[1])
        report = engine.end()
    minutes = (time.monotonic() - began) / 60
    figures = report["totals"]
    medians = [total["response_ms_p50"] for total in found]
    print(
        f"soak: {minutes:.1f} minutes, one engine, {len(found)} sessions, "
        + ", ".join(f"{name} {sum(total[name] for total in found)}" for name in ("utterances", "misses", "cut_ins"))
        + f", holes {sum(len(total['holes']) for total in found)}"
    )
    print(
        f"  xruns {figures['xruns']}, lost blocks {figures['lost_blocks']}, restarts {figures['restarts']}, "
        f"response p50 of a session {np.median(medians):.0f} ms ({min(medians):.0f} to {max(medians):.0f})"
    )


PARTS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    "callback": callback,
    "drift": lambda _given, _work: drift(),
    "conversation": conversation,
    "unplug": unplug,
    "soak": soak,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", choices=[[], *PARTS], default=["callback", "drift", "conversation", "unplug"]
    )
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave tracks and recordings there")
    given = parser.parse_args()
    if not (given.shared / "measure").is_dir() and set(given.parts) & {"conversation", "unplug", "soak"}:
        raise SystemExit(f"{given.shared} has no recordings and no measure: give --shared")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as work:
        for part in given.parts:
            PARTS[part](given, given.keep or Path(work))


if __name__ == "__main__":
    main()
