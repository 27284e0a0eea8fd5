"""What every backend has to do, whatever its stage: the stage contract (`engine/contract.py`) as tests.

For a backend of your own, make a test class of the suite of its stage (`conformance_asr.py` for recognisers) with a
fixture `subject` that describes it:

    class TestParrot(RecogniserConformance):
        @pytest.fixture(scope="class")
        @classmethod
        def subject(cls) -> Subject:
            return Subject(make=Parrot, rung=Rung({"model": "…"}))
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from engine.contract import Backend, Ended, Event, Job, Pcm, Rung, Tag
from engine.errors import BackendError
from tests.backends.conformance_gpu import Gpu, GpuConformance

WATCHDOG_S = 60
"""Reached only when something is broken."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend to be tested.

    make: a new one, not loaded. rung: what it is loaded with. other: another rung that it can be loaded with.
    broken: what it must refuse, by name: the rung, and words that its error must have. library: a module that `load`
    imports, which the user may not have, and words of the remedy. gpu: how it is loaded on one.
    """

    make: Callable[[], Backend]
    rung: Rung
    other: Rung | None = None
    broken: Mapping[str, tuple[Rung, str]] = field(default_factory=dict)
    library: tuple[str, str] | None = None
    gpu: Gpu | None = None


class Driven:
    """A loaded backend and what its worker does with it: steps while it is not idle, sleeps until it wakes."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.backend = subject, subject.make()
        self.usual: Any = None
        """What came of the usual job."""
        self._woken = threading.Event()
        self.load(subject.rung)

    def load(self, rung: Rung) -> None:
        self.backend.load(replace(rung, wake=self._woken.set))
        self.backend.warm_up()

    def feed(self, job: Job, blocks: Iterable[Pcm]) -> list[Event]:
        """Begin a job and feed it as its worker does: each block from memory that is another one's after the step."""
        self.backend.begin(job)
        events: list[Event] = []
        for block in blocks:
            borrowed = block.copy()
            borrowed.flags.writeable = False
            self.backend.feed(job, borrowed)
            events += self.backend.step(0)
            borrowed.flags.writeable = True
            borrowed[:] = 12345
            events += self.steps()
        return events

    def steps(self) -> list[Event]:
        """What comes until it is idle, which it must be at last."""
        events: list[Event] = []
        for _ in range(1_000_000):
            if self.backend.idle:
                return events
            events += self.backend.step(0)
        raise AssertionError("it is never idle")

    def until(self, true: Callable[[list[Event]], Any], what: str) -> list[Event]:
        """What comes until something is true of it; whoever is idle before that has to wake."""
        events: list[Event] = []
        while True:
            self._woken.clear()
            events += self.steps()
            if true(events):
                return events
            assert self._woken.wait(WATCHDOG_S), f"idle, never woke, and waited in vain for {what}: {events}"

    def until_ended(self, *jobs: Job) -> list[Event]:
        """What comes until all of these jobs have ended."""
        tags = {job.tag for job in jobs}
        return self.until(lambda events: tags <= {e.tag for e in events if isinstance(e, Ended)}, "the end")


def ends(events: list[Event]) -> list[tuple[Tag, str]]:
    """Which jobs ended, and how."""
    return [(event.tag, event.reason) for event in events if isinstance(event, Ended)]


def _prepare(backend: Backend, rung: Rung) -> None:
    backend.load(rung)
    backend.warm_up()


