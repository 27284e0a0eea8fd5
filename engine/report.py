"""The report of a run: each turn, and totals."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine import NAME, wav
from engine.errors import OutputError
from engine.hub import Happening
from engine.last_turns import placed
from engine.supervisor import Supervisor


class Turns:
    """A subscriber: keeps the records of the turns that have one, what was called, and the moves between rungs; has the
    memory measured at the end of each turn, and when the engine begins and ends."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.records: list[dict[str, Any]] = []
        self.moves: list[dict[str, Any]] = []
        self.calls: dict[str, dict[str, Any]] = {}
        self._supervisor = supervisor

    def __call__(self, happening: Happening) -> None:
        fields = happening.fields
        if happening.name == "answer.ended" and fields["record"]:
            self.records.append(placed(fields["record"], self._supervisor.pids))
            self._supervisor.footprint.measure()
        elif happening.name == "rung":
            own = ("mono_ns", "stage", "from", "to", "name", "reason")
            self.moves.append({name: fields[name] for name in own} | {"after_turns": len(self.records)})
        elif happening.name == "tool":
            asked = ("session", "turn", "attempt", "call", "tool", "arguments", "mono_ns")
            self.calls[fields["call"]] = {name: fields[name] for name in asked} | {"outcome": "open"}
        elif happening.name == "tool.ended" and (call := self.calls.get(fields["call"])) is not None:
            call |= {"outcome": fields["outcome"], "text": fields["text"]}
            call["ms"] = round((fields["mono_ns"] - call["mono_ns"]) / 1e6, 1)
        elif happening.name == "state" and (not self._supervisor.footprint.peak or fields["state"] == "stopping"):
            self._supervisor.footprint.measure()


SPECULATION = {
    "begun": "speculations",
    "hits": "speculation_hits",
    "thrown_away_pieces": "thrown_pieces",
    "thrown_away_sound_ms": "thrown_ms",
}
"""What the report calls the counters of answers that were begun before the user had finished."""


def totals(supervisor: Supervisor, moves: list[dict[str, Any]]) -> dict[str, Any]:
    """What the whole run comes to. `latency_ms`: p50, p95 and p99 of each histogram that is not empty."""
    telemetry = supervisor.telemetry
    histograms = (
        "turns.response_ns",
        "audio.lateness_ns",
        "vad.wake_ns",
        "vad.hop_ns",
        "asr.step_ns",
        "asr.partial_ns",
        "asr.final_ns",
        "llm.first_ns",
        "vocoder.first_ns",
    )
    latency = {name.removesuffix("_ns"): telemetry.percentiles(name, 50, 95, 99) for name in histograms}
    return {
        "xruns": telemetry.get("audio.xruns"),
        "lost_blocks": telemetry.get("audio.lost_blocks"),
        "starved_blocks": telemetry.get("audio.starved"),
        "restarts": supervisor.total("restarts"),
        "deadline_misses": supervisor.total("late"),
        "rung_moves": {
            "down": sum(move["to"] > move["from"] for move in moves),
            "up": sum(move["to"] < move["from"] for move in moves),
        },
        "dropped_messages": supervisor.total("dropped"),
        "speculation": {name: telemetry.get(f"turns.{counter}") for name, counter in SPECULATION.items()},
        "peak_pss_mb": round(supervisor.footprint.peak / 1e6, 1),
        "latency_ms": {
            name: dict(zip(("p50", "p95", "p99"), (round(ms, 3) for ms in values), strict=True))
            for name, values in latency.items()
            if values
        },
    }


def build(turns: Turns, supervisor: Supervisor, ready_s: float) -> dict[str, Any]:
    """The report as it is written."""
    return {
        "engine": f"{NAME} {version(NAME)}",
        "report": 1,
        "profile": supervisor.config.profile,
        "ready_s": round(ready_s, 3),
        "turns": turns.records,
        "moves": turns.moves,
        "calls": list(turns.calls.values()),
        "totals": totals(supervisor, turns.moves),
    }


def write(path: Path, report: dict[str, Any]) -> None:
    """Write it. Raises OutputError."""
    try:
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{wav.place(path)}: {error.strerror}", "choose another --report") from error
