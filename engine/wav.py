"""WAV files in and out of the virtual sound card."""

from __future__ import annotations

import errno
import json
import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm
from engine.errors import InputError

_REMEDY = "give a WAV file with plain PCM, for example made by: sox IN -b 16 -e signed-integer OUT.wav"
_PCM, _EXTENSIBLE = 1, 0xFFFE
_NOT_PCM = {2: "ADPCM", 3: "floating point", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 85: "MP3"}
_RATES = range(1000, 768_001)
_LARGEST = 0xFFFFFFFF
"""A size of the header that cannot be told: a recording that is longer, or that came through a pipe."""


def place(path: str | Path) -> str:
    """A path in a message: one line, whatever is in it."""
    text = str(path)
    return text if text.isprintable() else json.dumps(text)


def _samples(raw: bytes, width: int) -> NDArray[np.float32]:
    """PCM bytes as float in [-1, 1)."""
    if width == 1:
        samples = np.frombuffer(raw, np.uint8).astype(np.float32)
        samples -= 128
        samples /= 128
        return samples
    if width == 2:
        samples = np.frombuffer(raw, "<i2").astype(np.float32)
        samples /= 1 << 15
        return samples
    if width == 3:
        padded = np.zeros((len(raw) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return (padded.view("<i4")[:, 0].astype(np.float64) / (1 << 31)).astype(np.float32)
    return (np.frombuffer(raw, "<i4").astype(np.float64) / (1 << 31)).astype(np.float32)


class _BadWavError(Exception):
    """What is wrong with the file."""


def _format(raw: bytes) -> tuple[int, int, int]:
    """Channels, bytes a sample and rate from a `fmt ` chunk."""
    if len(raw) < 16:
        raise _BadWavError("its header is too short")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", raw)
    if tag == _EXTENSIBLE and len(raw) >= 26:
        tag = struct.unpack_from("<H", raw, 24)[0]
    if tag != _PCM:
        raise _BadWavError(f"it is {_NOT_PCM.get(tag, 'compressed')} (format {tag}), not PCM")
    if bits not in (8, 16, 24, 32):
        raise _BadWavError(f"its samples have {bits} bits, not 8, 16, 24 or 32")
    if rate not in _RATES:
        raise _BadWavError(f"its rate is {rate} Hz, not {_RATES[0]} to {_RATES[-1]}")
    if not channels:
        raise _BadWavError("it has no channels")
    return channels, bits // 8, rate


def _parse(file: BinaryIO) -> tuple[NDArray[np.float32], int]:
    """The sound and the rate. Not by the `wave` module: before Python 3.12 it refuses the header that most programs
    write for 24 bits or more than two channels."""
    riff, form = struct.unpack("<4s4x4s", file.read(12).ljust(12))
    if (riff, form) != (b"RIFF", b"WAVE"):
        raise _BadWavError("it does not begin like one")
    known = None
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name != b"data":
            skipped = file.tell() + size + size % 2
            if name == b"fmt ":
                known = _format(file.read(min(size, 40)))
            file.seek(skipped)
            continue
        if known is None:
            raise _BadWavError("its sound comes before its format")
        channels, width, rate = known
        left = os.fstat(file.fileno()).st_size - file.tell()
        if size == _LARGEST:
            size = left
        if left < size:
            second = channels * width * rate
            raise _BadWavError(f"it is truncated: {left / second:.2f} s of {size / second:.2f} s are there")
        frame = channels * width
        raw = file.read(size // frame * frame)
        if not raw:
            break
        return _samples(raw, width).reshape(-1, channels).mean(1), rate
    raise _BadWavError("it holds no sound")


def load(path: str | Path) -> tuple[NDArray[np.float32], int]:
    """The sound of a WAV file mixed to mono, full scale 1, and its rate in Hz.

    PCM of 8, 16, 24 or 32 bits, any number of channels, any rate. Raises InputError with the remedy for a file that
    is missing, unreadable, compressed, empty or truncated.
    """
    try:
        # Not blocking: a pipe that nobody writes to would keep us here for good.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _BadWavError("it is no file, but a pipe or a device")
            return _parse(file)
    except _BadWavError as error:
        raise InputError(f"{place(path)}: not a WAV file that can be read: {error}", _REMEDY) from error
    except OSError as error:
        raise InputError(f"{place(path)}: {error.strerror}", "check the path and its permissions") from error


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
        """Append frames, shape [n, channels]. Raises OSError: what did not find room in whole is not there."""
        frame = 2 * self._channels
        self._file.seek(self._HEADER.size + self.frames * frame)
        if self._file.write(raw := frames.tobytes()) < len(raw):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.frames += len(frames)
        size = self.frames * frame
        riff = b"RIFF", min(36 + size, _LARGEST), b"WAVE"
        form = b"fmt ", 16, _PCM, self._channels, self._rate, self._rate * frame, frame, 16
        self._file.seek(0)
        self._file.write(self._HEADER.pack(*riff, *form, b"data", size if 36 + size < _LARGEST else _LARGEST))

    def close(self) -> None:
        """Done."""
        self._file.close()
