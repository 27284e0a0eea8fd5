"""What flite says, and that it stops, survives and explains itself."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import numpy as np
import pytest

from engine.contract import Ended, Event, Job, Pcm, Rung, Sound, Tag
from engine.errors import BackendError
from workers.backends import flite
from workers.backends.flite import VOICES, Flite
from workers.backends.plain import plain_english
from workers.backends.sound import AUDIBLE

RATE = 16000
WOBBLE = RATE * 120 // 1000
"""flite's noise is random, so the moment at which a clause fades out differs where it does not begin alike (`run`)."""
SENTENCE = "The museum closes at six in the evening."


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


def loaded(language: str = "en", **settings: Any) -> Flite:
    voice = Flite()
    voice.load(Rung(settings, language=language, rate=RATE))
    return voice


def run(voice: Flite, job: Job, *clauses: str) -> list[Event]:
    """All of a job. It breathes alike each time: its noise is C's rand()."""
    ctypes.CDLL(None).srand(1)
    voice.begin(job)
    for clause in clauses:
        voice.feed(job, clause)
    voice.finish(job)
    return drain(voice)


def drain(voice: Flite) -> list[Event]:
    events: list[Event] = []
    while not voice.idle:
        events += voice.step(0)
    return events


def say(*clauses: str, **settings: Any) -> Pcm:
    voice, sink = loaded(**settings), Collector()
    run(voice, Job(Tag(), sink=sink), *clauses)
    voice.unload()
    return sink.sound


def audible(pcm: Pcm) -> Any:
    return np.flatnonzero((pcm > AUDIBLE) | (pcm < -AUDIBLE))


@pytest.mark.parametrize("name", VOICES)
def test_each_voice_speaks_at_the_rate_asked_for_and_starts_at_once(name: str) -> None:
    pcm = say(SENTENCE, voice=name)
    heard = audible(pcm)
    assert 1.8 * RATE < pcm.size < 4 * RATE
    assert np.abs(pcm.astype(np.int32)).max() > 6000
    assert heard[0] <= RATE * 15 // 1000
    assert pcm.size - heard[-1] - 1 <= RATE * 60 // 1000


def test_the_voice_of_8_khz_says_it_in_the_same_time_as_its_twin_of_16_khz() -> None:
    assert say(SENTENCE, voice="kal").size == pytest.approx(say(SENTENCE, voice="kal16").size, rel=0.1)


def test_the_sound_reaches_the_sink_in_the_memory_of_flite() -> None:
    own: list[bool] = []

    class Looking(Collector):
        def write(self, pcm: Pcm) -> bool:
            if (np.abs(pcm.astype(int)) > AUDIBLE).any():  # silence may have been held back until sound came
                own.append(np.shares_memory(pcm, voice._wave))
            return super().write(pcm)

    voice = loaded()
    run(voice, Job(Tag(), sink=Looking()), "Hello")
    assert all(own)
    assert len(own) > 10


def test_the_sound_is_told_in_samples_and_the_job_ends_once() -> None:
    voice, sink = loaded(), Collector()
    events = run(voice, Job(Tag(1, 2, 3), sink=sink), "The museum opens at nine,", "and closes at six.")
    assert [type(event) for event in events] == [Sound, Sound, Ended]
    assert sum(event.samples for event in events if isinstance(event, Sound)) == sink.sound.size
    assert events[-1] == Ended(Tag(1, 2, 3))


