"""Microphone and loudspeaker on clocks of their own, the lines between them and the timeline, and the time in hand.

A `Rig` runs as fast as it can: a minute of sound takes less than a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm
from workers.drivers import Mark, Port
from workers.drivers.simulated import LATENCY_MS, PERIOD_MS, SimulatedLoudspeaker, SimulatedMicrophone
from workers.sound.capture import CaptureLine
from workers.sound.level import Level
from workers.sound.playout import PlayLine

MS, S = 1_000_000, 1_000_000_000
RATE = 16000
OPENED = 1_000 * S
"""When the devices are opened; the timeline begins a block later, as in the audio worker."""
START = OPENED + 20 * MS
AMPLITUDE = 8000


class Tone:
    """A sine without end, made where it is looked at; samples of `rate` a second."""

    def __init__(self, hz: float, rate: float) -> None:
        self._step = 2 * np.pi * hz / rate

    def __getitem__(self, part: slice) -> Pcm:
        sound: Pcm = np.rint(AMPLITUDE * np.sin(self._step * np.arange(part.start, part.stop))).astype(np.int16)
        return sound


class Timeline(Port):
    """The engine's side. What the microphone heard is in `mic`, what it plays is a tone of `hz`."""

    def __init__(self, hz: float = 440.0) -> None:
        self.mic: list[Pcm] = []
        self._heard = self._played = self.lost = 0
        self.skips: list[tuple[int, int]] = []
        self.passes: list[tuple[int, int]] = []
        self.misses: list[tuple[int, int]] = []
        """(sample, how many) where the timelines went on without a device."""
        self._tone = Tone(hz, RATE)

    @property
    def heard_samples(self) -> int:
        return self._heard

    @property
    def played_samples(self) -> int:
        return self._played

    def hear(self, samples: int) -> Pcm:
        self._claimed = np.full(samples, 77, np.int16)
        return self._claimed

    def heard(self, samples: int, capture_ns: int, *, lost: bool = False) -> None:
        assert not lost
        assert capture_ns == START + self.heard_samples * S // RATE
        self._hear(self._claimed[:samples])

    def skip(self, samples: int, *, lost: bool = False) -> None:
        assert samples >= 0
        self.lost += samples if lost else 0
        if samples:
            self.skips.append((self.heard_samples, samples))
            self._hear(np.zeros(samples, np.int16))

    def _hear(self, sound: Pcm) -> None:
        self.mic.append(sound)
        self._heard += len(sound)

    def fill(self, out: Pcm) -> None:
        out[:] = self._tone[self.played_samples : self.played_samples + len(out)]

    def played(self, out: Pcm, at_ns: int) -> None:
        assert at_ns == START + self.played_samples * S // RATE
        self._played += len(out)

    def pass_over(self, samples: int) -> None:
        self.passes.append((self.played_samples, samples))
        self._played += samples

    def missed(self, samples: int) -> None:
        self.misses.append((self.played_samples, samples))
        self._played += samples

    def ended(self) -> None:
        raise AssertionError("a device does not end")

    def wait(self, until_ns: int) -> bool:
        raise AssertionError("a line does not wait")


class StallingMicrophone(SimulatedMicrophone):
    """One that may stall: it hears nothing for a while and does not count what it missed."""

    def stall(self, ns: int) -> None:
        self._opened_ns += ns


