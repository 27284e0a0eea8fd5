"""Engines some of whose stages hang for good: every turn is answered in time all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Start
from tests.engine_run import RATE, WORDS, question, recorded, report, silence, write

ROOT = Path(__file__).parents[1]
HARD_LIMIT_MS = 20_000
"""So long it would take if nobody took over. How soon the floor really is, is for the benchmark to say."""


@pytest.mark.parametrize(
    ("stuck", "floor", "source", "answer"),
    [
        (
            {"llm": "StuckAnswers", "vocoder": "StuckVoice"},
            ["llm", "vocoder"],
            "floor",
            "The museum is open from ten to six, every day but Monday.",
        ),
        ({"asr": "StuckEars"}, ["asr"], "phrase", "Sorry, I did not catch that."),
    ],
    ids=["language model and voice", "recogniser"],
)
def test_a_stage_that_hangs_is_answered_for(
    start: Start, tmp_path: Path, stuck: dict[str, str], floor: list[str], source: str, answer: str
) -> None:
    output, written = tmp_path / "o.wav", tmp_path / "r.json"
    sound = np.concatenate([silence(1.5), question(), silence(3)])
    sets = [f"{stage}.backend=tests.stuck:{name}" for stage, name in stuck.items()]
    sets += [
        f'asr.expect=["{WORDS}"]',
        "asr.final_budget_ms=2000",
        "turns.response_budget_ms=5000",
        f"turns.hard_limit_s={HARD_LIMIT_MS / 1000}",
    ]
    engine = start(
        *("--input", str(write(tmp_path / "q.wav", sound)), "--output", str(output), "--report", str(written)),
        *(part for one in sets for part in ("--set", one)),
        environ={"PYTHONPATH": str(ROOT)},
    )
    assert engine.end() == 0
    (turn,) = report(written)["turns"]
    assert (turn["floor"], turn["source"], turn["answer"], turn["heard"]) == (floor, source, answer, answer)
    assert turn["response_ms"] < HARD_LIMIT_MS / 2
    assert set(floor) <= set(turn["late"])
    end = round(turn["speech"]["end_s"] * RATE)
    heard = np.abs(recorded(output)[end:, 1].astype(int)) > 300
    assert heard.any()
