"""The whole engine on a virtual card that drifts, loses sound, comes late and is pulled out: a pause, not a failure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ringbuf
from engine.contract import Pcm
from engine.errors import DeviceError
from tests.conftest import Start
from tests.engine_run import RATE, question, recorded, report, silence, understood, write

ANSWER = "From ten to six, every day."


def fault(name: str, value: object) -> tuple[str, str]:
    return "--set", f"audio.virtual.{name}={value}"


def place(heard: Pcm, said: Pcm, near: int) -> int:
    """Where `said` lies in `heard`, within 50 ms of a sample."""
    reach = RATE // 20
    part = heard[near - reach : near + len(said) + reach].astype(np.float64)
    return near - reach + int(np.correlate(part, said.astype(np.float64), "valid").argmax())


def test_a_conversation_on_two_clocks_of_their_own_is_answered_and_what_was_lost_is_silent_in_its_place(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    asked_s, lost_s = 2.0, (2.1, 5.4)
    sound = np.concatenate([silence(asked_s), question(), silence(2)])
    output, written = tmp_path / "o.wav", tmp_path / "r.json"
    engine = start(
        *("--input", str(write(tmp_path / "q.wav", sound)), "--output", str(output), "--report", str(written)),
        *("--config", str(short_answers), *fault("rate_hz", 48000), *fault("lost_s", list(lost_s))),
        *(*fault("microphone_ppm", 150), *fault("loudspeaker_ppm", -150)),
    )
    assert engine.end() == 0  # by itself, when the recording is over
    told = report(written)
    (turn,) = told["turns"]
    assert understood(turn)
    assert (turn["answer"], turn["outcome"]) == (ANSWER, "answered")
    # Lost were two periods of 10 ms, each in a block; whatever else is late is a busy machine's.
    assert (told["totals"]["lost_blocks"], told["totals"]["restarts"]) == (2, 0)
    heard, played = recorded(output).T
    said = question()
    assert place(heard, said, int(asked_s * RATE)) == pytest.approx(asked_s * RATE, abs=0.003 * RATE)
    assert place(heard, said[RATE : 2 * RATE], int((asked_s + 1) * RATE)) == pytest.approx(
        (asked_s + 1) * RATE, abs=0.003 * RATE
    )
    gap = heard[int(2.08 * RATE) : int(2.12 * RATE)]
    silent = np.convolve(gap == 0, np.ones(160), "valid")
    assert silent.max() == 160
    answered = round(RATE * (turn["speech"]["end_s"] + turn["stages"]["audio"]["first"] / 1000))
    assert played[answered : answered + RATE].any()


def test_a_card_that_is_pulled_out_and_returns_costs_a_pause_and_the_next_question_is_answered(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    sound = np.concatenate([silence(1.5), question(), silence(11.9), question(), silence(2)])  # again at 16 s
    written = tmp_path / "r.json"
    engine = start(
        *("--input", str(write(tmp_path / "q.wav", sound)), "--config", str(short_answers)),
        *("--report", str(written), *fault("unplug_s", [8.0, 1.5])),
    )
    engine.until_ready()
    engine.until(lambda: engine.get("audio.start_ns"), "the timeline began")
    before, mic = engine.pids(), engine.mic(0)
    positions = [0]

    def look() -> bool:
        positions.append(mic.position)
        return "is gone" in engine.stderr

    engine.until(look, "the loss was told")
    lost = mic.position
    engine.until(lambda: look() and engine.stderr.count("microphone: virtual (") == 2, "it was back")
    engine.until(lambda: look() and mic.position > 10.5 * RATE, "sound was heard again")
    assert positions == sorted(positions)
    # The gap: all of it silent and marked, and only it.
    assert mic.flags(lost, lost + RATE // 2) & (ringbuf.LOST | ringbuf.DISCONTINUITY) == (
        ringbuf.LOST | ringbuf.DISCONTINUITY
    )
    gap = mic.view(lost, lost + RATE // 2)
    assert gap is not None
    assert not gap.any()
    assert not mic.flags(int(6.0 * RATE), int(7.5 * RATE)) & ringbuf.DISCONTINUITY
    after = engine.pids()
    assert {name for name in before if before[name] != after.get(name)} == {"audio"}
    mic.close()
    assert engine.end() == 0
    turns = report(written)["turns"]
    assert [(understood(turn), turn["answer"], turn["outcome"]) for turn in turns] == [(True, ANSWER, "answered")] * 2
    assert turns[1]["speech"]["start_s"] == pytest.approx(16.0, abs=0.3)  # in its place on the one timeline
    assert report(written)["totals"]["restarts"] == 0  # it was no fault
    assert engine.errors == []


def test_a_card_that_comes_late_is_announced_waited_for_and_used(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    sound = np.concatenate([silence(4), question(), silence(2)])
    written = tmp_path / "r.json"
    engine = start(
        *("--input", str(write(tmp_path / "q.wav", sound)), "--config", str(short_answers)),
        # The card comes so long after all have loaded, however long that took; who waits for it began before that.
        *("--report", str(written), *fault("absent_s", 2.5), "--set", "audio.wait_s=600"),
    )
    engine.until_ready()
    assert "waiting for audio.microphone: there is no microphone; after " in engine.stderr
    assert "waiting for audio.loudspeaker: there is no loudspeaker; after " in engine.stderr
    assert engine.end() == 0
    assert engine.stderr.index("ready after") < engine.stderr.index("the virtual sound card")
    (turn,) = report(written)["turns"]
    assert (understood(turn), turn["outcome"]) == (True, "answered")
    assert engine.errors == []


def test_a_card_that_never_comes_ends_the_engine_with_one_line(start: Start, tmp_path: Path) -> None:
    engine = start(
        *("--input", str(write(tmp_path / "q.wav", silence(1)))),
        *(*fault("absent_s", 600), "--set", "audio.wait_s=0.5"),
    )
    assert engine.end() == DeviceError.code
    (line,) = engine.errors
    assert "no " in line
    assert "engine devices" in line
    assert "Traceback" not in engine.stderr