@pytest.mark.parametrize("pause_ms", [150, 250])
def test_between_two_clauses_lies_the_pause_of_the_settings(pause_ms: int) -> None:
    silences = np.diff(audible(say("The museum opens at nine,", "and closes at six.", pause_ms=pause_ms)))
    assert silences.max() == pytest.approx(RATE * pause_ms // 1000, abs=2)
    assert np.sort(silences)[-2] < RATE * 120 // 1000


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


def test_faster_is_shorter_and_a_reload_starts_from_the_usual_speed() -> None:
    usual = say(SENTENCE).size
    assert say(SENTENCE, speed=1.5).size == pytest.approx(usual / 1.5, rel=0.1)
    assert say(SENTENCE, speed=0.75).size == pytest.approx(usual / 0.75, rel=0.1)
    assert say(SENTENCE).size == pytest.approx(usual, abs=WOBBLE)


def test_a_higher_pitch_is_higher() -> None:
    def pitch(pcm: Pcm) -> float:
        spectrum = np.abs(np.fft.rfft(pcm.astype(np.float64), 1 << 16))
        low, high = 60 * (1 << 16) // RATE, 400 * (1 << 16) // RATE
        return float(np.average(np.arange(low, high), weights=spectrum[low:high] ** 2)) * RATE / (1 << 16)

    assert pitch(say(SENTENCE, pitch_hz=240)) > 1.15 * pitch(say(SENTENCE, pitch_hz=160))


def test_cancelling_in_the_middle_stops_within_a_chunk_and_the_next_job_is_whole() -> None:
    voice, tag = loaded(), Tag(attempt=1)
    written: list[int] = []

    def interrupt() -> None:
        written.append(sink.sound.size)
        if sink.sound.size > RATE // 2:
            voice.cancel(tag)

    sink = Collector(during=interrupt)
    events = run(voice, Job(tag, sink=sink), SENTENCE, SENTENCE)
    assert events[-1] == Ended(tag, "cancelled")
    assert RATE // 2 < sink.sound.size < RATE // 2 + RATE * 60 // 1000
    again = Collector()
    run(voice, Job(Tag(attempt=2), sink=again), SENTENCE)
    assert again.sound.size == pytest.approx(say(SENTENCE).size, abs=WOBBLE)


@pytest.mark.parametrize("name", VOICES)
def test_a_sink_that_wants_no_more_ends_the_job(name: str) -> None:
    voice, sink = loaded(voice=name), Collector(limit=RATE // 2)
    events = run(voice, Job(Tag(), sink=sink), SENTENCE, SENTENCE)
    assert events[-1] == Ended(Tag(), "cancelled")
    assert sink.sound.size <= RATE // 2
    assert isinstance(events[0], Sound)
    assert events[0].samples == sink.sound.size


def test_a_sink_that_fails_fails_its_job_only() -> None:
    def fail() -> None:
        raise OSError("the ring is gone")

    voice, sink = loaded(), Collector()
    assert run(voice, Job(Tag(1), sink=Collector(during=fail)), SENTENCE) == [
        Ended(Tag(1), "failed", "OSError: the ring is gone")
    ]
    assert run(voice, Job(Tag(2), sink=sink), SENTENCE)[-1] == Ended(Tag(2))
    assert sink.sound.size > RATE


def test_cancelled_before_it_began_a_job_is_silent_and_unknown_tags_are_ignored() -> None:
    voice, sink, tag = loaded(), Collector(), Tag(attempt=1)
    job = Job(tag, sink=sink)
    voice.begin(job)
    voice.feed(job, SENTENCE)
    voice.cancel(tag)
    voice.cancel(Tag(attempt=9))
    assert drain(voice) == [Ended(tag, "cancelled")]
    assert not sink.sound.size
    voice.cancel(tag)
    assert run(voice, job, "Hello.")[-1] == Ended(tag)


def test_the_job_that_is_due_first_is_served_first() -> None:
    voice = loaded()
    jobs = [Job(Tag(1), sink=Collector()), Job(Tag(2), deadline_ns=2000, sink=Collector())]
    jobs.append(Job(Tag(3), deadline_ns=1000, sink=Collector()))
    for job in jobs:
        voice.begin(job)
        voice.feed(job, "Hello.")
        voice.finish(job)
    assert [event.tag.session for event in drain(voice) if isinstance(event, Ended)] == [3, 2, 1]


def test_an_open_job_without_text_leaves_the_voice_idle() -> None:
    voice, job = loaded(), Job(Tag(), sink=Collector())
    voice.begin(job)
    assert voice.idle
    assert voice.step(0) == ()
    voice.finish(job)
    assert drain(voice) == [Ended(Tag())]


def test_a_voice_that_has_to_forget_keeps_nothing_of_its_last_job_and_speaks_on() -> None:
    voice, sink = loaded(), Collector()
    run(voice, Job(Tag(1), sink=sink), "Hello.")
    last = weakref.ref(sink)
    del sink
    voice.forget(1)
    assert last() is None
    again = Collector()
    run(voice, Job(Tag(2), sink=again), "Hello.")
    assert audible(again.sound).size


@pytest.mark.parametrize(
    "text",
    ["", "...", " \n\t", "?!", "\0", "\x1b\x07", "\N{GRINNING FACE}", "\N{CJK UNIFIED IDEOGRAPH-65E5}", "\ud800"],
)
def test_text_with_nothing_to_say_is_silent(text: str) -> None:
    assert not say(text).size


@pytest.mark.parametrize(
    "text",
    [
        "\N{LEFT DOUBLE QUOTATION MARK}It\N{RIGHT SINGLE QUOTATION MARK}s open \N{EM DASH} now",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE} na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve",
        "hello \N{GRINNING FACE}\0\x1b[31m world\u202e",
        "\ud800 half a surrogate \udfff",
        "12345678901234567890",
        "1,000,000 at 12:30 on 1/2 for $5.99 or 100% of 60s, 555-1234",
        "M" * 300,
        "qzxjkvbt " * 5,
        "%s %n %d $ % # @ ~ \\ | < > & {} [[ ]] '' \"",
        "a-b-c-d-e-f-g " * 4,
    ],
)
def test_hostile_text_is_said_somehow_and_the_voice_lives_on(text: str) -> None:
    voice, sink = loaded(), Collector()
    assert run(voice, Job(Tag(1), sink=sink), text)[-1] == Ended(Tag(1))
    assert audible(sink.sound).size
    after = Collector()
    run(voice, Job(Tag(2), sink=after), SENTENCE)
    assert after.sound.size == pytest.approx(say(SENTENCE).size, abs=WOBBLE)


def test_a_long_text_is_said_in_bounded_steps_and_can_be_stopped() -> None:
    voice, sink, job = loaded(), Collector(), Job(Tag(1), sink=Collector(limit=RATE))
    long = Job(Tag(), sink=sink)
    voice.begin(long)
    voice.feed(long, "word " * 200)
    steps = 0
    while not voice.idle:
        before = sink.sound.size
        voice.step(0)
        steps += 1
        assert sink.sound.size - before < 30 * RATE
    assert steps > 4
    assert run(voice, job, "word " * 50_000)[-1] == Ended(Tag(1), "cancelled")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It\N{RIGHT SINGLE QUOTATION MARK}s caf\N{LATIN SMALL LETTER E WITH ACUTE}", "It's cafe"),
        ("5\N{EURO SIGN}", "5 euros "),
        ("nine\N{EN DASH}six", "nine, six"),
        ("a\0b\tc\N{GRINNING FACE}d", "a b c d"),
        ("mu\N{SOFT HYPHEN}seum", "museum"),
    ],
)
def test_what_is_not_ascii_is_said_as_a_reader_would(text: str, said: str) -> None:
    assert plain_english(text) == said


