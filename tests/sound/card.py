"""A sound card after a script: devices are plugged and unplugged, refuse to be opened, change their default."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

import numpy as np

from engine.contract import Pcm
from engine.devices import Device, Side
from engine.errors import DeviceError
from workers.drivers import Mark
from workers.drivers.simulated import SimulatedLoudspeaker, SimulatedMicrophone


def device(name: str, side: Side = "microphone") -> Device:
    return Device(side, name, f"the {name}", name, "alsa", 1, 48000)


class Constant:
    """A sound that is the same for ever."""

    def __getitem__(self, part: slice) -> Pcm:
        return np.full(part.stop - part.start, 1000, np.int16)


HEARD = cast(Pcm, Constant())
"""What every microphone hears."""


class Scripted:
    """A stream that knows whether it was closed, and may fall silent."""

    closed = silent = False
    stuck: Exception | threading.Event | None = None
    """What closing it runs into: an error, or it waits for this."""

    def check(self) -> None:
        assert not self.closed, "a closed stream was used"

    def close(self) -> None:
        self.check()
        if isinstance(self.stuck, Exception):
            raise self.stuck
        if self.stuck is not None:
            self.stuck.wait()
        self.closed = True


class Ear(Scripted, SimulatedMicrophone):
    ended = False

    def read(self) -> Iterator[tuple[Pcm, int, int]]:
        self.check()
        yield from super().read() if not self.silent else ()


class Mouth(Scripted, SimulatedLoudspeaker):
    unfed: int | None = None
    """Frames that were lost before it was first fed."""

    def marks(self) -> Iterator[Mark]:
        self.check()
        yield from super().marks() if not self.silent else ()

    def put(self, frames: Pcm) -> bool:
        self.check()
        if self.unfed is None:
            self.unfed = self.lost
        return super().put(frames)


S = TypeVar("S", Ear, Mouth)


@dataclass
class ScriptedTrial:
    device: Device
    done: Callable[[], None]
    works: bool | None = None
    why: str = ""
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True

    def end(self, why: str = "") -> None:
        """It is over. why: what is wrong with the device."""
        self.works, self.why = not why, why
        self.done()


@dataclass
class ScriptedCard:
    """devices: those that are plugged in; the first of a side is its default."""

    devices: list[Device] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Names of devices that cannot be opened."""
    dumb: set[str] = field(default_factory=set)
    """Names of devices that can be opened and never call."""
    stuck: threading.Event | None = None
    """Opening a device waits for this."""
    slow_trials: bool = False
    """Trials end when the test ends them."""
    trials: list[ScriptedTrial] = field(default_factory=list)
    answers: bool = True
    """It can tell which devices there are."""
    broken: Exception | None = None
    look_again_s: float = 0.01
    opened: list[tuple[str, Ear | Mouth]] = field(default_factory=list)
    looks: int = 0
    """How often a device was looked for."""
    checks: int = 0
    """How often it was asked for one that is open."""
    accounts: int = 0
    drained: set[Side] = field(default_factory=set)
    """Sides whose streams had left something."""
    wiped: list[Side] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watchers: list[Callable[[], None]] = field(default_factory=list)

    # The test's side.

    def set(self, devices: Sequence[Device]) -> None:
        """Plug and unplug until these are there."""
        with self._lock:
            self.devices = list(devices)
        self.tell()

    def tell(self) -> None:
        """Something has changed."""
        for changed in self._watchers:
            changed()

    def leave(self) -> None:
        """The test is over: the threads that look for devices end. Else they would go on to the end of all tests."""
        self.broken = RuntimeError("the test is over")
        self.tell()

    def stream(self, name: str) -> Ear | Mouth:
        """The stream that was opened last on this device."""
        return next(stream for one, stream in reversed(self.opened) if one == name)

    @property
    def starved(self) -> bool:
        """A loudspeaker had to do without sound once it had been fed: this machine is busy."""
        mouths = [stream for _, stream in self.opened if isinstance(stream, Mouth)]
        return any(mouth.unfed is not None and mouth.lost > mouth.unfed for mouth in mouths)

    # The engine's.

    def find(self, side: Side, wanted: str) -> Device:
        if self.broken is not None:
            raise self.broken
        with self._lock:
            self.looks += 1
            there = [one for one in self.devices if one.side == side and wanted in one.name]
        exact = [one for one in there if one.name == wanted]
        if wanted and len(there) > 1 and not exact:
            raise DeviceError(f'"{wanted}" fits {len(there)} devices', "write more of the name")
        if not there:
            raise DeviceError(f'there is no {side} "{wanted}"' if wanted else f"there is no {side}")
        return (exact or there)[0]

    def is_there(self, device: Device) -> bool | None:
        with self._lock:
            self.checks += 1
            return device in self.devices if self.answers else None

    def try_out(self, device: Device, done: Callable[[], None]) -> ScriptedTrial:
        trial = ScriptedTrial(device, done)
        self.trials.append(trial)
        if not self.slow_trials:
            trial.end("it is busy" if device.name in self.refused | self.dumb else "")
        return trial

    def open_microphone(self, device: Device) -> Ear:
        return self._open(device, Ear(HEARD, lambda: 1, 48000, there=lambda _ns: device.name not in self.dumb))

    def open_loudspeaker(self, device: Device) -> Mouth:
        return self._open(device, Mouth(48000, there=lambda _ns: device.name not in self.dumb))

    def _open(self, device: Device, stream: S) -> S:
        if self.stuck is not None:
            self.stuck.wait()
        if device.name in self.refused:
            raise DeviceError(f"{device.title} is busy", "close what uses it")
        self.opened.append((device.name, stream))
        return stream

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    def drain(self, side: Side) -> None:
        self.drained.add(side)

    def wipe(self, side: Side) -> None:
        self.wiped.append(side)

    def account(self) -> None:
        self.accounts += 1
