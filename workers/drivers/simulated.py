"""The virtual card with the faults of real ones: its own rate, two clocks that drift, devices that come late, are
pulled out and come back, blocks that get lost. In real time for the audio worker; in any time for whoever hands in the
clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import samplerate

from engine.contract import Pcm
from engine.devices import Device, Side
from engine.errors import DeviceError
from engine.settings import Virtual
from workers.drivers import Mark, Trial

PERIOD_MS = 10
LATENCY_MS = 20
"""What lies in the device itself, ahead of what is heard."""
ROOM_S = 1.0
"""Sound that may wait for the device."""
_NS = 1_000_000_000
_NEVER_NS = 1 << 62


class _Stream:
    """A device that calls once a period of its own clock. ppm: parts per million that this runs fast. there: whether
    it is plugged in at a time."""

    channels = 1

    def __init__(
        self, rate: int, ppm: float, there: Callable[[int], bool], clock: Callable[[], int], jitter: Sequence[int] = ()
    ) -> None:
        self.rate, self._there, self._clock = rate, there, clock
        self._period = rate * PERIOD_MS // 1000
        self._frame_ns = _NS / (rate * (1 + ppm / 1e6))
        self._opened_ns = clock()
        self._jitter = jitter or (0,)
        self._calls = self._last_ns = 0

    @property
    def last_ns(self) -> int:
        """When it called last; a call that nobody took yet is one, too."""
        due_ns = self._call_ns()
        return due_ns if due_ns <= self._clock() and self._there(due_ns) else self._last_ns

    def _calls_due(self) -> Iterator[tuple[int, int]]:
        """(first frame, when it was called) of each call that is due."""
        now = self._clock()
        while (at_ns := self._call_ns()) <= now:
            if not self._there(at_ns):
                return
            index = self._calls * self._period
            self._calls += 1
            self._last_ns = at_ns
            yield index, at_ns

    def _call_ns(self) -> int:
        late = self._jitter[self._calls % len(self._jitter)]
        return self._opened_ns + int((self._calls + 1) * self._period * self._frame_ns) + late

    @property
    def next_ns(self) -> int:
        return self._call_ns()

    def close(self) -> None:
        """Nothing to let go of."""


class SimulatedMicrophone(_Stream):
    """Hears `sound`, mono at the device's rate, which begins when the timeline does; before and after it silence.
    began: says when that was, CLOCK_MONOTONIC, 0 before it is known. lost_s: seconds of the timeline at which a period
    gets lost."""

    def __init__(
        self,
        sound: Pcm,
        began: Callable[[], int],
        rate: int,
        ppm: float = 0.0,
        there: Callable[[int], bool] = lambda _ns: True,
        lost_s: Sequence[float] = (),
        clock: Callable[[], int] = time.monotonic_ns,
        jitter: Sequence[int] = (),
    ) -> None:
        super().__init__(rate, ppm, there, clock, jitter)
        self._sound, self._began, self._lost_s = sound, began, lost_s

    @property
    def ended(self) -> bool:
        return self._began() > 0 and self._first(self._calls * self._period) >= len(self._sound)

    def _first(self, index: int) -> int:
        """Which sample of the sound a frame is."""
        heard_ns = self._opened_ns + index * self._frame_ns
        return round((heard_ns - (self._began() or _NEVER_NS)) / self._frame_ns)

    def _is_lost(self, index: int) -> bool:
        """The period that begins with this frame holds one of the times at which one gets lost."""
        since_ns = self._began() - self._opened_ns
        frames = ((since_ns + lost_s * _NS) / self._frame_ns for lost_s in self._lost_s)
        return self._began() > 0 and any(0 <= frame - index < self._period for frame in frames)

    def read(self) -> Iterator[tuple[Pcm, int, int]]:
        for index, at_ns in self._calls_due():
            if self._is_lost(index):
                continue
            first = self._first(index)
            frames = np.zeros(self._period, np.int16)
            heard = self._sound[max(0, first) : max(0, first + self._period)]
            frames[max(0, -first) :][: len(heard)] = heard
            yield frames[:, None], index, at_ns


class SimulatedLoudspeaker(_Stream):
    """Plays what is put into it, and nothing else."""

    def __init__(
        self,
        rate: int,
        ppm: float = 0.0,
        there: Callable[[int], bool] = lambda _ns: True,
        clock: Callable[[], int] = time.monotonic_ns,
        jitter: Sequence[int] = (),
    ) -> None:
        super().__init__(rate, ppm, there, clock, jitter)
        self._waiting = 0
        self.lost = 0

    def put(self, frames: Pcm) -> bool:
        if self._waiting > ROOM_S * self.rate:
            return False
        self._waiting += len(frames)
        return True

    def marks(self) -> Iterator[Mark]:
        for index, at_ns in self._calls_due():
            taken = min(self._waiting, self._period)
            self._waiting -= taken
            self.lost += self._period - taken
            yield Mark(index, self._period, self.lost, at_ns, LATENCY_MS * 1_000_000)


@dataclass
class Tried:
    """A trial that was over when it began."""

    device: Device
    works: bool | None
    why: str = ""

    def cancel(self) -> None:
        """There is nothing to end."""


class SimulatedCard:
    """One microphone and one loudspeaker, as `[audio.virtual]` wants them. They are called "virtual".

    sound: what the microphone hears, mono at `sound_rate`. began: says when the timeline began, 0 before it has.
    """

    look_again_s = 0.05

    def __init__(self, sound: Pcm, sound_rate: int, faults: Virtual, began: Callable[[], int]) -> None:
        self._faults, self._began = faults, began
        true_rate = faults.rate_hz * (1 + faults.microphone_ppm / 1e6)
        heard = samplerate.resample(sound.astype(np.float32), true_rate / sound_rate, "sinc_fastest")
        self._sound = np.clip(np.rint(heard), -32768, 32767).astype(np.int16)
        pairs = zip(faults.unplug_s[::2], faults.unplug_s[1::2], strict=True)
        self._away = [(0.0, faults.absent_s), *((at, at + seconds) for at, seconds in pairs)]

    def _there(self, at_ns: int) -> bool:
        at_s = max(0, at_ns - (self._began() or at_ns)) / _NS
        return not any(begin <= at_s < end for begin, end in self._away)

    def find(self, side: Side, wanted: str) -> Device:
        if not self._there(time.monotonic_ns()):
            raise DeviceError(f"there is no {side}")
        return Device(side, "virtual", "the virtual sound card", "", "alsa", 1, self._faults.rate_hz, is_default=True)

    def is_there(self, device: Device) -> bool | None:
        return self._there(time.monotonic_ns())

    def open_microphone(self, device: Device) -> SimulatedMicrophone:
        self._check(device)
        faults = self._faults
        return SimulatedMicrophone(
            self._sound, self._began, faults.rate_hz, faults.microphone_ppm, self._there, faults.lost_s
        )

    def open_loudspeaker(self, device: Device) -> SimulatedLoudspeaker:
        self._check(device)
        return SimulatedLoudspeaker(self._faults.rate_hz, self._faults.loudspeaker_ppm, self._there)

    def _check(self, device: Device) -> None:
        if not self._there(time.monotonic_ns()):
            raise DeviceError(f"{device.side} {device.label} was pulled out", "plug it in again")

    def try_out(self, device: Device, done: Callable[[], None]) -> Trial:
        return Tried(device, works=True)

    def watch(self, changed: Callable[[], None]) -> None:
        """Nobody tells: it is looked for."""

    def drain(self, side: Side) -> None:
        """Nothing waits: its calls are made when they are looked for."""

    def wipe(self, side: Side) -> None:
        """Nothing is kept."""

    def account(self) -> None:
        """Its calls take no time."""
