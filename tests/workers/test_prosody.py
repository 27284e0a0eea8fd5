"""The judge that listens to pitch and loudness: which endings it takes for finished."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.contract import UNKNOWN, Backend, Ended, Finished, Job, Pcm, Rung, Tag
from workers.backends.prosody import Prosody, shape_of

RATE = 16000


def voice(pitch: Callable[[float], float], loudness: Callable[[float], float], seconds: float = 1.5) -> Pcm:
    """Harmonics of a pitch in Hz, as loud as so many dB full scale, both as functions of time from 0 to 1."""
    at = np.arange(int(seconds * RATE)) / (seconds * RATE)
    phase = 2 * np.pi * np.cumsum([pitch(t) for t in at]) / RATE
    wave = sum(np.sin(n * phase) / n for n in range(1, 12))
    level = 10 ** (np.array([loudness(t) for t in at]) / 20)
    noise = np.random.default_rng(0).standard_normal(len(at))
    return np.asarray(8000 * wave * level + 5 * noise, np.float64).astype(np.int16)


def level(_: float) -> float:
    return 0.0


def fading(t: float) -> float:
    return 0.0 if t < 0.6 else -40 * (t - 0.6)


def softer(t: float) -> float:
    return 0.0 if t < 0.8 else -12.0


def falling(t: float) -> float:
    return 140.0 if t < 0.6 else 140.0 - 140 * (t - 0.6)


def steady(_: float) -> float:
    return 140.0


def judged(sound: Pcm) -> float:
    backend, job = Prosody(), Job(Tag(1, 1, 1))
    backend.load(Rung({}))
    backend.begin(job)
    backend.feed(job, sound)
    backend.finish(job)
    finished, ended = backend.step(0)
    assert isinstance(finished, Finished)
    assert ended == Ended(job.tag)
    return finished.complete


def test_it_keeps_the_contract() -> None:
    backend = Prosody()
    assert isinstance(backend, Backend)
    backend.load(Rung({}))
    backend.warm_up()
    assert backend.idle


def test_a_voice_that_ends_low_sounds_more_finished_than_one_that_holds_its_pitch() -> None:
    assert judged(voice(falling, fading)) > judged(voice(steady, fading))


def test_a_voice_that_ends_softly_sounds_more_finished_than_one_in_full_voice() -> None:
    assert judged(voice(steady, softer)) > judged(voice(steady, level))


def test_a_voice_that_is_cut_off_by_a_closure_sounds_unfinished() -> None:
    def closure(t: float) -> float:
        return 0.0 if t < 0.9 else -60.0

    assert judged(voice(steady, closure)) < 0.5 < judged(voice(falling, fading))


@pytest.mark.parametrize("gain", [0.05, 0.3, 1.5])
def test_the_loudness_of_the_microphone_does_not_count(gain: float) -> None:
    sound = voice(falling, fading) // 4
    assert judged((sound * gain).astype(np.int16)) == pytest.approx(judged(sound), abs=0.03)


@pytest.mark.parametrize("height", [0.8, 1.7])
def test_the_height_of_the_voice_does_not_count(height: float) -> None:
    assert judged(voice(lambda t: falling(t) * height, fading)) == pytest.approx(
        judged(voice(falling, fading)), abs=0.05
    )


@pytest.mark.parametrize("hz", [80, 120, 210, 330])
def test_it_hears_how_far_pitch_falls(hz: float) -> None:
    fourth = 2 ** (-4 / 12)
    shape = shape_of(voice(lambda t: hz if t < 0.7 else hz * fourth, level))
    assert shape is not None
    assert shape.pitch == pytest.approx(-4, abs=0.3)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(RATE, np.int16),
        np.random.default_rng(1).integers(-3000, 3000, RATE).astype(np.int16),
        np.zeros(50, np.int16),
    ],
    ids=["silence", "noise", "a moment"],
)
def test_of_what_is_no_voice_it_says_nothing(sound: Pcm) -> None:
    assert judged(sound) == UNKNOWN


def test_it_leaves_the_sound_as_it_is() -> None:
    sound = voice(falling, fading)
    before = sound.copy()
    sound.flags.writeable = False
    judged(sound)
    assert (sound == before).all()
