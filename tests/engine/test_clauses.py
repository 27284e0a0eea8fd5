"""Answers are cut where a voice can pause, and no word is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clauses import MOST_WORDS, Clauser


def cut(*pieces: str, first: int = 2, most: int = MOST_WORDS) -> list[str]:
    clauser = Clauser(first, most)
    return [clause for piece in pieces for clause in clauser.feed(piece)] + clauser.flush()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Hello.", ["Hello."]),
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("Well, it is here.", ["Well, it is here."]),
        ("On the left, behind the shop.", ["On the left,", "behind the shop."]),
        ("It costs 3.50 euros, about.", ["It costs 3.50 euros,", "about."]),
        ("One two, three, four five six, seven.", ["One two,", "three, four five six, seven."]),
        ("", []),
        ("   ", []),
    ],
)
def test_a_clause_ends_where_a_voice_can_pause(text: str, clauses: list[str]) -> None:
    assert cut(text) == clauses


def test_the_first_clause_is_there_before_the_answer_is_complete() -> None:
    clauser = Clauser()
    assert clauser.feed("You are right. The") == ["You are right."]


def test_a_lower_rung_has_shorter_clauses() -> None:
    assert cut("Hello, good to see you.", first=1) == ["Hello,", "good to see you."]
    assert cut("one two three four five six seven", most=3) == ["one two three", "four five six", "seven"]
    assert cut("one two three, four five six, seven", most=3) == ["one two three,", "four five six,", "seven"]


def test_a_clause_without_punctuation_has_an_end() -> None:
    clauses = cut(*(f"word{n} " for n in range(3 * MOST_WORDS)))
    assert max(len(clause.split()) for clause in clauses) <= MOST_WORDS


@given(st.lists(st.text(alphabet="ab ,.!?;:…", max_size=8)))
def test_no_word_is_lost_or_changed_however_it_comes_in(pieces: list[str]) -> None:
    assert " ".join(cut(*pieces)).split() == "".join(pieces).split()
