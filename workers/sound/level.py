"""How loud: a gain that glides, and a limiter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm

_FULL = 32768.0
_RETURN_S = 0.3
"""After a peak the limiter gives the whole gain back in this time."""
_ATTACK_MS = 1
SILENT = 1e-4
"""A gain below this is none: -80 dB."""


def factor(db: float) -> float:
    """The factor of a level in dB."""
    return float(10 ** (db / 20))


def loudness(percent: int) -> float:
    """The factor of a volume of 0 to 100, in steps that sound alike: 50 dB from softest to loudest. 0 is silence."""
    return 0.0 if percent <= 0 else factor((percent - 100) / 2)


class Level:
    """Gain and limiter of one channel of sound. A new gain is reached gliding over the next block, so it makes no noise
    of its own. A peak beyond the limit lowers the gain within a ms, before it where the block has room for that; it
    comes back slowly. What still is too loud is cut off at the limit.

    rate: samples a second. limit_db: the most that passes, in dB of full scale.
    """

    def __init__(self, rate: int, limit_db: float) -> None:
        self._attack = rate * _ATTACK_MS // 1000
        self._return = 1 / (rate * _RETURN_S)
        self._gain = self._target = 1.0
        self._duck = 1.0
        self.limit(limit_db)

    def limit(self, db: float) -> None:
        """Set the limit, in dB of full scale."""
        self._limit = min(factor(db) * _FULL, _FULL - 1)

    def turn(self, gain: float) -> None:
        """Glide to this gain, a factor."""
        self._target = gain if gain > SILENT else 0.0

    def jump(self, gain: float) -> None:
        """Take this gain at once: before the first sound."""
        self.turn(gain)
        self._gain = self._target

    def __call__(self, sound: NDArray[np.floating] | Pcm, out: Pcm) -> None:
        """`sound`, in units of int16, at this level into `out` of the same length."""
        count = len(out)
        if not count:
            return
        settled = self._gain == self._target
        if settled and self._duck == 1.0 and not sound.any():  # most of the time nothing is played
            out.fill(0)
            return
        peak = max(float(sound.max()), -float(sound.min())) * max(self._gain, self._target)
        wanted = min(1.0, self._limit / peak) if peak > 0 else 1.0
        if settled and self._gain == self._duck == wanted == 1.0:
            if sound.dtype == np.int16:
                out[:] = sound
            else:
                np.rint(sound, out=out, casting="unsafe")
            return
        curve = np.full(count, self._gain) if settled else np.linspace(self._gain, self._target, count)
        self._gain = self._target
        curve *= self._ducking(wanted, count)
        louder = sound * curve
        np.clip(louder, -self._limit, self._limit, out=louder)
        np.rint(louder, out=out, casting="unsafe")

    def _ducking(self, wanted: float, count: int) -> NDArray[np.float64]:
        """The limiter's gain over a block that wants at most `wanted`."""
        before = self._duck
        if wanted < before:
            self._duck = wanted
            curve = np.full(count, wanted)
            attack = min(self._attack, count)
            curve[:attack] = np.linspace(before, wanted, attack)
            return curve
        self._duck = min(wanted, before + self._return * count)
        return np.linspace(before, self._duck, count)
