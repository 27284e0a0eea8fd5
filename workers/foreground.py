"""Who stands in front of the microphone, and who in the hall behind them: the one in front is louder.

Where many people talk, voice activity hears voices all the time, and the visitor never falls silent. So a voice may be
asked to be louder than what is heard while nobody speaks to the engine: than nine tenths of it, because a crowd is not
equally loud all the time.
"""

from __future__ import annotations

from collections import deque
from math import inf

import numpy as np

from engine.contract import Pcm

KEEPS_HOPS, LEAST_HOPS = 300, 30
"""Of the hops in which nobody spoke to the engine, the last ten seconds count; its first second is taken for the hall,
whoever speaks, and nothing is hidden."""
LOUDER_THAN = 90
"""Per cent of the hall."""
QUIETEST = 30.0**2
"""The power of the hall, at least."""
DIES = 10**-0.1
"""How fast what was loud is forgotten, a hop: speech has its softer syllables."""
HYSTERESIS = 10**-0.8
"""Who speaks already may be so much softer. What is always equally loud may not end them; but that is no voice."""
EVERY, RISES = 16, 2.0
"""While someone speaks, one hop of so many counts for the hall, and as so much louder than that at most: should the
hall have become louder itself, that is found out within minutes."""


class Foreground:
    """Follows how loud the hall is. `above_db`: so much louder than the hall is who is spoken with; 0: everybody."""

    def __init__(self) -> None:
        self.above_db = 0.0
        self._hall: deque[float] = deque(maxlen=KEEPS_HOPS)
        self._limit = self._loud = 0.0
        self._count = 0

    def hides(self, hop: Pcm, begun: bool, speaking: bool) -> bool:
        """Whether whoever is heard in the next hop belongs to the hall. begun: a voice that stood out is being
        followed; speaking: it is known to be speech."""
        if self.above_db <= 0:
            return False
        sound = hop.astype(np.float32)
        power = max(QUIETEST, float(sound @ sound) / len(sound))
        self._loud = max(power, self._loud * DIES)
        hidden = self._loud < self._limit * HYSTERESIS if begun else power < self._limit
        self._learn(power, speaking)
        return hidden

    def _learn(self, power: float, speaking: bool) -> None:
        self._count += 1
        if not speaking or len(self._hall) < LEAST_HOPS:
            self._hall.append(power)
        elif self._count % EVERY == 0:
            known = self._limit / 10 ** (self.above_db / 10) or inf
            self._hall.append(min(power, RISES * known))
        if self._count % 8 == 0 and len(self._hall) >= LEAST_HOPS:
            self._limit = float(np.percentile(np.fromiter(self._hall, float), LOUDER_THAN)) * 10 ** (self.above_db / 10)
