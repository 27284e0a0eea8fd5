"""Two clocks that drift apart, in simulated time: half an hour takes seconds."""

from __future__ import annotations

import time

import numpy as np

from engine.contract import Pcm
from workers.drivers import Port
from workers.drivers.simulated import SimulatedLoudspeaker, SimulatedMicrophone
from workers.sound.capture import CaptureLine
from workers.sound.level import Level
from workers.sound.playout import PlayLine

RATE, DEVICE_RATE = 16000, 48000
AHEAD_MS = 30
_NS = 1_000_000_000
_START_NS = 1000 * _NS


class CountingPort(Port):
    """A port that counts. Its sound is silence."""

    def __init__(self) -> None:
        self._heard = self._played = 0
        self.skipped: list[int] = []
        self.passed: list[int] = []
        self.misses: list[int] = []

    @property
    def heard_samples(self) -> int:
        return self._heard

    @property
    def played_samples(self) -> int:
        return self._played

    def hear(self, samples: int) -> Pcm:
        return np.zeros(samples, np.int16)

    def heard(self, samples: int, capture_ns: int, *, lost: bool = False) -> None:
        self._heard += samples

    def skip(self, samples: int, *, lost: bool = True) -> None:
        self._heard += samples
        self.skipped.append(samples)

    def fill(self, out: Pcm) -> None:
        out[:] = 0

    def played(self, out: Pcm, at_ns: int) -> None:
        self._played += len(out)

    def pass_over(self, samples: int) -> None:
        self._played += samples
        self.passed.append(samples)

    def missed(self, samples: int) -> None:
        self._played += samples
        self.misses.append(samples)

    def ended(self) -> None:
        raise AssertionError("a device does not end")

    def wait(self, until_ns: int) -> bool:
        raise AssertionError("the simulation keeps the time")


def late_calls(seed: int, mean_ms: float = 0.4, most_ms: float = 8.0) -> list[int]:
    """How late calls come, in ns: mostly a little, sometimes a lot, never early."""
    late = np.random.default_rng(seed).exponential(mean_ms * 1e6, 1009 + seed)
    return [int(ns) for ns in np.minimum(late, most_ms * 1e6)]


def simulate(seconds: float, apart_ppm: float) -> dict[str, float]:
    """What a microphone and a loudspeaker with clocks `apart_ppm` apart come to."""
    now = _START_NS

    def clock() -> int:
        return now

    ear = SimulatedMicrophone(
        np.zeros(0, np.int16), lambda: _START_NS, DEVICE_RATE, apart_ppm / 2, clock=clock, jitter=late_calls(1)
    )
    mouth = SimulatedLoudspeaker(DEVICE_RATE, -apart_ppm / 2, clock=clock, jitter=late_calls(2))
    port = CountingPort()
    hearing = CaptureLine(port, Level(RATE, 0.0), DEVICE_RATE, 1, _START_NS, RATE)
    playing = PlayLine(port, mouth, AHEAD_MS, _START_NS, RATE)
    behind: list[float] = []
    waiting: list[float] = []
    began, started = time.monotonic(), 0
    while now < _START_NS + seconds * _NS:
        for frames, index, at_ns in ear.read():
            hearing.take(frames, index, at_ns)
            behind.append((at_ns - _START_NS) / 1e6 - port.heard_samples * 1000 / RATE)
        for mark in mouth.marks():
            playing.mark(mark)
            waiting.append(playing.waiting * 1000 / DEVICE_RATE)
        playing.feed()
        if now < _START_NS + _NS:
            started = len(port.skipped)  # device and timeline had to come together
        now = min(ear.next_ns, mouth.next_ns)
    minute = 60 * 100  # periods
    return {
        "underruns": len(port.misses),
        "overruns": len(port.skipped) - started,
        "first_behind_ms": float(np.median(behind[minute // 2 : minute])),
        "last_behind_ms": float(np.median(behind[-minute:])),
        "first_waiting_ms": float(np.median(waiting[minute // 2 : minute])),
        "last_waiting_ms": float(np.median(waiting[-minute:])),
        "least_waiting_ms": min(waiting[1:]),
        "took_s": time.monotonic() - began,
    }


def drift(minutes: float = 30, apart_ppm: float = 300) -> None:
    """Print it."""
    found = simulate(minutes * 60, apart_ppm)
    print(f"drift: {minutes:g} minutes, clocks {apart_ppm:g} ppm apart, simulated in {found['took_s']:.0f} s")
    print(f"  underruns {found['underruns']}, overruns {found['overruns']}")
    print(
        f"  microphone's timeline behind its calls: {found['first_behind_ms']:.2f} ms in the first minute, "
        f"{found['last_behind_ms']:.2f} ms in the last"
    )
    print(
        f"  ready for the loudspeaker after a call: {found['first_waiting_ms']:.1f} ms and "
        f"{found['last_waiting_ms']:.1f} ms, at least {found['least_waiting_ms']:.1f} ms"
    )