class TapedLoudspeaker(SimulatedLoudspeaker):
    """One that keeps what it played, frame for frame, and may stall."""

    def __init__(self, channels: int, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.channels = channels
        self.kept = np.zeros((0, channels), np.int16)
        self.tape: list[Pcm] = []
        self.frames = 0
        """Asked for so far."""

    def put(self, frames: Pcm) -> bool:
        assert frames.shape[1:] == (self.channels,)
        self.kept = np.concatenate([self.kept, frames])
        return super().put(frames)

    @property
    def played(self) -> Pcm:
        """Frame for frame, shape [n, channels]."""
        return np.concatenate(self.tape)

    def marks(self) -> Iterator[Mark]:
        for mark in super().marks():
            played = np.zeros((mark.frames, self.channels), np.int16)
            there = self.kept[: mark.frames]
            played[: len(there)] = there
            self.kept = self.kept[mark.frames :]
            self.tape.append(played)
            self.frames += mark.frames
            yield mark

    def stall(self, ns: int) -> None:
        self._opened_ns += ns

    def heard_s(self, frame: int, count: int) -> NDArray[np.float64]:
        """When so many frames are heard in truth, in seconds of the timeline. Right for those after the last stall."""
        frames = np.arange(frame, frame + count) + self._period
        return (self._opened_ns + frames * self._frame_ns + LATENCY_MS * MS - START) / S


class Rig:
    """Both devices at `rate` frames a second of their own, so many parts per million fast; `jitter` is how late they
    call, one after the other, in ns. late: how late our own loop looks, in the same way."""

    def __init__(
        self,
        rate: int = 48000,
        microphone_ppm: float = 0.0,
        loudspeaker_ppm: float = 0.0,
        *,
        jitter: Sequence[int] = (),
        late: Sequence[int] = (),
        hz: float = 440.0,
        channels: int = 1,
        lost_s: Sequence[float] = (),
        ahead_ms: int = 30,
    ) -> None:
        self.now, self.rate, self.hz = OPENED, rate, hz
        self.true_rate = rate * (1 + microphone_ppm / 1e6)
        self.timeline = Timeline(hz)
        self.microphone = StallingMicrophone(
            cast(Pcm, Tone(hz, self.true_rate)),
            lambda: START,
            rate,
            microphone_ppm,
            lost_s=lost_s,
            clock=lambda: self.now,
            jitter=jitter,
        )
        self.loudspeaker = TapedLoudspeaker(
            channels, rate, loudspeaker_ppm, clock=lambda: self.now, jitter=jitter[::-1]
        )
        self.capture = CaptureLine(self.timeline, Level(RATE, 0.0), rate, 1, START, RATE)
        self.playout = PlayLine(self.timeline, self.loudspeaker, ahead_ms, START, RATE)
        self._late, self._looks = late or (0,), 0

    @property
    def at_s(self) -> float:
        """Seconds on the timeline."""
        return (self.now - START) / S

    def run(self, until_s: float, look: Callable[[], object] = lambda: None) -> None:
        """Until so many seconds are over on the timeline. `look` is called after each round."""
        while True:
            due = min(self.microphone.next_ns, self.loudspeaker.next_ns) + self._late[self._looks % len(self._late)]
            self._looks += 1
            if due > START + until_s * S:
                return
            self.now = max(self.now, due)
            for period in self.microphone.read():
                self.capture.take(*period)
            for mark in self.loudspeaker.marks():
                self.playout.mark(mark)
            self.playout.feed()
            look()

    def heard(self, begin_s: float, end_s: float) -> NDArray[np.float64]:
        """What lies on the mic's timeline."""
        return np.concatenate(self.timeline.mic)[round(begin_s * RATE) : round(end_s * RATE)].astype(np.float64)

    @property
    def heard_delay_ms(self) -> float:
        """How much later than where it belongs the tone lies on the mic's timeline, in the last 100 ms."""
        end = self.timeline.heard_samples
        last = np.concatenate(self.timeline.mic[-20:])[-RATE // 10 :].astype(np.float64)
        return delay_ms(last, np.arange(end - len(last), end) / RATE, self.hz)

    @property
    def played_delay_ms(self) -> float:
        """How much later than its place on the timeline the tone is played, in the last 100 ms."""
        count = self.rate // 10
        last = np.concatenate(self.loudspeaker.tape[-20:])[-count:, 0].astype(np.float64)
        return delay_ms(last, self.loudspeaker.heard_s(self.loudspeaker.frames - count, count), self.hz)

    @property
    def lateness_ms(self) -> float:
        """How far the mic's timeline lies behind the present."""
        return (self.at_s - self.timeline.heard_samples / RATE) * 1000


def exponential(mean_ms: float, seed: int = 0) -> list[int]:
    """Calls that are late, as a busy machine has them: mostly a little, at times a period."""
    late = np.random.default_rng(seed).exponential(mean_ms * MS, 1009)
    return [int(ns) for ns in np.minimum(late, 0.8 * PERIOD_MS * MS)]


def bursts(every: int = 300) -> list[int]:
    """Now and then three calls come at once, 30 ms after the first was due."""
    return [30 * MS, 20 * MS, 10 * MS, *[0] * (every - 3)]


def strongest_hz(sound: NDArray[np.float64], rate: float) -> tuple[float, float]:
    """The frequency of the strongest tone, and by how many dB it stands over all that is more than 2 Hz away."""
    power = np.abs(np.fft.rfft(sound * np.blackman(len(sound)))) ** 2
    at, wide = int(power.argmax()), round(2 * len(sound) / rate)
    near = slice(max(0, at - wide), at + wide + 1)
    # The peak of a parabola through the logarithms.
    left, middle, right = np.log(power[at - 1 : at + 2])
    hz = (at + (left - right) / (2 * (left - 2 * middle + right))) * rate / len(sound)
    return hz, 10 * np.log10(power[near].sum() / (power.sum() - power[near].sum()))


def delay_ms(sound: NDArray[np.float64], at_s: NDArray[np.float64], hz: float) -> float:
    """How much later than at its place on the timeline a tone is: `at_s` are the times of the samples. Less than half
    a period of the tone."""
    angle = np.angle((sound * np.exp(-2j * np.pi * hz * at_s)).sum()) + np.pi / 2
    return float(-((angle + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi * hz) * 1000)
