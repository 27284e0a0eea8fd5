"""The answerer: which fact answers what, what leans on the turn before, what is refused; nothing is invented."""

from __future__ import annotations

import time

import pytest

from engine.contract import Exchange
from engine.partner.english import ENGLISH
from engine.partner.mishearing import Mishearing
from engine.partner.partner import Decision, Partner, Persona
from engine.partner.question import read
from engine.partner.reading import lexicon

FACTS = (
    "The museum is open from ten to six, every day but Monday.",
    "On Thursdays we stay open until nine.",
    "A ticket is twelve euros for adults.",
    "Students pay eight euros.",
    "The toilets are down the stairs, on your left.",
    "The museum shop closes at half past five.",
    "Guided tours start at eleven and take fifty minutes.",
    "The museum was founded in 1887 by Clara Whitfield.",
    "Check-in for groups is at the side door.",
)
PARTNER = Partner(FACTS, persona=Persona("Clio", "the voice of this museum"))


def talk(*said: str, partner: Partner = PARTNER, context: tuple[str, ...] = ()) -> list[Decision]:
    """A conversation, each answer heard to its end."""
    history: list[Exchange] = []
    decisions = []
    for text in said:
        decisions.append(partner.decide(text, history, context))
        history.append(Exchange(text, decisions[-1].text))
    return decisions


def answer(*said: str) -> str:
    return talk(*said)[-1].text


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("when do you close", 0),
        ("What are your opening hours?", 0),
        ("excuse me, could you tell me when the museum opens please", 0),
        ("are you open on sundays", 0),
        ("how late are you open on thursday", 1),
        ("how much does it cost to get in", 2),
        ("what's the admission", 2),
        ("how much is it for students", 3),
        ("where's the loo", 4),
        ("I need a bathroom", 4),
        ("when does the shop shut", 5),
        ("when does the next tour begin", 6),
        ("how long is a guided tour", 6),
        ("who founded this museum", 7),
        ("where do groups check in", 8),
        ("we are a group, where do we check in", 8),
    ],
)
def test_the_fact_that_answers_is_said_as_it_stands(question: str, fact: int) -> None:
    assert answer(question) == FACTS[fact]


@pytest.mark.parametrize(
    "question",
    [
        "do you have a parking garage",
        "how much is a guided tour",
        "where do the guided tours start",
        "who painted the mona lisa",
        "is there a piano",
        "when was the shop founded",
        "what is the weather like",
    ],
)
def test_what_no_fact_answers_is_refused_and_nothing_is_said_as_if_it_did(question: str) -> None:
    (decision,) = talk(question)
    assert decision.kind == "unknown"
    assert decision.text.startswith(("I am sorry, I don't know that.", "I don't know exactly, but maybe this helps:"))


def test_a_refusal_offers_what_is_known_instead() -> None:
    assert answer("how much is a guided tour").endswith(
        "But I know this: Guided tours start at eleven and take fifty minutes."
    )
    assert "But I can tell you about" in answer("is there a piano")
    brief = Partner(FACTS, persona=Persona(manner="brief"), phrases={"unknown": "No idea."})
    assert talk("is there a piano", partner=brief)[0].text == "No idea."


def test_a_question_leans_on_the_turn_before() -> None:
    assert answer("when do you close", "and on thursdays") == FACTS[1]
    assert answer("how much is a ticket", "and for students") == FACTS[3]
    assert answer("when is the guided tour", "how long does it take") == FACTS[6]
    assert answer("who founded the museum", "when was that") == FACTS[7]
    assert talk("when is the guided tour", "how much is it")[-1].kind == "unknown"


def test_beside_who_asks_is_a_place() -> None:
    partner = Partner(["The lift is behind you."])
    assert talk("where is the lift", partner=partner)[0].text == "The lift is behind you."


def test_a_line_of_context_is_known_while_it_is_given() -> None:
    assert talk("what do you see", context=("sees: a child with a red hat",))[0].text == "I see a child with a red hat."
    assert talk("what do you see")[0].kind == "unknown"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("hello there", "Hello. How can I help you?"),
        ("thanks a lot", "You are welcome."),
        ("goodbye Clio", "Goodbye."),
        ("who are you", "I am Clio, the voice of this museum."),
        ("could you say that again please", "I have not said anything yet."),
    ],
)
def test_small_talk(said: str, answer: str) -> None:
    (decision,) = talk(said)
    assert (decision.kind, decision.text) == ("talk", answer)


