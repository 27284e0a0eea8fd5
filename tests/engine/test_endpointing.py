"""The wait in a pause: what shortens it, what makes it longer, and what it learns of a speaker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.config import load
from engine.contract import UNKNOWN
from engine.settings import Turns
from engine.turns.endpointing import Cues, Endpointer

EXPECTED = ("What time does the museum close?", "Hello.", "hello there")
FLOOR, CEILING = 100, 700


def turns(*sets: str) -> Turns:
    bounds = (f"turns.end_of_speech_floor_ms={FLOOR}", f"turns.end_of_speech_ceiling_ms={CEILING}")
    sets = (*bounds, "turns.patience_s=2", *sets)
    return load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""}).turns


def endpointer(*sets: str, language: str = "en") -> Endpointer:
    return Endpointer(turns(*sets), language, EXPECTED)


def wait(*sets: str, **cues: object) -> int:
    return endpointer(*sets).wait_ms(Cues(**cues))  # type: ignore[arg-type]


def test_nothing_known_lies_between_floor_and_ceiling() -> None:
    assert FLOOR < wait() < CEILING


def test_a_phrase_that_was_expected_is_complete_and_its_beginning_is_not() -> None:
    assert wait(text="what time does the museum close") == FLOOR
    assert wait(text="what time does the museum") > wait(text="some other words") == wait()


def test_a_phrase_that_another_one_begins_with_is_less_sure_to_be_complete() -> None:
    assert wait(text="hello there") < wait(text="hello") < wait()


@pytest.mark.parametrize("cue", ["words", "sound"])
def test_a_surer_hint_shortens_the_wait_and_a_doubtful_one_makes_it_longer(cue: str) -> None:
    waits = [wait(text="two words", **{cue: hint / 20}) for hint in range(21)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] > waits[10] > waits[20]
    assert waits[10] == wait(text="two words", **{cue: UNKNOWN}) == wait()


@pytest.mark.parametrize(("language", "text"), [("en", "I want the"), ("en-gb", "and, um"), ("de", "wo ist die")])
def test_a_word_that_wants_another_one_makes_the_wait_longer(language: str, text: str) -> None:
    one = endpointer(language=language)
    assert one.wait_ms(Cues(text)) > one.wait_ms(Cues("xxx"))
    assert one.wait_ms(Cues(text, words=0.9)) == one.wait_ms(Cues(text))


def test_in_a_language_without_a_table_the_last_word_counts_neither_way() -> None:
    one = endpointer(language="fi")
    assert one.wait_ms(Cues("the")) == one.wait_ms(Cues())


def test_words_that_are_not_believed_count_neither_way() -> None:
    assert wait(text="what time does the museum close", confidence=0.0) == wait()
    between = wait(text="what time does the museum", confidence=0.3)
    assert wait() < between < wait(text="what time does the museum")


def test_words_without_text_count_neither_way() -> None:
    assert wait(text="", words=0.9) == wait()


def test_the_first_moments_of_an_utterance_are_seldom_its_end() -> None:
    assert wait(spoken_s=0.3) > wait(spoken_s=0.7) > wait(spoken_s=2.0) == wait() == wait(spoken_s=0.0)


def test_patience_makes_every_wait_longer_within_the_same_bounds() -> None:
    cues = {"text": "two words", "words": 0.6}
    waits = [wait(f"turns.patience_s={patience}", **cues) for patience in (0.1, 1, 2, 4, 8, 100)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (FLOOR, CEILING)
    assert len(set(waits)) > 3


def test_floor_and_ceiling_in_one_are_a_fixed_wait() -> None:
    sets = ("turns.end_of_speech_floor_ms=400", "turns.end_of_speech_ceiling_ms=400")
    assert {wait(*sets, text=text, sound=sound) for text in ("", "of", "hello there") for sound in (0, 1)} == {400}


def test_a_cue_that_comes_late_changes_the_wait_of_the_same_pause() -> None:
    one, cues = endpointer(), Cues("two words")
    first = one.wait_ms(cues)
    assert one.wait_ms(replace(cues, sound=0.2)) > first == one.wait_ms(cues)


def test_whoever_pauses_long_is_waited_for_longer() -> None:
    one = endpointer()
    before = one.wait_ms(Cues())
    for _ in range(3):
        one.resumed(500)
    assert one.wait_ms(Cues()) > before
    one.forget()
    assert one.wait_ms(Cues()) == before


def test_pauses_that_nobody_would_wait_for_teach_no_more_than_the_longest_that_somebody_would() -> None:
    waits = []
    for pause in (CEILING, 100 * CEILING):
        one = endpointer()
        one.resumed(pause)
        waits.append(one.wait_ms(Cues()))
    assert waits[0] == waits[1] < CEILING


def test_pauses_below_the_floor_teach_nothing() -> None:
    one = endpointer()
    before = one.wait_ms(Cues())
    for _ in range(20):
        one.resumed(FLOOR)
    assert one.wait_ms(Cues()) == before


def test_whoever_never_pauses_is_answered_sooner() -> None:
    one = endpointer()
    waits = []
    for _ in range(8):
        waits.append(one.wait_ms(Cues()))
        one.finished()
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] < waits[0]


def test_new_settings_keep_what_was_learnt() -> None:
    one, fresh = endpointer(), endpointer("turns.patience_s=3")
    one.resumed(600)
    one.reload(turns("turns.patience_s=3"), "en", EXPECTED)
    assert one.wait_ms(Cues()) > fresh.wait_ms(Cues())
