"""What a language model is told, and what is left out where it is too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import Exchange, Job, Tag
from workers.backends.chat_template import Message
from workers.backends.conversation import TooLongError, fitted, messages, system_text

TAG = Tag(1, 1, 1)
WORDS = st.text("ab ", max_size=30)


def length(conversation: list[Message]) -> int:
    return sum(len(each["content"]) + 5 for each in conversation) + 3


def test_the_language_is_named_as_people_name_it() -> None:
    assert system_text(" Answer in {language}. ", "de") == "Answer in German."
    assert system_text("Answer in {language}.", "pt-br") == "Answer in Portuguese."
    assert system_text("Answer in {language}.", "xx") == "Answer in xx."
    assert system_text("Be brief {or not}.", "en") == "Be brief {or not}."


def test_what_changes_comes_last() -> None:
    past = [Exchange("a", "b")]
    one, other = (messages("System.", past, context, "and now") for context in (["It rains."], ["It is dry."]))
    assert one[:-1] == other[:-1] == messages("System.", past, (), "x")[:-1]
    assert one[-1]["content"].endswith("\nand now")


@given(st.lists(st.tuples(WORDS, WORDS), max_size=6), st.lists(WORDS, max_size=3), WORDS, st.sampled_from(["", "S"]))
def test_roles_take_turns_and_the_question_is_last(
    past: list[tuple[str, str]], context: list[str], question: str, system: str
) -> None:
    found = messages(system, [Exchange(*each) for each in past], context, question)
    roles = [each["role"] for each in found if each["role"] != "system"]
    assert roles == ["user" if number % 2 == 0 else "assistant" for number in range(len(roles))]
    assert roles[-1] == "user"
    assert all(each["content"] for each in found)
    assert found[-1]["content"].endswith(question)
    said = "\n".join(each["content"] for each in found)
    assert all(text in said for exchange in past for text in exchange)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=8), st.lists(WORDS, max_size=4), st.integers(60, 400))
def test_as_much_of_the_newest_as_fits_is_told(past: list[tuple[str, str]], context: list[str], most: int) -> None:
    history = tuple(Exchange(*each) for each in past)
    job = Job(TAG, text="the question", history=history, context=tuple(context))
    try:
        found = fitted("Sys.", job, length, most)
    except TooLongError:
        assert length(messages("Sys.", [], [], job.text)) > most
        return
    assert length(found) <= most
    for dropped in range(len(history) + 1):
        more = messages("Sys.", history[dropped:], context, job.text)
        if length(more) <= most:
            assert found == more  # no more is left out than need be
            return
    assert not any(each["role"] == "assistant" for each in found)


def test_a_question_that_does_not_fit_alone_is_told() -> None:
    with pytest.raises(TooLongError, match="53 tokens longer than fits"):
        fitted("", Job(TAG, text="x" * 100), length, 55)
