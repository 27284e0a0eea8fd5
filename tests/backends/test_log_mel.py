"""Whisper's features, made as the sound comes in, are those that are made of all of it at once."""

from __future__ import annotations

import numpy as np
import pytest

from engine.contract import Pcm
from workers.backends.log_mel import LogMel

pytestmark = pytest.mark.xdist_group("torch")  # faster_whisper, too, takes long to import


def noise(samples: int) -> Pcm:
    rng = np.random.default_rng(samples)
    return (rng.standard_normal(samples) * 3000 * np.hanning(samples)).astype(np.int16)


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("samples", [50, 201, 399, 48077])
def test_they_are_those_of_faster_whisper_for_sound_that_is_padded_with_silence(bands: int, samples: int) -> None:
    pytest.importorskip("faster_whisper")
    from faster_whisper.feature_extractor import FeatureExtractor

    sound, mel = noise(samples), LogMel(bands, 3000)
    for start in range(0, samples, 333):
        mel.add(sound[start : start + 333])
    padded = np.zeros(480000, np.float32)
    padded[:samples] = sound / 32768
    wanted = FeatureExtractor(feature_size=bands)(padded)[:, :3000]
    found = mel.features(3000)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert np.abs(found - wanted).max() < 2e-3
    assert np.array_equal(mel.features(1000), found[:, :1000])


def test_pieces_of_any_size_give_the_same() -> None:
    sound, made = noise(32000), []
    for block in (1, 160, 960, 32000):
        mel = LogMel(80, 3000)
        for start in range(0, 32000, block):
            mel.add(sound[start : start + block])
        made.append(mel.features(3000))
    for other in made[1:]:
        assert np.abs(other - made[0]).max() < 1e-5


def test_the_first_frames_alone_are_without_what_comes_after() -> None:
    mel = LogMel(80, 400)
    mel.add(noise(48000))
    features = mel.features(400, stop=100)
    assert np.unique(features[:, 100:]).size == 1
    mel.drop(100)
    assert mel.frames == 48000 // 160 - 2 - 100 + 1


def test_more_than_there_is_room_for_is_refused() -> None:
    mel = LogMel(80, 100)
    mel.add(noise(16000))
    with pytest.raises(ValueError, match="1 s of sound"):
        mel.add(noise(16000))
