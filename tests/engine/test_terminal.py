"""What a person at the terminal is shown, and that a terminal which takes nothing keeps nobody."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TextIO

import pytest

from engine import levels
from engine import printer as printer_module
from engine.events import AnswerEnded, AnswerWord, DeviceChanged, Error, Event, RungChanged, StateChanged, UserFinal
from engine.hub import Hub
from engine.printer import Printer
from engine.terminal import Terminal
from engine.waterfall import LEGEND
from tests.engine.test_story import turn

TURN = AnswerEnded("At six.", "At six.", "answered", "answer", turn())


def shown(*events: Event, words: bool = True, verbose: bool = False) -> list[tuple[TextIO, str]]:
    """The lines and where they go."""
    lines: list[tuple[TextIO, str]] = []

    class Paper(Printer):
        def __init__(self) -> None: ...

        def line(self, stream: TextIO, text: str, level: int = levels.INFO) -> None:
            lines.append((stream, text))

    hub = Hub(100)
    hub.subscribe(Terminal(Paper(), words, verbose))
    for event in events:
        hub.tell(event)
    return lines


def test_turns_go_to_stdout_and_devices_and_errors_to_stderr() -> None:
    open_ = DeviceChanged("microphone", "open", "USB mic", "", 48000, 1, "microphone: USB mic")
    (first, turn_), device, error = shown(TURN, open_, Error("asr", "it died", "it is started again"))
    assert first is sys.stdout
    assert turn_.startswith("turn 3  “when do you close” → “At six.”\n")
    assert device == (sys.stderr, "microphone: USB mic")
    assert error == (sys.stderr, "engine:asr: it died; it is started again")


def test_what_was_said_is_shown_as_a_turn_if_at_all_and_never_on_the_way() -> None:
    said = (UserFinal("my name is Ada", "en", 0.9), AnswerWord("Hello,", 0), AnswerWord("Ada.", 1))
    assert shown(*said) == []
    assert shown(AnswerEnded("Hello, Ada.", "Hello, Ada.", "answered", "answer")) == []  # of which there is no record
    ((_, line),) = shown(TURN, words=False)
    assert line.startswith("turn 3  4 words → 2 words\n")


def test_who_asks_for_it_is_drawn_where_the_time_went_and_told_what_happens_and_no_word() -> None:
    quiet = shown(StateChanged("listening"), TURN, TURN, words=False)
    told = shown(StateChanged("listening"), UserFinal("Ada", "en", 0.9), TURN, TURN, words=False, verbose=True)
    assert [line for line in told if line in quiet] == quiet
    (state,) = [text for stream, text in told if stream is sys.stderr]
    assert re.fullmatch(r"engine: \d\d:\d\d:\d\d\.\d{3} state listening", state)
    drawn = [text for stream, text in told if stream is sys.stdout]
    assert sum(text.startswith("    wait ") for text in drawn) == 2
    assert sum(LEGEND in text for text in drawn) == 1  # said once
    assert not any("Ada" in text or "six" in text for text in drawn)


def test_of_what_the_host_said_there_is_nothing_to_draw() -> None:
    said = turn(transcript="", answer="We close.", source="say", response_ms=None)
    lines = shown(AnswerEnded("We close.", "We close.", "answered", "say", said), verbose=True)
    assert [text for _, text in lines] == ["turn 3  the host: “We close.”"]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_drawing_is_no_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    drawn = [text for _, text in shown(TURN, verbose=True)[1:]]
    widest = max(map(len, drawn))
    assert widest <= columns
    assert widest > columns * 0.8


def test_a_journal_is_told_how_grave_a_line_is_and_gets_each_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "file").open("w") as file:
        status = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        printer = Printer()
        for stream in (journal, file):
            printer.line(stream, "turn 1\n        heard", levels.INFO)
            printer.line(stream, "it died", levels.WARNING)
        printer.close(60)
    assert (tmp_path / "journal").read_text() == "<6>turn 1 heard\n<4>it died\n"
    assert (tmp_path / "file").read_text() == "turn 1\n        heard\nit died\n"


def test_each_kind_of_line_has_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []

    class Paper(Printer):
        def __init__(self) -> None: ...

        def line(self, stream: TextIO, text: str, level: int = levels.INFO) -> None:
            found.append(level)

    hub = Hub(100)
    hub.subscribe(Terminal(Paper(), words=True))
    device = DeviceChanged("microphone", "open", "USB mic", "", 48000, 1, "microphone: USB mic")
    for event in (TURN, device, Error("asr", "it died"), RungChanged("asr", 0, 1, "narrow", "it was late")):
        hub.tell(event)
    assert found == [levels.INFO, levels.NOTICE, levels.ERROR, levels.NOTICE]


def test_lines_come_whole_and_in_order() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        printer = Printer()
        for number in range(100):
            printer.line(stream, f"line {number}, größer")
        printer.close()
    with os.fdopen(reading) as read:
        assert read.read() == "".join(f"line {number}, größer\n" for number in range(100))


def test_a_pipe_that_nobody_empties_keeps_nobody_and_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printer_module, "_MOST_WAITING", 10)
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        printer = Printer()
        for _ in range(100):
            printer.line(stream, "x" * 10_000)
        assert printer._lines.qsize() <= 10
        printer.close(timeout_s=0.01)
        assert printer._thread.is_alive()
        os.close(reading)  # now nobody reads at all
        printer.close(60)
        assert not printer._thread.is_alive()


def test_nobody_reads_any_more_and_the_lines_go_on() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        printer = Printer()
        printer.line(stream, "hello")
        printer.line(stream, "again")
        printer.close(60)
        assert not printer._thread.is_alive()


def test_what_a_model_says_is_shown_and_not_obeyed() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as paper, os.fdopen(writing, "w", encoding="utf-8") as stream:
        printer = Printer()
        printer.line(stream, "“\x1b]0;owned\x07\x9b2J” \tand\nthen")
        printer.close()
        stream.close()
        assert paper.read().decode() == "“\ufffd]0;owned\ufffd\ufffd2J” \tand\nthen\n"
