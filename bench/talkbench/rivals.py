"""The tables of bench/conversation.py in which other frameworks stand beside the engine (bench/peers/README.md)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from peers.settings import CONFIGURATIONS
from peers.waits import FIRST_CLAUSE_PIECES, FIRST_PIECE_S, PIECE_S, SOUND_S, WORDS_S

from engine.config import load

from .figures import Table, percentile, rate
from .pauses import decided_ms
from .runs import ROOT, converse
from .sections import ECHOES, FIXED_MS, PATIENCES_S, fixed, tracks
from .tracks import MIDDLE, RATE, SHORT, Builder, Track, read
from .words import Recogniser, nearest

PEERS = ("pipecat", "livekit")
QUICK: dict[str, tuple[Any, ...]] = {
    "patience": (0.4, 0.6, 1.6),
    "fixed": (100, 200),
    "peers": ("default", "model-1", "stop-0.1", "stop-0.2", "stop-0.3", "early-0.2"),
}
"""The settings of a quick curve."""
STUBS: dict[str, object] = {
    "asr.backend": "fixed_waits:Asr",
    "llm.backend": "fixed_waits:Llm",
    "vocoder.backend": "fixed_waits:Voice",
}
WAITS_MS = 1000 * (WORDS_S + FIRST_PIECE_S + (FIRST_CLAUSE_PIECES - 1) * PIECE_S + SOUND_S)
STUB_WAIT_MS, STUB_CONFIG = 200, "stop-0.2"
"""The end-of-speech wait of all systems where only the machinery is measured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One conversation of one system: turns.py's rows and totals, and what the system says of itself."""

    rows: list[dict[str, Any]]
    total: dict[str, Any]
    own_ms: list[float]
    recording: Path

    @property
    def responses(self) -> list[float]:
        return [row["response_ms"] for row in self.rows if row["response_ms"] is not None]


def of_engine(
    builder: Builder, track: Track, sets: Mapping[str, object], environ: Mapping[str, str] | None = None
) -> Outcome:
    run = converse(builder.shared, track, sets, environ)
    own = [turn["response_ms"] for turn in run.report["turns"] if turn["response_ms"] is not None]
    return Outcome(run.rows, run.total, own, run.recording)


def of_peer(builder: Builder, track: Track, *options: str, python: Path, system: str, config: str) -> Outcome:
    output = track.path.with_suffix(f".{system}.wav")
    command = [str(python), "-m", "bench.peers", "--system", system, "--config", config, "--track", str(track.path)]
    command += ["--labels", str(track.path.with_suffix(".json")), "--output", str(output)]
    command += ["--shared", str(builder.shared), "--json", *options]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT)
    found = json.loads(ran.stdout)
    return Outcome(found["turns"], found["total"], found["own_latency_ms"], output)


def peers_python() -> Path:
    """The Python of the peers. SystemExit: they are not installed."""
    python = ROOT / ".venv-peers" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"there is no {python}: run `make peers`")
    return python


def right(track: Track, outcome: Outcome) -> str:
    """How many utterances were answered with what they said, by the sound of the answers: a recogniser that is told
    those to all utterances of the track must find each one's own. What is fast and wrong is worth nothing."""
    labels = track.labels["utterances"]
    answers = [f"You said {label['text']}." for label in labels]
    listener = Recogniser(load(sets=["llm.backend=repeat"]), tuple(answers))
    played, found = read(outcome.recording)[:, 1], 0
    ends = [label["start"] for label in labels[1:]] + [len(played) / RATE]
    for label, row, until, answer in zip(labels, outcome.rows, ends, answers, strict=True):
        if row["response_ms"] is not None:
            begin = label["end"] + row["response_ms"] / 1000 - 0.2
            sound = np.ascontiguousarray(played[round(begin * RATE) : round(until * RATE)])
            found += nearest(listener.recognise(sound), answers) == answer
    return f"{found} of {len(labels)}"


