"""What is asked in a sentence that says more: a question beside a statement, and a request behind one."""

from __future__ import annotations

import pytest

from engine.contract import Exchange
from engine.partner.clauses import LONGEST, apart, requested
from engine.partner.english import ENGLISH
from engine.partner.partner import Partner
from engine.partner.reading import lexicon
from engine.partner.tools import Tool
from engine.partner_settings import Parameter

LEXICON = lexicon(ENGLISH)
FACTS = (
    "The air pump in front of the shop is free to use at any time.",
    "The code for the wireless internet is sunflower 22.",
    "Children under five travel free of charge.",
    "Tickets can be refunded until two hours before departure.",
    "The pharmacy is opposite gate nine.",
    "The café in the stables serves soup and cake.",
    "A tour of the old mill costs nine euros.",
    "A tour of the salt mine costs twelve euros.",
)
TOOLS = (
    Tool(
        "set_gate",
        "Open or close a gate",
        (Parameter("gate", "string", ("north", "orchard")), Parameter("open", "boolean")),
    ),
    Tool("call_person", "Call somebody to the desk", (Parameter("person", "string", ("manager", "cleaner")),)),
    Tool("show_way", "Show the way to a place", (Parameter("place", "string", ("mill", "exit")),)),
)
PARTNER = Partner(FACTS, TOOLS)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("my daughter is nine, does she have to pay", "does she have to pay"),
        ("my tyres are soft where can I pump them up", "where can i pump them up"),
        ("what's the wifi code, grandpa doesn't know it", "what is the wifi code"),
        ("where do I change money because I have come from far away", "where do i change money"),
    ],
)
def test_the_question_of_a_sentence_stands_before_or_behind_its_statement(said: str, asked: str) -> None:
    assert asked in [" ".join(question.words) for question, _ in apart(LEXICON, said)]


def test_a_very_long_sentence_is_not_taken_apart() -> None:
    assert not list(apart(LEXICON, "well and " * LONGEST + "where is it"))


def test_only_what_may_be_a_request_is_one() -> None:
    assert [" ".join(each.request) for each, _ in requested(LEXICON, "the floor is wet, please call the cleaner")] == [
        "call the cleaner"
    ]
    assert not list(requested(LEXICON, "the floor is wet, is that dangerous"))


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("my tyres are a bit soft where can I pump them up", 0),
        ("what's the wifi code, grandpa doesn't know it", 1),
        ("my granddaughter is three, does she need a ticket", 2),
        ("I can't travel after all, do I get my money back", 3),
        ("I've got a dreadful headache, where could I buy some tablets", 4),
        ("we're starving, where can we eat", 5),
    ],
)
def test_a_fact_answers_what_is_asked_whatever_else_is_said(question: str, fact: int) -> None:
    assert PARTNER.decide(question).text == FACTS[fact]


def test_what_points_to_what_was_spoken_of_is_not_about_something_else() -> None:
    before = [Exchange("how much is the tour of the salt mine", FACTS[7])]
    assert PARTNER.decide("how much are tickets for it", before).text == FACTS[7]
    assert PARTNER.decide("how long is a tour there", before).kind == "unknown"


@pytest.mark.parametrize(
    ("request_", "name", "arguments"),
    [
        ("open the orchard gate", "set_gate", {"gate": "orchard", "open": True}),
        ("the cows are all in, so shut the north gate", "set_gate", {"gate": "north", "open": False}),
        ("the floor is wet, please call the cleaner", "call_person", {"person": "cleaner"}),
        ("could you get the manager for me", "call_person", {"person": "manager"}),
        ("we're tired, which way is the exit", "show_way", {"place": "exit"}),
    ],
)
def test_a_request_is_followed_behind_a_statement_and_by_the_name_of_what_it_wants(
    request_: str, name: str, arguments: dict[str, object]
) -> None:
    (call,) = PARTNER.decide(request_).calls
    assert (call.name, dict(call.arguments)) == (name, arguments)


@pytest.mark.parametrize(
    "request_",
    [
        "when the cows are in, shut the north gate",
        "don't open the orchard gate",
        "the manager is nice",
        "is the gate open",
        # another time, or a case that may not be
        "in ten minutes, open the north gate",
        "on friday, shut the orchard gate",
        "every morning, open the north gate",
        "at six o'clock, please open the north gate",
        "whenever it rains, open the north gate",
        "in case it rains, open the north gate",
        "should it rain, open the north gate",
        "please open the north gate later",
        # what was done, and said by somebody else
        "it was raining, but he opened the north gate",
        "the farmer left early, having closed the north gate",
        "the sign says, shut the north gate",
        "my friend asked, can you open the north gate",
        "please open the north gate, said my mother",
        "I would never say, open the north gate",
        # questions
        "why do we need to open the north gate",
        "how often do I need to close the north gate",
        "do you think we need to open the orchard gate",
        "my mother thinks I need to close the north gate",
        "why did the farmer say, open the north gate",
        # somebody who may be told to a tool, who is not wanted
        "without the manager please",
        "anybody but the manager please",
        "please forget the manager",
        "can you see the manager",
        "would you like the manager",
    ],
)
def test_nothing_is_done_that_was_not_asked_for_now(request_: str) -> None:
    assert not PARTNER.decide(request_).calls


@pytest.mark.parametrize(
    "request_",
    ["now open the orchard gate", "and open the north gate", "then shut the north gate", "also call the manager"],
)
def test_a_request_is_one_though_it_begins_as_if_it_leant_on_another(request_: str) -> None:
    assert PARTNER.decide(request_).calls


def test_what_only_names_something_leans_on_what_was_asked_and_is_no_request() -> None:
    before = [Exchange("how much is the tour of the salt mine", FACTS[7])]
    assert not PARTNER.decide("and the north", before).calls
