"""Sounds of people and things that interrupt nobody, made by numbers: coughs, clicks, knocks and "mm-hm".

Each function gives one, another one for every generator `rng`: float64 [n] at RATE, its peak 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .tracks import RATE

Sound: TypeAlias = NDArray[np.float64]


def cough(rng: np.random.Generator) -> Sound:
    """A burst of noise through an open mouth, and what the voice adds to it as it dies away."""
    count = round(rng.uniform(0.25, 0.4) * RATE)
    mouth = [
        (rng.uniform(450, 800), 200, 1.0),
        (rng.uniform(1100, 1600), 250, 0.6),
        (rng.uniform(2300, 2900), 400, 0.3),
    ]
    burst = _shaped(rng.standard_normal(count), mouth) * _envelope(count, 0.012, rng.uniform(0.05, 0.1))
    hoarse = rng.uniform(130, 260) * np.exp(-1.5 * np.arange(count) / RATE) * (1 + 0.5 * rng.standard_normal(count))
    return _peak(burst + rng.uniform(1, 3) * _shaped(_pulses(hoarse), mouth) * _envelope(count, 0.03, 0.08))


def click(rng: np.random.Generator) -> Sound:
    """A few ms of noise."""
    count = round(0.03 * RATE)
    return _peak(rng.standard_normal(count) * _envelope(count, 0.0005, rng.uniform(0.001, 0.004)))


def knock(rng: np.random.Generator) -> Sound:
    """Wood that is hit once to three times."""
    gap, one = round(rng.uniform(0.12, 0.18) * RATE), round(0.12 * RATE)
    wood = [(rng.uniform(120, 250), 40, 1.0), (rng.uniform(350, 700), 80, 0.5), (rng.uniform(1500, 2500), 300, 0.2)]
    hits = int(rng.integers(1, 4))
    sound = np.zeros((hits - 1) * gap + one)
    for hit in range(hits):
        blow = np.zeros(one)
        blow[:8] = rng.standard_normal(8)
        sound[hit * gap : hit * gap + one] += _shaped(blow, wood)[: len(sound) - hit * gap]
    return _peak(sound)


def mm_hm(rng: np.random.Generator) -> Sound:
    """Two hums through a closed mouth, the second one higher, and a breath between them."""
    low = rng.uniform(100, 220)
    parts = []
    for rise in (-0.05, 0.1):
        count = round(rng.uniform(0.16, 0.24) * RATE)
        along = np.arange(count) / count
        phase = 2 * np.pi * np.cumsum(low * (1 + max(rise, 0) + rise * along)) / RATE
        harmonics = np.stack([np.sin(number * phase) * 10 ** (-0.7 * (number - 1)) for number in range(1, 8)])
        parts += [harmonics.sum(axis=0) * np.sqrt(np.sin(np.pi * along)), rng.standard_normal(round(0.05 * RATE)) / 100]
    return _peak(np.concatenate(parts[:-1]))


KINDS: dict[str, Callable[[np.random.Generator], Sound]] = {
    "cough": cough,
    "click": click,
    "knock": knock,
    "mm-hm": mm_hm,
}


def _peak(sound: Sound) -> Sound:
    found: Sound = sound / np.abs(sound).max()
    return found


def _envelope(count: int, attack_s: float, decay_s: float) -> Sound:
    at = np.arange(count) / RATE
    found: Sound = np.minimum(1, at / attack_s) * np.exp(-np.maximum(0, at - attack_s) / decay_s)
    return found


def _pulses(hz: Sound) -> Sound:
    """What the voice's folds give at this height."""
    turns = np.floor(np.cumsum(hz) / RATE)
    found: Sound = np.diff(turns, prepend=0)
    return found


def _shaped(sound: Sound, resonances: Sequence[tuple[float, float, float]]) -> Sound:
    """Through resonators side by side: Hz, width in Hz, gain (two poles each)."""
    out = np.zeros(len(sound))
    for hz, width, gain in resonances:
        radius = np.exp(-np.pi * width / RATE)
        first, second = 2 * radius * np.cos(2 * np.pi * hz / RATE), -radius * radius
        rings, last, before = np.empty(len(sound)), 0.0, 0.0
        for at, value in enumerate(sound):
            rings[at] = value + first * last + second * before
            last, before = rings[at], last
        out += gain * _peak(rings)
    return _peak(out)
