"""A second, cheap opinion on sound that is taken for a voice: is somebody clearly speaking, or may it be a cough or a
hum?

A hum ("mm-hm") comes through a closed mouth: nearly all of it lies below 600 Hz, where the open mouth of a vowel puts
its first formant, or more. A cough is a burst of noise that only half resembles a voice. A hiss that voice activity
takes for speech is an s or an sh.
"""

from __future__ import annotations

import numpy as np

from engine.contract import Pcm

SURE = 0.92
"""Voice activity is this sure of speech once it goes on, and seldom of a cough."""
LOWEST_HZ, OPEN_HZ = 60, 600
OPEN = 0.02
"""The part of a voice above OPEN_HZ, when the mouth is open; closed, it is a tenth of that."""
HISS = -0.2
"""The correlation of neighbouring samples, where most of a sound lies above a quarter of the rate."""


class Clarity:
    """Judges hops of `samples` samples at `rate` samples a second."""

    def __init__(self, samples: int, rate: int) -> None:
        self._window = np.hanning(samples).astype(np.float32)
        hz = np.fft.rfftfreq(samples, 1 / rate)
        heard = hz >= LOWEST_HZ
        # Applied to a power spectrum: all of it, what lies above OPEN_HZ, and the autocorrelation at one sample.
        self._sums = np.stack([heard, heard & (hz >= OPEN_HZ), heard * np.cos(2 * np.pi * hz / rate)])

    def is_clear(self, hop: Pcm, probability: float) -> bool:
        """Whether this hop of a voice, of which voice activity is so sure, is clearly speech."""
        spectrum = np.fft.rfft(hop * self._window)
        total, high, neighbours = self._sums @ (spectrum.real**2 + spectrum.imag**2)
        if neighbours < HISS * total:
            return True
        return bool(probability >= SURE and high >= OPEN * total > 0)
