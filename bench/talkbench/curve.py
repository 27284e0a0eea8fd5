"""The curve of bench/conversation.py: response against cut-ins, over each system's settings, beside other frameworks.

A point of it that means something needs a hundred utterances, which for all of them takes hours. So outcomes may be
kept in a file, a line of JSON each: what is in it is not measured again, and a curve can be finished another day.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from peers.settings import CONFIGURATIONS

from engine.config import load

from .bench import Bench, in_turn
from .figures import Table, percentile, rate
from .rivals import PEERS, Outcome, of_engine, of_peer
from .runs import ROOT
from .sections import ECHOES, FIXED_MS, PATIENCES_S, fixed, tracks
from .tracks import MIDDLE, RATE, SHORT, Track, read
from .words import Recogniser, nearest

QUICK: dict[str, tuple[Any, ...]] = {
    "patience": (0.4, 0.6, 1.6),
    "fixed": (),
    "peers": ("default", "stop-0.1", "stop-0.2", "early-0.2"),
}
"""The settings of a quick curve: of the peers those that came nearest to the engine, and the one they come with."""
MEASURED = ("engine", "workers", "ringbuf", "bench", "config.toml", "setup.py", "pyproject.toml")
"""What a conversation is of."""


class Ledger:
    """Outcomes by system, setting and track. path: the file that keeps them; None: they are forgotten at the end.
    SystemExit: what is in it is none of ours."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[tuple[str, str], Outcome] = {}
        self.states: set[str] = set()
        """The states of the project that the outcomes are of."""
        lines = path.read_bytes().splitlines(keepends=True) if path is not None and path.exists() else []
        self._size = 0
        """Bytes of the file that are whole: the last line of a run that was cut off is not, and goes with the next."""
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                outcome = Outcome(**entry["outcome"], recording=Path())
                self._known[entry["system"], entry["track"]] = outcome
                self.states.add(entry["state"])
                self._size += len(line)
            except (ValueError, KeyError, TypeError):
                if number < len(lines) or line.endswith(b"\n"):
                    raise SystemExit(f"{path}, line {number}: this is no outcome of a curve") from None

    def of(self, name: str, system: Callable[[Track], Outcome], track: Track) -> Outcome:
        """The conversation of this system on this track: the one that is known, else another."""
        on = track.path.stem.rpartition("_")[0]
        if (name, on) not in self._known:
            outcome = self._known[name, on] = system(track)
            self._write(name, on, outcome)
        return self._known[name, on]

    def _write(self, name: str, on: str, outcome: Outcome) -> None:
        kept, state = asdict(outcome), _state()
        self.states.add(state)
        del kept["recording"]
        if self._path is not None:
            line = json.dumps({"system": name, "track": on, "state": state, "outcome": kept}).encode() + b"\n"
            with self._path.open("ab") as file:
                file.truncate(self._size)
                file.write(line)
            self._size += len(line)


def _state() -> str:
    """What git calls the project as it is. A ledger that lies in it, and grows, makes no other project of it."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *MEASURED)
    return (_git("describe", "--always") or "unknown") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    told = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()


@lru_cache(maxsize=4)
def listener(answers: tuple[str, ...]) -> Recogniser:
    """One that is told these answers."""
    return Recogniser(load(sets=["llm.backend=repeat"]), answers)


def right(track: Track, outcome: Outcome) -> int:
    """How many utterances were answered with what they said, by the sound of the answers: a recogniser that is told
    those to all utterances of the track must find each one's own. What is fast and wrong is worth nothing."""
    labels = track.labels["utterances"]
    answers = [f"You said {label['text']}." for label in labels]
    played, found = read(outcome.recording)[:, 1], 0
    ends = [label["start"] for label in labels[1:]] + [len(played) / RATE]
    for label, row, until, answer in zip(labels, outcome.rows, ends, answers, strict=True):
        if row["response_ms"] is not None:
            begin = label["end"] + row["response_ms"] / 1000 - 0.2
            sound = np.ascontiguousarray(played[round(begin * RATE) : round(until * RATE)])
            found += nearest(listener(tuple(answers)).recognise(sound), answers) == answer
    return found


