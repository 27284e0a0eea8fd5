"""Gain and limiter: what passes unchanged does so to the bit, what changes does it without a noise of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.contract import Pcm
from tests.sound.rig import RATE, strongest_hz
from workers.sound.level import Level, factor, loudness

BLOCK = 80
sounds = arrays(np.int16, st.integers(1, 400), elements=st.integers(-32768, 32767))


def through(level: Level, sound: NDArray[np.floating] | Pcm, block: int = BLOCK) -> Pcm:
    """The sound, block by block."""
    out = np.full(len(sound), 77, np.int16)
    for at in range(0, len(sound), block):
        level(sound[at : at + block], out[at : at + block])
    return out


def sine(amplitude: float, seconds: float, hz: float = 300.0) -> NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def test_silence_stays_silent_at_any_gain_and_a_gain_glides_and_a_peak_ducks_through_it_as_ever() -> None:
    quiet, level = np.zeros(BLOCK, np.int16), Level(RATE, -6.0)
    level.jump(0.5)
    np.testing.assert_array_equal(through(level, quiet), quiet)
    loud = np.full(BLOCK, 32767, np.int16)
    level.turn(1.0)
    through(level, quiet)  # it glides in the silence
    first = through(level, loud)
    assert first[-1] == pytest.approx(factor(-6.0) * 32768, abs=2)
    through(level, quiet)
    after = through(level, np.full(BLOCK, 1000, np.int16))
    assert 500 < after[0] < 1000  # what ducked for the peak comes back slowly, also through silence


@given(st.lists(sounds, max_size=5))
def test_at_gain_1_below_the_limit_every_bit_passes(blocks: list[Pcm]) -> None:
    level = Level(RATE, 0.0)
    for block in blocks:
        sound = np.maximum(block, -32767)  # what is cut off at the other end, too
        out = np.empty_like(sound)
        level(sound, out)
        np.testing.assert_array_equal(out, sound)
        level(sound.astype(np.float32), out)
        np.testing.assert_array_equal(out, sound)


def test_it_works_in_place() -> None:
    sound = np.rint(sine(20000, 0.1)).astype(np.int16)
    level = Level(RATE, -1.0)
    level.jump(0.5)
    expected = np.rint(sound * 0.5).astype(np.int16)
    level(sound, sound)
    np.testing.assert_array_equal(sound, expected)


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.0), (0.0, 1.0), (0.1, 1.0), (1.0, 0.3), (0.5, 0.6)])
def test_a_new_gain_is_reached_gliding_and_no_step_is_larger_than_that_takes(before: float, after: float) -> None:
    sound = sine(20000, 0.4)
    level = Level(RATE, 0.0)
    level.jump(before)
    half = len(sound) // 2
    out = through(level, sound[:half]).tolist()
    level.turn(after)
    out += through(level, sound[half:]).tolist()
    own = np.abs(np.diff(sound)).max() * max(before, after)
    glide = 20000 * abs(after - before) / (BLOCK - 1)
    steps = np.abs(np.diff(np.array(out, float)))
    assert steps.max() <= own + glide + 1
    np.testing.assert_allclose(out[half + BLOCK :], sound[half + BLOCK :] * after, atol=0.51)


def test_a_hand_at_the_volume_knob_makes_no_zipper_noise() -> None:
    """A gain that changes each block spreads a tone a little; steps would spread it over all frequencies."""
    sound, level = sine(20000, 2, hz=1000), Level(RATE, 0.0)
    out = []
    for number, at in enumerate(range(0, len(sound), BLOCK)):
        level.turn(loudness(60 + number * 40 // (len(sound) // BLOCK)))
        out.append(through(level, sound[at : at + BLOCK]))
    heard = np.concatenate(out).astype(float)
    power = np.abs(np.fft.rfft(heard * np.blackman(len(heard)))) ** 2
    hz = np.fft.rfftfreq(len(heard), 1 / RATE)
    far = power[np.abs(hz - 1000) > 500].sum()
    assert 10 * np.log10(power.sum() / far) > 70


@pytest.mark.parametrize("volume", [0, -5])
def test_volume_0_is_digital_silence(volume: int) -> None:
    level = Level(RATE, -1.0)
    level.turn(loudness(volume))
    out = through(level, sine(32767, 0.1))
    assert out[:BLOCK].any()  # it glides there
    assert not out[BLOCK:].any()
    level.jump(loudness(0))
    assert not through(level, np.full(1000, -32768, np.int16)).any()


def test_volume_goes_in_steps_that_sound_alike_and_100_is_unchanged() -> None:
    assert loudness(100) == 1.0
    steps = [loudness(percent + 1) / loudness(percent) for percent in range(1, 100)]
    np.testing.assert_allclose(steps, factor(0.5))
    assert loudness(1) > 1e-4  # soft, but not off


@settings(deadline=None)
@given(
    blocks=st.lists(st.tuples(sounds, st.floats(-40, 40)), max_size=20),
    limits_db=st.lists(st.floats(-20, 0), min_size=1, max_size=5),
)
def test_nothing_gets_over_the_limit_and_nothing_wraps(blocks: list[tuple[Pcm, float]], limits_db: list[float]) -> None:
    level = Level(RATE, 0.0)
    for number, (sound, gain_db) in enumerate(blocks):
        limit_db = limits_db[number % len(limits_db)]
        level.limit(limit_db)
        level.turn(factor(gain_db))
        out = np.full(len(sound), 77, np.int16)
        level(sound, out)
        assert np.abs(out.astype(int)).max() <= np.rint(min(factor(limit_db) * 32768, 32767))
        assert (np.sign(out) * np.sign(sound) >= 0).all()


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_the_extremes_of_a_sample_do_not_wrap(kind: type) -> None:
    level = Level(RATE, 0.0)
    level.jump(factor(40))
    sound: Pcm = np.tile(np.array([-32768, 32767, 0, 1, -1], kind), 100)
    out = through(level, sound)
    assert (np.sign(out) == np.sign(sound)).all()
    over = np.array([40000.0, -40000.0, 1e9, -1e9], np.float32)  # a resampler may ring over full scale
    np.testing.assert_array_equal(np.sign(through(Level(RATE, 0.0), over)), np.sign(over))


def test_the_limiter_ducks_for_a_peak_within_a_ms_and_comes_back_slowly() -> None:
    level = Level(RATE, -1.0)
    limit = factor(-1) * 32768
    sound = sine(16000, 1.2)
    sound[3000:3400] *= 3  # 48000: a third more than can be
    out = through(level, sound, 400)
    np.testing.assert_array_equal(out[:2800], np.rint(sound[:2800]))  # not before
    gain = out / np.where(np.abs(sound) < 1000, np.nan, sound)
    assert np.nanmin(gain) == pytest.approx(limit / np.abs(sound).max(), rel=0.01)
    assert np.abs(out).max() <= limit + 0.5
    # From then on it only comes back: as fast as it may, and wholly within 0.3 s.
    back = gain[3400:]
    back = back[~np.isnan(back)]
    assert np.diff(back).min() > -0.001
    assert np.nanmax(np.abs(gain[3400 : 3400 + RATE // 10])) < 0.95
    np.testing.assert_array_equal(out[3400 + 5200 :], np.rint(sound[3400 + 5200 :]))


def test_what_is_too_loud_throughout_stays_a_tone() -> None:
    level = Level(RATE, -6.0)
    level.jump(factor(20))
    out = through(level, sine(20000, 2, hz=440)).astype(float)
    hz, over_noise_db = strongest_hz(out[RATE // 10 :], RATE)
    assert hz == pytest.approx(440, abs=0.01)
    assert over_noise_db > 40  # it is turned down, not cut off
    assert np.abs(out).max() <= factor(-6) * 32768 + 0.5


def test_an_empty_block_changes_nothing() -> None:
    level = Level(RATE, 0.0)
    level.turn(0.5)
    level(np.zeros(0, np.int16), np.zeros(0, np.int16))
    out = through(level, np.full(BLOCK, 10000, np.int16))
    assert (out[0], out[-1]) == (10000, 5000)
