"""From a microphone's frames to samples of the timeline."""

from __future__ import annotations

import numpy as np
import samplerate
from numpy.typing import NDArray

from engine.contract import Pcm
from workers.drivers import Port
from workers.sound.clock import APART_S, DeviceClock
from workers.sound.level import Level


def pick(frames: Pcm, channel: int) -> NDArray[np.float32]:
    """One channel of frames [n, channels], counted from 1; 0: the mean of all."""
    if channel == 0:
        mean: NDArray[np.float32] = frames.mean(1, dtype=np.float32)
        return mean
    return frames[:, min(channel, frames.shape[1]) - 1].astype(np.float32)


class CaptureLine:
    """Takes the periods of one opened microphone and gives them to the port as samples of the timeline: its sample n
    was captured at start_ns + n / rate. The device's clock is another than ours, so its sound is resampled
    (libsamplerate, band-limited sinc) by a ratio that follows the device's clock (F. Adriaensen, "Controlling adaptive
    resampling", Linux Audio Conference 2012). What the device lost is silence of the same length, marked as lost.

    device_rate: its frames a second. channel: the one that is listened to, from 1; 0 is the mean of all.
    """

    def __init__(self, port: Port, level: Level, device_rate: int, channel: int, start_ns: int, rate: int) -> None:
        self._port, self._level = port, level
        self._device_rate, self._rate, self._start_ns = device_rate, rate, start_ns
        self._channel = channel
        self.clock = DeviceClock(device_rate)
        self._convert = samplerate.Resampler("sinc_fastest", channels=1)
        self._next: int | None = None
        self._surplus = 0
        """Samples to be left out: the timeline is ahead of the device."""

    @property
    def apart(self) -> float:
        """Samples by which the timeline is behind the device's clock; below 0: ahead of it."""
        assert self._next is not None
        due = (self.clock.time_of(self._next) - self._start_ns) * self._rate / 1e9
        return due - self._port.heard_samples + self._surplus

    def take(self, frames: Pcm, index: int, at_ns: int) -> None:
        """A period: `frames` of shape [n, channels], the first of which is the device's frame `index`; the last had
        passed at `at_ns`."""
        end = index + len(frames)
        self.clock.update(end, at_ns)
        first = self._next is None
        missing = 0 if self._next is None else index - self._next
        if missing > 0:
            self._silence(round(missing * self._rate / self._device_rate), lost=True)
        self._next = index
        if first or abs(self.apart) > APART_S * self._rate:
            self._come_together()
        mono = pick(frames, self._channel)
        by = self.clock.samples_per_frame(self._rate, self.apart)
        self._next = end
        self._convert.set_ratio(by)  # at once: gliding there, it might make a sample more than it has room for
        self._give(self._convert.process(mono, by))

    def _come_together(self) -> None:
        apart = round(self.apart)
        if apart > 0:
            self._silence(apart)
        else:
            self._surplus -= apart

    def _silence(self, samples: int, *, lost: bool = False) -> None:
        dropped = min(samples, self._surplus)
        self._surplus -= dropped
        self._port.skip(samples - dropped, lost=lost)

    def _give(self, sound: NDArray[np.float32]) -> None:
        if self._surplus:
            dropped = min(len(sound), self._surplus)
            self._surplus -= dropped
            sound = sound[dropped:]
        if count := len(sound):
            at = self._port.heard_samples
            self._level(sound, self._port.hear(count))
            self._port.heard(count, self._start_ns + at * 1_000_000_000 // self._rate)
