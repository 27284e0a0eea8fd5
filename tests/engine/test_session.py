"""What is known of a visitor stays within what a question may carry."""

from __future__ import annotations

from engine import messages as m
from engine.channels import channel
from engine.contract import Tag
from engine.turns.host_commands import MOST_CHARACTERS
from engine.turns.session import CONTEXT_CHARACTERS, CONTEXT_ITEMS, HISTORY_CHARACTERS, Session


def test_turns_are_counted_from_one_and_tags_only_grow() -> None:
    first, second = Session(1), Session(2)
    tags = [first.next_tag(), first.next_tag(), second.next_tag()]
    assert tags == sorted(tags) == [Tag(1, 1, 1), Tag(1, 2, 1), Tag(2, 1, 1)]


def test_the_oldest_context_goes_when_there_is_too_much() -> None:
    session = Session(1)
    for number in range(CONTEXT_ITEMS + 3):
        session.know(f"fact {number}")
    assert session.context == tuple(f"fact {number}" for number in range(3, CONTEXT_ITEMS + 3))
    session.know("x" * (CONTEXT_CHARACTERS - 7))
    assert [len(text) for text in session.context] == [7, CONTEXT_CHARACTERS - 7]
    session.know("")
    assert session.context == ()


def test_the_oldest_exchanges_go_when_they_are_too_long_or_too_many() -> None:
    session = Session(1)
    for number in range(5):
        session.remember(f"question {number}", "x" * (HISTORY_CHARACTERS // 3))
    assert session.past(10)[::2] == ("question 3", "question 4")
    assert session.past(1)[::2] == ("question 4",)
    assert session.past(0) == ()


def test_the_fullest_question_fits_into_its_ring() -> None:
    """Four bytes a character, and a quarter of the ring is the most that one record may take."""
    session = Session(1)
    session.remember("\N{WATERMELON}", "\N{WATERMELON}" * (HISTORY_CHARACTERS - 1))
    for _ in range(CONTEXT_ITEMS):
        session.know("\N{WATERMELON}" * (CONTEXT_CHARACTERS // CONTEXT_ITEMS))
    ask = m.Ask(
        text="\N{WATERMELON}" * MOST_CHARACTERS, language="en", history=session.past(9), context=session.context
    )
    assert len(m.encode(ask)) <= channel("asks").size // 4 - 64
