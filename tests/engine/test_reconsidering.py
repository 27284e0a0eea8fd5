"""What was most likely said, where what was heard means nothing: not at any price, and never to do something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log

import pytest

from engine.contract import Alternative, Exchange
from engine.partner.partner import Partner
from engine.partner.reconsidering import LEAST, PER_E, SHARPNESS, Meaning, likelier
from engine.partner.tools import Tool
from engine.partner_settings import Parameter

FACTS = ("Our chef is Giulia Romano.", "Parking costs ten euros a day.", "The pool is on the roof.")
TOOLS = (
    Tool("call_taxi", "Call a taxi", (Parameter("people", "integer"),)),
    Tool("stop", "Stop the music", ()),
)
PARTNER = Partner(FACTS, TOOLS)


def chosen(heard: str, others: Sequence[tuple[str, float]], *history: tuple[str, str]) -> str:
    past = [Exchange(*each) for each in history]
    alternatives = [Alternative(*each) for each in others]
    return likelier(PARTNER.meaning(heard, past), alternatives, lambda text: PARTNER.meaning(text, past))


def test_of_what_sounds_alike_that_is_taken_which_is_answered() -> None:
    assert chosen("who is the coop", [("who is the coop", 0), ("who is the coat", 2), ("who is the cook", 11)]) == (
        "who is the cook"
    )


def test_what_is_too_unlike_is_not_taken_however_well_it_is_answered() -> None:
    farthest = PER_E * (log(1 / LEAST) + SHARPNESS * log(PARTNER.meaning("who is the cook").fit))
    assert chosen("who is the coop", [("who is the cook", farthest - 1)]) == "who is the cook"
    assert chosen("who is the coop", [("who is the cook", farthest + 1)]) == ""


def test_the_nearer_is_taken_of_two_that_are_answered_alike_and_the_better_answered_of_two_as_near() -> None:
    nearer, farther = ("where is the pool", 3.0), ("where is your pool", 12.0)
    assert chosen("where is the pull", [nearer, farther]) == nearer[0]
    good, middling = (Meaning(fit, "time", frozenset({"pool"})) for fit in (0.95, 0.7))
    meanings = {"good": good, "middling": middling}
    two = [Alternative("middling", 5), Alternative("good", 6)]
    assert likelier(Meaning(0, "time", frozenset()), two, meanings.__getitem__) == "good"


@pytest.mark.parametrize(
    ("heard", "other"),
    [
        ("how much is the coop", "who is the cook"),  # the price was asked for, that at least was heard
        ("how many pools are there", "where is the pool"),
        ("there are pens in the rough", "your pool on the roof"),  # nothing of it was heard, and it asks nothing
    ],
)
def test_another_kind_of_question_and_a_statement_about_something_else_are_not_taken(heard: str, other: str) -> None:
    assert PARTNER.meaning(other).fit > 0.8
    assert chosen(heard, [(other, 1)]) == ""


def test_a_word_in_common_that_is_known_is_enough_where_nothing_is_asked() -> None:
    assert chosen("i put my pool on the rough", [("i put my pool on the roof", 4)]) == "i put my pool on the roof"


@pytest.mark.parametrize(
    "request_", ["stop the music", "call a taxi for two people", "call a taxi", "yes", "thank you"]
)
def test_nothing_but_a_fact_is_taken_so_that_nothing_is_done_upon_an_alternative(request_: str) -> None:
    assert PARTNER.decide(request_).kind in ("call", "back", "talk", "unknown")
    assert chosen("sop a tax he music people", [(request_, 0.0)]) == ""


def test_a_question_back_is_waited_for_until_it_is_answered() -> None:
    before = Exchange("call a taxi", PARTNER.decide("call a taxi").text)
    assert PARTNER.waits([before])
    assert not PARTNER.waits([before, Exchange("for two", PARTNER.decide("for two", [before]).text)])
    assert not PARTNER.waits([])


def test_it_may_lean_on_the_turn_before() -> None:
    before = ("is there a pool", "The pool is on the roof.")
    assert chosen("wear is it", [("where is it", 2)], before) == "where is it"
    assert chosen("wear is it", [("where is it", 2)]) == ""


def test_no_more_alternatives_are_looked_at_than_can_be_better() -> None:
    looked: list[str] = []

    def meaning(text: str) -> Meaning:
        looked.append(text)
        return Meaning(1.0 if text == "second" else 0.0, "time", frozenset({"pool"}))

    def others() -> Iterator[Alternative]:
        for at, text in enumerate(("first", "second", "third", "fourth")):
            yield Alternative(text, at * 0.1)

    assert likelier(Meaning(0, "time", frozenset()), others(), meaning) == "second"
    assert looked == ["first", "second"]


def test_a_middling_answer_must_be_nearer_by_its_sound() -> None:
    middling = {"it": Meaning(0.75, "time", frozenset({"pool"}))}
    farthest = PER_E * (log(1 / LEAST) + SHARPNESS * log(0.75))
    heard = Meaning(0, "time", frozenset())
    assert likelier(heard, [Alternative("it", farthest - 0.1)], middling.__getitem__) == "it"
    assert likelier(heard, [Alternative("it", farthest + 0.1)], middling.__getitem__) == ""


def test_what_is_only_answered_because_it_names_nothing_any_more_is_not_near() -> None:
    means = {"how much snow is there": Meaning(0, "price", frozenset())}
    means["how much know is there"] = Meaning(1.0, "price", frozenset())
    heard, other = means
    assert likelier(means[heard], [Alternative(other, 1)], means.__getitem__) == ""


def test_what_is_heard_and_fits_in_part_gives_way_to_what_fits_wholly_and_sounds_nearly_alike() -> None:
    fits = {"pool": 1.0, "pole": 0.7, "poll": 0.7}
    means = {text: Meaning(fit, "place", frozenset({"pool"})) for text, fit in fits.items()}
    assert likelier(means["pole"], [Alternative("pool", 4)], means.__getitem__) == "pool"
    assert likelier(means["pole"], [Alternative("poll", 0)], means.__getitem__) == ""
    assert likelier(means["pole"], [Alternative("pool", 40)], means.__getitem__) == ""
