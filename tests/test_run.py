"""The whole engine on spoken questions: what it answers, what it records, what it reports, which processes it is."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import wav
from engine.channels import FORKS
from engine.contract import Pcm
from tests.conftest import Start
from tests.engine_run import (
    QUESTION,
    RATE,
    UNHURRIED,
    WORKERS,
    Engine,
    question,
    recorded,
    report,
    silence,
    understood,
    write,
)

ANSWER = "The museum is open from ten to six, every day but Monday."
HARDLY = 33
"""What nobody hears: 60 dB below the loudest sample."""
STAGES = {"audio", "vad", "asr", "turns", "llm", "vocoder"}


@dataclass(slots=True)
class Run:
    """One run of the shipped question, and what was seen from outside while it lasted."""

    code: int = -1
    stdout: str = ""
    stderr: str = ""
    errors: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    recording: Pcm = field(default_factory=lambda: np.zeros((0, 2), np.int16))
    ps: list[tuple[int, str, str]] = field(default_factory=list)
    """(process, comm, arguments) of its workers."""
    parent: int = 0
    modes: dict[str, int] = field(default_factory=dict)

    @property
    def turn(self) -> dict[str, Any]:
        turn: dict[str, Any] = self.report["turns"][0]
        return turn


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("shipped")
    output, written = folder / "o.wav", folder / "r.json"
    files = ("--input", str(QUESTION), "--output", str(output), "--report", str(written))
    engine = Engine(folder, *files, "--show-words", *UNHURRIED)
    run = Run(parent=engine.process.pid)
    try:
        engine.until_ready()
        run.modes = {path.name: path.stat().st_mode & 0o7777 for path in engine.segments()}
        listed = subprocess.run(["ps", "-wweo", "pid=,comm=,args="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in listed.splitlines()]
        run.ps = [(int(pid), comm, args) for pid, comm, args in rows if f"--instance {engine.instance} " in args]
        run.code = engine.end()
        assert engine.segments() == []
    finally:
        engine.clean_up()
    run.stdout, run.stderr, run.errors = engine.stdout, engine.stderr, engine.errors
    run.report, run.recording = report(written), recorded(output)
    return run


def test_the_shipped_question_is_heard_and_answered(shipped: Run) -> None:
    assert shipped.code == 0
    assert [(turn["transcript"], turn["answer"], turn["outcome"]) for turn in shipped.report["turns"]] == [
        ("what time does the museum close", ANSWER, "answered")
    ]
    totals = shipped.report["totals"]
    assert (totals["restarts"], totals["lost_blocks"], totals["dropped_messages"]) == (0, 0, 0)


def test_the_turn_is_printed_on_stdout_with_its_waterfall_and_everything_else_on_stderr(shipped: Run) -> None:
    words, waterfall = shipped.stdout.splitlines()
    assert words == f"turn 1  “what time does the museum close” → “{ANSWER}”"
    assert waterfall.strip().startswith("end of speech ├ wait ")
    assert f"heard after {shipped.turn['response_ms']:.0f} ms" in waterfall
    assert "ready after " in shipped.stderr
    assert shipped.errors == []


def test_words_are_counted_and_not_shown_where_a_journal_may_be_listening(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    sound = write(tmp_path / "q.wav", question())
    engine = start("--input", str(sound), "--config", str(short_answers))
    assert engine.end() == 0
    words, waterfall = engine.stdout.splitlines()
    assert re.fullmatch(r"turn 1  \d+ words → \d+ words", words)
    assert waterfall.strip().startswith("end of speech ├ wait ")
    assert "museum" not in engine.stdout + engine.stderr


def test_a_terminal_shows_the_words(start: Start, tmp_path: Path, short_answers: Path) -> None:
    sound, (ours, terminal) = write(tmp_path / "q.wav", question()), os.openpty()
    engine = start("--input", str(sound), "--config", str(short_answers), stdout=terminal)
    os.close(terminal)
    assert engine.end() == 0
    with open(ours, "rb", buffering=0) as shown:
        assert re.match("turn 1  “what time .*” → “.*”", shown.read(4096).decode())


def test_the_left_channel_is_the_input_sample_for_sample_from_the_beginning(shipped: Run) -> None:
    heard, said = shipped.recording[:, 0], wav.read(QUESTION, RATE)
    assert len(heard) > len(said)
    # A frame before the first sample that is played the echo canceller begins its work.
    speaks = int(np.flatnonzero(shipped.recording[:, 1])[0]) - RATE // 20
    np.testing.assert_array_equal(heard[: min(speaks, len(said))], said[:speaks])
    np.testing.assert_allclose(heard[: len(said)], said, atol=HARDLY)
    assert np.abs(heard[len(said) :]).max() <= HARDLY


def test_the_right_channel_is_silent_until_the_answer_and_holds_it_where_the_report_says(shipped: Run) -> None:
    played, turn = shipped.recording[:, 1].astype(np.float64), shipped.turn
    first, last = (
        round(RATE * (turn["speech"]["end_s"] + turn["stages"]["audio"][mark] / 1000)) for mark in ("first", "ended")
    )
    if shipped.report["totals"]["xruns"] == 0:  # a hole moves what comes after it
        assert abs(int(np.flatnonzero(played)[0]) - first) <= RATE * 30 // 1000
    assert not played[: first - RATE // 100].any()
    level = np.sqrt((played[first:last] ** 2).mean())
    assert level > 500  # speech
    assert last <= len(played)
    assert last - first > 2 * RATE


def test_the_stages_of_a_turn_follow_each_other(shipped: Run) -> None:
    stages = shipped.turn["stages"]
    assert set(stages) == STAGES
    order = [
        stages["vad"]["began"],
        stages["vad"]["first"],
        0.0,
        stages["vad"]["ended"],
        stages["turns"]["ended"],
        stages["audio"]["first"],
        stages["audio"]["ended"],
    ]
    assert order == sorted(order)
    made = [stages["llm"]["began"], stages["llm"]["first"], stages["vocoder"]["first"], stages["audio"]["first"]]
    assert made == sorted(made)  # before the decision, where speculation was right
    if made[0] < stages["turns"]["ended"]:  # on a slow machine an attempt may be begun, and used, later than that
        assert shipped.turn["hit"]
    if shipped.turn["hit"]:
        assert shipped.turn["speculated"] > 0
    assert stages["audio"]["first"] == shipped.turn["response_ms"]


def test_the_report_says_what_its_reader_expects(shipped: Run) -> None:
    number = (int, float)
    types: dict[str, Any] = {
        "session": int,
        "turn": int,
        "attempt": int,
        "outcome": str,
        "source": str,
        "transcript": str,
        "language": str,
        "confidence": float,
        "answer": str,
        "heard": str,
        "speech": dict,
        "response_ms": float,
        "interruption": type(None),
        "speculated": int,
        "hit": bool,
        "stages": dict,
        "at_ns": int,
        "budgets": dict,
        "late": list,
        "rungs": dict,
        "floor": list,
        "held": bool,
    }
    assert {name: type(value) for name, value in shipped.turn.items()} == types
    for times in shipped.turn["stages"].values():
        assert set(times) == {"began", "first", "ended"}
        assert all(time is None or isinstance(time, number) for time in times.values())
    whole = shipped.report
    assert set(whole) == {"engine", "report", "profile", "ready_s", "turns", "moves", "calls", "totals"}
    assert whole["engine"].startswith("antiphon ")
    assert (whole["report"], whole["profile"]) == (1, "realtime")
    assert whole["ready_s"] > 0
    counts = {"xruns", "lost_blocks", "starved_blocks", "restarts", "deadline_misses", "dropped_messages"}
    assert set(whole["totals"]) == counts | {"rung_moves", "speculation", "peak_pss_mb", "latency_ms"}
    assert all(isinstance(whole["totals"][name], int) for name in counts)
    assert 50 < whole["totals"]["peak_pss_mb"] < 700
    for values in whole["totals"]["latency_ms"].values():
        assert 0 < values["p50"] <= values["p95"] <= values["p99"]


def test_every_stage_is_a_process_of_its_own_under_its_own_name(shipped: Run) -> None:
    assert sorted(comm for _, comm, _ in shipped.ps) == sorted([FORKS, *(f"engine:{name}" for name in WORKERS)])
    for _, comm, arguments in shipped.ps:
        assert f"-m workers {comm} --instance " in arguments
    assert len({pid for pid, _, _ in shipped.ps} | {shipped.parent}) == len(WORKERS) + 2


def test_shared_memory_belongs_to_its_owner_alone(shipped: Run) -> None:
    assert shipped.modes
    assert set(shipped.modes.values()) == {0o600}


def test_two_questions_are_two_turns_and_repeat_says_what_it_heard(start: Start, tmp_path: Path) -> None:
    sound = write(tmp_path / "two.wav", np.concatenate([question(), silence(10), question()]))
    written = tmp_path / "r.json"
    repeat = ("--set", "llm.backend=repeat", "--set", 'asr.expect=["what time does the museum close"]')
    # On a busy machine the second question may come while the first is answered.
    engine = start("--input", str(sound), "--report", str(written), *repeat, *UNHURRIED, "--set", "turns.barge_in=off")
    assert engine.end() == 0
    turns = report(written)["turns"]
    assert [turn["turn"] for turn in turns] == [1, 2]
    for turn in turns:
        assert understood(turn)
        assert turn["answer"] == f"You said {turn['transcript']}."
    assert turns[1]["speech"]["start_s"] > turns[0]["speech"]["end_s"] + 9
    assert engine.stdout.count("turn ") == 2


def test_other_rates_and_stereo_are_heard_as_well(start: Start, tmp_path: Path, short_answers: Path) -> None:
    import samplerate

    for rate, channels in ((8000, 1), (44100, 2)):
        sound = samplerate.resample(question().astype(np.float32), rate / RATE, "sinc_medium")
        frames = np.repeat(sound[:, None], channels, 1).clip(-32768, 32767).astype(np.int16)
        path, output, written = write(tmp_path / "q.wav", frames, rate), tmp_path / "o.wav", tmp_path / "r.json"
        files = ("--input", str(path), "--output", str(output), "--report", str(written))
        assert start(*files, "--config", str(short_answers)).end() == 0
        heard = recorded(output)[: len(question()), 0]
        assert np.corrcoef(heard, question())[0, 1] > 0.95  # 8 kHz lack what is above 4 kHz: 0.987
        (turn,) = report(written)["turns"]
        assert understood(turn)


def test_the_conversation_goes_on_when_nobody_reads_what_is_printed(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    sound, written = write(tmp_path / "q.wav", question()), tmp_path / "r.json"
    head = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    assert head.stdin is not None
    head.wait()
    options = ("--report", str(written), "--config", str(short_answers))
    engine = start("--input", str(sound), *options, stdout=head.stdin.fileno())
    head.stdin.close()
    assert engine.end() == 0
    assert len(report(written)["turns"]) == 1
    assert engine.errors == []


def test_two_engines_run_side_by_side(start: Start, tmp_path: Path, short_answers: Path) -> None:
    sound = write(tmp_path / "q.wav", question())
    reports = [tmp_path / "1.json", tmp_path / "2.json"]
    options = ("--input", str(sound), "--config", str(short_answers), "--report")
    both = [start(*options, str(written)) for written in reports]
    for engine in both:
        engine.until_ready()
    assert all(set(engine.pids()) == set(WORKERS) - {"recorder"} for engine in both)
    assert [engine.end() for engine in both] == [0, 0]
    assert [understood(report(written)["turns"][0]) for written in reports] == [True, True]


def test_an_engine_that_starts_muted_hears_nothing(start: Start, tmp_path: Path) -> None:
    written, output = tmp_path / "r.json", tmp_path / "o.wav"
    sound = write(tmp_path / "q.wav", question())
    files = ("--input", str(sound), "--report", str(written), "--output", str(output))
    engine = start(*files, "--set", "audio.muted=true")
    assert engine.end() == 0
    assert report(written)["turns"] == []
    assert not recorded(output).any()