def test_what_was_said_is_said_again_as_far_as_it_was_heard() -> None:
    assert (
        PARTNER.decide("say that again", [Exchange("where are the toilets", "The toilets are")]).text
        == "The toilets are"
    )


def test_a_greeting_before_a_question_is_no_small_talk() -> None:
    assert answer("good morning, where are the toilets") == FACTS[4]


@pytest.mark.parametrize(
    ("heard", "fact"),
    [
        ("when does the mew seem open", 0),
        ("wear are the toy lets", 4),
        ("how much is a tick it", 2),
        ("john much is a ticket", 2),
        ("and found much is a ticket", 2),
    ],
)
def test_words_that_only_sound_like_the_right_ones_will_do(heard: str, fact: int) -> None:
    said = {"museum": "M Y UW Z IY AH M", "mew": "M Y UW", "seem": "S IY M"}
    partner = Partner(FACTS, pronounce=lambda word: said.get(word, ""))
    assert talk(heard, partner=partner)[0].text == FACTS[fact]


def test_a_misheard_how_is_guessed_where_nothing_fits() -> None:
    guess = Mishearing(lexicon(ENGLISH), (), lambda term: True, None).guess(["found", "far", "is", "the", "beach"])
    assert guess is not None
    assert guess.words == ("how", "far", "is", "the", "beach")


def test_what_a_misheard_how_asks_for_is_not_answered_with_something_else() -> None:
    for question in ("how much is the guided tour", "found much is the guided tour"):
        assert talk(question)[0].kind == "unknown"
    assert talk("is there a guided tour")[0].kind == "fact"


@pytest.mark.parametrize("text", ["so much is a ticket", "that much is a ticket", "much is a ticket"])
def test_much_after_a_word_that_may_stand_there_is_no_how_much(text: str) -> None:
    assert read(lexicon(ENGLISH), text).kind == ""
    assert Mishearing(lexicon(ENGLISH), (), lambda term: True, None).guess(text.split()) is None


def test_nothing_is_said_but_facts_and_phrases() -> None:
    known = {*FACTS}
    for word in ("museum", "ticket", "lion", "twelve", "thursday"):
        for question in (f"where is the {word}", f"how much is {word}", f"tell me about the {word}", word):
            (decision,) = talk(question)
            assert decision.text in known or decision.kind != "fact"


def test_without_facts_or_words_it_has_an_answer_too() -> None:
    nobody = Partner(())
    for text in ("", "...", "what can you do", "where is it", "and on sundays"):
        assert talk(text, partner=nobody)[0].text


def test_the_same_question_has_the_same_answer_whoever_was_asked_before() -> None:
    fresh = Partner(FACTS)
    assert [talk("and on thursdays", partner=fresh)[0].text] * 2 == [answer("and on thursdays") for _ in range(2)]


def test_it_takes_no_longer_for_a_long_question_than_its_words_do() -> None:
    began = time.process_time()
    talk("how long is this " * 2000)
    assert time.process_time() - began < 60  # a pattern that tries every way would take for ever


AGED = Partner(
    (
        "The pool is open from seven in the morning to ten at night.",
        "The museum was built in eighteen ninety.",
        "The castle is six hundred years old.",
        "Children under six come in free.",
        "Dogs are not allowed in the museum.",
        "Take the left stairs and you are at the cafe.",
        "You can buy a ticket at the ticket desk.",
    )
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("how old is the castle", "The castle is six hundred years old."),
        ("how old must children be", "Children under six come in free."),
        ("where do I get a ticket", "You can buy a ticket at the ticket desk."),
    ],
)
def test_an_age_and_a_place_are_told(question: str, answer: str) -> None:
    assert AGED.decide(question).text == answer


@pytest.mark.parametrize("question", ["how old is the pool", "where is the museum"])
def test_hours_are_no_age_and_a_rule_in_a_place_does_not_say_where_that_is(question: str) -> None:
    assert AGED.decide(question).kind == "unknown"
