"""The whole engine on its ladders: down under pressure, and at the bottom."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.conftest import Start
from tests.engine_run import UNHURRIED, question, report, silence, understood, write

TWICE = np.concatenate([silence(0.6), question(), silence(8.0), question(), silence(2.0)])
LADDERS = ("asr", "llm", "vocoder")


# All machines have more than a hundredth of their memory in use; and none is as busy or as hot as this.
OTHERS = ("governor.cpu_percent=100", "governor.stall_percent=100", "governor.hot_c=120")
PRESSED = ("governor.mode=on", "governor.pressure_s=1", "governor.memory_percent=1", *OTHERS)


def test_under_pressure_every_stage_gives_way_between_two_turns_and_says_so(start: Start, tmp_path: Path) -> None:
    options = [part for each in PRESSED for part in ("--set", each)]
    path = tmp_path / "report.json"
    engine = start("--input", write(tmp_path / "in.wav", TWICE), "--report", path, *UNHURRIED, *options)
    assert engine.end() == 0
    found = report(path)
    first, second = found["turns"]
    assert understood(first)
    assert understood(second)
    assert second["rungs"] == dict.fromkeys(LADDERS, 1)
    assert second["answer"] == second["heard"] == first["answer"]
    assert sorted(move["stage"] for move in found["moves"]) == sorted(LADDERS)
    assert any("of the memory is in use" in move["reason"] for move in found["moves"])
    assert all(move["from"] == 0 and move["to"] == 1 for move in found["moves"])
    assert found["totals"]["rung_moves"] == {"down": 3, "up": 0}
    assert sum("down to rung" in line for line in engine.errors) == 3


def test_fixed_at_the_bottom_it_answers_from_there(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    sound = write(tmp_path / "in.wav", np.concatenate([silence(0.6), question(), silence(2.0)]))
    engine = start("--input", sound, "--report", path, *UNHURRIED, "--set", "governor.rung=bottom")
    assert engine.end() == 0
    (turn,) = report(path)["turns"]
    assert understood(turn)
    assert turn["rungs"] == dict.fromkeys(LADDERS, 1)
    assert report(path)["moves"] == []
    assert engine.errors == []
