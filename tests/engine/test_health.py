"""`engine health`: what is well, what is not, and that it is told without waiting for anybody."""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import pytest

from engine import engines
from engine.channels import PROCESSES
from engine.health_command import add_parser
from engine.telemetry import LOADING, READY
from tests.rings import Rings


def health(rings: Rings, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """`engine health --json`: exit code, and what was printed."""
    code = _run(rings.instance.split(".")[1], "--json")
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    told: dict[str, Any] = json.loads(printed)
    assert told["healthy"] == (code == 0)
    return code, told


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="engine")
    add_parser(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["health", *words])
    return int(arguments.run(arguments))


@pytest.fixture
def well(rings: Rings) -> Rings:
    """An engine whose stages are all at their work."""
    page = rings.telemetry
    page.set("engine.go", 1)
    page.set("engine.beat_ns", time.monotonic_ns())
    page.set("turns.shown", 1)
    for process in PROCESSES:
        page.set(f"{process.name}.pid", os.getpid())
        page.set(f"{process.name}.state", READY)
        page.set(f"{process.name}.beat_ns", time.monotonic_ns())
    return rings


def test_an_engine_whose_stages_are_all_at_work_is_well(well: Rings, capsys: pytest.CaptureFixture[str]) -> None:
    well.telemetry.count("asr.late", 3)
    code, told = health(well, capsys)
    (engine,) = told["engines"]
    assert (code, told["why"], engine["state"], engine["late"]) == (0, [], "listening", 3)
    assert engine["stages"] == dict.fromkeys((process.name for process in PROCESSES), "ready")
    assert engine["pid"] == os.getpid()
    assert _run(well.instance.split(".")[1]) == 0
    assert capsys.readouterr().out == f"{well.instance}: well\n"


@pytest.mark.parametrize(
    ("cell", "value", "why"),
    [
        ("engine.go", 0, "it is starting"),
        ("engine.stop", 1, "it is stopping"),
        ("engine.beat_ns", 1, "the supervisor hangs"),
        ("engine.beat_ns", 0, "the supervisor hangs"),
        ("llm.beat_ns", 1, "llm hangs"),
        ("llm.bound_ns", 1, "llm hangs"),
        ("asr.gone", 1, "the engine does without asr, which does not come back"),
        ("vad.pid", 0, "vad is being started"),
        ("vad.state", LOADING, "vad is loading"),
    ],
)
def test_what_is_not_well_is_said_and_is_exit_code_1(
    well: Rings, capsys: pytest.CaptureFixture[str], cell: str, value: int, why: str
) -> None:
    well.telemetry.set(cell, value)
    code, told = health(well, capsys)
    assert (code, told["why"]) == (1, [why])


def test_a_stage_in_a_long_call_or_on_a_lower_rung_is_well(well: Rings, capsys: pytest.CaptureFixture[str]) -> None:
    well.telemetry.set("llm.beat_ns", 1)
    well.telemetry.set("llm.bound_ns", time.monotonic_ns() + 60_000_000_000)
    well.telemetry.set("llm.rung_at", 1)
    code, told = health(well, capsys)
    assert (code, told["engines"][0]["rungs"]["llm"]) == (0, 1)


def test_no_engine_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("there-is-none", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told == {"healthy": False, "why": ["no engine called there-is-none is running"], "engines": []}
    assert _run("there-is-none") == 1
    assert capsys.readouterr().out == "no engine called there-is-none is running\n"


def test_an_engine_of_another_user_is_told_from_none(
    rings: Rings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "instances", lambda _name: [])
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert _run(rings.instance.split(".")[1]) == 1
    assert capsys.readouterr().out == f"{rings.instance} is another user's engine; be that user, or root\n"


def test_an_engine_of_another_version_is_not_called_well(well: Rings, capsys: pytest.CaptureFixture[str]) -> None:
    well.telemetry.set("engine.layout", 1)
    code, told = health(well, capsys)
    assert code == 1
    assert "of another version" in told["why"][0]
