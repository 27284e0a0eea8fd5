"""Has the user finished? Judged by how pitch and loudness go before the pause. NumPy alone, no model.

Speakers who yield the turn end low and soft, and those who hold it do not (Gravano and Hirschberg, "Turn-taking cues
in task-oriented dialogue", Computer Speech and Language 25, 2011: both cues are among their seven, and the share of
turn changes grows linearly with the number of cues). A pause that is only the closure before a plosive cuts the sound
off in full voice. All are taken relative to the utterance so far, so that neither the voice nor the microphone's level
counts.

Pitch is the lag of the first high peak of the normalised square difference function (McLeod and Wyvill, "A smarter way
to find pitch", ICMC 2005).
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contract import UNKNOWN, Pcm, Rung
from workers.backends.judge import RATE, Judge

HEARD_S = 2.0
"""Sound before the pause that is looked at."""
FRAME, HOP = 640, 160
LOWEST_HZ, HIGHEST_HZ = 60, 400
VOICED = 0.6
"""Clarity (0 to 1) from which a frame is voiced, if it is not AUDIBLE_DB below the loudest."""
AUDIBLE_DB = 30.0
FEWEST = 8
"""Voiced frames, without which nothing can be said."""
LAST = 5
"""Voiced frames that are the end."""
NEARBY = 12
"""Frames around the end in which the last peak of loudness lies."""
FALL = 10
"""Frames in which loudness falls after that peak."""
FARTHEST = 10.0
"""Semitones from the middle pitch: what is farther off is a mistake, most often by an octave."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the sound ends."""

    pitch: float
    """Semitones from the utterance's middle pitch to that of the last voiced frames."""
    loudness: float
    """dB from the mean of the voiced frames to that of the last ones."""
    fall: float
    """dB by which loudness falls within 100 ms from its last peak."""


USUAL = Shape(-2.0, -9.6, 11.5)
SPREAD = Shape(3.2, 5.6, 8.0)
WEIGHTS = Shape(-0.25, -0.4, -0.4)
"""At a usual pause each is about USUAL, give or take SPREAD; a SPREAD more weighs so many nats. Fitted with a strong
ridge to the pauses of 75 public recordings in 17 languages, none of which bench/ uses: left out one by one, an end and
an inner pause were told apart in 71 % of the pairs."""


class Prosody(Judge):
    """It has no settings."""

    def _open(self, rung: Rung) -> None:
        """There is nothing to load."""

    def _judge(self, sound: Pcm) -> float:
        shape = shape_of(sound)
        if shape is None:
            return UNKNOWN
        nats = 0.0
        for value, usual, spread, weight in zip(*map(astuple, (shape, USUAL, SPREAD, WEIGHTS)), strict=True):
            nats += weight * min(max((value - usual) / spread, -2.5), 2.5)
        return 1 / (1 + math.exp(-nats))


def shape_of(sound: Pcm) -> Shape | None:
    """How the sound before a pause ends, int16 [n] at 16 kHz; None if there is too little voice in it."""
    if len(sound) < FRAME + FEWEST * HOP:
        return None
    heard = sound[-round(HEARD_S * RATE) :].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(heard, FRAME)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    level = 10 * np.log10(np.square(frames).mean(axis=1) + 1)
    audible = np.flatnonzero(level > np.percentile(level, 95) - AUDIBLE_DB)
    lag, clarity = _periods(frames[audible])
    voiced, lag = audible[clarity > VOICED], lag[clarity > VOICED]
    if len(voiced) < FEWEST:
        return None
    pitch = 12 * np.log2(RATE / lag)
    pitch -= np.median(pitch)
    end = int(voiced[-1])
    last = pitch[(voiced > end - 3 * FALL) & (np.abs(pitch) < FARTHEST)][-LAST:]
    first = max(0, end - NEARBY)
    peak = first + int(np.argmax(level[first : end + 1]))
    return Shape(
        pitch=float(np.median(last)) if len(last) else USUAL.pitch,
        loudness=float(level[max(0, end + 1 - LAST) : end + 1].mean() - level[voiced].mean()),
        fall=float(level[peak] - level[min(len(level) - 1, peak + FALL)]),
    )


def _periods(frames: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The period of each frame [n, FRAME] in samples, and how clear it is: [n], [n]."""
    shortest, longest = RATE // HIGHEST_HZ, RATE // LOWEST_HZ
    size = 1 << (FRAME + longest).bit_length()
    same = np.fft.irfft(np.square(np.abs(np.fft.rfft(frames, size))), size)[:, : longest + 2]
    energy = np.cumsum(np.square(frames), axis=1, dtype=np.float64)
    lags = np.arange(1, longest + 2)
    left, right = energy[:, FRAME - 1 - lags], energy[:, -1:] - energy[:, lags - 1]
    likeness = (2 * same[:, 1:] / (left + right + 1e-9))[:, shortest - 1 :]
    clarity = likeness[:, 1:-1].max(axis=1)
    inner = likeness[:, 1:-1]
    peaks = (inner >= likeness[:, :-2]) & (inner >= likeness[:, 2:]) & (inner >= 0.9 * clarity[:, None])
    return np.argmax(peaks, axis=1) + shortest + 1.0, clarity
