"""The engine in one room with its own voice: it does not answer itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.conftest import Start
from tests.engine_run import RATE, question, recorded, report, silence, write


def test_an_answer_that_is_heard_by_the_microphone_opens_no_turn(start: Start, tmp_path: Path) -> None:
    track = write(tmp_path / "in.wav", np.concatenate([silence(0.6), question(), silence(7)]))
    out, told = tmp_path / "out.wav", tmp_path / "report.json"
    engine = start("--input", str(track), "--output", str(out), "--report", str(told), "--echo", "-12dB,40ms")
    assert engine.end() == 0, engine.stderr
    turns = report(told)["turns"]
    assert len(turns) == 1
    assert turns[0]["answer"]
    heard, played = recorded(out).astype(float).T
    speaking = np.flatnonzero(played)[[0, -1]] + (RATE // 4, 0)
    answer = slice(*speaking)
    level = 10 * np.log10((played[answer] ** 2).mean() / ((heard[answer] ** 2).mean() + 1))
    assert level > 30  # it was 12 dB before, and the track itself is silent there


def test_without_the_canceller_the_room_is_heard(start: Start, tmp_path: Path, short_answers: Path) -> None:
    """The other test could not fail otherwise. The first answer is enough."""
    track = write(tmp_path / "in.wav", np.concatenate([silence(0.6), question(), silence(60)]))
    out = tmp_path / "out.wav"
    engine = start(
        *("--input", str(track), "--output", str(out), "--config", str(short_answers)),
        *("--echo", "-12dB,40ms", "--set", "audio.aec=off", "--set", "turns.barge_in=off"),
    )
    engine.until_ready()
    engine.until(lambda: engine.get("audio.played") > RATE, "a second of the answer was played")
    engine.process.terminate()
    engine.end()
    heard, played = recorded(out).astype(float).T
    begin = int(np.flatnonzero(played)[0])
    end = min(begin + RATE, len(heard))
    echo = heard[begin + 640 : end]
    level = 10 * np.log10((played[begin : end - 640] ** 2).mean() / (echo**2).mean())
    assert 8 < level < 16