class BackendConformance(GpuConformance):
    """Every stage's cases. A stage's suite says how a job is begun, fed and finished, and what came of it."""

    def start(self, driven: Driven, job: Job) -> list[Event]:
        """Begin a usual job, feed it all it takes, and finish it. Events that came meanwhile."""
        raise NotImplementedError

    def start_half(self, driven: Driven, job: Job) -> list[Event]:
        """Begin a usual job and feed it a part. Events that came meanwhile."""
        raise NotImplementedError

    def outcome(self, events: list[Event], job: Job) -> Any:
        """What came of a job, to be compared with what comes of another one with the same input."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> Subject:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def _shared(cls, subject: Subject) -> Iterator[Driven]:
        driven = Driven(subject)
        yield driven
        driven.backend.unload()

    @pytest.fixture
    def driven(self, _shared: Driven) -> Iterator[Driven]:
        yield _shared
        # A checkpoint of a job that was cancelled may still come to its end.
        assert _shared.steps() == [], "a test left work behind"

    def whole(self, driven: Driven, tag: Tag) -> Any:
        """What comes of a usual job."""
        job = Job(tag)
        events = self.start(driven, job)
        if not ends(events):
            events += driven.until_ended(job)
        assert ends(events) == [(tag, "done")]
        assert {event.tag for event in events} == {tag}
        assert isinstance(events[-1], Ended), "nothing comes after the end"
        return self.outcome(events, job)

    def usual(self, driven: Driven) -> Any:
        """What comes of the usual job when nothing has gone before: computed once for all tests of a class."""
        if driven.usual is None:
            driven.usual = self.whole(driven, Tag(77))
        return driven.usual

    # Loading.

    def test_it_keeps_the_contract(self, driven: Driven) -> None:
        assert isinstance(driven.backend, Backend)
        assert all(remark and "\n" not in remark for remark in driven.backend.remarks)

    def test_warm_up_leaves_nothing_behind(self, driven: Driven) -> None:
        driven.backend.warm_up()
        assert driven.backend.idle
        assert list(driven.backend.step(0)) == []

    def test_what_it_cannot_be_loaded_with_is_told_in_one_line_with_the_remedy(self, subject: Subject) -> None:
        for name, (rung, what) in subject.broken.items():
            backend = subject.make()
            with pytest.raises(BackendError) as caught:
                _prepare(backend, rung)
            assert what in str(caught.value), name
            assert caught.value.remedy, name
            assert "\n" not in str(caught.value), name

    def test_after_a_rung_that_was_refused_the_one_before_can_be_loaded_again(self, driven: Driven) -> None:
        subject, other = driven.subject, Driven(driven.subject)
        for rung, _ in subject.broken.values():
            with pytest.raises(BackendError):
                other.load(rung)
        other.load(subject.rung)
        assert self.whole(other, Tag(2)) == self.usual(driven)
        other.backend.unload()

    def test_a_missing_library_is_told_with_the_extra_that_brings_it(
        self, subject: Subject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if subject.library is None:
            pytest.skip("it needs no library that a user may not have")
        module, remedy = subject.library
        for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(BackendError) as caught:
            subject.make().load(subject.rung)
        assert remedy in caught.value.remedy

    def test_it_can_be_loaded_with_another_rung_between_jobs_and_back(self, driven: Driven) -> None:
        if driven.subject.other is None:
            pytest.skip("there is no other rung")
        before = self.usual(driven)
        driven.load(driven.subject.other)
        self.whole(driven, Tag(2))
        driven.load(driven.subject.rung)
        assert self.whole(driven, Tag(3)) == before

    def test_unloaded_it_can_be_loaded_again(self, driven: Driven) -> None:
        before = self.usual(driven)
        driven.backend.unload()
        driven.load(driven.subject.rung)
        assert self.whole(driven, Tag(2)) == before

    # Jobs.

    def test_a_job_ends_once_and_the_next_one_with_the_same_input_gives_the_same(self, driven: Driven) -> None:
        assert self.usual(driven) == self.whole(driven, Tag(1, 2))

    def test_cancelled_before_the_first_step_it_does_nothing_but_end(self, driven: Driven) -> None:
        job = Job(Tag(1))
        driven.backend.begin(job)
        driven.backend.cancel(job.tag)
        assert driven.until_ended(job) == [Ended(job.tag, "cancelled")]

    def test_cancelled_half_way_it_ends_and_the_next_is_clean(self, driven: Driven) -> None:
        before = self.usual(driven)
        job = Job(Tag(1, 2))
        events = self.start_half(driven, job)
        driven.backend.cancel(job.tag)
        assert ends(events + driven.until_ended(job)) == [(job.tag, "cancelled")]
        assert self.whole(driven, Tag(1, 3)) == before

    def test_cancelled_after_all_was_fed_it_ends_once(self, driven: Driven) -> None:
        job = Job(Tag(1))
        events = self.start(driven, job)
        driven.backend.cancel(job.tag)
        if not ends(events):
            events += driven.until_ended(job)
        assert len(ends(events)) == 1
        driven.steps()

    def test_cancelled_from_another_thread_it_ends(self, driven: Driven) -> None:
        job = Job(Tag(1))
        events = self.start_half(driven, job)
        thread = threading.Thread(target=driven.backend.cancel, args=(job.tag,))
        thread.start()
        thread.join()
        assert ends(events + driven.until_ended(job)) == [(job.tag, "cancelled")]

    def test_a_job_that_has_ended_or_never_was_cannot_be_cancelled(self, driven: Driven) -> None:
        self.usual(driven)
        for tag in (Tag(77), Tag(99)):
            driven.backend.cancel(tag)
            assert driven.steps() == []

    def test_of_several_jobs_at_once_each_ends_once(self, driven: Driven) -> None:
        """One that takes one at a time refuses the others, and the first goes on."""
        alone = self.usual(driven)
        jobs = [Job(Tag(2, turn)) for turn in (1, 2, 3)]
        events: list[Event] = []
        for job in jobs:
            events += self.start_half(driven, job)
        driven.backend.cancel(jobs[2].tag)
        for job in jobs[:2]:
            driven.backend.finish(job)
        waiting = [job for job in jobs if job.tag not in {tag for tag, _ in ends(events)}]
        events += driven.until_ended(*waiting)
        assert sorted(tag for tag, _ in ends(events)) == [job.tag for job in jobs]
        assert (jobs[0].tag, "done") in ends(events)
        assert self.whole(driven, Tag(3)) == alone

    def test_settling_and_forgetting_between_jobs_changes_nothing_for_the_next_visitor(self, driven: Driven) -> None:
        before = self.usual(driven)
        driven.backend.settle(Tag(77), "half of")
        driven.backend.forget(77)
        driven.backend.forget(7)
        assert driven.steps() == []
        assert self.whole(driven, Tag(2)) == before

    def test_what_a_checkpoint_costs_is_learned(self, driven: Driven) -> None:
        self.usual(driven)
        one = driven.backend.cost_ns(1)
        assert one >= 0
        assert driven.backend.cost_ns(10) == 10 * one
