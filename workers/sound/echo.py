"""Echo cancelling: the loudspeaker is taken out of what the microphone heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from engine.contract import Pcm
from engine.settings import Audio
from workers.sound.lag import Lag
from workers.sound.speexdsp import AdaptiveFilter, Preprocessor
from workers.sound.suppressor import Suppressor

FRAME_MS = 10
_REACH_MS = 200
"""An echo must have ended so long after it was played. Longer learns more slowly."""
_QUIET_MS = 600
"""Nothing was played for so long: nothing of it can be heard any more, and the filter's memory is silent too."""


class Canceller(Protocol):
    """What is done to the microphone's sound: echo cancelling, or less. It works on frames of FRAME_MS and never waits.

    late: samples by which what it gives comes after what it was given.
    """

    late: int

    @property
    def shift(self) -> int:
        """The played frame that it wants lies so many samples before the heard one; below 0: after it."""

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        """`heard` without `played`, as it was `late` samples ago, into `out`. All are contiguous frames."""

    def beware(self) -> None:
        """The echo may come by another way now: a device was opened."""

    def forget(self) -> None:
        """Keep no sound of what was heard."""


class Own:
    """SpeexDSP's adaptive filter, and a suppressor of what that leaves. While nothing is played the sound passes as it
    is, only late.

    rate: samples a second.
    """

    def __init__(self, rate: int) -> None:
        frame = self.late = rate * FRAME_MS // 1000
        self._filter = AdaptiveFilter(frame, rate * _REACH_MS // 1000, rate)
        self._suppressor = Suppressor(frame, rate)
        self._lag = Lag(frame, rate)
        self._left = np.zeros(frame, np.int16)
        self._quiet_frames = _QUIET_MS // FRAME_MS
        self._quiet = self._quiet_frames

    @property
    def shift(self) -> int:
        return self._lag.shift

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        self._quiet = 0 if played.any() else self._quiet + 1
        if self._quiet > self._quiet_frames:
            if self._quiet == self._quiet_frames + 1:
                self._lag.pause()
            self._suppressor.pass_on(heard, out)
            return
        self._filter(heard, played, self._left)
        self._suppressor(self._left, heard, played, out)
        if self._lag.watch(self._suppressor.spectra[1::2]):
            self._filter.forget()
            self._suppressor.beware()

    def beware(self) -> None:
        self._lag.beware()
        self._suppressor.beware()

    def forget(self) -> None:
        self._suppressor.forget()


class Nothing:
    """The sound as it is."""

    late = shift = 0

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        out[:] = heard

    def beware(self) -> None:
        """There is nothing to be learnt anew."""

    def forget(self) -> None:
        """There is nothing that is kept."""


class Refined:
    """What another canceller gives, with less noise or of an even loudness."""

    def __init__(self, first: Canceller, preprocessor: Preprocessor) -> None:
        self._first, self._preprocessor = first, preprocessor
        self.late = first.late + preprocessor.late
        self.beware, self.forget = first.beware, first.forget

    @property
    def shift(self) -> int:
        return self._first.shift

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        self._first(heard, played, out)
        self._preprocessor(out)


CANCELLERS: Mapping[str, Callable[[int], Canceller] | None] = {
    "own": lambda rate: Own(rate),
    "hardware": None,
    "off": None,
}
"""What `audio.aec` may be, and what does it, at so many samples a second; None: nothing is to be done here."""


def make(audio: Audio) -> Canceller | None:
    """What the settings ask for; None: the sound shall stay as it is. Raises BackendError."""
    rate = audio.rate_hz
    made = CANCELLERS[audio.aec]
    canceller = made and made(rate)
    if not (audio.noise_suppression or audio.gain_control):
        return canceller
    preprocessor = Preprocessor(
        rate * FRAME_MS // 1000, rate, noise_suppression=audio.noise_suppression, gain_control=audio.gain_control
    )
    return Refined(canceller or Nothing(), preprocessor)
