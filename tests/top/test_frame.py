"""What `engine top` shows, without a terminal: frames of a made-up engine, and the conversation as events tell it."""

from __future__ import annotations

import io
import os
import time
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from engine import messages as m
from engine import waterfall
from engine.channels import PROCESSES
from engine.snapshot import Observer
from engine.telemetry import READY
from engine.top.frame import frame
from engine.top.pieces import Line
from engine.top.screen import Screen
from engine.top.talk import EVENTS, MOST_NOTES, MOST_TURNS, Talk
from tests.rings import Rings

RECORD: dict[str, Any] = {
    "session": 1,
    "turn": 2,
    "attempt": 1,
    "outcome": "answered",
    "source": "answer",
    "transcript": "what time is it",
    "answer": "Ten o'clock.",
    "heard": "Ten o'clock.",
    "response_ms": 400.0,
    "stages": {
        "turns": {"ended": 200.0},
        "asr": {"ended": 240.0},
        "llm": {"first": 250.0},
        "vocoder": {"began": 250.0, "first": 320.0},
        "audio": {"first": 400.0},
    },
    "late": [],
    "floor": [],
    "held": False,
}


def text(lines: list[Line]) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


def styles(lines: list[Line], piece: str) -> set[str]:
    return {style for line in lines for told, style in line if piece in told}


@pytest.fixture
def observer(rings: Rings) -> Observer:
    """An engine in which all stages are ready."""
    rings.telemetry.set("engine.go", 1)
    for process in PROCESSES:
        rings.telemetry.set(f"{process.name}.pid", os.getpid())
        rings.telemetry.set(f"{process.name}.state", READY)
        rings.telemetry.set(f"{process.name}.beat_ns", time.monotonic_ns())
    return Observer(rings.instance)


def shown(
    observer: Observer, talk: Talk | None = None, width: int = 120, height: int = 0, words: bool = True
) -> list[Line]:
    return frame(observer.take(), talk or Talk(), width, height, words=words)


def test_every_stage_has_its_line_with_what_was_late_and_on_which_rung_it_is(observer: Observer, rings: Rings) -> None:
    rings.telemetry.count("llm.late", 7)
    rings.telemetry.set("llm.rung", 1)
    lines = shown(observer)
    of = {line.split()[0]: line for line in text(lines) if line}
    assert {process.name for process in PROCESSES} <= set(of)
    assert f"0 {rings.config.llm.rungs[0].name} →1" in of["llm"]
    assert of["llm"].split()[5] == "7"
    assert styles(lines, "     7") == {"yellow"}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_of_a_line_of_numbers_is_cut_in_two(observer: Observer, rings: Rings, width: int) -> None:
    for name in ("turns.response_ns", "audio.lateness_ns", "vad.hop_ns", "asr.partial_ns", "asr.final_ns"):
        rings.telemetry.observe(name, 123_456_789)
    lines = text(shown(observer, width=width))
    wide, narrow = text(shown(observer, width=200)), [line.rstrip() for line in lines]
    (heading,) = [line for line in narrow if line.startswith("stage ")]
    (whole,) = [line for line in wide if line.startswith("stage ")]
    assert whole.split()[: len(heading.split())] == heading.split()
    assert len(heading.split()) >= {60: 5, 80: 8, 120: 10}[width]
    told = " ".join(lines[next(n for n, line in enumerate(lines) if line.startswith("p50/p95")) :])
    for name in ("response", "capture", "vad hop", "words", "final text"):
        assert f"{name} " in told
    assert "ms" in told.split()


def test_a_stage_that_hangs_or_is_gone_is_seen(observer: Observer, rings: Rings) -> None:
    rings.telemetry.set("asr.beat_ns", 1)
    rings.telemetry.set("floor.gone", 1)
    lines = shown(observer)
    of = {line.split()[0]: line.split()[1] for line in text(lines) if line}
    assert (of["asr"], of["floor"], of["vad"]) == ("hangs", "gone", "ready")
    assert styles(lines, "hangs") == styles(lines, "gone") == {"bold red"}