def curve(builder: Builder, *, quick: bool) -> Table:
    """Response against cut-ins, over each system's settings, on the same tracks."""
    python = peers_python()
    on = tracks(builder, f"{SHORT},{MIDDLE}", 1 if quick else 3)
    points: list[tuple[str, str, Any]] = []
    for seconds in QUICK["patience"] if quick else PATIENCES_S:
        points.append(
            ("engine", f"patience-{seconds:g}", partial(of_engine, sets={**ECHOES, "turns.patience_s": seconds}))
        )
    for ms in QUICK["fixed"] if quick else FIXED_MS:
        points.append(("engine", f"fixed-{ms / 1000:g}", partial(of_engine, sets={**ECHOES, **fixed(ms)})))
    for system in PEERS:
        for config in QUICK["peers"] if quick else CONFIGURATIONS:
            points.append((system, config, partial(of_peer, python=python, system=system, config=config)))
    table = Table("The curve: response in ms against cut-ins, on the same tracks")
    for system, name, run in points:
        outcomes = [run(builder, track) for track in on]
        right_ones = right(on[0], outcomes[0])
        table.rows.append({"system": system, "setting": name, **summary(outcomes), "right, first session": right_ones})
        table.points.append({"system": system, "setting": name, **numbers(outcomes)})
        print(".", end="", flush=True)
    return table


def numbers(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """A point of the curve."""
    responses = [ms for each in outcomes for ms in each.responses]
    return {
        "p50_ms": float(np.percentile(responses, 50)),
        "p95_ms": float(np.percentile(responses, 95)),
        "cut_in_rate": sum(each.total["cut_ins"] for each in outcomes)
        / sum(each.total["utterances"] for each in outcomes),
    }


def summary(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The same for people."""

    def total(key: str) -> int:
        return sum(each.total[key] for each in outcomes)

    responses = [ms for each in outcomes for ms in each.responses]
    own = [ms for each in outcomes for ms in each.own_ms]
    return {
        "response p50": percentile(responses, 50),
        "p95": percentile(responses, 95),
        "cut-ins": rate(total("cut_ins"), total("utterances")),
        "misses": str(total("misses")),
        "its own p50": f"{np.percentile(own, 50):.0f}" if own else "-",
    }


def machinery(builder: Builder, *, quick: bool) -> Table:
    """Stages that only wait: what every system adds to its stages by itself."""
    python = peers_python()
    on = tracks(builder, SHORT, 1 if quick else 3)
    alone = {**STUBS, **fixed(STUB_WAIT_MS)}
    doubled = {"FIXED_WAITS_SCALE": "2"}
    usual: list[tuple[str, Any]] = [
        ("engine, speculation off", partial(of_engine, sets={**alone, "turns.speculations": 0})),
        ("engine, speculation on", partial(of_engine, sets=alone)),
        *((system, partial(of_peer, python=python, system=system, config=STUB_CONFIG)) for system in PEERS),
    ]
    decisions = [ms for track in on for ms in decided_ms(track, STUB_WAIT_MS)]
    table = Table(
        f"Stages of fixed waits, end-of-speech wait {STUB_WAIT_MS} ms",
        note=f"machinery: response less the VAD's decision on the track ({np.nanmedian(decisions):.0f} ms in the "
        f"median) and the waits ({WAITS_MS:.0f} ms)",
    )
    for name, run in usual:
        options = () if name.startswith("engine") else ("--stub",)
        outcomes = [run(builder, track, *options) for track in on]
        responses = [row["response_ms"] for each in outcomes for row in each.rows]
        over = [ms - decided - WAITS_MS for ms, decided in zip(responses, decisions, strict=True) if ms is not None]
        table.rows.append(
            {"": name, "response p50": percentile([ms for ms in responses if ms is not None], 50)}
            | {"p95": percentile([ms for ms in responses if ms is not None], 95)}
            | {"machinery p50": percentile(over, 50), "misses": str(sum(each.total["misses"] for each in outcomes))}
        )
    short = builder.build("hello_world,cards_001,cards_003", 1)
    slow = of_engine(builder, short, {**alone}, doubled).responses
    table.rows.append({"": "engine, waits doubled", "response p50": percentile(slow, 50), "p95": percentile(slow, 95)})
    return table
