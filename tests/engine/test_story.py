"""What a person reads of a turn."""

from __future__ import annotations

from typing import Any

from engine.story import line, parts


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
    record |= {"source": "answer", "floor": [], "held": False}
    return record | {"response_ms": 576.0, "stages": stages} | changes


def test_the_parts_of_a_response_follow_each_other_and_sum_to_it() -> None:
    found = parts(turn())
    assert found == [("wait", 460.0), ("asr", 80.0), ("llm", 1.0), ("voice", 11.0), ("play", 24.0)]
    assert sum(ms for _, ms in found) == turn()["response_ms"]


def test_a_stage_that_gave_nothing_is_left_out_and_the_sum_still_holds() -> None:
    stages = {name: times for name, times in turn()["stages"].items() if name not in ("llm", "asr")}
    found = parts(turn(stages=stages))
    assert [label for label, _ in found] == ["wait", "voice", "play"]
    assert sum(ms for _, ms in found) == 576.0


def test_a_turn_is_its_words_and_its_waterfall() -> None:
    assert line(turn()) == (
        "turn 3  “when do you close” → “At six.”\n"
        "        end of speech ├ wait 460 ─ asr 80 ─ llm 1 ─ voice 11 ─ play 24 ┤ heard after 576 ms"
    )


def test_stages_that_were_late_are_named() -> None:
    assert line(turn(late=["asr", "vocoder"])).endswith("heard after 576 ms   late: asr, vocoder")


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
    assert line(said | {"outcome": "stopped"}, words=False) == "turn 3  the host: 3 words   stopped"


def test_what_was_done_before_the_end_by_speculation_takes_no_time_of_the_response() -> None:
    stages = turn()["stages"]
    early = {name: {**stages[name], "first": -40.0, "ended": -20.0} for name in ("llm", "vocoder")}
    found = parts(turn(stages={**stages, **early}))
    assert [(label, ms) for label, ms in found if label in ("llm", "voice")] == [("llm", 0.0), ("voice", 0.0)]
    assert sum(ms for _, ms in found) == 576.0


def test_words_that_stand_in_several_lines_are_shown_in_one() -> None:
    assert line(turn(answer="At\n\nsix.")).splitlines()[0].endswith("“At six.”")
