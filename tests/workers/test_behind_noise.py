"""Cepstra without the noise around the voice: what they would be, and that nothing changes where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.backends.behind_noise import EVERY, KNOWN, BehindNoise
from workers.backends.cepstral_mean import Mean
from workers.backends.speech_sounds import Numbers, Sounds, sounds_of
from workers.backends.sphinx_front_end import COEFFICIENTS, Rows
from workers.backends.sphinx_library import Decoder
from workers.backends.sphinx_model import Model

Frames = NDArray[np.float32]
PLACE = np.array([60.0, -5, 8, 0, 3, -4, 0, 2, 0, 0, 1, 0, 0])
HUSH, SPOKEN = 30, 220


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    found = sounds_of(Model.find("").acoustic)
    assert found is not None
    return found


def voice(sounds: Sounds, seed: int = 1) -> Numbers:
    """Clean frames as the model expects them: silence, then every sound for a while."""
    dice = np.random.default_rng(seed)
    hush = np.flatnonzero(sounds.means[:, 0] < np.quantile(sounds.means[:, 0], 0.2))
    chances = np.exp(sounds.log_weights)
    said = np.repeat(dice.choice(len(chances), SPOKEN // 5, p=chances / chances.sum()), 5)
    order = np.concatenate([np.full(HUSH, hush[-1]), said])
    frames = [dice.multivariate_normal(sounds.means[each], sounds.covariances[each]) for each in order]
    clean: Numbers = np.array(frames) + PLACE
    return clean


def in_noise(sounds: Sounds, clean: Numbers, seed: int = 2) -> Frames:
    """Frames with noise that is as loud in every band as the mean of the clean ones."""
    dice = np.random.default_rng(seed)
    bands = clean @ sounds.to_bands.T
    noise = PLACE[0] / 5 + dice.normal(0, 0.3, bands.shape)
    return np.asarray(np.logaddexp(bands, noise) @ sounds.to_cepstra.T, np.float32)


def taken_off(heard: Frames, behind: BehindNoise | None = None, piece: int = 5) -> Frames:
    """As the recogniser does it: the mean is known of what was heard so far, and 60 frames ahead at the beginning.
    None: only the mean is taken off."""
    mean = Mean()
    frames: Frames = heard.copy()
    if behind:
        behind.reset()
    for start in range(0, len(frames), piece):
        ahead = slice(0, 60) if not start else slice(max(60, start), start + piece)
        mean.learn(heard[ahead])
        mean.subtract(frames[start : start + piece])
        if behind:
            behind.learn(heard[ahead])
            behind.clean(frames[start : start + piece], heard[start : start + piece])
    return frames


def test_the_sounds_are_those_of_the_model(sounds: Sounds) -> None:
    """Means about 0, silence far below them, and the way to bands and back that the library's front end goes."""
    weights = np.exp(sounds.log_weights)
    assert weights.sum() == pytest.approx(1)
    assert np.abs(weights @ sounds.means).max() < 4
    assert sounds.means[:, 0].min() < -20 < 10 < sounds.means[:, 0].max()
    assert (np.linalg.eigvalsh(sounds.covariances) > 0).all()
    np.testing.assert_allclose(sounds.to_cepstra @ sounds.to_bands, np.eye(COEFFICIENTS), atol=1e-9)


def test_bands_of_the_front_ends_cepstra_are_its_bands(sounds: Sounds) -> None:
    """A tone of 1 kHz is loudest in the band around it, of 25 that are equally wide in mel from 130 to 6800 Hz."""
    model = Model.find("")
    decoder, rows = Decoder({"hmm": str(model.acoustic), "loglevel": "FATAL"}), Rows(100)
    front_end = decoder.front_end(noise_filter=False)
    front_end.start()
    tone = np.round(3000 * np.sin(2 * np.pi * 1000 / 16000 * np.arange(8000))).astype(np.int16)
    _, count = front_end.extract(tone, rows, 0)
    low, tall, high = (2595 * np.log10(1 + hz / 700) for hz in (130, 1000, 6800))
    centre = (tall - low) / (high - low) * 26 - 1
    assert count > 40
    assert abs((sounds.to_bands @ rows.values[20]).argmax() - centre) < 1
    front_end.close()
    decoder.close()


def with_gaussians(file: Path, count: int) -> None:
    """Say that each phoneme has so many: less than there are."""
    data = bytearray(file.read_bytes())
    start = data.find(b"endhdr\n") + len(b"endhdr\n") + 4 + 8
    data[start : start + 4] = count.to_bytes(4, "little")
    file.write_bytes(data)


