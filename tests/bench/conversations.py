"""Tracks, turns and conversations that never were, for the tests of the conversation bench."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from talkbench.runs import Run
from talkbench.tracks import Track

HERE = Path()


def track(*bounds: tuple[float, float], name: str = "track.wav", **labels: Any) -> Track:
    said = [{"file": f"{n}.wav", "text": "", "start": start, "end": end} for n, (start, end) in enumerate(bounds)]
    return Track(HERE / name, {"utterances": said, **labels})


def turn(outcome: str = "answered", **fields: Any) -> dict[str, Any]:
    return {
        "session": 1,
        "turn": 1,
        "outcome": outcome,
        "source": "answer",
        "answer": "one two three",
        "heard": "one two three",
        "transcript": "",
        "response_ms": 200.0 if outcome != "postponed" else None,
        "interruption": None,
        "speech": {"start_s": 1.0, "end_s": 2.0},
        "stages": {"audio": {"began": None, "first": 200.0, "ended": 3000.0}},
        **fields,
    }


def run_of(*turns: dict[str, Any], recording: Path = HERE, events: Any = (), **total: Any) -> Run:
    return Run([], {"holes": [], "misses": 0, **total}, {"turns": list(turns)}, recording, events)
