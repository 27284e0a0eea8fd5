"""What an adaptive filter leaves of an echo: estimated, and taken away without the voice that is in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm

_BANDS = 24
_LOWEST_HZ = 60.0
_SURE_DB = 13.0
"""What is left must be so much louder than it should be before it is taken for a voice: the estimate is of the usual
case, and what is left comes and goes by about this much."""
_LESS_DB, _MORE_DB = 30.0, 6.0
"""How quickly the share that is left is believed to have become less, or more, in dB a second. More is slow: someone
who speaks at the same time makes it look like more."""
_TOGETHER = 3.0
"""A voice is in many bands at once: where fewer than a third of those with an echo are open, they are closed more."""
_LEAST = 0.01
"""The gain where nothing but echo is left: -40 dB."""
_FALL_DB = 240.0
"""How quickly a room dies away after a sound, in dB a second."""
_LAST_DB = 100.0
"""How quickly what was played is forgotten, in dB a second: its echo may be late."""
_RISE_DB = 3.0
"""How quickly the noise of the room is believed to have become louder, in dB a second."""
_LEAST_NOISE = 1e3
"""What no room is quieter than: -82 dB of full scale. The first guess, too."""
_LOOK = 4
"""How often the noise of the room is looked at while there is no echo, in frames."""
_NOISES = 61
"""Frames of noise that were made beforehand."""


class Suppressor:
    """In each of 24 bands, as wide as those of the ear, two shares are tracked: how much of the filter's own estimate
    of the echo is left after it, and how much of what was played is heard at all. Both low in their distribution, so
    that a voice on top does not count. What is not well above the smaller of the two is echo and goes; noise as loud as
    the room's takes its place, so that nobody hears, and no detector takes for a pause or a voice, that it went. Before
    anything is known, all is taken to be echo: while the filter learns, little comes through. Where no echo comes, as
    with headphones, what was heard passes, whatever a filter makes of what it cannot find.

    The shape is that of residual echo suppression everywhere (E. Hänsler and G. Schmidt, "Acoustic Echo and Noise
    Control", Wiley 2004, chapter 14). Its estimate trusts the filter as far as it was seen to go, rather than to a
    fixed bound, which is what lets a voice through that is no louder than the echo.

    frame: samples in each call; what it gives is that much late. rate: samples a second.
    """

    def __init__(self, frame: int, rate: int) -> None:
        size, bins = 2 * frame, frame + 1
        second = frame / rate
        self._frame = frame
        self._window = np.sin(np.pi * (np.arange(size) + 0.5) / size)  # squares of two that overlap add up to 1
        self._rising, self._falling = self._window[:frame] ** 2, self._window[frame:] ** 2
        self._to_bands, self._to_bins = _bands(bins, rate)
        self._less, self._more, self._rise = (10 ** (db * second / 10) for db in (-_LESS_DB, _MORE_DB, _RISE_DB))
        self._fall = 10 ** (-np.array([[_FALL_DB], [_LAST_DB]]) * second / 10)
        self._sure = 10 ** (_SURE_DB / 10)
        self._sound = np.zeros((4, size))
        """The last two frames of what is left, of what was heard, of the echo that was taken away, and of what was
        played."""
        self._power = np.zeros((4, _BANDS))
        self._lasting = np.zeros((2, _BANDS))
        """Power of the echo that was taken away and of what was played, as they die away."""
        self._noise = np.full(_BANDS, _LEAST_NOISE)
        self._shares = np.ones((2, _BANDS))
        """What is left of the one, and what is heard of the other."""
        self._gain, self._echoed = np.ones(_BANDS), np.ones(_BANDS)
        self._over = np.zeros(frame)
        self._before, self._passed = np.zeros(frame, np.int16), 0
        """The frame that was passed on last, and how many were, one after the other."""
        noise = np.exp(2j * np.pi * np.random.default_rng(0).random((_NOISES, bins)))
        noise[:, (0, -1)] = 1
        self._noises = noise / np.sqrt((self._window**2).mean())
        self._count = 0
        self.spectra = np.zeros((4, bins), np.complex128)
        """Of the last two frames of the second to the fourth kind of sound; the first is another by then."""
        # The larger part of what is computed for each frame lies in the same memory each time, but for the FFTs.
        self._windowed, self._squares = np.zeros((4, size)), np.zeros((2, 4, bins))
        self._in_bands, self._in_bins = np.zeros((3, _BANDS)), np.zeros((3, bins))
        self._lost = np.zeros(bins, np.complex128)

    def beware(self) -> None:
        """The echo may be another now: trust nothing."""
        self._shares.fill(1.0)

    def forget(self) -> None:
        """Keep no sound."""
        self._sound.fill(0)
        self._over.fill(0)
        self._before.fill(0)

    def pass_on(self, heard: Pcm, out: Pcm) -> None:
        """There is no echo: the frame before `heard` goes into `out` as it was. This is most of what is ever heard, so
        little is done."""
        before = self._before
        if self._passed:
            out[:] = before
        else:  # half of it is in what was made of the two frames before
            np.rint(self._sound[0, self._frame :] * self._rising + self._over, out=out, casting="unsafe")
        self._passed += 1
        if self._passed % _LOOK == 0:
            spectrum = np.fft.rfft(np.concatenate((before, heard)) * self._window)
            self._listen((spectrum.real**2 + spectrum.imag**2) @ self._to_bands, self._rise**_LOOK)
        before[:] = heard

    def _resume(self) -> None:
        """What was passed on last is the first half of the next two frames."""
        frame, sound = self._frame, self._sound
        sound[:2, frame:], sound[2:, frame:] = self._before, 0
        np.multiply(self._before, self._falling, out=self._over)
        self._passed = 0

    def __call__(self, left: Pcm, heard: Pcm, played: Pcm, out: Pcm) -> None:
        """`left` is what the filter left of `heard`; the frame before it goes into `out`, without echo."""
        frame, sound = self._frame, self._sound
        if self._passed:
            self._resume()
        sound[:, :frame] = sound[:, frame:]
        sound[0, frame:] = left
        sound[1, frame:] = heard
        sound[3, frame:] = played
        np.subtract(sound[1, frame:], sound[0, frame:], out=sound[2, frame:])
        np.multiply(sound, self._window, out=self._windowed)
        self.spectra = spectra = np.fft.rfft(self._windowed)
        squares = self._squares
        np.multiply(spectra.real, spectra.real, out=squares[0])
        np.multiply(spectra.imag, spectra.imag, out=squares[1])
        squares[0] += squares[1]
        self._weigh(squares[0] @ self._to_bands)
        self._spread()
        echoed, gain, lost = self._in_bins
        spectrum = spectra[0]
        spectrum -= spectra[1]
        spectrum *= echoed
        spectrum += spectra[1]
        spectrum *= gain
        self._count = (self._count + 1) % _NOISES
        np.multiply(self._noises[self._count], lost, out=self._lost)
        spectrum += self._lost
        made = np.fft.irfft(spectrum)
        made *= self._window
        made[:frame] += self._over
        self._over[:] = made[frame:]
        np.clip(made[:frame], -32768, 32767, out=made[:frame])
        np.rint(made[:frame], out=out, casting="unsafe")

    def _spread(self) -> None:
        """From the bands to the bins: what was heard at all, the gains, and the noise that they take away."""
        echoed, gain, lost = self._in_bands
        echoed[:], gain[:] = self._echoed, self._gain
        np.multiply(gain, gain, out=lost)
        np.subtract(1.0, lost, out=lost)
        lost *= self._noise
        np.matmul(self._in_bands, self._to_bins.T, out=self._in_bins)
        np.sqrt(self._in_bins[2], out=self._in_bins[2])

    def _weigh(self, now: NDArray[np.float64]) -> None:
        """Set the gains. now: powers in the bands, of the four kinds of sound."""
        power, noise, shares, lasting = self._power, self._noise, self._shares, self._lasting
        power += 0.6 * (now - power)
        left, sources = power[0], power[2:]
        np.maximum(lasting * self._fall, sources, out=lasting)
        self._listen(left, self._rise)
        seen = np.maximum(power[:2] - noise, 1e-3) / (lasting + 1e-9)
        tracked = np.clip(seen, shares * self._less, shares * self._more)
        np.copyto(shares, np.minimum(tracked, 1.0), where=sources > noise)
        expected = shares * lasting
        self._echoed += 0.5 * ((self._sure * expected[1] > noise) - self._echoed)
        rest = expected.min(0)
        gain = 1 - (self._sure * rest + noise) / (left + 1e-9)
        np.clip(gain, _LEAST, 1.0, out=gain)
        masked = rest >= 0.5 * noise
        gain[~masked] = 1.0
        if masked.any():
            gain[masked] *= min(1.0, _TOGETHER * gain[masked].mean())
        self._gain += np.where(gain > self._gain, 0.8, 0.6) * (gain - self._gain)

    def _listen(self, power: NDArray[np.float64], rise: float) -> None:
        """Learn how loud the room is: what is never undercut. power: in the bands."""
        noise = self._noise
        np.minimum(noise * rise, 0.9 * noise + 0.1 * np.minimum(noise, power), out=noise)
        np.maximum(noise, _LEAST_NOISE, out=noise)


def _bands(bins: int, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What makes mean powers of the bands, shape [bins, bands], and gains of the bins, shape [bins, bands]: triangles
    on the mel scale, each at least as wide as a bin."""
    hz = np.arange(bins) * rate / 2 / (bins - 1)
    mel = 2595 * np.log10(1 + hz / 700)
    edges = np.linspace(2595 * np.log10(1 + _LOWEST_HZ / 700), mel[-1], _BANDS + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    at = mel[:, None]
    weights = np.clip(np.minimum((at - low) / (middle - low), (high - at) / (high - middle)), 0, None)
    weights[np.abs(at - middle).argmin(0), np.arange(_BANDS)] += 1e-6
    weights[mel <= edges[0], 0] = weights[mel >= edges[-1], -1] = 1e-6
    return weights / weights.sum(0), weights / weights.sum(1, keepdims=True)