def test_warming_up_speaks_and_teaches_the_cost() -> None:
    voice = loaded()
    assert voice.cost_ns(10) == 0
    voice.warm_up()
    assert voice.cost_ns(20) == 2 * voice.cost_ns(10) > 0
    assert voice.idle
    assert voice.abilities.rate == RATE
    assert voice.abilities.checkpoint == "chunk"


def test_an_unknown_voice_names_those_that_are_there() -> None:
    with pytest.raises(BackendError) as caught:
        loaded(voice="emma")
    assert str(caught.value) == (
        "flite has no voice 'emma'; set vocoder.flite.voice to one of slt, rms, awb, kal16, kal"
    )


def test_a_missing_library_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite, "LIBRARY", "libflite-not-here.so.1")
    with pytest.raises(BackendError, match=r"libflite-not-here\.so\.1.*; apt-get install libflite1$"):
        loaded()


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"speed": 0}, "speed = 0"), ({"speed": "fast"}, "speed = 'fast'"), ({"pitch_hz": -1}, "pitch_hz = -1")],
)
def test_an_impossible_setting_is_named_with_its_bounds(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BackendError, match=rf"^{said} is out of bounds; set it to a number from "):
        loaded(**settings)


def test_other_languages_are_refused_on_load_and_for_a_job() -> None:
    with pytest.raises(BackendError, match=r"flite speaks English only, not 'de'; .*espeak"):
        loaded(language="de")
    voice = loaded(language="en-GB")
    assert run(voice, Job(Tag(), language="de", sink=Collector()), "Guten Tag.") == [
        Ended(Tag(), "failed", "the voice speaks 'en', not 'de'")
    ]


def test_loading_and_unloading_again_and_again_changes_nothing() -> None:
    first = say(SENTENCE).size
    for name in (*VOICES, "slt"):
        loaded(voice=name, speed=1.3, pitch_hz=150).unload()
    assert say(SENTENCE).size == pytest.approx(first, abs=WOBBLE)
