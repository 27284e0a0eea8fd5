"""WAV files: read whatever a sound editor writes as PCM, and recordings that are whole at every moment."""

from __future__ import annotations

import os
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine import wav
from engine.errors import InputError

RATE = 16000


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", name, len(body) if size is None else size) + body + bytes(len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def form(tag: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)


def extensible(subformat: int, channels: int, bits: int) -> bytes:
    """The header that most programs write for more than 16 bits or two channels."""
    rest = bytes.fromhex("000000001000800000aa00389b71")
    return form(0xFFFE, channels, RATE, bits) + struct.pack("<HHIH", 22, bits, 0, subformat) + rest


def encoded(values: NDArray[np.float64], bits: int) -> bytes:
    """Full scale 1 as PCM."""
    whole = np.round(values * (1 << bits - 1)).clip(-(1 << bits - 1), (1 << bits - 1) - 1).astype(np.int64)
    if bits == 8:
        return (whole + 128).astype(np.uint8).tobytes()
    return b"".join(int(value).to_bytes(bits // 8, "little", signed=True) for value in whole)


TONE = 0.5 * np.sin(np.arange(800) * 0.05)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("whole_header", [True, False], ids=["extensible", "plain"])
def test_pcm_of_any_width_is_read_to_scale(tmp_path: Path, bits: int, whole_header: bool) -> None:
    path = tmp_path / "t.wav"
    header = extensible(1, 1, bits) if whole_header else form(bits=bits)
    path.write_bytes(riff(chunk(b"fmt ", header), chunk(b"data", encoded(TONE, bits))))
    sound, rate = wav.load(path)
    assert rate == RATE
    np.testing.assert_allclose(sound, TONE, atol=1.01 / (1 << bits - 1) + 1e-7)


def test_channels_are_mixed_to_their_mean(tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    frames = np.stack([TONE, -TONE, TONE / 2, TONE], 1).ravel()
    path.write_bytes(riff(chunk(b"fmt ", extensible(1, 4, 16)), chunk(b"data", encoded(frames, 16))))
    np.testing.assert_allclose(wav.load(path)[0], TONE * 0.375, atol=1e-4)


def test_chunks_that_are_not_sound_are_skipped_whatever_their_length(tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    data = chunk(b"data", encoded(TONE, 16))
    path.write_bytes(
        riff(chunk(b"LIST", b"odd"), chunk(b"fmt ", form() + bytes(2)), chunk(b"bext", bytes(602)), data, b"tail")
    )
    assert len(wav.load(path)[0]) == len(TONE)


def test_a_length_that_could_not_be_told_means_all_there_is(tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    path.write_bytes(riff(chunk(b"fmt ", form()), chunk(b"data", encoded(TONE, 16), 0xFFFFFFFF)))
    assert len(wav.load(path)[0]) == len(TONE)


def test_sound_at_the_ring_s_own_rate_is_given_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    samples = np.random.default_rng(0).integers(-32768, 32768, 5000).astype(np.int16)
    path.write_bytes(riff(chunk(b"fmt ", form()), chunk(b"data", samples.tobytes())))
    np.testing.assert_array_equal(wav.read(path, RATE), samples)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 192000])
def test_other_rates_are_resampled_without_changing_pitch_length_or_level(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "t.wav"
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    path.write_bytes(riff(chunk(b"fmt ", form(rate=rate)), chunk(b"data", encoded(tone, 16))))
    heard = wav.read(path, RATE).astype(np.float64)
    assert abs(len(heard) - RATE) <= 2
    middle = heard[2000:14000]
    assert int(np.argmax(np.abs(np.fft.rfft(middle)))) * RATE / len(middle) == pytest.approx(1000, abs=2)
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2) * 32768, rel=0.01)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 200), flips=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6))
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path, cut: int, flips: list[tuple[int, int]]) -> None:
    path = tmp_path / "t.wav"
    raw = bytearray(riff(chunk(b"fmt ", form()), chunk(b"data", encoded(TONE[:60], 16))))
    for at, value in flips:
        raw[at] = value
    path.write_bytes(raw[:cut])
    refusal = None
    try:
        sound, rate = wav.load(path)
    except InputError as error:
        refusal = error
    if refusal is None:
        assert len(sound) > 0
        assert rate > 0
    else:
        assert str(refusal).startswith(f"{path}: ")
        assert "\n" not in str(refusal)
        assert refusal.remedy


def test_a_recording_is_a_valid_file_after_every_write(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    wav.Recording.create(path, 2, RATE)
    recording = wav.Recording(path, 2, RATE)
    frames = np.arange(400, dtype=np.int16).reshape(-1, 2)
    for count in range(1, 4):
        recording.write(frames)
        with wave.open(str(path)) as file:
            assert file.getparams()[:4] == (2, 2, RATE, count * len(frames))
            assert file.readframes(count * len(frames)) == frames.tobytes() * count
        assert path.stat().st_size == 44 + count * frames.nbytes
    recording.close()


def test_a_recording_goes_on_where_a_killed_recorder_left_half_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    wav.Recording.create(path, 2, RATE)
    first = wav.Recording(path, 2, RATE)
    first.write(np.full((10, 2), 1, np.int16))
    first.close()
    with path.open("ab") as file:  # written, but the header was not: 2 frames and a half
        file.write(bytes(10))
    second = wav.Recording(path, 2, RATE)
    assert second.frames == 12
    second.write(np.full((3, 2), 2, np.int16))
    second.close()
    with wave.open(str(path)) as file:
        assert file.getnframes() == 15
        np.testing.assert_array_equal(
            np.frombuffer(file.readframes(15), np.int16).reshape(-1, 2)[:, 0], [1] * 10 + [0] * 2 + [2] * 3
        )


def test_a_recording_of_more_than_four_gigabytes_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    wav.Recording.create(path, 2, RATE)
    os.truncate(path, 44 + (1 << 32))  # 18 hours; the file system keeps no zeros
    recording = wav.Recording(path, 2, RATE)
    recording.write(np.ones((1, 2), np.int16))
    recording.close()
    with path.open("rb") as file:
        header = file.read(44)
        file.seek(44 + (1 << 32))
        assert file.read() == b"\1\0\1\0"
    assert struct.unpack("<I", header[40:]) == struct.unpack("<I", header[4:8]) == (0xFFFFFFFF,)


def test_creating_a_recording_empties_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "r.wav"
    path.write_bytes(bytes(1000))
    wav.Recording.create(path, 2, RATE)
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 2, RATE, 0)


def test_a_path_in_a_message_is_one_line() -> None:
    assert wav.place("/home/a b/ä.wav") == "/home/a b/ä.wav"
    assert wav.place("/x/a\nb") == r'"/x/a\nb"'
    assert wav.place(os.fsdecode(b"/x/\xff" + b"y" * 90)) == r'"/x/\udcff' + "y" * 90 + '"'
