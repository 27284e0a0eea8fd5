"""Where in a stretch of sound the last of a voice can be heard."""

from __future__ import annotations

import numpy as np

from engine.contract import Pcm

_STEP_MS = 4
_FAINT = 1e-3
"""The power of what can still be heard, against the loudest of the stretch: 30 dB less."""
_ABOVE_ROOM = 4.0
"""And against the room's own noise, which are the quietest steps: 6 dB more."""
_QUIETEST = 0.1
"""A room is so loud, against the voice, that its end cannot be told."""
_LEAST = 30.0**2
"""Power below which nothing is a voice."""


def silent_at_end(sound: Pcm, rate: int) -> int | None:
    """How many samples at the end of `sound` are silent, in steps of 4 ms; None where that cannot be told."""
    step = rate * _STEP_MS // 1000
    steps = sound[len(sound) % step :].reshape(-1, step).astype(np.float32)
    powers = np.mean(steps * steps, axis=1)
    if len(powers) < 8 or (loudest := float(powers.max())) < _LEAST:
        return None
    room = float(np.mean(np.sort(powers)[: len(powers) // 8]))
    threshold = max(_FAINT * loudest, _ABOVE_ROOM * room)
    if threshold > _QUIETEST * loudest:
        return None
    return (len(powers) - 1 - int(np.flatnonzero(powers >= threshold)[-1])) * step
