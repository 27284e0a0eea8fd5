"""How much later than it should be a played sound is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EARLIEST, _LATEST = -20, 100
"""The lags that are looked for, in frames."""
_LAGS = _LATEST - _EARLIEST + 1
_LOWEST_HZ, _HIGHEST_HZ = 300, 4000
"""What any loudspeaker gives of a voice."""
_KEEP = 0.99
"""What of the evidence is kept when a frame comes: that of the last second of sound counts, however long it took."""
_LEAST = 8.0
"""Frames of sound from which on a lag is looked at."""
_EVERY, _RARELY = 2, 4
"""Frames after which it is looked again which lag it is, and after which more are compared at all, once it is known."""
_CHANCE, _SHARE, _SURE = 1.6, 0.06, 4.0
"""A lag is the one where it stands out by as much, and by this share of the frames more, or by the last of these, twice
in a row. By chance the best of all lags gets to the first; by vowels of the same height it gets on with the frames, but
not that far."""
_NEAR, _AIM = 9, 2
"""Lags from 0 to this are near enough for a filter, with room for what follows the first sound; others are made to be
`_AIM`."""
_ROOM = 1e3
"""Power of a sample from which on it is of a sound that was played."""


class Lag:
    """Finds the lag at which what is heard goes along with what is played, in the phases of their spectra: whose
    difference is the same in frame after frame where one is the echo of the other, and any where it is not (C. Knapp
    and G. Carter, "The generalized correlation method for estimation of time delay", IEEE TASSP 1976; the phase
    transform). That takes a tenth of a second of an echo, and no visitor is taken for one, however loud they are.
    Where the echo lies outside a filter's reach, `shift` changes: devices do not know all of their own latency, and a
    sound server may add some. With most devices it never does.

    frame: samples in each frame. rate: samples a second.
    """

    def __init__(self, frame: int, rate: int) -> None:
        self.shift = -frame
        """The played frame that belongs to a heard one lies so many samples before it. First it lies a frame after it:
        a device may say more latency than it has, and no filter finds an echo that comes before its sound."""
        self._frame = frame
        width = rate / (2 * frame)
        self._bins = slice(round(_LOWEST_HZ / width), round(_HIGHEST_HZ / width))
        bins = self._bins.stop - self._bins.start
        self._past = _Past(_LATEST + 1, bins, _ROOM * frame)
        self._sums, self._products = (np.zeros((_LAGS, bins), np.complex64) for _ in range(2))
        """Of each lag, from the earliest on: the differences of the phases, as complex numbers of length 1, added up;
        and those of one frame."""
        self._active = np.zeros(_LAGS, np.float32)
        """1 where something was played."""
        self._counts = np.zeros((2, _LAGS), np.float32)
        """How many frames were added up, and the same with the squares of their weights."""
        self._keep = np.array([[_KEEP], [_KEEP**2]], np.float32)
        self._kept = np.zeros((2, _LAGS), np.float32)
        self._alike = np.zeros(_LAGS, np.float32)
        self._conjugate = np.zeros((2, bins), np.complex64)
        self._frames = 0
        self._known = False
        self._found: int | None = None

    def watch(self, spectra: NDArray[np.complex128]) -> bool:
        """The spectra of what is heard and of what is played, in two rows: each of the newest frame and the one before
        it, windowed so that the squares add up to 1. True: `shift` is another from now on."""
        self._past.put(spectra[:, self._bins])
        self._frames += 1
        if (self._known and self._frames % _RARELY) or not self._add() or self._frames % _EVERY:
            return False
        before, self._found = self._found, self._look()
        if before is None or self._found is None or abs(self._found - before) > 1:
            return False
        self._known = True
        if 0 <= self._found <= _NEAR:
            return False
        self.shift += (self._found - _AIM) * self._frame
        self._start_anew()
        return True

    def beware(self) -> None:
        """It may be another one now."""
        self._known = False

    def pause(self) -> None:
        """Frames are left out: what comes does not follow what was. What is known of the lag stays known."""
        self._past.forget()

    def _start_anew(self) -> None:
        self.pause()
        self._sums.fill(0)
        self._counts.fill(0)
        self._found = None

    def _add(self) -> bool:
        """Take in the newest frames. False: there is nothing to be learnt from them."""
        past, active, early = self._past, self._active, -_EARLIEST
        active[:early] = past.active[0]
        active[early:] = past.active
        if not active.any():
            return False
        (heard, played), now = past.phases, np.conjugate(past.phases[:, 0], out=self._conjugate)
        np.multiply(heard[early:0:-1], now[1], out=self._products[:early])
        np.multiply(played, now[0], out=self._products[early:])
        np.copyto(self._kept, 1.0)
        np.copyto(self._kept, self._keep, where=active > 0)
        self._sums *= self._kept[0, :, None]
        self._sums += self._products
        self._counts *= self._kept
        self._counts += active
        return True

    def _look(self) -> int | None:
        """The lag that stands out."""
        sums = self._sums.view(np.float32)
        np.einsum("ij,ij->i", sums, sums, out=self._alike)
        self._alike /= np.maximum(self._counts[1], 1e-9)
        self._alike[self._counts[0] < _LEAST] = 0
        best = int(self._alike.argmax())
        usual = sums.shape[1] / 2  # where they have nothing to do with each other
        sure = self._alike[best] > usual * min(_CHANCE + _SHARE * self._counts[0, best], _SURE)
        return best + _EARLIEST if sure else None


class _Past:
    """The phases of the last `count` pairs of spectra, the newest first, and in which of them something was played: as
    much as `least`, the mean power of a bin. Where nothing was, there are zeros in place of its phases."""

    def __init__(self, count: int, bins: int, least: float) -> None:
        self._count, self._at, self._least = count, 0, least * bins
        self._phases = np.zeros((2, 2 * count, bins), np.complex64)
        """Each is there twice, so that the last ones always lie in a row."""
        self._active = np.zeros(2 * count, np.float32)
        self._lengths = np.zeros((2, bins))
        self.forget()

    def forget(self) -> None:
        self._phases.fill(0)
        self._active.fill(0)
        self._turn()

    def put(self, spectra: NDArray[np.complex128]) -> None:
        self._at = at = (self._at - 1) % self._count
        np.abs(spectra, out=self._lengths)
        played = self._lengths[1]
        active = bool(played @ played >= self._least)
        self._lengths += 1e-9
        np.divide(spectra, self._lengths, out=self._phases[:, at], casting="same_kind")
        if not active:
            self._phases[1, at] = 0
        self._phases[:, at + self._count] = self._phases[:, at]
        self._active[at] = self._active[at + self._count] = active
        self._turn()

    def _turn(self) -> None:
        window = slice(self._at, self._at + self._count)
        self.phases, self.active = self._phases[:, window], self._active[window]
