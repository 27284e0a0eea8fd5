"""What is taken off every frame before words are searched in it, since it tells of the place and not of the words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.backends.sphinx_front_end import COEFFICIENTS


class Mean:
    """Cepstral mean: what the microphone, the room and the voice's loudness add to every frame.

    The library takes it from the whole utterance, which is late, or from the utterances before, which is wrong after
    every change of speaker or loudness. This is the mean of the utterance so far.
    """

    def __init__(self) -> None:
        self._sum: NDArray[np.float32] = np.zeros(COEFFICIENTS, np.float32)
        self._value: NDArray[np.float32] = np.zeros(COEFFICIENTS, np.float32)
        self._count = 0

    def reset(self) -> None:
        """A new utterance."""
        self._sum.fill(0)
        self._value.fill(0)
        self._count = 0

    def learn(self, cepstra: NDArray[np.float32]) -> None:
        """Add frames [n, 13]. Those of digital silence (negative energy) say nothing and do not count."""
        audible = cepstra[cepstra[:, 0] >= 0]
        if len(audible):
            self._count += len(audible)
            self._sum += audible.sum(axis=0)
            np.divide(self._sum, self._count, out=self._value)

    def subtract(self, cepstra: NDArray[np.float32]) -> None:
        """Take the mean from frames [n, 13], in place."""
        cepstra -= self._value
