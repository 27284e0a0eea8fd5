"""Conversations of the engine and of other frameworks (bench/peers/README.md), and how much is added by each itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from peers.waits import FIRST_CLAUSE_PIECES, FIRST_PIECE_S, PIECE_S, SOUND_S, WORDS_S

from .bench import Bench, in_turn
from .figures import Table, percentile
from .pauses import decided_ms
from .runs import ROOT, converse, longest_s, own_file
from .sections import fixed, too_soon, tracks
from .tracks import SHORT, Builder, Track

PEERS = ("pipecat", "livekit")
STUBS: dict[str, object] = {
    "asr.backend": "fixed_waits:Asr",
    "llm.backend": "fixed_waits:Llm",
    "vocoder.backend": "fixed_waits:Voice",
}
WAITS_MS = 1000 * (WORDS_S + FIRST_PIECE_S + (FIRST_CLAUSE_PIECES - 1) * PIECE_S + SOUND_S)
STUB_WAIT_MS, STUB_CONFIG = 200, "stop-0.2"
"""The end-of-speech wait of all systems where only the machinery is measured."""
BRIEF = "go_forward,go_somewhere,cards_001,cards_002,cards_003,hello_world"
"""Short utterances."""
DOUBLED = "engine, waits doubled"
LATEST_S = 1.0
"""A decision belongs to an utterance until so long after it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One conversation of one system: turns.py's rows and totals, and what the system says of itself. too_soon: turns
    that it took and gave back unheard; None: it does not tell. decided_s: when its own voice activity, by itself, ends
    each utterance, where that was asked for. right: utterances that were answered with what they said, where that was
    looked into."""

    rows: list[dict[str, Any]]
    total: dict[str, Any]
    own_ms: list[float]
    recording: Path
    too_soon: int | None = None
    decided_s: list[float] = field(default_factory=list)
    right: int = 0

    def __str__(self) -> str:
        p50 = f"{np.percentile(self.responses, 50):.0f} ms" if self.responses else "-"
        return f"response p50 {p50}, {self.total['cut_ins']} cut-ins, {self.total['misses']} misses"

    @property
    def responses(self) -> list[float]:
        return [row["response_ms"] for row in self.rows if row["response_ms"] is not None]


def of_engine(
    builder: Builder, track: Track, sets: Mapping[str, object], environ: Mapping[str, str] | None = None
) -> Outcome:
    run = converse(builder.shared, track, sets, environ)
    own = [turn["response_ms"] for turn in run.report["turns"] if turn["response_ms"] is not None]
    return Outcome(run.rows, run.total, own, run.recording, too_soon(run))


def of_peer(builder: Builder, track: Track, *options: str, python: Path, system: str, config: str) -> Outcome:
    output = own_file(track, f".{system}.wav")
    command = [str(python), "-m", "bench.peers", "--system", system, "--config", config, "--track", str(track.path)]
    command += ["--labels", str(track.path.with_suffix(".json")), "--output", str(output)]
    command += ["--shared", str(builder.shared), "--json", *options]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT, timeout=longest_s(track))
    found = json.loads(ran.stdout)
    decided = found.get("decided_s", [])
    return Outcome(found["turns"], found["total"], found["own_latency_ms"], output, decided_s=decided)


def peers_python() -> Path | None:
    """The Python of the peers. None: they are not installed."""
    python = ROOT / ".venv-peers" / "bin" / "python"
    return python if python.exists() else None


def machinery(bench: Bench) -> Table:
    """Stages that only wait: what every system adds to its stages by itself. Without peers: the engine alone."""
    builder = bench.builder
    alone = {**STUBS, **fixed(STUB_WAIT_MS)}
    systems: dict[str, Callable[[Track], Outcome]] = {
        "engine, speculation off": partial(of_engine, builder, sets={**alone, "turns.speculations": 0}),
        "engine, speculation on": partial(of_engine, builder, sets=alone),
    }
    if bench.peers:
        for system in PEERS:
            systems[system] = partial(of_stubs, builder, python=bench.peers, system=system)
    table = Table(f"Stages of fixed waits, end-of-speech wait {STUB_WAIT_MS} ms")
    on = tracks(builder, SHORT, bench.count(1, 4))
    doubled = partial(of_engine, builder, sets=alone, environ={"FIXED_WAITS_SCALE": "2"})
    short = dict(zip([track.path for track in on], tracks(builder, BRIEF, len(on)), strict=True))
    systems[DOUBLED] = lambda track: doubled(short[track.path])
    decisions = {track.path: decided_ms(track, STUB_WAIT_MS) for track in on}
    median = np.nanmedian([ms for each in decisions.values() for ms in each])
    table.note = (
        f"machinery: response less the decision of the engine's VAD on the track ({median:.0f} ms in the median) and "
        f"the waits ({WAITS_MS:.0f} ms); by its own VAD: less the decision of the system's own, worked out from the "
        "track alone. The peers' come later, LiveKit's most, for the sake of their windows of 32 ms: the first figure "
        "charges them with it"
    )
    for found in in_turn(on, systems):
        table.rows = [
            {"": name, **machinery_of(outcomes, decisions, own=name in PEERS, alone=name != DOUBLED)}
            for name, outcomes in found.items()
            if outcomes
        ]
        bench.keep(table)
    return table


def of_stubs(builder: Builder, track: Track, python: Path, system: str) -> Outcome:
    return of_peer(builder, track, "--stub", python=python, system=system, config=STUB_CONFIG)


def machinery_of(
    outcomes: Sequence[tuple[Track, Outcome]], decisions: Mapping[Path, Sequence[float]], *, own: bool, alone: bool
) -> dict[str, str]:
    """A row. decisions: of the engine's VAD on each track, ms from the end of speech. own: the system has another VAD.
    alone: it is compared with those."""
    responses = [ms for _, each in outcomes for ms in each.responses]
    found = {"response p50": percentile(responses, 50), "p95": percentile(responses, 95)}
    if alone:
        pairs = [(each, decisions[track.path]) for track, each in outcomes]
        found["machinery p50"] = percentile(over(pairs), 50)
        if own:
            pairs = [(each, own_decisions(track, each.decided_s)) for track, each in outcomes]
        found["by its own VAD p50"] = percentile(over(pairs), 50)
    found["of"] = str(sum(each.total["utterances"] for _, each in outcomes))
    return {**found, "misses": str(sum(each.total["misses"] for _, each in outcomes))}


def over(pairs: Sequence[tuple[Outcome, Sequence[float]]]) -> list[float]:
    """What each response has beyond the decision, ms, and the waits."""
    return [
        row["response_ms"] - decided - WAITS_MS
        for outcome, decisions in pairs
        for row, decided in zip(outcome.rows, decisions, strict=True)
        if row["response_ms"] is not None and not np.isnan(decided)
    ]


def own_decisions(track: Track, decided_s: Sequence[float]) -> list[float]:
    """For each utterance, when it was decided last that it is over: ms from its end; not a number: never."""
    found = []
    for label in track.labels["utterances"]:
        inside = [at for at in decided_s if label["start"] < at < label["end"] + LATEST_S]
        found.append((inside[-1] - label["end"]) * 1000 if inside else float("nan"))
    return found
