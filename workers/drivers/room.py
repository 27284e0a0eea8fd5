"""A room for the virtual sound card: what its loudspeaker plays comes back at its microphone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm

_TAIL_S, _DECAY_S = 0.12, 0.25
"""How long a sound goes on in the room, and in what time it would fall by 60 dB."""
_DIRECT = 2.0
"""The sound that comes straight from the loudspeaker is this much stronger than the strongest reflection."""
_LOW_HZ, _HIGH_HZ = 150.0, 6000.0
"""A small loudspeaker gives no more than these."""
_SEED = 7
_KEPT_S = 2.5
"""How far back what was played is known: more than a card is behind the present, and the longest echo."""


def impulse_response(level_db: float, delay_ms: float, rate: int) -> NDArray[np.float32]:
    """What the microphone gets of one sample of 1: nothing for `delay_ms`, then the direct sound and reflections that
    die away (noise with an exponential envelope, as J. A. Moorer, "About this reverberation business", Computer Music
    Journal 1979), through a small loudspeaker. White noise comes back at `level_db`. It is the same each time.
    """
    tail = round(_TAIL_S * rate)
    falling = 10 ** (-3 * np.arange(tail) / (_DECAY_S * rate))
    sound = np.random.default_rng(_SEED).uniform(-1, 1, tail) * falling
    sound[0] = _DIRECT
    sound = _low_pass(sound, _HIGH_HZ, rate)
    sound -= _low_pass(sound, _LOW_HZ, rate)
    sound *= 10 ** (level_db / 20) / np.sqrt((sound**2).sum())
    return np.concatenate([np.zeros(round(delay_ms * rate / 1000)), sound]).astype(np.float32)


def _low_pass(sound: NDArray[np.float64], hz: float, rate: int) -> NDArray[np.float64]:
    """Through one pole."""
    keep = np.exp(-2 * np.pi * hz / rate)
    out = np.empty_like(sound)
    last = 0.0
    for at, value in enumerate(sound):
        last = out[at] = keep * last + (1 - keep) * value
    return out


class Room:
    """Keeps what was played and says what comes back, block by block, both by their place on one timeline of `rate`
    samples a second. What was not played is silence, and no echo comes of what is played later."""

    def __init__(self, level_db: float, delay_ms: float, rate: int) -> None:
        response = impulse_response(level_db, delay_ms, rate)
        self._delay = len(response) - round(_TAIL_S * rate)
        self._response = response[self._delay :].copy()
        self._past = np.zeros(round(_KEPT_S * rate), np.float32)
        self._end = 0
        """The sample after the last one of `_past`."""

    def play(self, at: int, sound: Pcm | NDArray[np.floating]) -> None:
        """`sound` is heard from the sample `at` on."""
        self._go_on(at + len(sound))
        begin = len(self._past) - self._end + at
        self._past[begin : begin + len(sound)] = sound

    def echo(self, at: int, count: int) -> NDArray[np.float32]:
        """What of it comes to the microphone in the samples [at, at + count)."""
        self._go_on(at + count)
        end = len(self._past) - self._end + at + count - self._delay
        window = self._past[end - count - len(self._response) + 1 : end]
        heard: NDArray[np.float32] = np.convolve(window, self._response, "valid")
        return heard

    def add_echo(self, at: int, heard: Pcm) -> None:
        """`heard`, from the sample `at` on, with the echo in it, as far as it goes into 16 bits."""
        heard[:] = np.clip(np.rint(heard + self.echo(at, len(heard))), -32768, 32767)

    def _go_on(self, end: int) -> None:
        """Silence up to `end`, if that lies ahead."""
        if (more := min(end - self._end, len(self._past))) > 0:
            self._past[:-more] = self._past[more:]
            self._past[-more:] = 0
            self._end = end
