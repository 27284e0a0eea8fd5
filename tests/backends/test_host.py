"""The host's own dialogue program as a language model: it keeps the contract like any other, and where it does not
answer another one does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import pytest

from engine.contract import Ended, Job, Rung, Tag, Token
from tests.backends.conformance_llm import LlmConformance, Subject
from tests.backends.llm_driver import Driver
from workers.backends.host import Host

TAG = Tag(1, 1, 1)
FALLBACK = {"fallback": "facts", "fallback_settings": {"facts": ["The bar is upstairs."], "unknown": "No idea."}}


class Desk:
    """A host that answers every question with `answer`, a word at a time; `fails` after so many."""

    def __init__(self, answer: str = "", fails: int | None = None, is_there: bool = True) -> None:
        self.answer, self.fails, self.is_there = answer, fails, is_there
        self.asked: list[Job] = []
        self.cancelled: list[Tag] = []
        self._coming: deque[Token | Ended] = deque()

    def ask(self, job: Job) -> bool:
        if len(job.text) > 100_000:
            return False
        self.asked.append(job)
        words = [Token(job.tag, word) for word in self.answer.split(" ")]
        words = [Token(each.tag, each.text + " ") for each in words[:-1]] + words[-1:]
        if self.fails is not None:
            self._coming += [*words[: self.fails], Ended(job.tag, "failed", "it broke")]
        else:
            self._coming += [*words, Ended(job.tag)]
        return True

    def cancel(self, tag: Tag) -> None:
        self.cancelled.append(tag)
        self._coming = deque(each for each in self._coming if each.tag != tag)

    @property
    def ready(self) -> bool:
        return bool(self._coming)

    def heard(self) -> Sequence[Token | Ended]:
        return [self._coming.popleft()] if self._coming else []


class TestHost(LlmConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        def rung(answer: str) -> Rung:
            return Rung({"fallback": ""}, line=Desk(answer))

        long = rung("one two three four five six seven eight nine ten eleven twelve")
        return Subject(Host, rung("Good day to you."), "hello", "Good day to you.", long, long, too_long=False)


class TestItsFallback(LlmConformance):
    """With nobody there it is what answers in its place."""

    @pytest.fixture
    def subject(self) -> Subject:
        def rung(fact: str) -> Rung:
            settings = {"facts": [fact], "unknown": "I don't know."}
            return Rung({"fallback": "facts", "fallback_settings": settings})

        long = rung("The word is one two three four five six seven eight nine ten eleven twelve.")
        short = rung("The word is love.")
        return Subject(Host, short, "what is the word", "The word is love.", long, long, too_long=False)


@pytest.fixture
def made() -> Callable[..., tuple[Driver, Desk]]:
    def make(desk: Desk, fallback: bool = True) -> tuple[Driver, Desk]:
        driver = Driver(Host())
        driver.load(Rung(FALLBACK if fallback else {"fallback": ""}, line=desk))
        return driver, desk

    return make


Make = Callable[..., tuple[Driver, Desk]]


def test_the_host_is_told_everything_that_a_model_is(made: Make) -> None:
    driver, desk = made(Desk("Up."))
    job = Job(TAG, text="where is the bar", context=("It rains.",), final=False)
    driver.backend.begin(job)
    driver.until_ended(TAG)
    assert desk.asked == [job]
    assert driver.text(TAG) == "Up."


def test_a_host_that_fails_before_a_word_is_answered_for(made: Make) -> None:
    driver, desk = made(Desk("Never said.", fails=0))
    assert driver.ask("where is the bar", TAG) == "The bar is upstairs."
    assert len(desk.asked) == 1


def test_one_that_fails_after_a_word_has_begun_an_answer_which_ends_there(made: Make) -> None:
    driver, _ = made(Desk("The bar is", fails=2))
    driver.backend.begin(Job(TAG, text="where is the bar"))
    driver.until_ended(TAG)
    assert (driver.text(TAG), driver.ends(TAG)) == ("The bar ", ["failed"])


def test_a_host_comes_and_goes_and_each_question_goes_to_who_is_there(made: Make) -> None:
    driver, desk = made(Desk("Up.", is_there=False))
    assert driver.ask("where is the bar", TAG) == "The bar is upstairs."
    assert [remark for remark in driver.backend.remarks if "facts answers meanwhile" in remark]
    desk.is_there = True
    assert driver.ask("where is the bar", Tag(1, 2, 1)) == "Up."
    assert driver.backend.remarks == ()
    desk.is_there = False
    assert driver.ask("where is the bar", Tag(1, 3, 1)) == "The bar is upstairs."


def test_without_a_fallback_a_question_that_nobody_answers_fails(made: Make) -> None:
    driver, _ = made(Desk(is_there=False), fallback=False)
    driver.backend.begin(Job(TAG, text="where is the bar"))
    driver.until_ended(TAG)
    assert driver.ends(TAG) == ["failed"]


def test_what_is_not_wanted_any_more_the_host_is_told(made: Make) -> None:
    driver, desk = made(Desk("one two three"))
    driver.backend.begin(Job(TAG, text="count"))
    driver.step()
    driver.backend.cancel(TAG)
    driver.until_ended(TAG)
    assert desk.cancelled == [TAG]
    assert driver.ends(TAG) == ["cancelled"]


def test_a_question_that_cannot_be_handed_over_is_answered_for(made: Make) -> None:
    driver, _ = made(Desk("Up."))
    driver.backend.begin(Job(TAG, text="where is the bar " * 10_000))
    driver.until_ended(TAG)
    assert driver.ends(TAG) == ["done"]
    assert driver.text(TAG) != "Up."
