"""One bench as a process of its own: what it prints is shown, what it writes becomes figures."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .machine import Ticks
from .results import Section as Became
from .sections import FULL_LIMIT_S, Figures, Section

BENCH = Path(__file__).resolve().parents[1]
END_S = 20.0
"""So long a bench gets to stop its engines when its time is over."""
_LOOK_S = 0.05
FAILED = "FAILED: "
"""In a cell of a row that could not be measured."""


@dataclass(frozen=True, slots=True)
class Order:
    """How to run them. full: not the headline."""

    full: bool
    shared: Path


def command(section: Section, order: Order) -> list[str]:
    """The words after the interpreter."""
    options = shlex.split((section.full if order.full else section.headline) or "")
    return [f"bench/{section.program}", *options, *(["--shared", str(order.shared)] if section.shared else [])]


def run(section: Section, order: Order) -> tuple[Became, Figures]:
    """What became of it. It may fail, hang, or write what nobody can read: then `error` says so, and there are the
    figures that there are."""
    words, began, ticks = command(section, order), time.monotonic(), Ticks.now()
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / "found.json"
        json_too = ["--json", str(file)] if section.read else []
        limit_s = FULL_LIMIT_S if order.full else section.limit_s
        error = _end([sys.executable, *words, *json_too], limit_s)
        figures: Figures = {}
        if section.read:
            try:
                text = file.read_text()
                figures = section.read(json.loads(text))
                if FAILED in text:
                    error = error or "a row of it could not be measured"
            except OSError:
                error = error or "it wrote no figures"
            except (ValueError, KeyError, TypeError, IndexError, AttributeError) as wrong:
                error = error or f"its figures cannot be read: {wrong!r}"
            if not figures:
                error = error or "it has no figures"
    shown = [word for word in words if word not in ("--shared", str(order.shared))]
    _, stolen = Ticks.now().since(ticks)
    return Became(shlex.join(shown), round(time.monotonic() - began, 1), error, round(stolen, 1)), figures


def _end(words: list[str], limit_s: float) -> str:
    """Run it to its end; empty, or why it did not end well. In a group of its own: who hangs has engines that shall not
    go on beside the next one."""
    with subprocess.Popen(words, cwd=BENCH.parent, start_new_session=True) as bench:
        try:
            code = bench.wait(limit_s)
        except BaseException as error:
            stop(bench)
            if isinstance(error, subprocess.TimeoutExpired):
                return f"it took longer than {limit_s:.0f} s"
            raise
    return f"exit code {code}" if code else ""


def stop(bench: subprocess.Popen[bytes]) -> None:
    """Its engines clean up after themselves when they are asked to end: they get the time for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(bench.pid, number)
            limit = time.monotonic() + END_S
            while time.monotonic() < limit:
                bench.poll()  # who has ended and was not asked after still counts as one of the group
                os.killpg(bench.pid, 0)
                time.sleep(_LOOK_S)
        except ProcessLookupError:
            return
