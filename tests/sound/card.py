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

    def check(self) -> None:
        assert not self.closed, "a closed stream was used"


class Ear(SimulatedMicrophone, Scripted):
    ended = False

    def close(self) -> None:
        self.check()
        self.closed = True

    def read(self) -> Iterator[tuple[Pcm, int, int]]:
        self.check()
        yield from super().read() if not self.silent else ()


class Mouth(SimulatedLoudspeaker, Scripted):
    unfed: int | None = None
    """Frames that were lost before it was first fed."""

    def close(self) -> None:
        self.check()
        self.closed = True

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
class ScriptedCard:
    """devices: those that are plugged in; the first of a side is its default."""

    devices: list[Device] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Names of devices that cannot be opened."""
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

    def stream(self, name: str) -> Ear | Mouth:
        """The stream that was opened last on this device."""
        return next(stream for one, stream in reversed(self.opened) if one == name)

    @property
    def starved(self) -> bool:
        """A loudspeaker had to do without sound once it had been fed: this machine is busy."""
        mouths = [stream for _, stream in self.opened if isinstance(stream, Mouth)]
        return any(mouth.unfed is not None and mouth.lost > mouth.unfed for mouth in mouths)

    # The engine's.

    def find(self, side: Side, wanted: str) -> Device | None:
        if self.broken is not None:
            raise self.broken
        with self._lock:
            self.looks += 1
            there = [one for one in self.devices if one.side == side and wanted in one.name]
        exact = [one for one in there if one.name == wanted]
        if wanted and len(there) > 1 and not exact:
            raise DeviceError(f'"{wanted}" fits {len(there)} devices', "write more of the name")
        return next(iter(exact or there), None)

    def is_there(self, device: Device) -> bool | None:
        with self._lock:
            self.checks += 1
            return device in self.devices if self.answers else None

    def open_microphone(self, device: Device) -> Ear:
        return self._open(device, Ear(HEARD, lambda: 1, 48000))

    def open_loudspeaker(self, device: Device) -> Mouth:
        return self._open(device, Mouth(48000))

    def _open(self, device: Device, stream: S) -> S:
        if device.name in self.refused:
            raise DeviceError(f"{device.title} is busy", "close what uses it")
        self.opened.append((device.name, stream))
        return stream

    def watch(self, changed: Callable[[], None]) -> None:
        self._watchers.append(changed)

    def account(self) -> None:
        self.accounts += 1
