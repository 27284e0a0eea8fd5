"""Behind the recogniser: what was heard is kept if it means something, and else what sounds like it and does is taken,
in time, within one visit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

import pytest

from engine.config import Config, load
from engine.config_layers import SYSTEM_CONFIG
from engine.contract import Alternative, Backend, Tag
from engine.partner.english import ENGLISH
from workers.reconsider import Reconsider

LATE = 1 << 62
FIRST = Tag(1, 1, 1)
FACTS = '["Our chef is Giulia Romano.", "The pool is on the roof.", "Parking costs ten euros a day."]'


def configured(*sets: str) -> Config:
    return load(sets=[f"facts={FACTS}", "llm.backend=facts", *sets], environ={SYSTEM_CONFIG: ""})


class Ears:
    """A recogniser that has alternatives, and notes when it is asked for them."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = texts, 0

    def alternatives(self, most: int) -> Sequence[Alternative]:
        self.asked += 1
        return [Alternative(text, float(at)) for at, text in enumerate(self.texts)][:most]


def made(*sets: str) -> Reconsider:
    found = Reconsider.of(configured(*sets))
    assert found is not None
    return found


def text(reconsider: Reconsider, heard: str, ears: Any, tag: Tag = FIRST, until_ns: int = LATE) -> str:
    reconsider.begin(tag)
    return reconsider.text(tag, heard, cast(Backend, ears), until_ns)


def test_what_means_something_is_kept_and_costs_the_recogniser_nothing() -> None:
    ears = Ears("where is the pool")
    for heard in ("who is the cook", "thank you", "who are you", ""):
        assert text(made(), heard, ears) == heard
    assert ears.asked == 0


def test_what_means_nothing_gives_way_to_what_sounds_like_it_and_does() -> None:
    assert text(made(), "who is the coop", Ears("who is the coop", "who is the cook")) == "who is the cook"


def test_who_has_no_alternatives_is_believed() -> None:
    assert text(made(), "who is the coop", object()) == "who is the coop"


def test_it_stops_when_the_words_are_due() -> None:
    ears = Ears("who is the coop", "who is the cook")
    assert text(made(), "who is the coop", ears, until_ns=time.monotonic_ns() - 1) == "who is the coop"


def test_what_the_phrasebook_answers_means_something() -> None:
    entries = '[{patterns = ["who is the coop"], answers = ["A house for hens."]}]'
    ears = Ears("who is the cook")
    assert text(made(f"llm.phrasebook.entries={entries}"), "who is the coop", ears) == "who is the coop"
    assert ears.asked == 0


def test_what_follows_may_lean_on_what_was_made_of_the_turn_before() -> None:
    reconsider = made()
    assert text(reconsider, "who is the coop", Ears("who is the cook"), Tag(1, 1, 1)) == "who is the cook"
    assert text(reconsider, "new is that", Ears("who is that"), Tag(1, 2, 1)) == "who is that"


def test_what_follows_may_lean_on_a_turn_that_was_heard_well() -> None:
    reconsider = made()
    assert text(reconsider, "is there a pool", Ears(), Tag(1, 1, 1)) == "is there a pool"
    assert text(reconsider, "hair is it", Ears("where is it"), Tag(1, 2, 1)) == "where is it"


def test_a_turn_that_goes_on_does_not_lean_on_its_own_beginning() -> None:
    reconsider = made()
    assert text(reconsider, "is there a pool", Ears(), Tag(1, 1, 1)) == "is there a pool"
    assert text(reconsider, "hair is it", Ears("where is it"), Tag(1, 1, 2)) == "hair is it"


@pytest.mark.parametrize("leaves", [True, False])
def test_another_visitor_s_turn_leans_on_nothing(leaves: bool) -> None:
    reconsider = made()
    text(reconsider, "is there a pool", Ears(), Tag(1, 1, 1))
    if leaves:
        reconsider.forget()
    assert text(reconsider, "hair is it", Ears("where is it"), Tag(2, 1, 1)) == "hair is it"


@pytest.mark.parametrize(
    "sets",
    [("asr.reconsider=false",), ("llm.backend=repeat",), ("llm.backend=phrasebook",)],
)
def test_it_is_there_only_where_facts_answer(sets: tuple[str, ...]) -> None:
    assert Reconsider.of(configured(*sets)) is None


def test_it_is_there_only_in_a_language_that_facts_are_understood_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.reconsider.LANGUAGES", {"fi": ENGLISH})
    assert Reconsider.of(configured()) is None


def test_where_facts_only_find_what_a_model_words_it_is_there_too() -> None:
    assert Reconsider.of(configured("llm.backend=reword")) is not None
