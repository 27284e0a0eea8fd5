"""How much later than it should be a played sound is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm

_FRAMES, _EVERY = 400, 50
"""So many frames in which something was played are compared, and how often."""
_EARLIEST, _LATEST = -20, 100
"""The lags that are looked for, in frames."""
_ALIKE = 0.5
"""The least correlation that is trusted, twice in a row."""
_NEAR, _AIM = 9, 2
"""Lags from 0 to this are near enough for a filter, with room for what follows the first sound; others are made to be
`_AIM`."""
_ROOM = 1e3
"""Power of a quiet room: ups and downs below that mean nothing."""


class Lag:
    """Compares how the loudness of what is heard and of what is played goes up and down; that needs no filter that has
    learnt anything. Where the echo lies outside a filter's reach, `shift` changes: devices do not know all of their own
    latency, and a sound server may add some. With most devices it never does.

    frame: samples in each frame.
    """

    def __init__(self, frame: int) -> None:
        self.shift = -frame
        """The played frame that belongs to a heard one lies so many samples before it. First it lies a frame after it:
        a device may say more latency than it has, and no filter finds an echo that comes before its sound."""
        self._frame = frame
        self._heard, self._played = np.zeros(_FRAMES), np.zeros(_FRAMES)
        """Loudness of each frame, the newest last."""
        self._frames = 0
        self._found: int | None = None

    def watch(self, heard: Pcm, played: Pcm) -> bool:
        """A frame of each, while something is played. True: `shift` is another from now on."""
        for kept, sound in ((self._heard, heard), (self._played, played)):
            kept[:-1] = kept[1:]
            floats = sound.astype(np.float32)
            kept[-1] = np.log(np.dot(floats, floats) / self._frame + _ROOM)
        self._frames += 1
        if self._frames < _FRAMES or self._frames % _EVERY:
            return False
        before, self._found = self._found, far_off(self._heard, self._played)
        if self._found is None or self._found != before:
            return False
        self.shift += (self._found - _AIM) * self._frame
        self._frames, self._found = 0, None
        return True


def far_off(heard: NDArray[np.float64], played: NDArray[np.float64]) -> int | None:
    """By how many frames the loudness of `heard` follows that of `played`; None where they do not go together, or are
    near enough. Both have one length. What is compared is by how much it rises and falls: pauses alone are alike in
    whatever two people say."""
    heard, played = np.diff(heard), np.diff(played)
    part = heard[_LATEST : len(heard) + _EARLIEST]
    part = part - part.mean()
    sums = np.concatenate([[0.0], np.cumsum(played)])
    squares = np.concatenate([[0.0], np.cumsum(played**2)])
    count = len(part)
    spread = squares[count:] - squares[:-count] - (sums[count:] - sums[:-count]) ** 2 / count
    alike = np.correlate(played, part, "valid") / np.sqrt(np.maximum(spread, 1e-9) * max(float(part @ part), 1e-9))
    best = int(alike.argmax())
    lag = _LATEST - best
    return lag if alike[best] > _ALIKE and not 0 <= lag <= _NEAR else None
