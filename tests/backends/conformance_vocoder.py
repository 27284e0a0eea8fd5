"""What every voice does: the stage contract (`engine/contract.py`), as tests that any backend can be put through.

    class TestMine(VocoderConformance):
        @pytest.fixture
        def subject(self) -> Subject:
            return Subject(MyVoice, {"model": "..."})

Nothing here looks inside a backend, at a clock, or at what its sound is like.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from engine.contract import Backend, Ended, Event, Job, Pcm, Rung, Sound, Tag, Word
from engine.errors import BackendError
from tests.backends.conformance_gpu import Gpu, GpuConformance

RATE = 16000
AUDIBLE = 104
WATCHDOG_S = 60
"""Reached only when something is broken."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend to be tried. make: gives it, not loaded. settings: its table. another: settings that are to be changed
    for another rung, which says the same in less time. bad: settings that it must refuse."""

    make: Callable[[], Backend]
    settings: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    foreign: str = "xx"
    """A language that it does not speak."""
    sentence: str = "The museum closes at six in the evening."
    long: str = "The museum opens at nine in the morning and closes at six in the evening " * 3
    another: Mapping[str, Any] = field(default_factory=lambda: {"speed": 1.5})
    bad: Mapping[str, Any] = field(default_factory=lambda: {"speed": 0})
    wobble: int = 0
    """By how many samples the same clause may differ from time to time."""
    chunk: int = RATE * 60 // 1000
    """Samples that may still be given after a job was cancelled."""
    gpu: Gpu | None = None
    """How it is loaded on one."""

    def rung(self, **changed: Any) -> Rung:
        return Rung({**self.settings, **changed}, language=self.language, rate=RATE)

    def loaded(self, **changed: Any) -> Backend:
        voice = self.make()
        voice.load(self.rung(**changed))
        return voice

    def job(self, sink: Any, attempt: int = 1, **more: Any) -> Job:
        return Job(Tag(1, 1, attempt), language=self.language, sink=sink, **more)


class Collector:
    """A sink that keeps what it is given. It wants no more after `limit` samples; `during` is called at each write."""

    def __init__(self, limit: int = 1 << 40, during: Callable[[], None] = lambda: None) -> None:
        self._limit, self._during = limit, during
        self._taken = 0
        self.parts: list[Pcm] = []

    def write(self, pcm: Pcm) -> bool:
        self._during()
        if len(self) + len(pcm) > self._limit:
            return False
        assert pcm.dtype == np.int16
        self.parts.append(pcm.copy())
        self._taken += len(pcm)
        return True

    def __len__(self) -> int:
        return self._taken

    @property
    def sound(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self.parts])

    @property
    def audible(self) -> bool:
        return bool((np.abs(self.sound.astype(np.int32)) > AUDIBLE).any())


def drain(voice: Backend) -> list[Event]:
    """Step until nothing is left to do."""
    events: list[Event] = []
    for _ in range(100_000):
        if voice.idle:
            return events
        events += voice.step(0)
    raise AssertionError("it never has nothing to do")


def run(voice: Backend, job: Job, *clauses: str) -> list[Event]:
    """A whole job: its events."""
    voice.begin(job)
    for clause in clauses:
        voice.feed(job, clause)
    voice.finish(job)
    return drain(voice)


def sounds(events: list[Event]) -> list[Sound]:
    return [event for event in events if isinstance(event, Sound)]


def ends(events: list[Event]) -> list[Ended]:
    return [event for event in events if isinstance(event, Ended)]


class VocoderConformance(GpuConformance):
    """Give it a fixture `subject`."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    @pytest.fixture
    def voice(self, subject: Subject) -> Any:
        voice = subject.loaded()
        yield voice
        voice.unload()

    def usual(self, subject: Subject, voice: Backend) -> int:
        """Samples of the sentence."""
        sink = Collector()
        run(voice, subject.job(sink, 99), subject.sentence)
        return len(sink)

    # What it says of itself.

    def test_it_keeps_the_contract_and_says_its_rate(self, subject: Subject, voice: Backend) -> None:
        assert isinstance(voice, Backend)
        assert voice.abilities.rate == RATE
        assert voice.abilities.incremental
        assert all("\n" not in remark for remark in voice.remarks)

    def test_warming_up_leaves_it_idle_and_knowing_its_cost(self, voice: Backend) -> None:
        assert voice.cost_ns(1) == 0
        voice.warm_up()
        assert voice.idle
        assert voice.step(0) in ((), [])
        assert voice.cost_ns(20) == 2 * voice.cost_ns(10) > 0

    # What it says.

    def test_a_clause_is_heard_and_told_in_samples_and_the_job_ends_once(
        self, subject: Subject, voice: Backend
    ) -> None:
        sink = Collector()
        job = subject.job(sink, deadline_ns=123, capture_ns=45)
        before = replace(job)
        events = run(voice, job, subject.sentence, subject.sentence)
        assert sink.audible
        assert [type(event) for event in events] == [Sound, Sound, Ended]
        assert sum(event.samples for event in sounds(events)) == len(sink)
        assert events[-1] == Ended(job.tag)
        assert job == before

    def test_each_clause_is_spoken_as_soon_as_it_is_fed(self, subject: Subject, voice: Backend) -> None:
        sink = Collector()
        job = subject.job(sink)
        voice.begin(job)
        for number in (1, 2):
            assert drain(voice) == []
            voice.feed(job, subject.sentence)
            assert [type(event) for event in drain(voice)] == [Sound]
            assert len(sink) > number * RATE // 4
        voice.finish(job)
        assert drain(voice) == [Ended(job.tag)]

    @pytest.mark.parametrize("nothing", ["", "...", " \n?!", "\N{GRINNING FACE}", "\0"])
    def test_a_clause_with_nothing_to_say_has_its_sound_too(
        self, subject: Subject, voice: Backend, nothing: str
    ) -> None:
        sink = Collector()
        events = run(voice, subject.job(sink), subject.sentence, nothing, subject.sentence)
        first, silent, last = sounds(events)
        assert silent.samples == 0
        assert min(first.samples, last.samples) > 0
        assert first.samples + last.samples == len(sink)
        assert ends(events) == [Ended(Tag(1, 1, 1))]

    def test_a_long_clause_has_one_sound(self, subject: Subject, voice: Backend) -> None:
        sink = Collector()
        events = run(voice, subject.job(sink), subject.sentence, subject.long, subject.sentence)
        assert len(sounds(events)) == 3
        assert sounds(events)[1].samples > 2 * sounds(events)[0].samples
        assert sum(event.samples for event in sounds(events)) == len(sink)

    @pytest.mark.parametrize("clause", ["sentence", "long"])
    def test_the_words_are_those_of_the_text_and_lie_in_its_sound(
        self, subject: Subject, voice: Backend, clause: str
    ) -> None:
        text = getattr(subject, clause)
        events = run(voice, subject.job(Collector()), subject.sentence, text)
        for said, sound in zip((subject.sentence, text), sounds(events), strict=True):
            if sound.words:
                assert [word.text for word in sound.words] == said.split()
                starts = [word.start for word in sound.words]
                assert starts == sorted(starts)
                assert starts[0] >= 0
                assert starts[-1] < sound.samples
                assert all(isinstance(word, Word) and isinstance(word.start, int) for word in sound.words)

    @pytest.mark.parametrize(
        "text",
        [
            "hello \N{GRINNING FACE}\0\x1b[31m world\u202e",
            "half a surrogate \ud800 and \udfff another",
            "M" * 170,
            "%s %n %d $ % # @ ~ \\ | < > & {} [[ ]] '' \"  word",
            "1,000,000 at 12:30 on 1/2 for $5.99 or 100%",
        ],
        ids=["emoji, escapes", "surrogates", "endless word", "signs", "numbers"],
    )
    def test_hostile_text_is_said_somehow_and_the_voice_lives_on(
        self, subject: Subject, voice: Backend, text: str
    ) -> None:
        sink = Collector()
        events = run(voice, subject.job(sink), text)
        assert ends(events) == [Ended(Tag(1, 1, 1))]
        assert sink.audible
        assert self.usual(subject, voice) > RATE // 4

    # Giving up.

    def test_cancelled_before_its_first_step_a_job_is_silent(self, subject: Subject, voice: Backend) -> None:
        sink = Collector()
        job = subject.job(sink)
        voice.begin(job)
        voice.feed(job, subject.sentence)
        voice.cancel(job.tag)
        assert not voice.idle
        assert drain(voice) == [Ended(job.tag, "cancelled")]
        assert len(sink) == 0

    def test_cancelled_before_it_was_fed_a_job_ends(self, subject: Subject, voice: Backend) -> None:
        job = subject.job(Collector())
        voice.begin(job)
        voice.cancel(job.tag)
        assert drain(voice) == [Ended(job.tag, "cancelled")]

    def test_cancelled_in_its_sound_a_job_stops_within_a_chunk_and_the_next_is_whole(
        self, subject: Subject, voice: Backend
    ) -> None:
        usual = self.usual(subject, voice)
        job = subject.job(Collector())

        def interrupt() -> None:
            if len(sink) > usual // 3:
                voice.cancel(job.tag)

        sink = Collector(during=interrupt)
        job = subject.job(sink)
        events = run(voice, job, subject.sentence, subject.sentence)
        assert ends(events) == [Ended(job.tag, "cancelled")]
        assert events[-1] == ends(events)[0]
        assert usual // 3 < len(sink) <= usual // 3 + 2 * subject.chunk
        assert sum(event.samples for event in sounds(events)) == len(sink)
        assert self.usual(subject, voice) == pytest.approx(usual, abs=subject.wobble)

    def test_another_thread_may_cancel_while_it_speaks(self, subject: Subject, voice: Backend) -> None:
        begun, cancelled = threading.Event(), threading.Event()

        def at_write() -> None:
            begun.set()
            assert cancelled.wait(WATCHDOG_S)

        def cancel() -> None:
            assert begun.wait(WATCHDOG_S)
            voice.cancel(job.tag)
            cancelled.set()

        sink = Collector(during=at_write)
        job = subject.job(sink)
        other = threading.Thread(target=cancel)
        other.start()
        events = run(voice, job, subject.long)
        other.join()
        assert ends(events) == [Ended(job.tag, "cancelled")]
        assert len(sink) <= 2 * subject.chunk

    def test_cancelling_what_has_ended_or_never_was_does_nothing(self, subject: Subject, voice: Backend) -> None:
        sink = Collector()
        job = subject.job(sink)
        run(voice, job, subject.sentence)
        voice.cancel(job.tag)
        voice.cancel(Tag(9, 9, 9))
        assert voice.idle
        assert ends(run(voice, job, subject.sentence)) == [Ended(job.tag)]

    def test_a_sink_that_wants_no_more_ends_its_job(self, subject: Subject, voice: Backend) -> None:
        limit = self.usual(subject, voice) // 2
        sink = Collector(limit=limit)
        events = run(voice, subject.job(sink), subject.sentence, subject.sentence)
        assert ends(events) == [Ended(Tag(1, 1, 1), "cancelled")]
        assert len(sink) <= limit

    def test_a_sink_that_fails_fails_its_job_only(self, subject: Subject, voice: Backend) -> None:
        def fail() -> None:
            raise OSError("the ring is gone\nat line 7")

        (end,) = ends(run(voice, subject.job(Collector(during=fail)), subject.sentence))
        assert end.reason == "failed"
        assert "the ring is gone" in end.text
        assert "\n" not in end.text
        assert self.usual(subject, voice) > RATE // 4

    @pytest.mark.parametrize("fault", ["no sink", "foreign language"])
    def test_a_job_it_cannot_do_fails_with_a_reason_and_another_goes_on(
        self, subject: Subject, voice: Backend, fault: str
    ) -> None:
        good = Collector()
        bad = (
            subject.job(None, 2)
            if fault == "no sink"
            else replace(subject.job(Collector(), 2), language=subject.foreign)
        )
        voice.begin(subject.job(good, 1))
        voice.begin(bad)
        for job in (subject.job(good, 1), bad):
            voice.feed(job, subject.sentence)
            voice.finish(job)
        by_attempt = {end.tag.attempt: end for end in ends(drain(voice))}
        assert by_attempt[1] == Ended(Tag(1, 1, 1))
        assert by_attempt[2].reason == "failed"
        assert by_attempt[2].text
        assert good.audible

    # Several at once.

    def test_jobs_that_are_open_at_once_each_get_their_own_sound(self, subject: Subject, voice: Backend) -> None:
        usual = self.usual(subject, voice)
        sinks = {attempt: Collector() for attempt in (1, 2, 3)}
        jobs = {attempt: subject.job(sink, attempt) for attempt, sink in sinks.items()}
        for job in jobs.values():
            voice.begin(job)
        for attempt, job in jobs.items():
            for _ in range(attempt):
                voice.feed(job, subject.sentence)
        voice.cancel(jobs[2].tag)
        for job in jobs.values():
            voice.finish(job)
        events = drain(voice)
        assert {end.tag.attempt: end.reason for end in ends(events)} == {1: "done", 2: "cancelled", 3: "done"}
        assert len(ends(events)) == 3
        for attempt, sink in sinks.items():
            told = [event.samples for event in sounds(events) if event.tag.attempt == attempt]
            assert sum(told) == len(sink)
            assert len(told) == (0 if attempt == 2 else attempt)
        assert len(sinks[1]) == pytest.approx(usual, abs=subject.wobble)

    def test_what_is_due_first_is_said_first(self, subject: Subject, voice: Backend) -> None:
        for attempt, deadline in ((1, 0), (2, 2000), (3, 1000)):
            job = subject.job(Collector(), attempt, deadline_ns=deadline)
            voice.begin(job)
            voice.feed(job, subject.sentence)
            voice.finish(job)
        assert [end.tag.attempt for end in ends(drain(voice))] == [3, 2, 1]

    # Between jobs.

    def test_it_settles_and_forgets_and_keeps_nothing_of_who_has_left(self, subject: Subject, voice: Backend) -> None:
        sink = Collector()
        job = subject.job(sink)
        run(voice, job, subject.sentence)
        voice.settle(job.tag, subject.sentence.split()[0])
        last = weakref.ref(sink)
        del sink, job
        voice.forget(1)
        assert last() is None
        assert self.usual(subject, voice) > RATE // 4

    def test_it_is_loaded_anew_with_another_rung_and_back(self, subject: Subject, voice: Backend) -> None:
        usual = self.usual(subject, voice)
        voice.load(subject.rung(**subject.another))
        voice.warm_up()
        assert self.usual(subject, voice) < usual - subject.wobble
        voice.load(subject.rung())
        assert self.usual(subject, voice) == pytest.approx(usual, abs=subject.wobble)

    def test_it_is_loaded_again_after_it_was_unloaded(self, subject: Subject, voice: Backend) -> None:
        usual = self.usual(subject, voice)
        voice.unload()
        voice.load(subject.rung())
        assert self.usual(subject, voice) == pytest.approx(usual, abs=subject.wobble)

    def test_what_it_cannot_be_loaded_with_is_one_line_with_a_remedy_and_what_it_had_can_be_loaded_again(
        self, subject: Subject, voice: Backend
    ) -> None:
        for changed in ({"settings": {**subject.settings, **subject.bad}}, {"language": subject.foreign}):
            with pytest.raises(BackendError) as caught:
                voice.load(replace(subject.rung(), **changed))
            assert "\n" not in str(caught.value)
            assert "; " in str(caught.value)
        voice.load(subject.rung())
        assert self.usual(subject, voice) > RATE // 4
