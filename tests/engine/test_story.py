"""What a person reads of a turn."""

from __future__ import annotations

from typing import Any

from engine.story import line


def turn(**changes: Any) -> dict[str, Any]:
    stages = {
        "vad": {"began": -2208.0, "first": -2142.9, "ended": 37.2},
        "turns": {"began": 37.2, "first": None, "ended": 460.0},
        "asr": {"began": -2142.6, "first": -1773.8, "ended": 540.0},
        "llm": {"began": 540.5, "first": 541.0, "ended": 542.0},
        "vocoder": {"began": 542.0, "first": 552.0, "ended": 600.0},
        "audio": {"began": None, "first": 576.0, "ended": 4000.0},
    }
    record = {"turn": 3, "transcript": "when do you close", "answer": "At six.", "outcome": "answered", "late": []}
    record |= {"source": "answer", "floor": [], "held": False, "session": 1, "attempt": 1, "heard": "At six."}
    budgets = {"turns": 710.0, "asr": 80.0, "llm": 180.0, "vocoder": 80.0, "audio": 30.0, "response": 800.0}
    record |= {"at_ns": 90_000_000_000, "budgets": budgets, "rungs": {"asr": 0, "llm": 0, "vocoder": 0}}
    return record | {"response_ms": 576.0, "stages": stages} | changes


def test_a_turn_is_its_words_and_its_waterfall() -> None:
    assert line(turn()) == (
        "turn 3  “when do you close” → “At six.”\n"
        "        end of speech ├ wait 460 ─ asr 80 ─ llm 2 ─ voice 10 ─ play 24 ┤ heard after 576 ms"
    )


def test_stages_that_were_late_are_named() -> None:
    assert line(turn(late=["asr", "vocoder"])).endswith("heard after 576 ms   late: asr, vocoder")


def test_what_took_longer_than_its_budget_is_named_whoever_waited_for_it() -> None:
    stages = turn()["stages"] | {"audio": {"began": None, "first": 590.0, "ended": 4000.0}}
    assert line(turn(stages=stages, response_ms=590.0)).endswith("play 38 ┤ heard after 590 ms   late: audio")


def test_what_the_floor_took_over_is_named_and_that_it_held_the_turn() -> None:
    told = line(turn(late=["llm"], floor=["llm", "vocoder"], held=True))
    assert told.endswith("heard after 576 ms   late: llm   floor: llm, vocoder   held")


def test_a_turn_without_an_answer_says_so() -> None:
    assert line(turn(answer="", response_ms=None, outcome="abandoned")) == (
        "turn 3  “when do you close” → (nothing)\n        abandoned"
    )


def test_words_are_counted_where_they_must_not_be_shown() -> None:
    told = line(turn(), words=False)
    assert told.startswith("turn 3  4 words → 2 words\n        end of speech ├ wait 460")
    assert line(turn(transcript="hello", answer=""), words=False).startswith("turn 3  1 word → (nothing)\n")


def test_what_the_host_said_is_one_line() -> None:
    said = turn(transcript="", answer="We close now.", source="say", response_ms=None)
    assert line(said) == "turn 3  the host: “We close now.”"
    waited = {"vocoder": {"began": 900.0, "first": 1000.0, "ended": 1200.0}}  # for its turn to speak
    assert line(said | {"stages": waited}) == "turn 3  the host: “We close now.”"
    assert line(said | {"outcome": "stopped"}, words=False) == "turn 3  the host: 3 words   stopped"


def test_words_that_stand_in_several_lines_are_shown_in_one() -> None:
    assert line(turn(answer="At\n\nsix.")).splitlines()[0].endswith("“At six.”")
