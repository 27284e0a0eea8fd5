"""What every duplex model has to do, which hears and speaks in frames: the stage contract as tests, beside what every
backend has to (`conformance.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.contract import Ended, Event, Job, Pcm, Rung, Sound, Tag, Token
from engine.errors import BackendError
from tests.backends.conformance import BackendConformance, Driven, ends
from tests.engine_run import question

FRAMES = 6
WAITING = 2
"""Frames that may wait: what is fed beyond that comes too late to be answered in time."""


class Speaker:
    """A sink that keeps what it gets, until it is full."""

    def __init__(self, room: int = 10**9) -> None:
        self.frames: list[Pcm] = []
        self.room = room

    def write(self, pcm: Pcm) -> bool:
        self.room -= len(pcm)
        self.frames.append(pcm.copy())
        return self.room >= 0

    @property
    def sound(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self.frames])


def sounds(events: list[Event]) -> list[Sound]:
    return [event for event in events if isinstance(event, Sound)]


class DuplexConformance(BackendConformance):
    """With the beginning of the question that comes with the package, as if it had the backend's rate. What a model
    makes of it is its own affair."""

    @pytest.fixture(autouse=True)
    def _speakers(self) -> None:
        self.speakers: dict[Tag, Speaker] = {}

    def frames(self, driven: Driven, count: int = FRAMES, loud: float = 1.0) -> list[Pcm]:
        size = driven.backend.abilities.frame
        sound = (np.resize(question(), count * size) * loud).astype(np.int16)
        return [sound[at * size : (at + 1) * size] for at in range(count)]

    def start(self, driven: Driven, job: Job) -> list[Event]:
        events = self.feed(driven, job, self.frames(driven))
        driven.backend.finish(job)
        return events

    def start_half(self, driven: Driven, job: Job) -> list[Event]:
        return self.feed(driven, job, self.frames(driven, FRAMES // 2))

    def feed(self, driven: Driven, job: Job, frames: list[Pcm]) -> list[Event]:
        """Begin a job and feed it as its worker would: each frame from memory that is another one's after the step."""
        speaker = self.speakers.setdefault(job.tag, Speaker())
        job = replace(job, sink=speaker)
        return driven.feed(job, frames)

    def outcome(self, events: list[Event], job: Job) -> Any:
        words = "".join(event.text for event in events if isinstance(event, Token))
        return words, [each.samples for each in sounds(events)], self.speakers[job.tag].sound.tobytes()

    def said(self, driven: Driven, frames: list[Pcm], tag: Tag) -> Any:
        """What comes of these frames, in a job of their own."""
        job = Job(tag)
        events = self.feed(driven, job, frames)
        driven.backend.finish(job)
        if not ends(events):
            events += driven.until_ended(job)
        return self.outcome(events, job)

    def test_it_tells_its_rate_and_how_long_a_frame_is(self, driven: Driven) -> None:
        can = driven.backend.abilities
        assert can.checkpoint == "frame"
        assert can.incremental
        assert can.rate == driven.subject.rung.rate
        assert 0 < can.frame <= can.rate // 5

    def test_a_rate_it_cannot_be_fed_is_refused(self, driven: Driven) -> None:
        with pytest.raises(BackendError, match="12345"):
            driven.subject.make().load(replace(driven.subject.rung, rate=12345))

    def test_every_frame_is_answered_by_one_as_long_before_the_next_is_fed(self, driven: Driven) -> None:
        size, job = driven.backend.abilities.frame, Job(Tag(1), sink=Speaker())
        driven.backend.begin(job)
        for count, frame in enumerate(self.frames(driven), 1):
            driven.backend.feed(job, frame)
            assert sounds(driven.steps()) == [Sound(job.tag, size)]
            assert isinstance(job.sink, Speaker)
            assert [len(each) for each in job.sink.frames] == [size] * count
        driven.backend.finish(job)
        assert driven.until_ended(job)[-1] == Ended(job.tag)

    def test_what_it_says_depends_on_what_it_hears(self, driven: Driven) -> None:
        assert self.said(driven, self.frames(driven, loud=0.0), Tag(1)) != self.usual(driven)

    def test_it_remembers_what_it_heard_before(self, driven: Driven) -> None:
        """The same last frames after others are answered differently."""
        size = 2 * 4 * driven.backend.abilities.frame  # bytes of four frames
        frames, long = self.frames(driven), self.usual(driven)
        short = self.said(driven, frames[-4:], Tag(2))
        assert long[2][-size:] != short[2][-size:]

    def test_a_step_is_a_frame_at_most_whatever_the_budget(self, driven: Driven) -> None:
        job = Job(Tag(1), sink=Speaker())
        driven.backend.begin(job)
        for frame in self.frames(driven, WAITING):
            driven.backend.feed(job, frame)
        assert len(sounds(list(driven.backend.step(10**12)))) == 1
        driven.backend.cancel(job.tag)
        driven.until_ended(job)

    def test_a_frame_that_waits_is_not_looked_up_in_memory_that_was_lent_until_the_step_before(
        self, driven: Driven
    ) -> None:
        frames, speaker = self.frames(driven, WAITING), Speaker()
        before = self.said(driven, frames, Tag(1))
        job = Job(Tag(2), sink=speaker)
        driven.backend.begin(job)
        lent = [frame.copy() for frame in frames]
        for frame in lent:
            driven.backend.feed(job, frame)
        driven.backend.step(0)
        for frame in lent:
            frame[:] = 12345
        driven.backend.finish(job)
        driven.until_ended(job)
        assert speaker.sound.tobytes() == before[2]

    def test_frames_that_come_too_fast_are_dropped_and_counted_the_oldest_first(self, driven: Driven) -> None:
        size, frames, speaker = driven.backend.abilities.frame, self.frames(driven), Speaker()
        job = Job(Tag(1), sink=speaker)
        driven.backend.begin(job)
        for frame in frames:
            driven.backend.feed(job, frame)
        driven.backend.finish(job)
        found = sounds(driven.until_ended(job))
        lost = [Sound(job.tag, 0, lost=size)] * (len(frames) - WAITING)
        assert found == [*lost, *[Sound(job.tag, size)] * WAITING]
        newest = self.said(driven, frames[-WAITING:], Tag(2))
        assert speaker.sound.tobytes() == newest[2]

    def test_a_speaker_that_wants_no_more_ends_it(self, driven: Driven) -> None:
        self.speakers[Tag(1)] = Speaker(room=driven.backend.abilities.frame)
        events = self.feed(driven, Job(Tag(1)), self.frames(driven, 4))
        assert ends(events) == [(Tag(1), "cancelled")]
        assert len(self.speakers[Tag(1)].frames) == 2

    def test_without_a_speaker_it_still_hears(self, driven: Driven) -> None:
        job = Job(Tag(1))
        driven.backend.begin(job)
        for frame in self.frames(driven, 3):
            driven.backend.feed(job, frame)
            assert len(sounds(driven.steps())) == 1
        driven.backend.finish(job)
        assert driven.until_ended(job)[-1] == Ended(job.tag)

    def test_a_frame_of_another_length_fails_the_job_and_the_next_is_clean(self, driven: Driven) -> None:
        before, job = self.usual(driven), Job(Tag(2))
        driven.backend.begin(job)
        driven.backend.feed(job, np.zeros(driven.backend.abilities.frame - 1, np.int16))
        (end,) = driven.until_ended(job)
        assert isinstance(end, Ended)
        assert end.reason == "failed"
        assert str(driven.backend.abilities.frame) in end.text
        assert self.whole(driven, Tag(3)) == before

    def test_cancelled_between_any_two_frames_the_next_conversation_is_as_if_it_were_the_first(
        self, driven: Driven
    ) -> None:
        before = self.usual(driven)
        for count in range(4):
            job = Job(Tag(2, count))
            self.feed(driven, job, self.frames(driven, count, loud=0.5))
            driven.backend.cancel(job.tag)
            assert ends(driven.until_ended(job)) == [(job.tag, "cancelled")]
            assert self.whole(driven, Tag(3, count)) == before

    def test_a_deadline_that_has_passed_is_others_to_enforce(self, driven: Driven) -> None:
        before = self.usual(driven)
        job = Job(Tag(2), deadline_ns=1)
        events = self.start(driven, job)
        if not ends(events):
            events += driven.until_ended(job)
        assert self.outcome(events, job) == before

    def test_at_another_rate_frames_are_as_long_in_time(self, driven: Driven) -> None:
        if driven.subject.other is None:
            pytest.skip("there is no other rung")
        other: Rung = driven.subject.other
        before = driven.backend.abilities
        driven.load(other)
        after = driven.backend.abilities
        assert after.frame * before.rate == before.frame * after.rate
        _, lengths, sound = self.whole(driven, Tag(1))
        assert lengths == [after.frame] * FRAMES
        assert len(sound) == 2 * FRAMES * after.frame
        driven.load(driven.subject.rung)
