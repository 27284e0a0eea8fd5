"""What the cepstra of a voice would be without the noise around it.

Noise adds to a voice's power in each band, so in logarithms y = x + log(1 + exp(n - x)). For each of the Gaussians of
clean speech x this is taken as linear, which gives Gaussians of noisy speech, and from those of them that a frame fits
its most likely x (P. J. Moreno, B. Raj, R. M. Stern, "A vector Taylor series approach for environment-independent
speech recognition", ICASSP 1996). So bands that the noise covers are filled in by what is heard in the others. What a
filter does, to take the noise's power away, leaves holes there, of a kind that the recogniser has never heard.

The line is not the one through a Gaussian's mean, as there, but the one that fits best wherever the Gaussian lies, by
three points of it in each band (Y. Hu, Q. Huo, "An HMM compensation approach using unscented transformation for noisy
speech recognition", ISCSLP 2006): the curve bends upwards, so what lies above and below the mean makes noisy speech
louder than the mean alone does, and else the voice would be taken to be as much louder in the bands that are covered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.backends.speech_sounds import Numbers, Sounds
from workers.backends.sphinx_front_end import COEFFICIENTS

KNOWN = 300
"""Frames that noise and place are learnt from, the first ones of an utterance: 3 s."""
EVERY = 30
"""They are learnt anew after so many."""
QUIET = 20
"""The quietest stretch of so many frames is noise: the sound before the first word, or a pause."""
FIRST_ROUNDS, MORE_ROUNDS = 4, 2
"""How often the place is guessed, the first time and when a little more is known."""
TRUST = 10.0
"""As if so many frames had told what the place was thought to be at first."""
VOICED, STRONGEST, ABOVE = 13, 8, 1.6
"""So many frames have to lie so far above the noise in so many bands of theirs (7 dB, in the mean of these) before
anything is said of a voice in it: no frame of noise alone does. With fewer, silence before the first word looked like
noise that covers all."""
LOUDER = 0.4
"""The loudest frames with a voice count, up to this share of all frames."""
COVERED = (0.1, 0.2)
"""The part of a voice that noise covers: up to the first it is left alone, from the second on it counts as noisy."""
SPREAD = 0.01
"""The least variance of noise, where it is none at all."""
POINTS, SHARES = np.array([-(3**0.5), 0, 3**0.5]), np.array([1 / 6, 2 / 3, 1 / 6])
"""Points of a Gaussian, in standard deviations, and what each stands for (Gauss and Hermite's of three)."""


class BehindNoise:
    """Learns noise and place while an utterance comes in, and takes both off.

    The place is what microphone, room and the voice's loudness add to every frame: the mean of clean cepstra, but of a
    mean that fits the sounds that were said rather than all that was heard.
    """

    def __init__(self, sounds: Sounds) -> None:
        self._sounds = sounds
        own = np.diagonal(sounds.covariances, axis1=1, axis2=2)
        self._trust = np.diag(TRUST / (np.exp(sounds.log_weights) @ (own + sounds.means**2)))
        self._heard: Numbers = np.zeros((KNOWN, COEFFICIENTS))
        self._count = self._learnt = 0
        """Frames that are there, and of those that noise and place were learnt from."""
        self._share = 0.0
        """How far frames are taken to be noisy, 0 to 1."""
        self._place: Numbers = np.zeros(COEFFICIENTS)
        self._noisy: _Noisy | None = None

    def reset(self) -> None:
        """A new utterance. Nothing is kept of the last one."""
        self._heard.fill(0)
        self._count = self._learnt = 0
        self._share, self._noisy = 0.0, None
        self._place = np.zeros(COEFFICIENTS)

    def learn(self, cepstra: NDArray[np.float32]) -> None:
        """Add frames [n, 13], as they were heard: by a front end without a noise filter."""
        added = cepstra[: KNOWN - self._count]
        self._heard[self._count : self._count + len(added)] = added
        self._count += len(added)

    def clean(self, frames: NDArray[np.float32], heard: NDArray[np.float32]) -> None:
        """Move frames [n, 13], in place, towards what `heard`, the same as they were heard, would be without noise and
        place: all the way where it is noisy, and not at all where there is hardly any noise."""
        if self._count - self._learnt >= EVERY or (self._count and not self._learnt):
            self._learnt = self._count
            self._learn_place(self._heard[: self._count])
        if self._noisy is not None and self._share:
            frames += self._share * (self._noisy.clean(heard.astype(np.float64)) - self._place - frames)

    def _learn_place(self, heard: Numbers) -> None:
        """Noise, place, and what both make of the Gaussians."""
        noise, spread = _noise(heard)
        audible = heard[heard[:, 0] >= 0]
        self._share = self._covered(noise, audible) if len(audible) else 0.0
        if not self._share:
            return
        expected = self._without(noise, audible).mean(axis=0)
        first = self._noisy is None
        if first:
            self._place = expected
        for _ in range(FIRST_ROUNDS if first else MORE_ROUNDS):
            noisy = _Noisy.of(self._sounds, self._place, noise, spread)
            self._place = self._place + noisy.step(audible, expected - self._place, self._trust)
        self._noisy = _Noisy.of(self._sounds, self._place, noise, spread)

    def _covered(self, noise: Numbers, audible: Numbers) -> float:
        """How far the voice counts as noisy, by the part of its louder frames that noise covers."""
        above = np.partition((audible - noise) @ self._sounds.to_bands.T, -STRONGEST)[:, -STRONGEST:].mean(axis=1)
        voiced = int((above >= ABOVE).sum())
        if voiced < VOICED:
            return 0.0
        louder = max(VOICED, min(voiced, round(LOUDER * len(above))))
        loud = audible[np.argpartition(-audible[:, 0], louder - 1)[:louder]]
        covered = np.minimum(1, np.exp((noise - loud) @ self._sounds.to_bands.T)).mean()
        least, most = COVERED
        return float(np.clip((covered - least) / (most - least), 0, 1))

    def _without(self, noise: Numbers, heard: Numbers) -> Numbers:
        """A first guess at clean frames: the noise's power taken away, down to a tenth of it."""
        power = np.exp(self._sounds.to_bands @ noise)
        left = np.maximum(np.exp(heard @ self._sounds.to_bands.T) - power, 0.1 * power)
        guess: Numbers = np.log(left) @ self._sounds.to_cepstra.T
        return guess


def _noise(heard: Numbers) -> tuple[Numbers, Numbers]:
    """Mean and covariance of the quietest stretch. One that is partly digital silence, where a block was lost, says
    nothing."""
    length = min(QUIET, len(heard))
    loudness = np.convolve(heard[:, 0], np.ones(length), "valid")
    silent = np.convolve(heard[:, 0] < 0, np.ones(length), "valid")
    start = int(np.where((silent > 0.5) & (silent < length - 0.5), np.inf, loudness).argmin())
    quiet = heard[start : start + length]
    mean = quiet.mean(axis=0)
    apart = quiet - mean
    # So few frames tell little of how the numbers go together: it counts as if two more had told that they do not.
    spread = apart.T @ apart + 2 * np.diag((apart**2).mean(axis=0))
    return mean, spread / (length + 2) + SPREAD * np.eye(COEFFICIENTS)


@dataclass(frozen=True, slots=True)
class _Noisy:
    """What noise makes of the Gaussians, and how clean speech follows from each."""

    means: Numbers
    of_voice: Numbers
    """How a frame moves when the voice in it does, [Gaussians, 13, 13]."""
    precisions: Numbers
    starts: Numbers
    slopes: Numbers
    """A clean frame is a start and a slope times the noisy one."""
    fit: Numbers
    likely: Numbers
    """The logarithm of how well a frame fits is this and `fit` times its numbers and their products."""

    @classmethod
    def of(cls, sounds: Sounds, place: Numbers, noise: Numbers, spread: Numbers) -> _Noisy:
        noise_bands = sounds.to_bands @ noise
        bands = (sounds.means + place) @ sounds.to_bands.T + POINTS[:, None, None] * sounds.deviations
        both = np.logaddexp(bands, noise_bands)
        mean = np.tensordot(SHARES, both, 1)
        voice_share = np.tensordot(SHARES * POINTS, both, 1) / sounds.deviations
        off_line = np.tensordot(SHARES, both**2, 1) - mean**2 - (voice_share * sounds.deviations) ** 2
        means = mean @ sounds.to_cepstra.T
        of_voice = (sounds.to_cepstra * voice_share[:, None]) @ sounds.to_bands
        of_noise = np.eye(COEFFICIENTS) - of_voice
        across = sounds.covariances @ of_voice.transpose(0, 2, 1)
        covariances = of_voice @ across + of_noise @ spread @ of_noise.transpose(0, 2, 1)
        # As if the bands went off their lines each by itself.
        covariances += (sounds.to_cepstra * np.maximum(off_line, 0)[:, None]) @ sounds.to_cepstra.T
        precisions = np.linalg.inv(covariances + SPREAD * np.eye(COEFFICIENTS))
        slopes, linear = across @ precisions, _each(precisions, means)
        fit = np.concatenate([-0.5 * precisions.reshape(len(means), -1), linear], axis=1).T
        likely = sounds.log_weights + 0.5 * (np.linalg.slogdet(precisions)[1] - (linear * means).sum(axis=1))
        return cls(means, of_voice, precisions, sounds.means + place - _each(slopes, means), slopes, fit, likely)

    def belongs(self, heard: Numbers) -> Numbers:
        """How likely each frame is of each Gaussian, [frames, Gaussians]."""
        products = (heard[:, :, None] * heard[:, None]).reshape(len(heard), -1)
        scores = np.concatenate([products, heard], axis=1) @ self.fit + self.likely
        likely: Numbers = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        return likely

    def clean(self, heard: Numbers) -> Numbers:
        """What frames would be without the noise."""
        belongs = self.belongs(heard)
        slopes = (belongs @ self.slopes.reshape(len(self.slopes), -1)).reshape(-1, COEFFICIENTS, COEFFICIENTS)
        found: Numbers = belongs @ self.starts + _each(slopes, heard)
        return found

    def step(self, heard: Numbers, before: Numbers, trust: Numbers) -> Numbers:
        """How far the place is to move for frames to fit best (a step of expectation maximisation), if it is trusted
        to lie `before` away."""
        belongs = self.belongs(heard)
        frames = belongs.sum(axis=0)
        weighted = self.of_voice.transpose(0, 2, 1) @ self.precisions
        pull = _each(weighted, belongs.T @ heard - frames[:, None] * self.means).sum(axis=0)
        stiff = np.tensordot(frames, weighted @ self.of_voice, 1)
        moved: Numbers = np.linalg.solve(stiff + trust, pull + trust @ before)
        return moved


def _each(matrices: Numbers, vectors: Numbers) -> Numbers:
    """Every matrix times its vector."""
    product: Numbers = (matrices @ vectors[:, :, None])[:, :, 0]
    return product
