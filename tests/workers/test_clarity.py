"""What a hop of sound may be of: an open mouth, a closed one, a hiss."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.contract import Pcm
from workers.clarity import Hop

RATE, COUNT = 16000, 512
AT = np.arange(COUNT) / RATE


def sound(wave: NDArray[np.float64], peak: float = 8000) -> Pcm:
    scaled: Pcm = np.rint(wave * peak / np.abs(wave).max()).astype(np.int16)
    return scaled


def tones(*pairs: tuple[float, float]) -> NDArray[np.float64]:
    """(Hz, amplitude), …"""
    wave: NDArray[np.float64] = np.stack([a * np.sin(2 * np.pi * hz * AT) for hz, a in pairs]).sum(axis=0)
    return wave


VOWEL = tones((120, 1), (240, 0.8), (600, 0.7), (720, 0.6), (1080, 0.3), (2400, 0.1))
HUM = tones((120, 1), (240, 0.5), (360, 0.05), (1000, 0.02))
NOISE = np.random.default_rng(2).standard_normal(COUNT)
HISS = np.diff(NOISE, prepend=0)


def seen(hop: Pcm) -> Hop:
    found = Hop(COUNT, RATE)
    found.look(hop)
    return found


@pytest.mark.parametrize("peak", [8000, 80])
def test_an_open_mouth_is_told_from_a_closed_one_however_loud_it_is(peak: float) -> None:
    assert seen(sound(VOWEL, peak)).is_open
    assert not seen(sound(HUM, peak)).is_open


def test_a_steady_offset_makes_no_difference() -> None:
    assert not seen((sound(HUM) // 2 + 3000).astype(np.int16)).is_open
    assert seen((sound(VOWEL) // 2 + 3000).astype(np.int16)).is_open


def test_a_hiss_lies_higher_than_other_noise_and_than_voices() -> None:
    assert [seen(sound(wave)).is_hiss for wave in (HISS, NOISE, VOWEL, HUM)] == [True, False, False, False]


def test_voices_repeat_themselves_and_noise_does_not() -> None:
    for hz in (75, 120, 200, 390):
        voice = tones((hz, 1), (2 * hz, 0.8), (5 * hz, 0.7))
        assert seen(sound(voice)).periodicity > 0.8
    assert seen(sound(NOISE)).periodicity < 0.4
    assert seen(sound(VOWEL + NOISE)).periodicity < seen(sound(VOWEL)).periodicity


@pytest.mark.parametrize("wave", [HISS, NOISE, VOWEL, HUM])
def test_power_is_the_mean_square(wave: NDArray[np.float64]) -> None:
    hop = sound(wave)
    assert seen(hop).power == pytest.approx((hop.astype(float) ** 2).mean(), rel=0.3)  # as far as the window allows


def test_silence_is_nothing() -> None:
    hop = seen(np.zeros(COUNT, np.int16))
    assert (hop.power, hop.is_open, hop.is_hiss, hop.periodicity) == (0, False, False, 0)


def test_what_was_seen_before_is_forgotten() -> None:
    hop = Hop(COUNT, RATE)
    hop.look(sound(VOWEL))
    hop.look(sound(NOISE))
    assert hop.periodicity < 0.4