def test_what_waits_in_a_ring_is_seen_there_and_at_the_stage_that_reads_it(observer: Observer, rings: Rings) -> None:
    assert "rings    mic 0 ms behind" in text(shown(observer))
    outlet = rings.seat("vad").outlet("speech")
    while outlet.send(m.SpeechBegan(start=1, capture_ns=1)):
        pass
    lines = text(shown(observer))
    assert any("speech ▇▇▇▇▇▇▇▇ 100 %, 1 dropped" in line for line in lines)
    (turns,) = [line for line in lines if line.startswith("turns ")]
    assert turns.endswith("100 %")


def test_a_turn_is_shown_with_a_bar_whose_parts_are_as_long_as_they_took(observer: Observer) -> None:
    talk = Talk()
    talk.take({"event": "answer.ended", "record": RECORD})
    lines = shown(observer, talk, height=39)
    at = next(n for n, line in enumerate(text(lines)) if "“what time is it” → “Ten o'clock.”" in line)
    blocks = {style: len(piece) for piece, style in lines[at + 1] if piece.startswith("█")}
    whole = sum(blocks.values())
    assert [round(400 * count / whole, -1) for count in blocks.values()] == pytest.approx([200, 40, 10, 70, 80], abs=10)
    assert text(lines)[at + 1].endswith(" 400 ms ")
    assert text(lines)[at + 2].split() == [
        "wait",
        "200",
        "─",
        "asr",
        "40",
        "─",
        "llm",
        "10",
        "─",
        "voice",
        "70",
        "─",
        "play",
        "80",
    ]


def test_the_newest_turn_comes_first_and_the_longest_bar_is_the_slowest_turns(observer: Observer) -> None:
    talk = Talk()
    talk.take({"event": "answer.ended", "record": {**RECORD, "turn": 1, "response_ms": 800.0, "late": ["llm"]}})
    talk.take({"event": "answer.ended", "record": RECORD})
    lines = text(shown(observer, talk, height=39))
    bars = [line.count("█") for line in lines if "█" in line]
    assert bars[0] == pytest.approx(bars[1] / 2, abs=1)
    (late,) = [line for line in lines if "late: llm" in line]
    assert "800 ms" in late


def test_where_there_is_room_the_newest_turn_is_a_whole_waterfall(observer: Observer) -> None:
    talk = Talk()
    talk.take({"event": "answer.ended", "record": RECORD})
    lines = text(shown(observer, talk, height=40))
    for row in (*waterfall.draw(RECORD, 100).splitlines(), waterfall.LEGEND):
        assert row in lines


def test_what_matters_less_goes_first_where_there_is_no_room(observer: Observer) -> None:
    talk = Talk()
    talk.take({"event": "user.partial", "text": "so far"})
    talk.take({"event": "device", "side": "microphone", "text": "a good one"})
    assert any("a good one" in line for line in text(shown(observer, talk, height=40)))
    lines = text(shown(observer, talk, height=15))
    assert len(lines) == 15
    assert "visitor  so far" in lines
    assert not any("a good one" in line for line in lines)


def test_in_a_small_terminal_a_fault_is_seen_rather_than_turns_of_before(observer: Observer) -> None:
    talk = Talk()
    for number in range(1, 5):
        talk.take({"event": "answer.ended", "record": {**RECORD, "turn": number}})
    talk.take({"event": "error", "where": "llm", "what": "a fault", "remedy": ""})
    roomy, small = (text(shown(observer, talk, width=80, height=height)) for height in (0, 24))
    assert sum(line.startswith("turn ") for line in roomy) == 4
    assert len(small) <= 24
    assert "llm: a fault" in small
    assert [line.split()[1] for line in small if line.startswith("turn ")][:1] == ["4"]


