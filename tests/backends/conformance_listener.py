"""What every language model that hears the question itself has to do: the stage contract as tests, beside what every
backend has to (`conformance.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.contract import Ended, Event, Exchange, Job, Pcm, Tag, Token
from engine.errors import BackendError
from tests.backends.conformance import BackendConformance, Driven, ends
from tests.engine_run import question

BLOCK = 960


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


class ListenerConformance(BackendConformance):
    """With the question that comes with the package, 2.6 s. The subject's answers shall have some pieces, and be the
    same for the same question. What it answers is its own affair."""

    def sound(self) -> Pcm:
        return question()

    def start(self, driven: Driven, job: Job) -> list[Event]:
        events = self.feed(driven, job, self.sound())
        driven.backend.finish(job)
        return events

    def start_half(self, driven: Driven, job: Job) -> list[Event]:
        return self.feed(driven, job, self.sound()[: len(self.sound()) // 2])

    def feed(self, driven: Driven, job: Job, sound: Pcm) -> list[Event]:
        """Begin a job and feed it as its worker would: each block from memory that is another one's after the step."""
        return driven.feed(job, (sound[start : start + BLOCK] for start in range(0, len(sound), BLOCK)))

    def outcome(self, events: list[Event], job: Job) -> Any:
        return text(events)

    def ask(self, driven: Driven, job: Job, sound: Pcm | None = None) -> str:
        """The whole answer."""
        events = self.feed(driven, job, self.sound() if sound is None else sound)
        driven.backend.finish(job)
        events += driven.until_ended(job)
        assert ends(events) == [(job.tag, "done")], events[-1]
        return text(events)

    def test_another_rate_is_refused(self, driven: Driven) -> None:
        with pytest.raises(BackendError, match="8000"):
            driven.subject.make().load(replace(driven.subject.rung, rate=8000))

    def test_it_says_nothing_before_the_question_has_ended(self, driven: Driven) -> None:
        job = Job(Tag(1))
        assert self.start(driven, job) == []
        assert text(driven.until_ended(job))

    def test_the_answer_comes_in_pieces_one_a_step(self, driven: Driven) -> None:
        job = Job(Tag(1))
        self.start(driven, job)
        pieces = 0
        while not driven.backend.idle:
            tokens = [event for event in driven.backend.step(0) if isinstance(event, Token)]
            assert len(tokens) <= 1
            assert all(token.text and "\ufffd" not in token.text for token in tokens)
            pieces += len(tokens)
        assert pieces > 3

    def test_the_answer_depends_on_what_was_heard(self, driven: Driven) -> None:
        silent = self.ask(driven, Job(Tag(1)), np.zeros(len(self.sound()), np.int16))
        assert self.usual(driven) != silent

    def test_cancelled_between_any_two_steps_it_says_no_more_and_the_next_is_clean(self, driven: Driven) -> None:
        before, steps = self.usual(driven), 0
        while True:
            job = Job(Tag(2, steps))
            events = self.start(driven, job)
            for _ in range(steps):
                events += driven.backend.step(0)
            if ends(events):
                break
            said = text(events)
            driven.backend.cancel(job.tag)
            events += driven.until_ended(job)
            assert ends(events) == [(job.tag, "cancelled")]
            assert text(events) == said
            steps += 1
        assert steps > 4
        assert self.ask(driven, Job(Tag(3))) == before

    def test_questions_of_several_visitors_at_once_are_answered_as_if_alone(self, driven: Driven) -> None:
        alone = self.usual(driven)
        jobs = [Job(Tag(session, 7)) for session in (2, 3, 2)]
        jobs[2] = replace(jobs[2], tag=Tag(2, 7, 1))
        for job in jobs:
            driven.backend.begin(job)
        for start in range(0, len(self.sound()), BLOCK):
            for job in jobs:
                driven.backend.feed(job, self.sound()[start : start + BLOCK])
            driven.steps()
        for job in jobs:
            driven.backend.finish(job)
        events = driven.until_ended(*jobs)
        for job in jobs:
            assert text([event for event in events if event.tag == job.tag]) == alone

    def test_what_was_said_before_is_known(self, driven: Driven) -> None:
        past = (Exchange("where is the lift", "over there"), Exchange("", "may I help"), Exchange("well", ""))
        alone = self.usual(driven)
        assert self.ask(driven, Job(Tag(1, 2), history=past)) != alone
        assert self.ask(driven, Job(Tag(1, 3), context=("It rains.",))) != alone

    def test_after_an_answer_was_settled_the_next_is_as_if_the_conversation_were_told_anew(
        self, driven: Driven
    ) -> None:
        answer = self.ask(driven, Job(Tag(1, 1)))
        driven.backend.settle(Tag(1, 1), answer[:3])
        assert driven.steps() == []
        history = (Exchange("", answer[:3]),)
        second = self.ask(driven, Job(Tag(1, 2), history=history))
        driven.backend.settle(Tag(1, 2), second)
        assert driven.steps() == []
        third = self.ask(driven, Job(Tag(1, 3), history=(*history, Exchange("", second))))
        assert second == self.ask(driven, Job(Tag(2, 1), history=history))
        assert third == self.ask(driven, Job(Tag(3, 1), history=(*history, Exchange("", second))))

    def test_an_answer_may_be_settled_while_the_next_question_is_asked(self, driven: Driven) -> None:
        answer = self.ask(driven, Job(Tag(1, 1)))
        history = (Exchange("", answer),)
        told_anew = self.ask(driven, Job(Tag(2, 1), history=history))
        job = Job(Tag(1, 2), history=history)
        self.start_half(driven, job)
        driven.backend.settle(Tag(1, 1), answer)
        driven.steps()
        for start in range(len(self.sound()) // 2, len(self.sound()), BLOCK):
            driven.backend.feed(job, self.sound()[start : start + BLOCK])
        driven.backend.finish(job)
        assert text(driven.until_ended(job)) == told_anew

    def test_settling_what_is_not_known_is_nothing(self, driven: Driven) -> None:
        for tag in (Tag(9, 9), Tag(1, 99)):
            driven.backend.settle(tag, "what")
            assert driven.steps() == []

    def test_a_forgotten_visitor_leaves_nothing(self, driven: Driven) -> None:
        alone = self.usual(driven)
        self.ask(driven, Job(Tag(2, 1)))
        driven.backend.settle(Tag(2, 1), "nobody shall know")
        driven.backend.forget(2)
        assert driven.steps() == []
        assert self.ask(driven, Job(Tag(2, 2))) == alone

    def test_a_question_without_sound_ends_like_any_other(self, driven: Driven) -> None:
        job = Job(Tag(1))
        driven.backend.begin(job)
        driven.backend.finish(job)
        assert ends(driven.until_ended(job)) == [(job.tag, "done")]

    def test_a_question_too_long_to_be_heard_fails_and_the_next_is_answered(self, driven: Driven) -> None:
        before, job = self.usual(driven), Job(Tag(2))
        driven.backend.begin(job)
        events: list[Event] = driven.steps()
        for _ in range(3600):
            driven.backend.feed(job, np.zeros(16000, np.int16))
            if events := driven.steps():
                break
        (end,) = events
        assert isinstance(end, Ended)
        assert end.reason == "failed"
        assert end.text
        assert "\n" not in end.text
        assert self.ask(driven, Job(Tag(3))) == before

    def test_a_history_too_long_to_be_held_loses_its_oldest(self, driven: Driven) -> None:
        past = tuple(Exchange(f"question {number}", "an answer that goes on for a while " * 8) for number in range(20))
        assert self.ask(driven, Job(Tag(1), history=past)) == self.ask(driven, Job(Tag(2), history=past[1:]))

    def test_a_deadline_that_has_passed_is_others_to_enforce(self, driven: Driven) -> None:
        assert self.ask(driven, Job(Tag(1), deadline_ns=1)) == self.usual(driven)
