"""When Whisper's passes are made, and what is told of them: with a scripted model in the place of the network, which is
done when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Ended, Event, Heard, Job, Pcm, Rung, Tag
from tests.engine_run import silence
from tests.leases import Recorded
from workers.backends import whisper
from workers.backends.log_mel import HOP, Frames
from workers.backends.whisper_model import Hypothesis
from workers.backends.whisper_utterance import CUT_FROM, CUT_TO

RATE = 16000
JOB = Job(Tag(1))
WATCHDOG_S = 30


class Script:
    """Stands in for `whisper_model.Model`: every pass waits for `give`."""

    bands = 80

    def __init__(self, *_: Any) -> None:
        self.asked: list[float] = []
        """Of each pass: the seconds it was over."""
        self._begun, self._texts = threading.Semaphore(0), threading.Semaphore(0)
        self._given: list[str] = []

    def knows(self, language: str) -> bool:
        return language != "xx"

    def prompt(self, language: str, hints: Sequence[int]) -> list[int]:
        return []

    def hints(self, phrases: Sequence[str], most: int) -> tuple[list[int], int]:
        return [], 0

    def hear(
        self, features: Frames, seconds: float, prompt: Any, beams: int, no_speech: float, wanted: Callable[[], bool]
    ) -> Hypothesis | None:
        self.asked.append(round(seconds, 1))
        self._begun.release()
        assert self._texts.acquire(timeout=WATCHDOG_S)
        text = self._given.pop(0)
        if text == "broken":
            raise RuntimeError("it broke\nin many lines")
        return Hypothesis(text, 0.9) if wanted() else None

    def give(self, text: str) -> None:
        """Let the pass that is under way, or the next, find this."""
        assert self._begun.acquire(timeout=WATCHDOG_S), "no pass was begun"
        self._given.append(text)
        self._texts.release()

    def close(self) -> None:
        pass


class Desk:
    """A backend with a scripted model."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.script = Script()
        monkeypatch.setattr(whisper, "Model", lambda *_: self.script)
        monkeypatch.setattr(whisper, "found", Path)
        self.woken = threading.Event()
        self.backend = whisper.Whisper()
        self.lease = Recorded()
        folder = str(Path(__file__).parent)
        self.backend.load(Rung({"model": folder, **settings}, wake=self.woken.set, lease=self.lease))

    def feed(self, seconds: float, job: Job = JOB, sound: Pcm | None = None) -> list[Event]:
        made = silence(seconds) if sound is None else sound
        self.backend.feed(job, made)
        return [*self.backend.step(0), *self.steps()]

    def steps(self) -> list[Event]:
        events: list[Event] = []
        while not self.backend.idle:
            events += self.backend.step(0)
        return events

    def found(self, text: str) -> list[Event]:
        """What is told when the pass under way finds this."""
        self.woken.clear()
        self.script.give(text)
        assert self.woken.wait(WATCHDOG_S), "it did not wake its worker"
        return self.steps()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(monkeypatch)
    made.backend.begin(JOB)
    yield made
    assert made.backend.idle


def test_a_pass_has_the_lease_and_makes_way_between_its_calls(desk: Desk) -> None:
    assert desk.backend.abilities.own_thread  # so the worker does not take it
    desk.feed(1.0)
    desk.found("what")
    assert desk.lease.calls == ["take", "turn", "give"]
    desk.feed(1.0)
    desk.found("broken")
    assert desk.lease.calls[3:] == ["take", "give"]


def told(events: list[Event]) -> list[tuple[str, int, bool]]:
    return [(each.text, each.upto, each.final) for each in events if isinstance(each, Heard)]


