"""The phrasebook and the backend that repeats: patterns, answers in turn, and the stage contract."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import load
from engine.contract import Backend, Ended, Job, Rung, Tag, Token
from workers.backends.phrasebook import Phrasebook, compiled, words
from workers.backends.registry import make, rung
from workers.backends.repeat import Repeat

ENTRIES = [
    {"patterns": ["hello", "good morning"], "answers": ["Hello.", "Good to see you."]},
    {"patterns": ["* ticket *"], "answers": ["Twelve euros."]},
    {"patterns": ["where is * toilet"], "answers": ["Down the stairs."]},
]


def phrasebook(entries: list[dict[str, Any]] = ENTRIES) -> Phrasebook:
    backend = Phrasebook()
    backend.load(Rung({"entries": entries, "unknown": "I don't know."}))
    return backend


def said(backend: Backend, text: str, tag: Tag | None = None) -> str:
    """The whole answer, by the contract: one word a step."""
    tag = tag or Tag(1, 1, 1)
    backend.begin(Job(tag, text=text))
    pieces: list[str] = []
    while True:
        (event,) = backend.step(0)
        if isinstance(event, Ended):
            assert event == Ended(tag)
            assert backend.idle
            return "".join(pieces)
        assert isinstance(event, Token)
        assert len(event.text.split()) == 1
        pieces.append(event.text)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("hello", "hello", True),
        ("hello", "Hello!", True),
        ("hello", "hello there", False),
        ("hello", "othello", False),
        ("* ticket *", "ticket", True),
        ("* ticket *", "how much is a ticket please", True),
        ("* ticket *", "tickets", False),
        ("where is * toilet", "where is the nearest toilet", True),
        ("where is * toilet", "where is toilet", True),
        ("where is * toilet", "where is the toilet please", False),
        ("* time * museum *", "at what time does the museum close", True),
        ("* time * museum *", "the museum of time", False),
        ("what's this", "What's this?", True),
        ("a.c", "abc", False),
        ("*", "", True),
        ("*", "anything at all", True),
        ("wo ist der aufzug", "Wo ist der Aufzug?", True),
        ("für *", "für mich", True),
    ],
)
def test_a_pattern_fits_whole_words_with_a_star_for_any_or_none(pattern: str, text: str, fits: bool) -> None:
    assert bool(compiled(pattern).fullmatch(words(text))) is fits


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "*"]), max_size=6),
    st.lists(st.sampled_from(["a", "b", "ab"]), max_size=6),
)
def test_patterns_agree_with_a_matcher_written_the_slow_way(pattern: list[str], spoken: list[str]) -> None:
    def fits(left: list[str], text: list[str]) -> bool:
        if not left:
            return not text
        if left[0] == "*":
            return any(fits(left[1:], text[count:]) for count in range(len(text) + 1))
        return bool(text) and text[0] == left[0] and fits(left[1:], text[1:])

    assert bool(compiled(" ".join(pattern)).fullmatch(words(" ".join(spoken)))) == fits(pattern, spoken)


def test_the_first_entry_that_fits_answers_and_its_answers_come_in_turn() -> None:
    backend = phrasebook()
    assert [said(backend, "hello") for _ in range(3)] == ["Hello.", "Good to see you.", "Hello."]
    assert said(backend, "good morning") == "Good to see you."
    assert said(backend, "One ticket, please.") == "Twelve euros."


def test_the_next_visitor_is_answered_as_if_nobody_had_been_there_before() -> None:
    backend = phrasebook()
    first = [said(backend, "hello"), said(backend, "hello"), said(backend, "hello")]
    backend.forget(1)
    assert [said(backend, "hello") for _ in range(3)] == first


def test_a_question_that_no_pattern_fits_gets_the_phrase_for_it() -> None:
    assert said(phrasebook(), "what is love") == "I don't know."
    assert said(phrasebook([]), "") == "I don't know."


def test_a_long_pattern_does_not_take_for_ever_on_words_that_nearly_fit() -> None:
    backend = phrasebook([{"patterns": [" * ".join("abcdefgh")], "answers": ["Yes."]}])
    assert said(backend, "a b c d e f g " * 6) == "I don't know."


def test_an_answer_that_is_cancelled_ends_so_and_the_next_one_is_whole() -> None:
    backend = phrasebook()
    first, second = Tag(1, 1, 1), Tag(1, 1, 2)
    backend.begin(Job(first, text="where is the toilet"))
    assert backend.step(0) == [Token(first, "Down ")]
    backend.cancel(first)
    backend.cancel(Tag(9, 9, 9))
    assert backend.step(0) == [Ended(first, "cancelled")]
    assert backend.idle
    assert said(backend, "hello", second) == "Hello."


def test_answers_to_two_jobs_do_not_mix() -> None:
    backend = phrasebook()
    tags = [Tag(1, 1, 1), Tag(2, 1, 1)]
    for tag, text in zip(tags, ("where is the toilet", "a ticket"), strict=True):
        backend.begin(Job(tag, text=text))
    answers = dict.fromkeys(tags, "")
    while not backend.idle:
        for event in backend.step(0):
            if isinstance(event, Token):
                answers[event.tag] += event.text
    assert list(answers.values()) == ["Down the stairs.", "Twelve euros."]


def test_repeat_says_what_it_heard_whatever_is_in_it() -> None:
    backend = Repeat()
    backend.load(Rung({"repeat": "You said {text}."}))
    assert said(backend, "go forward ten meters") == "You said go forward ten meters."
    assert said(backend, "{text} {0} %s") == "You said {text} {0} %s."


@pytest.mark.parametrize("name", ["phrasebook", "repeat"])
def test_the_registry_makes_it_ready_for_work_from_the_packaged_configuration(name: str) -> None:
    config = load(sets=[f"llm.backend={name}"], environ={"ANTIPHON_SYSTEM_CONFIG": ""})
    backend = make("llm", config)
    backend.load(rung("llm", config))
    backend.warm_up()
    assert "ten to six" in said(backend, "what are the opening hours") or name == "repeat"


def test_an_answer_that_nobody_heard_is_not_counted_as_given() -> None:
    backend = phrasebook()
    backend.begin(Job(Tag(1, 1, 1), text="hello"))
    backend.cancel(Tag(1, 1, 1))
    backend.settle(Tag(1, 1, 1), "")
    while not backend.idle:
        backend.step(0)
    assert said(backend, "good morning", Tag(1, 1, 2)) == "Hello."


def test_an_answer_that_was_interrupted_is_counted_as_given() -> None:
    backend = phrasebook()
    backend.begin(Job(Tag(1, 1, 1), text="hello"))
    backend.cancel(Tag(1, 1, 1))
    while not backend.idle:
        backend.step(0)
    backend.settle(Tag(1, 1, 1), "Hel")
    assert said(backend, "good morning", Tag(1, 2, 1)) == "Good to see you."