@pytest.mark.parametrize(
    "other", ["semi-continuous", "cut short", "not of the library", "no settings", "few", "of another size"]
)
def test_a_model_of_another_kind_is_left_to_the_library(tmp_path: Path, other: str) -> None:
    for name in ("feat.params", "means", "variances"):
        shutil.copy(Model.find("").acoustic / name, tmp_path)
    assert sounds_of(tmp_path) is not None
    settings, means = tmp_path / "feat.params", tmp_path / "means"
    if other == "semi-continuous":
        settings.write_text(settings.read_text().replace("ptm", "semi"))
    elif other == "cut short":
        means.write_bytes(means.read_bytes()[:5000])
    elif other == "not of the library":
        means.write_bytes(b"broken")
    elif other == "few":
        for file in (means, tmp_path / "variances"):
            with_gaussians(file, 3)
    elif other == "of another size":
        with_gaussians(means, 64)
    else:
        settings.unlink()
    assert sounds_of(tmp_path) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_goes_and_the_voice_stays(sounds: Sounds, seed: int) -> None:
    """The broad shape of the frames (three cepstra) against what it was without noise. Measured: 0.64 to 0.75 of how
    far away it is with the mean alone."""
    clean = voice(sounds, seed)
    noisy = in_noise(sounds, clean, seed=seed + 10)
    true = (clean - PLACE)[HUSH:, :3]
    found = [taken_off(noisy), taken_off(noisy, BehindNoise(sounds))]
    far = [((each[HUSH:, :3] - true) ** 2).mean() for each in found]
    assert far[1] ** 0.5 < 0.85 * far[0] ** 0.5


def test_noise_makes_no_voice_louder(sounds: Sounds) -> None:
    """The place is found as loud as it is, over several voices: with a line through each Gaussian's mean it would be
    louder."""
    found = []
    for seed in range(6):
        behind = BehindNoise(sounds)
        taken_off(in_noise(sounds, voice(sounds, seed), seed + 10), behind)
        found.append(behind._place[0] - PLACE[0])
    assert abs(np.mean(found)) < 1.5


def test_without_noise_it_is_the_mean(sounds: Sounds) -> None:
    clean = voice(sounds).astype(np.float32)
    clean[:HUSH] -= 30 * np.eye(1, COEFFICIENTS, dtype=np.float32)
    np.testing.assert_array_equal(taken_off(clean, BehindNoise(sounds)), taken_off(clean))


def test_digital_silence_is_no_noise(sounds: Sounds) -> None:
    """Of a lost block, or before the first one: what is said of the noise around it stays as it was."""
    noisy = in_noise(sounds, voice(sounds))
    gap = np.zeros((5, COEFFICIENTS), np.float32)
    gap[:, 0] = -46
    whole, broken = BehindNoise(sounds), BehindNoise(sounds)
    alone = taken_off(noisy, whole)
    lost = taken_off(np.concatenate([noisy[:100], gap, noisy[100:]]), broken)
    assert whole._share > 0
    assert broken._share == pytest.approx(whole._share, abs=0.2)
    np.testing.assert_array_equal(lost[:60], alone[:60])


def test_where_it_is_half_noisy_it_is_half_of_both(sounds: Sounds) -> None:
    heard, remover = in_noise(sounds, voice(sounds)), BehindNoise(sounds)
    remover.learn(heard)
    own = np.ones_like(heard)
    remover.clean(own.copy(), heard)
    made = []
    for share in (0.0, 0.5, 1.0):
        remover._share = share
        frames = own.copy()
        remover.clean(frames, heard)
        made.append(frames)
    np.testing.assert_array_equal(made[0], own)
    np.testing.assert_allclose(made[1], (made[0] + made[2]) / 2, rtol=1e-5, atol=1e-4)
    assert np.abs(made[2] - own).max() > 1


def test_nothing_is_kept_of_the_utterance_before(sounds: Sounds) -> None:
    first, second = (in_noise(sounds, voice(sounds, seed)) for seed in (3, 4))
    remover = BehindNoise(sounds)
    alone = taken_off(second, remover)
    taken_off(first, remover)
    np.testing.assert_array_equal(taken_off(second, remover), alone)


@pytest.mark.parametrize("frames", [1, 2, EVERY, KNOWN + 100])
def test_any_length_of_any_sound_gives_numbers(sounds: Sounds, frames: int) -> None:
    noisy = in_noise(sounds, np.tile(voice(sounds), (2, 1)))[:frames]
    silent = np.tile(np.array([-46.0, *[0] * 12], np.float32), (frames, 1))
    for sound in (noisy, silent, np.concatenate([silent, noisy]), np.concatenate([noisy, silent])):
        assert np.isfinite(taken_off(sound, BehindNoise(sounds))).all()
