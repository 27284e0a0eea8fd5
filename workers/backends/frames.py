"""Frames of sound at another rate, as many out as in."""

from __future__ import annotations

import numpy as np

from engine.contract import Pcm
from workers.backends.sound import Resampler

HELD_MS = 4
"""Silence before the first frame. It makes up for what the filter holds back, so that every frame comes out whole."""


class Reframer:
    """Converts a stream of frames, each of `frame_ms`, from `source` to `target` samples a second. Where both are the
    same, frames pass as they are."""

    def __init__(self, source: int, target: int, frame_ms: int) -> None:
        self._size = target * frame_ms // 1000
        self._same = source == target
        self._resample = Resampler(source, target)
        self._held: Pcm = np.zeros(target * HELD_MS // 1000, np.int16)
        self._rest = self._held

    def __call__(self, frame: Pcm) -> Pcm:
        """The next frame: samples in, [frame_ms of source], samples out, [frame_ms of target]."""
        if self._same:
            return frame
        sound = np.concatenate((self._rest, self._resample(frame)))
        self._rest = sound[self._size :]
        return sound[: self._size]

    def reset(self) -> None:
        """Forget the sound so far."""
        self._resample.reset()
        self._rest = self._held
