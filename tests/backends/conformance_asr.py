"""What every recogniser has to do: the stage contract as tests, beside what every backend has to (`conformance.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.contract import UNKNOWN, Ended, Event, Heard, HearsPauses, Job, Pcm, Tag
from engine.errors import BackendError
from tests.backends.conformance import BackendConformance, Driven, ends
from tests.engine_run import question, silence

BLOCK = 960
FRAME = 400
"""Samples by which the sound of the last frame may be more or less than a whole one."""


def heard(events: list[Event]) -> list[Heard]:
    return [event for event in events if isinstance(event, Heard)]


class RecogniserConformance(BackendConformance):
    """With the beginning of the question that comes with the package, 1.4 s. Which words a model makes of it is its own
    affair."""

    def sound(self) -> Pcm:
        """What is fed: override it for a recogniser that does not hear English."""
        return question()[:22400]

    def start(self, driven: Driven, job: Job) -> list[Event]:
        events = self.feed(driven, job, self.sound())
        driven.backend.finish(job)
        return events

    def start_half(self, driven: Driven, job: Job) -> list[Event]:
        return self.feed(driven, job, self.sound()[: len(self.sound()) // 2])

    def feed(self, driven: Driven, job: Job, sound: Pcm, block: int = BLOCK) -> list[Event]:
        """Begin a job and feed it as the worker does: each block from memory that is another one's after the step."""
        return driven.feed(job, (sound[start : start + block] for start in range(0, len(sound), block)))

    def outcome(self, events: list[Event], job: Job) -> Any:
        """The final text: the partial ones depend on how fast the machine is."""
        final = [each for each in heard(events) if each.final]
        assert len(final) == 1
        return final[0].text, round(final[0].confidence, 4)

    def said(self, driven: Driven, sound: Pcm, tag: Tag | None = None, block: int = BLOCK) -> list[Heard]:
        job = Job(tag or Tag(5))
        events = self.feed(driven, job, sound, block)
        driven.backend.finish(job)
        if not ends(events):
            events += driven.until_ended(job)
        assert ends(events) == [(job.tag, "done")]
        return heard(events)

    def test_another_rate_is_refused(self, driven: Driven) -> None:
        with pytest.raises(BackendError, match="8000"):
            driven.subject.make().load(replace(driven.subject.rung, rate=8000))

    def test_the_final_text_comes_last_and_covers_all_that_was_fed(self, driven: Driven) -> None:
        sound = self.sound()
        *partial, final = self.said(driven, sound)
        assert final.final
        assert final.text
        assert abs(final.upto - len(sound)) <= FRAME
        assert not any(each.final for each in partial)

    def test_no_text_covers_more_than_was_fed_or_less_than_the_one_before(self, driven: Driven) -> None:
        job = Job(Tag(1))
        driven.backend.begin(job)
        fed, covered = 0, 0
        for start in range(0, len(self.sound()), BLOCK):
            block = self.sound()[start : start + BLOCK]
            driven.backend.feed(job, block)
            fed += len(block)
            for each in heard([*driven.backend.step(0), *driven.steps()]):
                assert 0 <= each.upto <= fed
                assert each.text
                if each.upto >= covered:
                    covered = each.upto
        driven.backend.cancel(job.tag)
        driven.until_ended(job)

    def test_what_is_told_of_a_text_is_in_its_bounds(self, driven: Driven) -> None:
        for each in self.said(driven, self.sound()):
            assert 0 <= each.confidence <= 1
            assert each.complete == UNKNOWN or 0 <= each.complete <= 1
            assert each.language == driven.subject.rung.language
            assert each.text == each.text.strip()

    def test_sound_in_pieces_of_any_size_gives_the_same_text(self, driven: Driven) -> None:
        sound = self.sound()
        texts = {self.said(driven, sound, block=block)[-1].text for block in (320, 8001, len(sound))}
        assert texts == {self.usual(driven)[0]}

    def test_nothing_fed_is_no_words(self, driven: Driven) -> None:
        (final,) = self.said(driven, silence(0))
        assert (final.text, final.confidence, final.upto) == ("", 0.0, 0)

    def test_less_sound_than_a_frame_will_do(self, driven: Driven) -> None:
        assert self.said(driven, silence(0.005))[-1].final

    def test_sound_of_another_type_fails_its_own_job_only(self, driven: Driven) -> None:
        wrong, right = Job(Tag(1)), Job(Tag(2))
        driven.backend.begin(wrong)
        driven.backend.feed(wrong, np.zeros(BLOCK, np.float32))
        (ended,) = driven.until_ended(wrong)
        assert isinstance(ended, Ended)
        assert ended.reason == "failed"
        assert ended.text
        assert self.said(driven, self.sound(), right.tag)[-1].text

    def test_what_is_fed_after_the_end_is_not_heard(self, driven: Driven) -> None:
        job = Job(Tag(1))
        events = self.start(driven, job)
        driven.backend.feed(job, self.sound())
        events += driven.until_ended(job) if not ends(events) else []
        assert abs(heard(events)[-1].upto - len(self.sound())) <= FRAME
        driven.backend.feed(job, self.sound())
        assert driven.steps() == []

    def test_at_a_pause_all_that_was_said_is_told_without_finish(self, driven: Driven) -> None:
        if not isinstance(driven.backend, HearsPauses):
            pytest.skip("it makes no use of pauses")
        sound, job = self.sound(), Job(Tag(1))
        words, _ = self.usual(driven)
        events = self.feed(driven, job, sound)
        driven.backend.pause(job, len(sound))
        whole = [each for each in heard(events) if each.upto == len(sound)]
        if not whole:
            told = driven.until(lambda came: any(e.upto == len(sound) for e in heard(came)), "the words of the pause")
            whole = [each for each in heard(told) if each.upto == len(sound)]
        assert whole[-1].text == words
        driven.backend.finish(job)
        events = driven.until_ended(job)
        assert [(each.text, each.final) for each in heard(events)][-1] == (words, True)

    def test_after_a_pause_the_voice_may_go_on(self, driven: Driven) -> None:
        if not isinstance(driven.backend, HearsPauses):
            pytest.skip("it makes no use of pauses")
        sound, job = self.sound(), Job(Tag(1))
        half = len(sound) // 2
        self.feed(driven, job, sound[:half])
        driven.backend.pause(job, half)
        driven.steps()
        driven.backend.pause(job, 0)
        driven.backend.feed(job, sound[half:])
        driven.steps()
        driven.backend.finish(job)
        final = heard(driven.until_ended(job))[-1]
        assert final.final
        assert final.upto == len(sound)
        assert final.text
