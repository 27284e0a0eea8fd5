"""WAV files in and out of the virtual sound card."""

from __future__ import annotations

import os
import struct
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm
from engine.errors import InputError

_REMEDY = "give a WAV file with plain PCM, for example made by: sox IN -b 16 -e signed-integer OUT.wav"


def _samples(raw: bytes, width: int, path: Path) -> NDArray[np.float32]:
    """PCM bytes as float in [-1, 1)."""
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    if width == 2:
        return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(1 << 15)
    if width == 3:
        padded = np.zeros((len(raw) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return (padded.view("<i4")[:, 0].astype(np.float64) / (1 << 31)).astype(np.float32)
    if width == 4:
        return (np.frombuffer(raw, "<i4").astype(np.float64) / (1 << 31)).astype(np.float32)
    raise InputError(f"{path}: samples of {width * 8} bits", _REMEDY)


def load(path: str | Path) -> tuple[NDArray[np.float32], int]:
    """The sound of a WAV file mixed to mono, full scale 1, and its rate in Hz.

    PCM of 8, 16, 24 or 32 bits, any number of channels, any rate. Raises InputError with the remedy for a file that
    is missing, unreadable, compressed, empty or truncated.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file, wave.open(file) as reader:
            channels, width, rate, frames = reader.getparams()[:4]
            raw = reader.readframes(frames)
    except (wave.Error, EOFError, struct.error) as error:
        raise InputError(
            f"{path}: not a WAV file that can be read ({str(error) or 'it is too short'})", _REMEDY
        ) from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "check the path and its permissions") from error
    if not raw or not rate:
        raise InputError(f"{path}: holds no sound", "record it again")
    if len(raw) < frames * channels * width:
        there = len(raw) / (channels * width * rate)
        raise InputError(
            f"{path}: truncated: {there:.2f} s of {frames / rate:.2f} s are there", "copy or record it again"
        )
    return _samples(raw, width, path).reshape(-1, channels).mean(1), rate


def read(path: str | Path, rate: int) -> Pcm:
    """The sound of a WAV file as the microphone would give it: mono at `rate`. Errors as for `load`."""
    mono, source = load(path)
    if source != rate:
        import samplerate  # only where a file needs it

        mono = samplerate.resample(mono, rate / source, "sinc_medium")
    return np.clip(np.round(mono * (1 << 15)), -(1 << 15), (1 << 15) - 1).astype(np.int16)


class Recording:
    """A 16-bit WAV file that grows, is valid after every write, and can be taken up again by another process.

    The `wave` module cannot continue a file; everything else about the format is 44 bytes.
    """

    _HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")

    @classmethod
    def create(cls, path: str | Path, channels: int, rate: int) -> None:
        """Make an empty one, in place of whatever is there. Raises OSError."""
        Path(path).write_bytes(b"")
        recording = cls(path, channels, rate)
        recording.write(np.zeros((0, channels), np.int16))
        recording.close()

    def __init__(self, path: str | Path, channels: int, rate: int) -> None:
        self._channels, self._rate = channels, rate
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115  (closed by close)
        self._file.seek(0, os.SEEK_END)
        self.frames = max(0, self._file.tell() - self._HEADER.size) // (2 * channels)

    def write(self, frames: Pcm) -> None:
        """Append frames, shape [n, channels]."""
        frame = 2 * self._channels
        self._file.seek(self._HEADER.size + self.frames * frame)
        self._file.write(frames.tobytes())
        self.frames += len(frames)
        size = self.frames * frame
        header = (
            b"RIFF",
            36 + size,
            b"WAVE",
            b"fmt ",
            16,
            1,
            self._channels,
            self._rate,
            self._rate * frame,
            frame,
            16,
        )
        self._file.seek(0)
        self._file.write(self._HEADER.pack(*header, b"data", size))

    def close(self) -> None:
        """Done."""
        self._file.close()
