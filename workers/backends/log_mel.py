"""Whisper's log mel spectrogram, made as the sound comes in: a pass over all of it need not begin with all of it.

Frames of 25 ms every 10 ms, centred, the beginning mirrored, the end followed by silence: as OpenAI's `whisper.audio`
and `transformers.WhisperFeatureExtractor` make it of sound that is padded with zeros.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm

RATE = 16000
WINDOW, HOP = 400, 160
EDGE = WINDOW // 2
SILENCE = -10.0
"""Logarithm of the power of no sound at all."""
RANGE = 8.0
"""What lies further below the loudest is cut off there."""

Frames = NDArray[np.float32]


class LogMel:
    """The spectrogram of one stretch of sound so far. bands: 80 or 128. most: frames that there is room for."""

    def __init__(self, bands: int, most: int) -> None:
        self._bands = bands
        self._logs: Frames = np.zeros((most, bands), np.float32)
        self._rest: Frames = np.empty(0, np.float32)
        """Sound of the frames that are not whole yet; from the first one's beginning, once that is known."""
        self._mirrored = False
        self.frames = 0
        """Whole ones."""

    def add(self, sound: Pcm) -> None:
        """More sound, int16 [n]; it is not needed afterwards. ValueError: there is no room for it."""
        rest = np.concatenate((self._rest, np.multiply(sound, 1 / 32768, dtype=np.float32)))
        if not self._mirrored and len(rest) > EDGE:
            rest = np.concatenate((rest[EDGE:0:-1], rest))
            self._mirrored = True
        count = max(0, (len(rest) - WINDOW) // HOP + 1) if self._mirrored else 0
        if self.frames + count > len(self._logs):
            raise ValueError(f"{len(self._logs) * HOP / RATE:.0f} s of sound are waiting")
        if count:
            self._logs[self.frames : self.frames + count] = log_bands(rest, count, self._bands)
            self.frames += count
        self._rest = rest[count * HOP :]

    def features(self, length: int, stop: int | None = None) -> Frames:
        """What Whisper's encoder takes, float32 [bands, length]: the frames before `stop`, or all with the last ones
        that are not whole, and silence after them."""
        logs = np.full((length, self._bands), SILENCE, np.float32)
        whole = min(self.frames if stop is None else stop, length)
        logs[:whole] = self._logs[:whole]
        if stop is None and len(self._rest):
            rest = self._rest
            if not self._mirrored:
                rest = np.pad(rest, (0, max(0, EDGE + 1 - len(rest))))
                rest = np.concatenate((rest[EDGE:0:-1], rest))
            begun = min(-(-len(rest) // HOP), length - whole)
            if begun:
                logs[whole : whole + begun] = log_bands(np.pad(rest, (0, WINDOW)), begun, self._bands)
        np.maximum(logs, logs.max() - RANGE, out=logs)
        return np.ascontiguousarray((logs.T + 4.0) / 4.0)

    def quietest(self, start: int, stop: int, width: int) -> int:
        """The middle of the `width` frames that are quietest together, of those from `start` to `stop`."""
        loudness = self._logs[start:stop].mean(axis=1)
        together = np.convolve(loudness, np.ones(width), "valid")
        return start + int(np.argmin(together)) + width // 2

    def drop(self, frames: int) -> None:
        """Let the first ones go."""
        kept = self.frames - frames
        self._logs[:kept] = self._logs[frames : self.frames]
        self._logs[kept:] = 0
        self.frames = kept

    def wipe(self) -> None:
        """Overwrite what is known of the sound."""
        self._logs[: self.frames] = 0
        self._rest.fill(0)


def log_bands(wave: Frames, count: int, bands: int) -> Frames:
    """Of the first `count` frames of a wave, float32 [n], full scale 1: the logarithm of their bands' power, [count,
    bands]."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP][:count]
    power = np.square(np.abs(np.fft.rfft(frames * hann(), axis=1)))
    logs: Frames = np.log10(np.maximum(power @ mel_filters(bands), 10**SILENCE)).astype(np.float32)
    return logs


@functools.cache
def hann() -> Frames:
    """The window, float32 [400]."""
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@functools.cache
def mel_filters(bands: int) -> Frames:
    """Slaney's mel filters, each of area 1, for the 201 bins of a frame: float32 [201, bands] (librosa.filters.mel)."""
    edges = _hertz(np.linspace(0.0, _mel(RATE / 2), bands + 2))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.linspace(0, RATE / 2, WINDOW // 2 + 1)[:, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)).astype(np.float32)


_LINEAR, _LOG_STEP = 200 / 3, math.log(6.4) / 27
"""Hertz to a mel up to 1 kHz, and what a mel is above: a factor e ** _LOG_STEP."""


def _mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < 1000 else 1000 / _LINEAR + math.log(hertz / 1000) / _LOG_STEP


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    turn = 1000 / _LINEAR
    return np.where(mels < turn, mels * _LINEAR, 1000 * np.exp(_LOG_STEP * (mels - turn)))
