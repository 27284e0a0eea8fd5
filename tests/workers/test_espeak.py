"""What espeak-ng says, and that it stops, survives and explains itself."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from engine.contract import Ended, Event, Job, Pcm, Rung, Sound, Tag
from engine.errors import BackendError
from workers.backends.espeak import Espeak
from workers.backends.sound import AUDIBLE

RATE = 16000
SENTENCE = "The museum closes at six in the evening."
CHUNK = RATE * 60 // 1000
WOBBLE = RATE * 60 // 1000
"""The library's noise is random, so the end of a clause differs a little from time to time."""


class Collector:
    """A sink in memory taken once. It wants no more after `limit` samples, and calls `during` at each write."""

    def __init__(self, limit: int = 120 * RATE, during: Any = None) -> None:
        self._memory = np.zeros(120 * RATE, np.int16)
        self._limit, self._during = limit, during
        self._filled = 0

    def write(self, pcm: Pcm) -> bool:
        if self._during:
            self._during()
        if self._filled + pcm.size > self._limit:
            return False
        self._memory[self._filled : self._filled + pcm.size] = pcm
        self._filled += pcm.size
        return True

    @property
    def sound(self) -> Pcm:
        return self._memory[: self._filled]


def loaded(language: str = "en", **settings: Any) -> Espeak:
    voice = Espeak()
    voice.load(Rung(settings, language=language, rate=RATE))
    return voice


def run(voice: Espeak, job: Job, *clauses: str) -> list[Event]:
    voice.begin(job)
    for clause in clauses:
        voice.feed(job, clause)
    voice.finish(job)
    events: list[Event] = []
    while not voice.idle:
        events += voice.step(0)
    return events


def say(*clauses: str, language: str = "en", **settings: Any) -> Pcm:
    voice, sink = loaded(language, **settings), Collector()
    run(voice, Job(Tag(), language=language, sink=sink), *clauses)
    voice.unload()
    return sink.sound


def audible(pcm: Pcm) -> Any:
    return np.flatnonzero((pcm > AUDIBLE) | (pcm < -AUDIBLE))


@pytest.mark.parametrize("name", ["en-us", "en-gb", "en-gb+f3", "English (America)", "EN-US"])
def test_each_name_of_a_voice_speaks_at_the_rate_asked_for_and_starts_at_once(name: str) -> None:
    pcm = say(SENTENCE, voice=name)
    heard = audible(pcm)
    assert 1.5 * RATE < pcm.size < 3.5 * RATE
    assert np.abs(pcm.astype(np.int32)).max() > 6000
    assert heard[0] <= RATE * 15 // 1000
    assert pcm.size - heard[-1] - 1 <= RATE * 60 // 1000