def test_what_two_passes_agree_on_is_told_and_no_more(desk: Desk) -> None:
    desk.feed(1.0)
    assert desk.found("What time, does") == []
    desk.feed(1.0)
    # Two of the three words of the first pass, which was over one second.
    assert told(desk.found("what time doesn't the museum")) == [("what time", RATE * 2 // 3, False)]
    desk.feed(1.0)
    assert told(desk.found("What time doesn't the museum close?")) == [
        ("What time doesn't the museum", 2 * RATE, False),
    ]
    desk.feed(1.0)
    assert told(desk.found("What time doesn't the museum close?")) == [
        ("What time doesn't the museum close?", 4 * RATE, False),
    ]
    desk.feed(1.0)
    assert desk.found("Oh") == []
    desk.backend.cancel(JOB.tag)
    desk.steps()


def test_at_a_pause_one_pass_over_all_that_was_said_tells_the_words_and_finish_needs_none(desk: Desk) -> None:
    desk.feed(1.0)
    desk.found("what")
    desk.backend.pause(JOB, RATE + 1600)
    assert desk.backend.idle  # not all of it was fed
    desk.feed(0.1)
    assert told(desk.found("what time is it")) == [("what time is it", RATE + 1600, False)]
    desk.feed(0.1)  # silence
    desk.backend.finish(JOB)
    events = desk.steps()
    assert told(events) == [("what time is it", RATE + 3200, True)]
    assert events[-1] == Ended(JOB.tag)
    assert desk.script.asked == [1.0, 1.1]


def test_without_a_word_on_pauses_the_last_pass_is_final_where_nothing_was_added(desk: Desk) -> None:
    desk.feed(1.0)
    desk.found("what time")
    desk.backend.finish(JOB)
    assert told(desk.steps()) == [("what time", RATE, True)]


def test_sound_after_the_last_pass_takes_another_one(desk: Desk) -> None:
    desk.feed(1.0)
    desk.found("what")
    desk.feed(0.1)
    desk.backend.finish(JOB)
    assert desk.steps() == []
    assert told(desk.found("what time")) == [("what time", RATE + 1600, True)]


def test_a_pass_that_began_before_the_pause_gives_way_to_one_over_all(desk: Desk) -> None:
    desk.feed(1.0)  # a pass is under way
    desk.feed(0.2)
    desk.backend.pause(JOB, RATE + 3200)
    assert desk.steps() == []
    assert desk.found("dropped") == []  # and the next has begun
    assert told(desk.found("what time")) == [("what time", RATE + 3200, False)]
    desk.backend.finish(JOB)
    assert told(desk.steps()) == [("what time", RATE + 3200, True)]


def test_a_pass_that_had_covered_the_speech_before_the_pause_was_known_is_told_whole_then(desk: Desk) -> None:
    """Sound comes before what the voice activity makes of it."""
    desk.feed(1.0)
    assert desk.found("what time") == []
    desk.backend.pause(JOB, RATE - 800)
    assert told(desk.steps()) == [("what time", RATE, False)]
    desk.backend.finish(JOB)
    assert told(desk.steps()) == [("what time", RATE, True)]
    assert desk.script.asked == [1.0]


def test_a_pass_under_way_gives_way_to_the_final_one(desk: Desk) -> None:
    desk.feed(1.0)
    desk.feed(0.2)
    desk.backend.finish(JOB)
    assert desk.found("dropped") == []
    assert told(desk.found("what time")) == [("what time", RATE + 3200, True)]
    assert desk.script.asked == [1.0, 1.2]


def test_after_a_pause_the_voice_goes_on_and_what_was_said_then_counts(desk: Desk) -> None:
    desk.feed(1.0)
    desk.found("what")
    desk.backend.pause(JOB, RATE)
    assert told(desk.steps()) == [("what", RATE, False)]
    desk.backend.pause(JOB, 0)
    desk.feed(1.0)
    desk.found("what time")
    desk.backend.finish(JOB)
    assert told(desk.steps()) == [("what time", 2 * RATE, True)]


def test_a_step_never_waits_for_a_pass_and_what_nobody_wants_is_dropped(desk: Desk) -> None:
    desk.feed(1.0)  # its pass is under way from here on
    desk.backend.cancel(JOB.tag)
    assert desk.steps() == [Ended(JOB.tag, "cancelled")]
    other = Job(Tag(2))
    desk.backend.begin(other)
    assert desk.feed(1.0, other) == []
    desk.backend.finish(other)
    assert desk.steps() == []
    assert desk.found("of the first") == []
    assert told(desk.found("of the second")) == [("of the second", RATE, True)]


def test_passes_take_half_of_the_time_at_most(desk: Desk) -> None:
    """However slow the machine is: it never falls behind."""
    desk.backend._cost_ns, desk.backend._learned = 1_000_000_000, True
    desk.feed(1.9)
    assert desk.script.asked == []
    desk.feed(0.2)
    assert desk.script.asked == [2.1]
    desk.found("what")
    desk.backend.cancel(JOB.tag)
    desk.steps()


def test_one_that_is_waited_for_has_its_pass_before_one_that_speaks(desk: Desk) -> None:
    others = [Job(Tag(2)), Job(Tag(3))]
    for other in others:
        desk.backend.begin(other)
    desk.feed(0.5)  # a pass is under way
    desk.feed(1.0, others[0])
    desk.feed(0.7, others[1])
    desk.backend.finish(others[1])
    desk.found("nobody waits")
    assert told(desk.found("somebody does")) == [("somebody does", RATE * 7 // 10, True)]
    for job in (JOB, others[0]):
        desk.backend.cancel(job.tag)
    desk.steps()
    desk.found("")
    assert desk.script.asked == [0.5, 0.7, 1.0]


def test_a_pass_that_fails_fails_its_job_in_one_line_and_the_next_is_heard(desk: Desk) -> None:
    desk.feed(1.0)
    assert desk.found("broken") == [Ended(JOB.tag, "failed", "it broke")]
    desk.backend.begin(JOB)
    desk.feed(1.0)
    desk.found("whole")
    desk.backend.finish(JOB)
    assert told(desk.steps()) == [("whole", RATE, True)]


def test_long_sound_is_cut_where_it_is_quiet_and_heard_in_parts(desk: Desk) -> None:
    rng = np.random.default_rng(0)
    sound = (rng.standard_normal(27 * RATE) * 3000).astype(np.int16)
    sound[20 * RATE : 20 * RATE + 8000] = 0
    desk.backend._cost_ns, desk.backend._learned = 100_000_000_000, True
    desk.feed(0, sound=sound)
    assert len(desk.script.asked) == 1
    (first,) = desk.script.asked
    assert CUT_FROM * HOP / RATE < 20 < first < 20.5 < CUT_TO * HOP / RATE
    desk.backend.finish(JOB)
    assert desk.found("The first part.") == []
    (heard,) = (each for each in desk.found("The second part.") if isinstance(each, Heard))
    assert (heard.text, heard.upto, heard.final) == ("The first part. The second part.", 27 * RATE, True)
    assert desk.script.asked[1] == pytest.approx(27 - first, abs=0.1)


def test_a_machine_that_cannot_keep_up_is_told_so(desk: Desk) -> None:
    desk.feed(26)
    (ended,) = desk.feed(20)
    assert isinstance(ended, Ended)
    assert (ended.reason, "cannot keep up" in ended.text) == ("failed", True)
    desk.found("")


def test_between_characters_no_blanks_are_put_where_the_language_has_none(desk: Desk) -> None:
    job = Job(Tag(2), language="zh")
    desk.backend.begin(job)
    desk.feed(1.0, job)
    desk.found("你好吗")
    desk.feed(1.0, job)
    assert [text for text, *_ in told(desk.found("你好呀"))] == ["你好"]
    for each in (JOB, job):
        desk.backend.cancel(each.tag)
    desk.steps()
