"""bench/stages.py: every stage's backends are driven to an end, and what cannot be measured is told. How long they take
is no test's business."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import stages
from stagebench.child import line, run
from stagebench.subjects import Subject, configured, no_gpu, with_sets

from tests.models import voices

COLUMNS = {
    "stage",
    "backend",
    "rung",
    "load s",
    "warm-up s",
    "first ms",
    "all ms",
    "rate",
    "cancel ms",
    "by",
    "memory MB",
}


@pytest.mark.parametrize(
    ("stage", "backend"),
    [("vad", "silero"), ("ending", "prosody"), ("llm", "phrasebook"), ("vocoder", "flite")],
)
def test_a_backend_is_measured_in_a_process_of_its_own(stage: str, backend: str) -> None:
    found = run(with_sets(stage, backend, "as it comes"))
    assert set(found) == COLUMNS
    assert float(found["load s"]) >= 0
    assert float(found["memory MB"]) > 5


def test_what_cannot_be_loaded_is_a_line_too() -> None:
    found = run(with_sets("asr", "whisper", "none", "model=/nowhere"))
    assert found["load s"].startswith("not run: asr.whisper.model: there is no /nowhere")


def test_a_child_that_dies_is_a_line_too(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho oh dear >&2\n")
    program.chmod(0o755)
    found = run(Subject("llm", "phrasebook", "dead", {}, python=str(program)))
    assert found["load s"] == "not run: oh dear"


def test_what_is_asked_for_stands_behind_what_it_is_asked_of() -> None:
    times = {"load_s": 1.0, "warm_up_s": 1.0, "first_ms": 100.0, "all_ms": 300.0, "rate": 2.0}
    found = {**times, "checkpoint": "call", "memory_mb": 10.0}
    heard = line(Subject("asr", "whisper", "x", {}, due_ms=350), found)
    said = line(Subject("llm", "openai", "x", {}, due_ms=200), found)
    assert (heard["first ms"], heard["all ms"], heard["rate"]) == ("100", "300 (350)", "2 x")
    assert (said["first ms"], said["all ms"], said["rate"], said["cancel ms"]) == ("100 (200)", "300", "2/s", "-")


@pytest.mark.usefixtures("packaged_settings")
def test_a_configuration_names_what_is_measured(tmp_path: Path) -> None:
    voices.kokoro(tmp_path)
    path = tmp_path / "kiosk.toml"
    path.write_text(f'[ending]\nbackend = "off"\n[vocoder]\nbackend = "kokoro"\nkokoro.model = "{tmp_path}"\n')
    measured = list(configured(path))
    assert [each.name for each in measured if each.stage == "asr"] == ["full", "narrow"]
    found = {each.stage: each for each in measured}
    assert {stage: each.backend for stage, each in found.items()} == {
        "vad": "silero",
        "asr": "pocketsphinx",
        "llm": "facts",
        "vocoder": "kokoro",
    }
    assert found["vocoder"].rung["settings"]["model"] == str(tmp_path)


def test_without_a_gpu_nothing_is_said_to_have_run_on_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert no_gpu()
    monkeypatch.setattr(sys, "argv", ["stages.py", "--gpu", "--models", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^not run: "):
        stages.main()
    assert list(tmp_path.iterdir()) == []