def curve(bench: Bench) -> Table:
    """Response against cut-ins, over each system's settings, on the same tracks."""
    builder = bench.builder
    assert bench.peers is not None
    systems: dict[str, Callable[[Track], Outcome]] = {}
    for seconds in QUICK["patience"] if bench.quick else PATIENCES_S:
        sets = {**ECHOES, "turns.patience_s": seconds}
        systems[f"engine patience-{seconds:g}"] = partial(of_engine, builder, sets=sets)
    for ms in QUICK["fixed"] if bench.quick else FIXED_MS:
        systems[f"engine fixed-{ms / 1000:g}"] = partial(of_engine, builder, sets={**ECHOES, **fixed(ms)})
    for system in PEERS:
        for config in QUICK["peers"] if bench.quick else CONFIGURATIONS:
            of_this = partial(of_peer, builder, python=bench.peers, system=system, config=config)
            systems[f"{system} {config}"] = of_this
    table = Table("The curve: response in ms against cut-ins, on the same tracks")
    ledger = Ledger(bench.ledger)
    on = tracks(builder, f"{SHORT},{MIDDLE}", bench.count(1, 3))
    known = {name: partial(ledger.of, name, partial(judged, system)) for name, system in systems.items()}
    for found in in_turn(on, known):
        table.note = f"states of the engine: {', '.join(sorted(ledger.states))}"
        fill(table, {name: [outcome for _, outcome in each] for name, each in found.items()})
        bench.keep(table)
    return table


def judged(system: Callable[[Track], Outcome], track: Track) -> Outcome:
    """A conversation, with how many of its answers are right. Its recording is not needed any more: there are many."""
    outcome = system(track)
    found = replace(outcome, right=right(track, outcome))
    outcome.recording.unlink()
    return found


def fill(table: Table, found: Mapping[str, Sequence[Outcome]]) -> None:
    """Make the rows and points of the curve anew, of what was measured so far."""
    table.rows, table.points = [], []
    for name, outcomes in found.items():
        if point := numbers(outcomes):
            system, setting = name.split()
            table.rows.append({"system": system, "setting": setting, **summary(outcomes)})
            table.points.append({"system": system, "setting": setting, **point})


def numbers(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """A point of the curve; empty: nothing was answered."""
    responses = [ms for each in outcomes for ms in each.responses]
    if not responses:
        return {}
    utterances = sum(each.total["utterances"] for each in outcomes)
    return {
        "p50_ms": float(np.percentile(responses, 50)),
        "p95_ms": float(np.percentile(responses, 95)),
        "cut_in_rate": sum(each.total["cut_ins"] for each in outcomes) / utterances,
        "utterances": utterances,
        "misses": sum(each.total["misses"] for each in outcomes),
        "right": sum(each.right for each in outcomes),
        "too_soon": sum(each.too_soon or 0 for each in outcomes),
    }


def summary(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The same for people."""

    def total(key: str) -> int:
        return sum(each.total[key] for each in outcomes)

    responses = [ms for each in outcomes for ms in each.responses]
    own = [ms for each in outcomes for ms in each.own_ms]
    soon = [each.too_soon for each in outcomes if each.too_soon is not None]
    return {
        "response p50": percentile(responses, 50),
        "p95": percentile(responses, 95),
        "cut-ins": rate(total("cut_ins"), total("utterances")),
        "too soon, withdrawn": str(sum(soon)) if soon else "-",
        "misses": str(total("misses")),
        "right": f"{sum(each.right for each in outcomes)} of {total('utterances')}",
        "its own p50": f"{np.percentile(own, 50):.0f}" if own else "-",
    }
