"""A process for each backend, and a line of the table."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stagebench.subjects import Subject

CHILD = Path(__file__).with_name("measure.py")
QUESTION = Path(__file__).parents[2] / "engine" / "data" / "question.wav"
LONGEST_S = 900


def run(subject: Subject) -> dict[str, str]:
    """The line of a backend."""
    asked = {**asdict(subject), "question": str(QUESTION)}
    try:
        done = subprocess.run(
            [subject.python or sys.executable, str(CHILD)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        found = {"error": f"not through after {LONGEST_S} s"}
    except (OSError, ValueError, IndexError):
        found = {"error": (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]}
    return line(subject, found)


def line(subject: Subject, found: dict[str, Any]) -> dict[str, str]:
    """What was found, as the table shows it."""
    first = {"stage": subject.stage, "backend": subject.backend, "rung": subject.name}
    if "error" in found:
        return {**first, "load s": f"not run: {found['error']}"}
    due = f" ({subject.due_ms})" if subject.due_ms else ""
    waits = "all" if subject.stage == "asr" else "first"

    def ms(name: str) -> str:
        if f"{name}_ms" not in found:
            return "-"
        value: float = found[f"{name}_ms"]
        return f"{value:.0f}{due if name == waits else ''}" if value >= 10 else f"{value:.2g}"

    rate = found.get("rate")
    unit = "/s" if subject.stage == "llm" else " x"
    return {
        **first,
        "load s": f"{found['load_s']:.2f}",
        "warm-up s": f"{found['warm_up_s']:.2f}",
        "first ms": ms("first"),
        "all ms": ms("all"),
        "rate": f"{rate:.3g}{unit}" if rate else "-",
        "cancel ms": ms("cancel"),
        "by": found["checkpoint"],
        "memory MB": f"{found['memory_mb']:.0f}",
    }
