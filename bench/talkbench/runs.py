"""Conversations of the engine in real time, through the virtual sound card, and what their recordings say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .tracks import Track, tool

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Run:
    """One conversation: turns.py's rows and totals, the engine's own report, and the recording."""

    rows: list[dict[str, Any]]
    total: dict[str, Any]
    report: dict[str, Any]
    recording: Path

    @property
    def responses(self) -> list[float]:
        return [row["response_ms"] for row in self.rows if row["response_ms"] is not None]


def settings(sets: Mapping[str, object]) -> list[str]:
    """Settings as options of `engine run`."""
    return [part for key, value in sets.items() for part in ("--set", f"{key}={json.dumps(value)}")]


def converse(
    shared: Path,
    track: Track,
    sets: Mapping[str, object],
    environ: Mapping[str, str] | None = None,
    more: Sequence[str] = (),
) -> Run:
    """Let the engine converse with a track, with these settings, and measure what it recorded."""
    output, report = track.path.with_suffix(".out.wav"), track.path.with_suffix(".report.json")
    command = [sys.executable, "-m", "engine", "run", "--input", str(track.path), "--output", str(output)]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "bench"), os.environ.get("PYTHONPATH", "")]),
        **(environ or {}),
    }
    subprocess.run(
        [*command, "--report", str(report), *settings(sets), *more],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environ,
    )
    rows, total = tool(shared, "turns").measure(output, track.labels)
    return Run(rows, total, json.loads(report.read_text()), output)
