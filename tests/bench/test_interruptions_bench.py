"""What the conversation bench makes of it when somebody speaks, or coughs, into an answer: of recordings, reports and
events."""

from __future__ import annotations

import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from talkbench import interruptions
from talkbench.interruptions import Noticed, noticed, words_lost
from talkbench.runs import pauses
from talkbench.tracks import RATE, Builder

from tests.bench.conversations import HERE, run_of, track, turn

STEP = 0.01


def loud_but(*gaps: tuple[float, float], seconds: float = 20.0) -> Any:
    loud = np.ones(round(seconds / STEP), bool)
    for start, end in gaps:
        loud[round(start / STEP) : round(end / STEP)] = False
    return loud


def test_a_gap_between_words_is_no_noise_that_silenced_the_answer() -> None:
    assert noticed([5.0, 8.0], [], loud_but((5.1, 5.3), (8.1, 8.2)), STEP) == Noticed(0, [], 0)


def test_who_was_silenced_says_the_engine_and_when_it_is_heard_again_the_recording() -> None:
    found = noticed([5.0, 8.0, 11.0], [(5.1, 5.5), (11.1, None)], loud_but((5.1, 5.55), (11.1, 20)), STEP)
    assert found == Noticed(2, [550], 0)


def test_a_noise_that_silences_twice_has_resumed_when_the_second_time_is_over() -> None:
    assert noticed([5.0], [(5.1, 5.3), (5.6, 5.9)], loud_but((5.1, 5.32), (5.6, 5.92)), STEP).after_ms == [920]


def test_a_silence_that_the_recording_does_not_show_is_told() -> None:
    assert noticed([5.0], [(5.1, 5.5)], loud_but(), STEP).unseen == 1


def test_an_answer_that_is_never_heard_again_has_not_resumed() -> None:
    assert noticed([5.0], [(5.1, 5.5)], loud_but((5.1, 20)), STEP) == Noticed(1, [], 0)


def event(name: str, at_s: float, **fields: Any) -> dict[str, Any]:
    return {"event": f"answer.{name}", "session": 1, "turn": 1, "mono_ns": round((at_s + 7000) * 1e9), **fields}


def test_events_are_laid_on_the_recording_by_an_answer_that_both_know() -> None:
    withdrawn = turn("postponed", turn=0)
    told = [("started", 2.2), ("paused", 3.0), ("resumed", 3.4), ("paused", 5.0), ("ended", 5.5)]
    found = pauses(run_of(withdrawn, turn(), events=[event(*each) for each in told]))
    assert [paused for paused, _ in found] == pytest.approx([3.0, 5.0])
    assert found[0][1] == pytest.approx(3.4)
    assert found[1][1] is None
    assert pauses(run_of(turn())) == []


@pytest.mark.parametrize(
    ("turns", "lost"),
    [
        ([turn()], "0"),
        ([turn(heard="one")], "2"),
        ([turn("interrupted", heard="one"), turn(heard="two three four five", turn=2)], "interrupted"),
        ([turn("postponed", heard=""), turn(turn=2)], "0"),
        ([], "-"),
    ],
)
def test_words_are_lost_of_an_answer_that_was_not_interrupted(turns: list[dict[str, Any]], lost: str) -> None:
    assert words_lost(turns) == lost


def levels(sound: Any, rate: int) -> Any:
    power = (sound.astype(float).reshape(-1, rate // 100) / 32768) ** 2
    return 10 * np.log10(power.mean(axis=1) + 1e-12)


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> Builder:
    """A builder whose shared folder is not needed."""
    monkeypatch.setattr(interruptions, "tool", lambda *_: SimpleNamespace(levels=levels, STEP=STEP))
    return Builder(HERE, HERE)


def recording(path: Path, loud: Any) -> Path:
    played = np.repeat(loud, RATE // 100) * 5000
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.stack([np.zeros_like(played), played], axis=1).astype("<i2").tobytes())
    return path


def test_noises_of_all_sessions_make_one_row(measure: Builder, tmp_path: Path) -> None:
    noises = [{"kind": "cough", "start": at, "end": at + 0.3} for at in (5.0, 8.0)]
    file = recording(tmp_path / "out.wav", loud_but((5.1, 5.55), (8.2, 8.3)))
    run = run_of(turn(), recording=file, events=[event("started", 2.2), event("paused", 5.1), event("resumed", 5.5)])
    row = interruptions.resumed(measure, [(track((1, 2), noises=noises), run)] * 2)
    assert (row["of"], row["silenced"], row["resumed"]) == ("4", "2", "2")
    assert row["resumed p95"].startswith("550 ")
    assert (row["interrupted"], row["words lost"], row["not in the recording"]) == ("0", "0, 0", "0")


def test_only_an_utterance_that_begins_into_an_answer_counts_as_interrupting(measure: Builder, tmp_path: Path) -> None:
    file = recording(tmp_path / "out.wav", loud_but((0, 3), (6.1, 9)))
    on = track((1.0, 2.0), (6.0, 7.0))
    voice = {"start_s": 6.02, "after_ms": 130.0}
    run = run_of(turn("interrupted", interruption=voice), turn(turn=2), recording=file, talked_over=0)
    assert interruptions.silent_after(measure, on, run) == pytest.approx([100])
    row = interruptions.interrupted(measure, [(on, run)])
    assert (row["of"], row["interrupted"]) == ("1", "1")
    assert row["certain p50"].startswith("150 ")