def test_a_turn_without_an_answer_is_told_in_words(observer: Observer) -> None:
    talk = Talk()
    talk.take(
        {"event": "answer.ended", "record": {**RECORD, "response_ms": None, "answer": "", "outcome": "abandoned"}}
    )
    lines = text(shown(observer, talk))
    assert any(line.strip() == "abandoned" for line in lines)


def test_words_are_counted_where_they_may_not_be_shown(observer: Observer) -> None:
    talk = Talk()
    talk.take({"event": "answer.ended", "record": {**RECORD, "transcript": "secret", "answer": "a secret too"}})
    talk.take({"event": "user.partial", "text": "a third secret"})
    talk.take({"event": "answer.word", "text": "secretly"})
    assert sum("secret" in line for line in text(shown(observer, talk))) == 3
    hidden = text(shown(observer, talk, words=False))
    assert not any("secret" in line for line in hidden)
    assert "turn 2  1 word → 3 words" in hidden
    assert "visitor  3 words" in hidden


def test_what_a_visitor_said_goes_with_them() -> None:
    talk = Talk()
    talk.take({"event": "answer.ended", "record": dict(RECORD)})
    talk.take({"event": "user.final", "text": "something"})
    talk.take({"event": "answer.ended", "record": {**RECORD, "session": 2}})
    talk.take({"event": "session", "session": 1, "state": "ended", "reason": "silence"})
    assert talk.user == ""
    words = [(turn["transcript"], turn["answer"], turn["heard"]) for turn in talk.turns]
    assert words == [("", "", ""), ("what time is it", "Ten o'clock.", "Ten o'clock.")]
    assert talk.turns[0]["response_ms"] == 400.0


@pytest.mark.parametrize("words", [True, False])
def test_a_turn_whose_words_are_forgotten_says_so_and_where_its_time_went(observer: Observer, words: bool) -> None:
    talk = Talk()
    talk.recall([dict(RECORD)])
    talk.take({"event": "session", "session": 1, "state": "ended", "reason": "silence"})
    lines = text(shown(observer, talk, words=words))
    assert any(line.startswith("turn 2  (") and "forgotten" in line for line in lines)
    assert any(line.startswith("wait") for line in lines)


def test_turns_of_before_it_was_opened_are_shown_once(observer: Observer) -> None:
    talk = Talk()
    talk.recall([{**RECORD, "turn": 1}, RECORD])
    talk.take({"event": "answer.ended", "record": RECORD})  # it ended between the two questions
    assert [turn["turn"] for turn in talk.turns] == [1, 2]
    assert any("“what time is it”" in line for line in text(shown(observer, talk)))


@pytest.mark.parametrize("height", [39, 40])
def test_what_else_became_of_a_turn_stands_beside_where_its_time_went(observer: Observer, height: int) -> None:
    """In a line of the bar, and below a whole waterfall."""
    talk = Talk()
    talk.take({"event": "answer.ended", "record": {**RECORD, "outcome": "interrupted", "floor": ["llm"], "held": True}})
    lines = text(shown(observer, talk, height=height))
    (told,) = [line for line in lines if "held" in line]
    assert "interrupted" in told
    assert "floor: llm" in told
    assert "late" not in told


def test_a_newcomer_sees_what_is_being_said() -> None:
    hello: dict[str, Any] = {
        "devices": {"microphone": {"text": "microphone: a good one"}, "loudspeaker": None},
        "user": {"text": "so far", "final": False},
        "answer": None,
    }
    talk = Talk(hello)
    assert (talk.user, talk.answer, talk.devices) == ("so far", "", {"microphone": "microphone: a good one"})
    talk.take({"event": "answer.started", "source": "answer"})
    for word in ("From", "ten"):
        talk.take({"event": "answer.word", "text": word, "number": 0})
    assert talk.answer == "From ten"
    talk.take({"event": "state", "state": "listening"})
    assert (talk.user, talk.answer) == ("", "")


