"""What speech sounds like, as an acoustic model of PocketSphinx knows it: its Gaussians, put together to a few."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.backends.sphinx_front_end import COEFFICIENTS

Numbers = NDArray[np.float64]
FEW = 128
"""So many Gaussians are made of the model's. With 64 or 256 about as many words were heard wrong."""
SILENT = 0.25
"""The share of silence in what is heard. Each of the model's other sounds has as much of the rest."""
ROUNDS = 15
"""Of putting Gaussians together. After so many hardly one goes elsewhere."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """A mixture of Gaussians over the cepstra of clean speech, their mean taken off. to_bands: makes logarithms of the
    power in each band of cepstra; to_cepstra: and back."""

    means: Numbers
    """[FEW, 13]"""
    covariances: Numbers
    """[FEW, 13, 13]"""
    log_weights: Numbers
    """[FEW]"""
    deviations: Numbers
    """How far the bands of each lie from its mean, [FEW, bands]: standard deviations."""
    to_cepstra: Numbers
    """[13, bands]"""
    to_bands: Numbers
    """[bands, 13]"""


def sounds_of(acoustic: Path) -> Sounds | None:
    """What the model in this directory knows. None: it is not of the kind that the package's is, where each phoneme has
    Gaussians of its own ("ptm"), at least FEW in all, and the first 13 numbers a stream of their own."""
    settings = _settings(acoustic / "feat.params")
    means, variances = _gaussians(acoustic / "means"), _gaussians(acoustic / "variances")
    usual = (settings.get("-model"), settings.get("-transform"), settings.get("-feat")) == ("ptm", "dct", "1s_c_d_dd")
    if not usual or means is None or variances is None or means.shape != variances.shape or means[:, :, 0].size < FEW:
        return None
    weights = np.full(means.shape[:2], (1 - SILENT) / (len(means) - 1))
    weights[means[:, :, 0].mean(axis=1).argmin()] = SILENT
    flat = means.reshape(-1, COEFFICIENTS), variances.reshape(-1, COEFFICIENTS)
    few = _few(*flat, weights.ravel() / weights.sum())
    to_cepstra, to_bands = _transforms(int(settings.get("-nfilt", 40)), int(settings.get("-lifter", 0)))
    deviations = np.sqrt(np.einsum("bi,gij,bj->gb", to_bands, few[1], to_bands))
    return Sounds(*few, deviations, to_cepstra, to_bands)


def _settings(file: Path) -> dict[str, str]:
    """The options a model was trained with."""
    words = file.read_text().split() if file.is_file() else []
    return dict(zip(words[::2], words[1::2], strict=False))


def _gaussians(file: Path) -> Numbers | None:
    """One number of each Gaussian for each of the 13 cepstra, [phonemes, Gaussians, 13]. None: others, too, are in the
    same stream, or it is no such file."""
    data = file.read_bytes()
    start = data.find(b"endhdr\n") + len(b"endhdr\n")
    if not data.startswith(b"s3\n") or len(data) < start + 32:
        return None
    (order,) = np.frombuffer(data, "<u4", 1, start)
    integers, numbers = ("<i4", "<f4") if order == 0x11223344 else (">i4", ">f4")
    phonemes, streams, count, *lengths = (int(each) for each in np.frombuffer(data, integers, 6, start + 4))
    size = phonemes * streams * count * COEFFICIENTS
    start += 4 * (1 + 3 + 3 + 1)  # and how many numbers follow
    if streams != 3 or set(lengths) != {COEFFICIENTS} or phonemes < 2 or len(data) < start + 4 * size:
        return None
    found = np.frombuffer(data, numbers, size, start).reshape(phonemes, streams, count, COEFFICIENTS)
    return found[:, 0].astype(np.float64)


def _few(means: Numbers, variances: Numbers, weights: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Gaussians that lie together (k-means) as one each: means, covariances, logarithms of weights."""
    scaled = means / np.sqrt(weights @ (variances + means**2) - (weights @ means) ** 2)
    centres = scaled[np.random.default_rng(0).choice(len(scaled), FEW, replace=False)]
    for _ in range(ROUNDS):
        nearest = ((centres**2).sum(axis=1) - 2 * scaled @ centres.T).argmin(axis=1)
        total = np.maximum(np.bincount(nearest, weights, FEW), 1e-12)
        centres = np.stack([np.bincount(nearest, weights * column, FEW) / total for column in scaled.T], axis=1)
    together: list[tuple[Numbers, Numbers, float]] = []
    for number in np.unique(nearest):
        chosen = nearest == number
        share = weights[chosen] / weights[chosen].sum()
        mean = share @ means[chosen]
        apart = means[chosen] - mean
        covariance = np.diag(share @ variances[chosen]) + (share[:, None] * apart).T @ apart
        together.append((mean, covariance, float(np.log(weights[chosen].sum()))))
    found_means, covariances, logs = zip(*together, strict=True)
    return np.array(found_means), np.array(covariances), np.array(logs)


def _transforms(bands: int, lifter: int) -> tuple[Numbers, Numbers]:
    """The library's cosine transform of the logarithms of bands, and the way back, which makes them smooth."""
    orders = np.arange(COEFFICIENTS)
    cosines = np.cos(np.pi / bands * orders[:, None] * (np.arange(bands) + 0.5)) * np.sqrt(2 / bands)
    cosines[0] /= np.sqrt(2)
    lifted = 1 + lifter / 2 * np.sin(orders * np.pi / lifter) if lifter else np.ones(COEFFICIENTS)
    return cosines * lifted[:, None], cosines.T / lifted
