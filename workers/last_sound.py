"""Where in a stretch of sound the last of a voice can be heard."""

from __future__ import annotations

import numpy as np

from engine.contract import Pcm

_STEP_MS = 4
_FAINT = 1e-3
"""The power of what can still be heard, against the loudest of the stretch: 30 dB less."""
_QUIETEST = 30.0**2
"""Power below which nothing is a voice."""


def silent_at_end(sound: Pcm, rate: int) -> int:
    """How many samples at the end of `sound` are silent, in steps of 4 ms. 0 where none is, and where the room is so
    loud that this cannot be told."""
    step = rate * _STEP_MS // 1000
    steps = sound[len(sound) % step :].reshape(-1, step).astype(np.float32)
    powers = np.mean(steps * steps, axis=1)
    if not len(powers) or (loudest := float(powers.max())) < _QUIETEST:
        return 0
    return (len(powers) - 1 - int(np.flatnonzero(powers >= _FAINT * loudest)[-1])) * step