def test_whatever_is_told_little_is_kept() -> None:
    talk = Talk()
    for number in range(100):
        talk.take({"event": "answer.ended", "record": {**RECORD, "turn": number}})
        talk.take({"event": "error", "where": "asr", "what": f"fault {number}", "remedy": ""})
    assert (len(talk.turns), len(talk.notes)) == (MOST_TURNS, MOST_NOTES)
    assert talk.notes[-1] == "asr: fault 99"
    talk.take({"event": "of another version"})


def test_moves_and_faults_are_noted_and_shown(observer: Observer) -> None:
    talk = Talk()
    talk.take({"event": "rung", "stage": "llm", "from": 0, "to": 1, "name": "small", "reason": "it was late"})
    talk.take({"event": "stage", "stage": "asr", "state": "gone"})
    talk.take({"event": "error", "where": "door", "what": "a fault", "remedy": "mend it"})
    talk.take({"event": "tool.ended", "tool": "open_gate", "outcome": "done", "call": "1", "text": "secret"})
    notes = ["llm: down to rung small: it was late", "asr: gone", "door: a fault; mend it", "tool open_gate: done"]
    assert text(shown(observer, talk))[-4:] == notes


def test_every_event_that_is_taken_is_subscribed_to() -> None:
    from engine.top.talk import _TAKERS

    assert {name.partition(".")[0] for name in _TAKERS} <= set(EVENTS)


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10), (7, 3), (1, 1)])
def test_a_frame_fits_into_its_terminal_whatever_is_said(observer: Observer, size: tuple[int, int]) -> None:
    talk = Talk()
    wide = "東京は何時ですか \x1b[2J\a\t\n" * 30
    talk.take({"event": "answer.ended", "record": {**RECORD, "transcript": wide, "answer": wide}})
    talk.take({"event": "user.partial", "text": wide})
    talk.take({"event": "error", "where": "x", "what": wide, "remedy": ""})
    lines = text(shown(observer, talk, *size))
    assert len(lines) <= size[1]
    assert all(cell_len(line) <= size[0] for line in lines)
    assert not any(sign < " " for line in lines for sign in line)


def terminal(width: int = 80, height: int = 24) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    console = Console(
        file=written, force_terminal=True, width=width, height=height, color_system=None, legacy_windows=False
    )
    return console, written


def test_a_screen_writes_only_the_lines_that_have_changed() -> None:
    console, written = terminal()
    with Screen(console) as screen:
        screen.draw([(("one", ""),), (("two", ""),)])
        written.truncate(0)
        screen.draw([(("one", ""),), (("three", ""),), (("four", ""),)])
        told = written.getvalue()
        assert "one" not in told
        assert "\x1b[2;1Hthree\x1b[0K\x1b[3;1Hfour\x1b[0K" in told
        written.truncate(0)
        screen.draw([(("one", ""),)])
        assert "\x1b[2;1H\x1b[0K\x1b[3;1H\x1b[0K" in written.getvalue()
        written.truncate(0)
        screen.draw([(("one", ""),)])
        assert written.getvalue().strip("\0") == ""


def test_a_screen_of_another_size_is_drawn_anew() -> None:
    console, written = terminal()
    with Screen(console) as screen:
        screen.draw([(("one", ""),)])
        written.truncate(0)
        console.size = (60, 10)
        screen.draw([(("one", ""),)] * 20)
        assert "\x1b[2J" in written.getvalue()
        assert written.getvalue().count("one") == 10


def test_a_screen_gives_back_what_was_there_before_it_whatever_happens() -> None:
    console, written = terminal()
    with pytest.raises(KeyError), Screen(console):
        raise KeyError
    assert "\x1b[?1049h" in written.getvalue()
    assert written.getvalue().endswith("\x1b[?1049l\x1b[?25h")
