"""What is clearly speech, and what may be a cough or a hum."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.contract import Pcm
from workers.clarity import SURE, Clarity

RATE, HOP = 16000, 512
CLARITY = Clarity(HOP, RATE)
AT = np.arange(HOP) / RATE


def sound(*parts: NDArray[np.float64]) -> Pcm:
    mixed = np.stack(parts).sum(axis=0)
    scaled: Pcm = np.rint(mixed * 8000 / np.abs(mixed).max()).astype(np.int16)
    return scaled


def tones(*pairs: tuple[float, float]) -> NDArray[np.float64]:
    """(Hz, amplitude), …"""
    wave: NDArray[np.float64] = np.stack([a * np.sin(2 * np.pi * hz * AT) for hz, a in pairs]).sum(axis=0)
    return wave


VOWEL = tones((120, 1), (240, 0.8), (600, 0.7), (720, 0.6), (1080, 0.3), (2400, 0.1))
HUM = tones((120, 1), (240, 0.5), (360, 0.05), (1000, 0.02))
NOISE = np.random.default_rng(2).standard_normal(HOP)
HISS = np.diff(NOISE, prepend=0)


def test_an_open_mouth_is_clear_where_voice_activity_is_sure_and_not_before() -> None:
    assert CLARITY.is_clear(sound(VOWEL), SURE)
    assert not CLARITY.is_clear(sound(VOWEL), SURE - 0.01)


@pytest.mark.parametrize("level", [1, 0.01, 0.001], ids="at {} of the level".format)
def test_a_hum_is_not_however_sure_voice_activity_is_and_however_loud_it_is(level: float) -> None:
    hum = np.rint(sound(HUM) * level).astype(np.int16)
    assert not CLARITY.is_clear(hum, 1.0)


def test_a_hum_behind_a_steady_offset_is_still_a_hum_and_a_vowel_a_vowel() -> None:
    assert not CLARITY.is_clear((sound(HUM) // 2 + 3000).astype(np.int16), 1.0)
    assert CLARITY.is_clear((sound(VOWEL) // 2 + 3000).astype(np.int16), 1.0)


def test_a_hiss_that_is_taken_for_a_voice_is_an_s() -> None:
    assert CLARITY.is_clear(sound(HISS), 0.5)
    assert not CLARITY.is_clear(sound(NOISE), 0.5)


def test_silence_is_nothing() -> None:
    assert not CLARITY.is_clear(np.zeros(HOP, np.int16), 1.0)