def test_the_sound_is_told_in_samples_and_a_pause_lies_between_clauses() -> None:
    voice, sink = loaded(pause_ms=240), Collector()
    events = run(voice, Job(Tag(1, 2, 3), sink=sink), "The museum opens at nine,", "and closes at six.")
    assert [type(event) for event in events] == [Sound, Sound, Ended]
    assert sum(event.samples for event in events if isinstance(event, Sound)) == sink.sound.size
    assert events[-1] == Ended(Tag(1, 2, 3))
    assert np.diff(audible(sink.sound)).max() == pytest.approx(RATE * 240 // 1000, abs=2)


LONG = "The museum opens at nine in the morning and closes at six in the evening " * 6
"""More than 400 characters, which are said in pieces."""


def test_each_clause_has_one_sound_however_long_it_is() -> None:
    voice, sink = loaded(), Collector()
    events = run(voice, Job(Tag(), sink=sink), "Hello.", LONG, SENTENCE)
    assert [type(event) for event in events] == [Sound, Sound, Sound, Ended]
    first, long, last = (event.samples for event in events if isinstance(event, Sound))
    assert first + long + last == sink.sound.size
    assert 20 * RATE < long < 45 * RATE
    assert last < 4 * RATE


@pytest.mark.parametrize("unspeakable", ["...", "", "\N{GRINNING FACE}"])
def test_a_clause_with_nothing_to_say_has_its_sound_too_between_two_good_ones(unspeakable: str) -> None:
    voice, sink = loaded(), Collector()
    events = run(voice, Job(Tag(), sink=sink), "The museum opens at nine,", unspeakable, "and closes at six.")
    assert [type(event) for event in events] == [Sound, Sound, Sound, Ended]
    first, silent, last = (event.samples for event in events if isinstance(event, Sound))
    assert silent == 0
    assert min(first, last) > RATE // 2
    assert first + last == sink.sound.size


def test_a_long_clause_is_heard_before_all_of_it_is_said() -> None:
    voice, sink = loaded(), Collector()
    job = Job(Tag(), sink=sink)
    voice.begin(job)
    voice.feed(job, LONG)
    assert voice.step(0) == []
    assert audible(sink.sound).size


def test_faster_is_shorter() -> None:
    usual = say(SENTENCE).size
    assert say(SENTENCE, speed=1.5).size == pytest.approx(usual / 1.5, rel=0.15)
    assert say(SENTENCE, speed=0.75).size == pytest.approx(usual / 0.75, rel=0.15)


def test_another_language_is_spoken_with_a_voice_of_it() -> None:
    assert audible(say("Das Museum schlie\N{LATIN SMALL LETTER SHARP S}t um sechs.", language="de", voice="de")).size


def test_cancelling_in_the_middle_stops_within_a_chunk_and_the_next_job_is_whole() -> None:
    voice, tag = loaded(), Tag(attempt=1)

    def interrupt() -> None:
        if sink.sound.size > RATE // 2:
            voice.cancel(tag)

    sink = Collector(during=interrupt)
    events = run(voice, Job(tag, sink=sink), SENTENCE, SENTENCE)
    assert events[-1] == Ended(tag, "cancelled")
    assert RATE // 2 < sink.sound.size <= RATE // 2 + 2 * CHUNK
    again = Collector()
    run(voice, Job(Tag(attempt=2), sink=again), SENTENCE)
    assert again.sound.size == pytest.approx(say(SENTENCE).size, abs=WOBBLE)


def test_a_sink_that_wants_no_more_ends_the_job() -> None:
    voice, sink = loaded(), Collector(limit=RATE // 2)
    events = run(voice, Job(Tag(), sink=sink), SENTENCE, SENTENCE)
    assert events[-1] == Ended(Tag(), "cancelled")
    assert 0 < sink.sound.size <= RATE // 2


@pytest.mark.parametrize("text", ["", "...", " \n\t", "?!", "\0", "\x1b\x07", "\N{GRINNING FACE}", "\ud800"])
def test_text_with_nothing_to_say_is_silent(text: str) -> None:
    assert not say(text).size


@pytest.mark.parametrize(
    "text",
    [
        "hello \N{GRINNING FACE}\0\x1b[31m world\u202e",
        "\ud800 half a surrogate \udfff",
        "12345678901234567890",
        "1,000,000 at 12:30 on 1/2 for $5.99 or 100%",
        "M" * 300,
        '%s %n %d | < > <break time="9s"/> & {} [[h@loU]]',
        "\N{CJK UNIFIED IDEOGRAPH-65E5}\N{CJK UNIFIED IDEOGRAPH-672C} \N{CYRILLIC SMALL LETTER ZHE}",
    ],
)
def test_hostile_text_is_said_somehow_and_the_voice_lives_on(text: str) -> None:
    voice, sink = loaded(), Collector()
    assert run(voice, Job(Tag(1), sink=sink), text)[-1] == Ended(Tag(1))
    assert audible(sink.sound).size
    after = Collector()
    run(voice, Job(Tag(2), sink=after), SENTENCE)
    assert after.sound.size == pytest.approx(say(SENTENCE).size, abs=WOBBLE)


def test_an_emoji_is_not_read_out() -> None:
    assert say("Hello \N{GRINNING FACE}").size == pytest.approx(say("Hello").size, abs=WOBBLE)


def test_warming_up_speaks_and_teaches_the_cost() -> None:
    voice = loaded()
    voice.warm_up()
    assert voice.cost_ns(1) > 0
    assert voice.idle
    assert voice.abilities.rate == RATE


@pytest.mark.parametrize(
    ("language", "voice", "said"),
    [
        ("en", "en-uss", r"^espeak-ng's voice 'en-uss' is not there; set vocoder\.espeak\.voice to one of en-us, "),
        ("en", "de", r"^espeak-ng's voice 'de' does not speak 'en'; set vocoder\.espeak\.voice to one of .*en-"),
        ("de", "en-us", r"^espeak-ng's voice 'en-us' does not speak 'de'; set vocoder\.espeak\.voice to one of de"),
        ("xx", "en-us", r"^espeak-ng does not speak 'xx'; set language to one of af, .*en, "),
        ("en", "en-us+zz", r"^espeak-ng has no variant 'zz'; write one of .*f3.* after the \+$"),
    ],
)
def test_a_voice_that_is_not_there_or_foreign_is_named_with_others(language: str, voice: str, said: str) -> None:
    with pytest.raises(BackendError, match=said) as caught:
        loaded(language, voice=voice)
    assert "\n" not in str(caught.value)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(BackendError, match=r"^espeak-ng cannot be used .*; pip install 'antiphon\[espeak\]'$"):
        loaded()


def test_an_impossible_setting_is_named_with_its_bounds() -> None:
    with pytest.raises(BackendError, match=r"^pitch = 101 is out of bounds; set it to a number from 0 to 100$"):
        loaded(pitch=101)
