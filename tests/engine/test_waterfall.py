"""The waterfall of a turn: parts that sum to its whole, each stage against its budget, and the drawing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine import messages as m
from engine.turns.deadlines import SURE_AFTER_MS, budgets
from engine.waterfall import LEGEND, NARROWEST, draw, late, parts, spans, whole
from tests.engine.talk import WAIT, Talk, config
from tests.engine.test_story import turn


def lengths(record: dict[str, Any]) -> list[tuple[str, float]]:
    return [(part.label, part.ms) for part in parts(record)]


def without(*stages: str) -> dict[str, Any]:
    return {name: times for name, times in turn()["stages"].items() if name not in stages}


def test_the_parts_of_a_response_follow_each_other_and_sum_to_it() -> None:
    found = parts(turn())
    assert lengths(turn()) == [("wait", 460.0), ("asr", 80.0), ("llm", 2.0), ("voice", 10.0), ("play", 24.0)]
    assert [part.end for part in found[:-1]] == [part.begin for part in found[1:]]
    assert (found[0].begin, found[-1].end) == (0.0, 576.0)


@pytest.mark.parametrize("gone", [("llm", "asr"), ("vocoder",), ("turns", "asr", "llm", "vocoder", "audio")])
def test_a_stage_that_gave_nothing_is_left_out_and_the_sum_still_holds(gone: tuple[str, ...]) -> None:
    record = turn(stages=without(*gone))
    assert sum(part.ms for part in parts(record)) == 576.0
    assert {part.stage for part in parts(record)} - {"audio"} == {"turns", "asr", "llm", "vocoder"} - set(gone) - (
        {"llm"} if "vocoder" in gone else set()
    )


def test_whatever_the_marks_are_the_parts_sum_exactly() -> None:
    dice = random.Random(9)

    def mark() -> float | None:
        return None if dice.random() < 0.2 else round(dice.uniform(-500, 900), 1)

    for _ in range(500):
        stages = {
            stage: {name: mark() for name in ("began", "first", "ended")}
            for stage in ("turns", "asr", "llm", "vocoder", "audio")
            if dice.random() < 0.9
        }
        response = round(dice.uniform(0, 900), 1)
        found = parts(turn(stages=stages, response_ms=response))
        assert sum(round(part.ms * 10) for part in found) == round(response * 10)
        assert all(part.ms >= 0 for part in found)
        assert sum(ms for _, ms in whole(found)) == round(response)


def test_what_was_done_before_the_end_on_a_guess_takes_no_time_of_the_response() -> None:
    stages = turn()["stages"]
    early = {name: {"began": -60.0, "first": -40.0, "ended": -20.0} for name in ("llm", "vocoder")}
    record = turn(stages={**stages, **early})
    assert [ms for label, ms in lengths(record) if label in ("llm", "voice")] == [0.0, 0.0]
    assert sum(ms for _, ms in lengths(record)) == 576.0
    assert not any(span.over for span in spans(record) if span.stage in early)


def test_a_turn_that_was_not_answered_has_the_parts_as_far_as_it_came() -> None:
    record = turn(stages=without("llm", "vocoder", "audio"), response_ms=None, late=["llm"])
    assert lengths(record) == [("wait", 460.0), ("asr", 80.0)]
    (llm,) = [span for span in spans(record) if span.stage == "llm"]
    assert (llm.begin, llm.took, llm.over) == (None, None, True)


def test_each_stage_stands_against_its_budget() -> None:
    found = {span.stage: span for span in spans(turn())}
    assert list(found) == ["vad", "turns", "asr", "llm", "vocoder", "audio"]
    assert (found["llm"].begin, found["llm"].first, found["llm"].end) == (540.5, 541.0, 542.0)
    assert (found["asr"].took, found["asr"].budget, found["asr"].over) == (80.0, 80.0, False)
    assert (found["vad"].took, found["vad"].budget) == (None, None)
    slower = turn()["stages"] | {"asr": {"began": -2142.6, "first": -1773.8, "ended": 540.1}}
    assert [span.stage for span in spans(turn(stages=slower)) if span.over] == ["asr"]
    assert late(turn(late=["vocoder"])) == ["vocoder"]
    assert late(turn(stages=slower, late=["vocoder"])) == ["asr", "vocoder"]
    assert late(turn()) == []


def test_the_record_holds_the_budgets_that_counted_when_the_turn_began() -> None:
    talk = Talk()
    talk.exchange(1000, "hello", "Yes.")
    (record,) = talk.turns
    assert record["budgets"] == budgets(config())
    assert record["budgets"]["turns"] == WAIT + SURE_AFTER_MS + config().vad.hop_budget_ms
    assert record["at_ns"] == 2_000_000_000
    assert sum(part.ms for part in parts(record)) == record["response_ms"]


def test_of_an_answer_that_was_cut_off_it_is_known_what_it_was_waited_for() -> None:
    talk = Talk()
    talk.ask(1000, "hello")
    asked = talk.at
    talk.until(asked + 100)
    talk.say(m.Piece(tag=talk.tag, text="Yes. It is "))
    talk.until(asked + 130)
    talk.say(m.ClauseBegan(tag=talk.tag, number=0))
    talk.until(asked + 150)
    talk.begins()
    talk.until(asked + 500)
    talk.host(m.StopSpeaking(number=1))
    (record,) = talk.turns
    assert lengths(record)[1:] == [("llm", 110.0), ("voice", 30.0), ("play", 20.0)]


def test_the_drawing_is_a_bar_for_each_stage_no_wider_than_asked() -> None:
    for width in (NARROWEST, 80, 132):
        lines = draw(turn(late=["asr"]), width).splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["vad", "wait", "asr", "llm", "voice", "play", "heard"]
        assert max(map(len, lines)) <= width
        bars = {line.split()[0]: line for line in lines[1:-1]}
        assert bars["asr"].endswith("80 of 80 late")
        assert bars["wait"].endswith("460 of 710")
        assert bars["wait"].count("█") > bars["asr"].count("█") > bars["llm"].count("█") > 0
        # One ends where the next begins.
        assert bars["wait"].rindex("█") <= bars["asr"].index("█") <= bars["wait"].rindex("█") + 1
        assert lines[-1] == "      heard after 576 ms of 800"


def test_the_numbers_of_a_drawing_sum_to_the_response_that_it_tells() -> None:
    stages = turn()["stages"] | {"turns": {"began": 37.2, "first": None, "ended": 131.6}}
    stages |= {"asr": {"began": -2142.6, "first": -1773.8, "ended": 131.6}}
    stages |= {"vocoder": {"began": 142.0, "first": 227.4, "ended": 600.0}}
    lines = draw(turn(stages=stages, response_ms=250.0)).splitlines()[1:-1]
    numbers = [int(line.split(" of ")[0].split()[-1]) for line in lines if " of " in line]
    assert numbers == [132, 0, 10, 85, 23]
    assert sum(numbers) == 250


def test_what_took_too_long_is_seen_in_the_drawing() -> None:
    stages = turn()["stages"]
    slow = {**stages, "vocoder": {"began": 542.0, "first": 742.0, "ended": 800.0}}
    slow["audio"] = {"began": None, "first": 766.0, "ended": 4000.0}
    (voice,) = [each for each in draw(turn(stages=slow, response_ms=766.0)).splitlines() if each.startswith("voice")]
    assert "┊▓" in voice
    assert voice.index("█") < voice.index("┊") < voice.index("▓")
    assert voice.endswith("200 of 80 late")
    assert "▓" not in draw(turn())


def test_what_nobody_did_anything_for_is_not_drawn() -> None:
    assert draw(turn(stages={}, response_ms=None)) == ""
    assert all(sign in LEGEND for sign in "█░▓┊")


def test_times_count_from_the_last_sound_of_the_voice_and_not_from_when_voice_activity_was_sure() -> None:
    told = []
    for quiet_ms in (0, 40):
        talk = Talk()
        talk.begin(1000)
        talk.until(2032)
        talk.say(m.SpeechPaused(end=2000 * 16, capture_ns=2_000_000_000, quiet=quiet_ms * 16))
        talk.until(2000 + WAIT + 10)
        talk.text("hello")
        talk.answer("Yes.")
        talk.play(3000, 4000)
        (record,) = talk.turns
        told.append(
            (record["response_ms"], record["stages"]["turns"]["ended"], record["at_ns"], record["speech"]["end_s"])
        )
    assert told == [
        (1000.0, 450.0, 2_000_000_000, 2.0),
        (1040.0, 490.0, 1_960_000_000, 1.96),
    ]
