"""What every backend of the stage "llm" has to do, ours and anybody's.

    from tests.backends.conformance_llm import LlmConformance, Subject

    class TestMine(LlmConformance):
        @pytest.fixture
        def subject(self) -> Subject:
            return Subject(make=MyBackend, rung=Rung({...}), question="hello", answer="Hello.")

Needs no engine: a backend is driven as the worker drives it, by one thread that sleeps while the backend is idle and is
woken by the rung's `wake`. So a backend that forgets to wake its worker, or keeps it busy for nothing, fails here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from engine.contract import Backend, Ended, Exchange, Job, Rung, Tag, Token
from engine.errors import BackendError
from tests.backends.conformance_gpu import Gpu, GpuConformance
from tests.backends.llm_driver import WATCHDOG_S, Driver


@dataclass(frozen=True)
class Subject:
    """A backend under test.

    make: a new one, not loaded. rung: it answers `question` with `answer` to its end, the same each time. long: with
    this one its answers have a dozen pieces or more, so that they can be stopped half-way. other: loads something else,
    or the same in another way. broken: what it must refuse, by a name, with words of the error; a folder that lacks a
    file, a wrong setting.
    """

    make: Callable[[], Backend]
    rung: Rung
    question: str
    answer: str
    long: Rung | None = None
    other: Rung | None = None
    broken: Mapping[str, tuple[Rung, str]] = field(default_factory=dict)
    too_long: bool = True
    """A question that no context can hold ends as failed; False for what has no context."""
    gpu: Gpu | None = None
    """How it is loaded on one."""


class LlmConformance(GpuConformance):
    """The tests; subclass it and say what `subject` is."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    @pytest.fixture
    def made(self, subject: Subject) -> Iterator[Driver]:
        """Not loaded."""
        driver = Driver(subject.make())
        yield driver
        driver.backend.unload()

    @pytest.fixture
    def driver(self, subject: Subject, made: Driver) -> Driver:
        """Loaded and warm."""
        made.load(subject.rung)
        return made

    @pytest.fixture
    def talker(self, subject: Subject, made: Driver) -> Driver:
        """Loaded so that it talks for long."""
        if subject.long is None:
            pytest.skip("its answers are short")
        made.load(subject.long)
        return made

    def test_it_is_a_backend_and_says_what_it_can(self, driver: Driver) -> None:
        assert isinstance(driver.backend, Backend)
        assert driver.backend.abilities.rate == 0
        assert driver.backend.cost_ns(10) >= 0
        assert all(remark and "\n" not in remark for remark in driver.backend.remarks)

    def test_loaded_and_warm_it_has_nothing_to_do(self, driver: Driver) -> None:
        assert driver.backend.idle
        assert list(driver.backend.step(0)) == []

    def test_an_answer_comes_in_pieces_and_ends_once(self, driver: Driver, subject: Subject) -> None:
        tag = Tag(1, 1, 1)
        assert driver.ask(subject.question, tag) == subject.answer
        assert driver.events[-1] == Ended(tag)
        assert all(event.text for event in driver.events[:-1] if isinstance(event, Token))
        assert driver.backend.idle
        assert list(driver.backend.step(0)) == []

    def test_no_piece_holds_half_a_character(self, driver: Driver, subject: Subject) -> None:
        driver.ask(subject.question, Tag(1, 1, 1))
        assert not [event for event in driver.events if isinstance(event, Token) and "\ufffd" in event.text]

    def test_the_same_question_gets_the_same_answer_in_every_attempt(self, driver: Driver, subject: Subject) -> None:
        answers = [driver.ask(subject.question, Tag(1, 1, attempt)) for attempt in (1, 2, 3)]
        assert answers == [subject.answer] * 3

    def test_the_past_and_what_the_host_knows_may_come_with_it(self, driver: Driver, subject: Subject) -> None:
        past = (Exchange("Hello.", "Good day."), Exchange("", "May I help?"), Exchange("Well", ""))
        job = Job(Tag(1, 2, 1), text=subject.question, history=past, context=("It rains.", "The lift is broken."))
        driver.backend.begin(job)
        driver.until_ended(job.tag)
        assert driver.ends(job.tag) == ["done"]
        assert driver.text(job.tag)

    def test_cancelled_before_the_first_step_it_says_nothing(self, talker: Driver, subject: Subject) -> None:
        tag = Tag(1, 1, 1)
        talker.backend.begin(Job(tag, text=subject.question))
        talker.backend.cancel(tag)
        talker.until_ended(tag)
        assert talker.events == [Ended(tag, "cancelled")]

    def test_cancelled_half_way_it_says_no_more(self, talker: Driver, subject: Subject) -> None:
        tag = Tag(1, 1, 1)
        talker.backend.begin(Job(tag, text=subject.question))
        talker.until(lambda: len(talker.events) >= 3, "three pieces")
        said = talker.text(tag)
        talker.backend.cancel(tag)
        talker.until_ended(tag)
        assert talker.text(tag) == said
        assert talker.ends(tag) == ["cancelled"]
        assert talker.backend.idle

    def test_another_thread_may_cancel(self, talker: Driver, subject: Subject) -> None:
        tag, begun = Tag(1, 1, 1), threading.Event()

        def cancel() -> None:
            assert begun.wait(WATCHDOG_S)
            talker.backend.cancel(tag)

        other = threading.Thread(target=cancel)
        other.start()
        talker.backend.begin(Job(tag, text=subject.question))
        talker.until(lambda: bool(talker.events), "a piece")
        begun.set()
        other.join()
        talker.until_ended(tag)
        assert talker.ends(tag) == ["cancelled"]

    def test_cancelled_twice_it_ends_once(self, talker: Driver, subject: Subject) -> None:
        first, second = Tag(1, 1, 1), Tag(1, 1, 2)
        talker.backend.begin(Job(first, text=subject.question))
        talker.step()
        for _ in range(2):
            talker.backend.cancel(first)
        talker.until_ended(first)
        talker.backend.cancel(first)
        talker.backend.begin(Job(second, text=subject.question))
        talker.until(lambda: bool(talker.text(second)), "a piece of the second")
        talker.backend.cancel(second)
        talker.until_ended(second)
        assert talker.ends(first) == talker.ends(second) == ["cancelled"]

    def test_cancelling_what_has_ended_or_never_was_is_nothing(self, driver: Driver, subject: Subject) -> None:
        driver.ask(subject.question, Tag(1, 1, 1))
        for tag in (Tag(1, 1, 1), Tag(9, 9, 9)):
            driver.backend.cancel(tag)
        assert list(driver.backend.step(0)) == []
        assert driver.ask(subject.question, Tag(1, 1, 2)) == subject.answer

    def test_after_a_cancelled_answer_the_next_one_is_whole(self, driver: Driver, subject: Subject) -> None:
        first, second = Tag(1, 1, 1), Tag(1, 1, 2)
        driver.backend.begin(Job(first, text=subject.question))
        driver.backend.cancel(first)
        assert driver.ask(subject.question, second) == subject.answer
        driver.until_ended(first)
        assert driver.ends(first) == ["cancelled"]

    def test_answers_to_several_jobs_do_not_mix(self, driver: Driver, subject: Subject) -> None:
        tags = [Tag(1, 1, 1), Tag(1, 1, 2), Tag(2, 1, 1)]
        for tag in tags:
            driver.backend.begin(Job(tag, text=subject.question))
        driver.until_ended(*tags)
        assert [(driver.text(tag), driver.ends(tag)) for tag in tags] == [(subject.answer, ["done"])] * 3

    def test_one_of_several_is_cancelled_and_the_others_are_whole(self, driver: Driver, subject: Subject) -> None:
        tags = [Tag(1, 1, 1), Tag(1, 1, 2), Tag(2, 1, 1)]
        for tag in tags:
            driver.backend.begin(Job(tag, text=subject.question))
        driver.backend.cancel(tags[1])
        driver.until_ended(*tags)
        assert driver.ends(tags[1]) == ["cancelled"]
        for tag in (tags[0], tags[2]):
            assert (driver.text(tag), driver.ends(tag)) == (subject.answer, ["done"])

    def test_what_was_heard_is_settled_and_a_visitor_forgotten(self, driver: Driver, subject: Subject) -> None:
        driver.ask(subject.question, Tag(1, 1, 1))
        driver.backend.settle(Tag(1, 1, 1), subject.answer[:3])
        driver.backend.settle(Tag(9, 9, 9), "")
        driver.backend.forget(1)
        driver.backend.forget(9)
        assert driver.ask(subject.question, Tag(2, 1, 1)) == subject.answer

    def test_a_question_without_words_ends_like_any_other(self, driver: Driver) -> None:
        driver.backend.begin(Job(Tag(1, 1, 1), text=""))
        driver.until_ended(Tag(1, 1, 1))
        assert driver.ends(Tag(1, 1, 1)) == ["done"]

    def test_a_question_that_nothing_can_hold_fails_and_the_next_one_is_answered(
        self, driver: Driver, subject: Subject
    ) -> None:
        if not subject.too_long:
            pytest.skip("it has no context")
        driver.backend.begin(Job(Tag(1, 1, 1), text="how long is this " * 20_000))
        driver.until_ended(Tag(1, 1, 1))
        (end,) = driver.events
        assert isinstance(end, Ended)
        assert end.reason == "failed"
        assert end.text
        assert "\n" not in end.text
        assert driver.ask(subject.question, Tag(1, 1, 2)) == subject.answer

    def test_it_takes_another_rung_between_jobs_and_goes_back(self, driver: Driver, subject: Subject) -> None:
        if subject.other is None:
            pytest.skip("it has one rung")
        driver.ask(subject.question, Tag(1, 1, 1))
        driver.load(subject.other)
        driver.ask(subject.question, Tag(1, 2, 1))
        driver.load(subject.rung)
        assert driver.ask(subject.question, Tag(1, 3, 1)) == subject.answer

    def test_unloaded_while_it_talks_it_can_be_loaded_again(self, talker: Driver, subject: Subject) -> None:
        talker.backend.begin(Job(Tag(1, 1, 1), text=subject.question))
        talker.step()
        talker.backend.unload()
        talker.events.clear()
        talker.load(subject.rung)
        assert talker.ask(subject.question, Tag(2, 1, 1)) == subject.answer
        assert {event.tag for event in talker.events} == {Tag(2, 1, 1)}

    def test_what_is_broken_is_told_in_a_line_with_its_remedy_and_the_next_load_works(
        self, made: Driver, subject: Subject
    ) -> None:
        for name, (rung, says) in subject.broken.items():
            with pytest.raises(BackendError) as caught:
                made.load(rung)
            assert says in str(caught.value), name
            assert caught.value.remedy, name
            assert "\n" not in str(caught.value), name
        made.load(subject.rung)
        assert made.ask(subject.question, Tag(1, 1, 1)) == subject.answer
