"""The backends without a model keep the contract of language models, too; and so may anybody's own."""

from __future__ import annotations

import pytest

from engine.contract import Job, Rung
from tests.backends.conformance_llm import LlmConformance, Subject
from workers.backends.facts import Facts
from workers.backends.phrasebook import Phrasebook
from workers.backends.repeat import Repeat
from workers.backends.spoken import Spoken


class TestPhrasebook(LlmConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        def rung(answer: str) -> Rung:
            return Rung({"entries": [{"patterns": ["hello"], "answers": [answer]}], "unknown": "I don't know."})

        long = rung("one two three four five six seven eight nine ten eleven twelve")
        return Subject(Phrasebook, rung("Good day to you."), "hello", "Good day to you.", long, long, too_long=False)


class TestFacts(LlmConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        def rung(answer: str) -> Rung:
            return Rung({"facts": [answer], "unknown": "I don't know."})

        long = rung("The word is one two three four five six seven eight nine ten eleven twelve.")
        return Subject(
            Facts, rung("The word is love."), "what is the word", "The word is love.", long, long, too_long=False
        )


class TestRepeat(LlmConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        rung = Rung({"repeat": "You said {text}, and that is what I say."})
        return Subject(Repeat, rung, "no", "You said no, and that is what I say.", rung, rung, too_long=False)


class Parrot(Spoken):
    """A user's own."""

    def load(self, rung: Rung) -> None:
        self._again = int(rung.settings.get("again", 1))

    def answer(self, job: Job) -> str:
        return " ".join([job.text or "Rrr."] * self._again)


class TestOwn(LlmConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(Parrot, Rung({}), "hello", "hello", long=Rung({"again": 20}), too_long=False)
