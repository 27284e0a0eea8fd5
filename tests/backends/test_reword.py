"""The backend that words what the answerer finds: the contract, and that nothing is said which is in no fact."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.config import load
from engine.contract import Called, Exchange, Job, Rung, Tag
from tests.backends.conformance_llm import LlmConformance, Subject
from tests.backends.llm_driver import Driver
from tests.models import partner
from tests.models.built import built
from workers.backends.registry import rung
from workers.backends.reword import Reword, part_of

pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import, and builds the model
FACTS = (
    "The pool is open from seven to ten, and it is on the roof.",
    "Dogs are welcome, but not in the restaurant.",
    "The garden costs four euros.",
)
TOLD = f"facts={list(FACTS)}"
TAXI = '{name="order_taxi", description="Order a taxi", parameters={people="integer"}}'
LONG = f"facts=['The garden costs {' '.join(['really'] * 30)} four euros.']"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory, "partner-ct2", partner.build_ct2)


def settings(model: Path, *sets: str) -> Rung:
    own = ("llm.backend=reword", f"llm.reword.model={model}", TOLD, f"tools=[{TAXI}]")
    return rung("llm", load(sets=[*own, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))


class TestContract(LlmConformance):
    """The suite that every language model passes, with weights by chance."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        model = built(tmp_path_factory, "partner-ct2", partner.build_ct2)
        nowhere = partial(settings, model)
        return Subject(
            make=Reword,
            rung=settings(model),
            question="what does the garden cost",
            answer=FACTS[2],
            long=settings(model, LONG),
            other=settings(model, "llm.reword.chooses=true"),
            broken={"no model": (nowhere("llm.reword.model="), "make model")},
            too_long=False,
        )


class Said(Reword):
    """With a model that says what it is told to."""

    picked, words = 1, ""

    def _worded(self, answer: Any, near: Any) -> tuple[int, str]:
        return self.picked, self.words


@pytest.fixture
def said(model: Path) -> Driver:
    return loaded(Said(), settings(model))


def loaded(backend: Reword, rung: Rung) -> Driver:
    driver = Driver(backend)
    driver.load(rung)
    return driver


def answer(driver: Driver, text: str, picked: int, words: str) -> str:
    assert isinstance(driver.backend, Said)
    driver.backend.picked, driver.backend.words = picked, words
    tag = Tag(1, threading.get_native_id(), len(text) + len(words))
    return driver.ask(text, tag)


def test_of_a_fact_the_part_is_said_that_answers(said: Driver) -> None:
    assert answer(said, "where is the pool", 1, "The pool is on the roof.") == "The pool is on the roof."


@pytest.mark.parametrize(
    "words",
    ["The pool is open from seven to nine.", "The pool is on the beach.", "The roof is on the pool.", ""],
)
def test_what_is_not_in_the_fact_is_not_said(said: Driver, words: str) -> None:
    assert answer(said, "where is the pool", 1, words) == FACTS[0]


def test_what_turns_a_sentence_is_never_left_out(said: Driver) -> None:
    assert answer(said, "are dogs welcome", 1, "Dogs are welcome.") == FACTS[1]


@pytest.mark.parametrize("picked", [0, 2, 9])
def test_unless_it_may_choose_the_answerer_says_which_fact(said: Driver, picked: int) -> None:
    assert answer(said, "what does the garden cost", picked, "Dogs are welcome.") == FACTS[2]


def test_where_it_may_choose_it_refuses_and_finds_by_itself(model: Path) -> None:
    driver = loaded(Said(), settings(model, "llm.reword.chooses=true"))
    assert "don't know" in answer(driver, "what does the garden cost", 0, "")
    assert answer(driver, "is the garden cheap for dogs", 1, "") in FACTS
    driver.backend.unload()


def test_a_tool_is_called_and_small_talk_made_without_the_model(said: Driver) -> None:
    tag = Tag(1, 7, 1)
    job = Job(tag, text="order a taxi for three", calls=True)
    said.backend.begin(job)
    said.backend.finish(job)
    said.until_ended(tag)
    assert [(each.tool, each.arguments) for each in said.events if isinstance(each, Called)] == [
        ("order_taxi", {"people": 3})
    ]
    assert answer(said, "thank you", 1, "The pool is on the roof.") == "You are welcome."


def test_the_model_is_told_the_nearest_facts_and_the_last_exchange_with_the_number_of_its_fact(model: Path) -> None:
    backend = Reword()
    backend.load(settings(model))
    past = (Exchange("hello", "Hello."), Exchange("where is the pool", "The pool is on the roof."))
    asked = backend._asked(Job(Tag(), text="and when", history=past), FACTS[:2])
    assert [token for token in asked if token.startswith("<")] == [
        *("<system>", "<1>", "<2>", "<user>", "<answer>", "<1>", "<end>", "<user>", "<answer>")
    ]
    backend.unload()


@pytest.mark.parametrize(
    ("part", "fact"),
    [
        ("The pool is on the roof", "The pool is on the roof."),
        ("The pool costs two euros.", "The pool costs two euros, and is open from six to ten."),
        ("The pool is open from six to ten.", "The pool costs two euros, and it is open from six to ten."),
        ("Ann runs the bar", "Ann runs the bar and the lift."),
    ],
)
def test_a_part_is_a_statement_of_two(part: str, fact: str) -> None:
    assert part_of(part, fact)


@pytest.mark.parametrize(
    ("part", "fact"),
    [
        ("", "The pool is on the roof."),
        ("The pool opens at six.", "The pool opens at half past six."),
        ("The pool costs twenty euros.", "The pool costs twenty five euros."),
        ("The hall seats two hundred.", "The hall seats two hundred and five."),
        ("The pool is open from six.", "The pool is open from six to ten."),
        ("The lift is between the bar.", "The lift is between the bar and the shop."),
        ("The pool is open.", "The pool is open and must not be used."),
        ("The bar is on the roof.", "The pool is on the roof."),
        ("The pool is on the roof now.", "The pool is on the roof."),
    ],
)
def test_what_says_something_else_is_no_part(part: str, fact: str) -> None:
    assert not part_of(part, fact)
