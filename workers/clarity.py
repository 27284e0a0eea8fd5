"""What a hop of sound may be of, where it is taken for a voice: an open mouth, a closed one, a hiss, or a cough.

The voice of an open mouth repeats itself with the height of the voice, and a good part of it lies above 600 Hz, where a
vowel has its first formant. Of a hum ("mm-hm") hardly anything does. A cough is a burst of noise that hardly repeats
itself. An s or an sh is noise that lies higher than any of these.
"""

from __future__ import annotations

import numpy as np

from engine.contract import Pcm

LOWEST_HZ, OPEN_HZ = 60, 600
OPEN = 0.02
"""The part of a voice above OPEN_HZ when the mouth is open; closed, it is a tenth of that."""
HISS = -0.2
"""The correlation of neighbouring samples, where most of a sound lies above a quarter of the rate."""
VOICE_HZ = 60, 400
"""How high voices are."""


class Hop:
    """What can be measured of `samples` samples at `rate` samples a second: `look` first.

    power: its mean square. is_open, is_hiss: as above. periodicity: how far it repeats itself within the heights of
    voices, 1 at most: the highest peak of its autocorrelation, that of the window taken out (P. Boersma, "Accurate
    short-term analysis of the fundamental frequency", Proceedings of the Institute of Phonetic Sciences 17, 1993).
    """

    def __init__(self, samples: int, rate: int) -> None:
        self._window = np.hanning(samples).astype(np.float32)
        self._most = 1.001 / float((self._window**2).sum())  # in single precision
        self._padded = 2 * samples  # so that the autocorrelation does not run into itself
        hz = np.fft.rfftfreq(self._padded, 1 / rate)
        heard = (hz >= LOWEST_HZ) * 2 / (self._padded * (self._window**2).sum())
        # Applied to a power spectrum: all of it, what lies above OPEN_HZ, and the autocorrelation at one sample.
        self._sums = np.stack([heard, heard * (hz >= OPEN_HZ), heard * np.cos(2 * np.pi * hz / rate)])
        self._lags = slice(rate // VOICE_HZ[1], rate // VOICE_HZ[0] + 1)
        own = np.fft.irfft(np.abs(np.fft.rfft(self._window, self._padded)) ** 2)
        self._own = own[self._lags] / own[0]
        self._spectrum = np.zeros(len(hz))
        self.power, self.is_open, self.is_hiss = 0.0, False, False

    def most(self, hop: Pcm) -> float:
        """No more than this is the power of this one; without a spectrum, which costs ten times as much."""
        windowed = hop * self._window
        return float(windowed @ windowed) * self._most

    def look(self, hop: Pcm) -> None:
        """Measure this one."""
        transformed = np.fft.rfft(hop * self._window, self._padded)
        self._spectrum = transformed.real**2 + transformed.imag**2
        self.power, high, neighbours = self._sums @ self._spectrum
        self.is_open = bool(high >= OPEN * self.power > 0)
        self.is_hiss = bool(neighbours < HISS * self.power)

    @property
    def periodicity(self) -> float:
        found = np.fft.irfft(self._spectrum)
        return float((found[self._lags] / self._own).max() / found[0]) if found[0] > 0 else 0.0
