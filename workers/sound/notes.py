"""What a keeper hands to the desk."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from engine.devices import Device, Side
from engine.errors import DeviceError
from engine.events import DeviceChanged, Error
from workers.drivers import Stream


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream runs."""

    device: Device
    stream: Stream


@dataclass(frozen=True, slots=True)
class Closing:
    """The stream is about to be closed: use it no more, then set `agreed`."""

    side: Side
    agreed: threading.Event


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream is closed: see to what it left, then set `agreed`. Before that no other is opened."""

    side: Side
    agreed: threading.Event


@dataclass(frozen=True, slots=True)
class Muted:
    """The microphone is closed, because that was asked for."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The device is gone; its stream may hang at any touch."""


@dataclass(frozen=True, slots=True)
class Missing:
    """It was waited for in vain."""

    error: DeviceError


@dataclass(frozen=True, slots=True)
class Broken:
    """The keeper met something that it does not understand, and is no more."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Tell:
    """Something for the host to know."""

    event: DeviceChanged | Error


Note = Opened | Closing | Closed | Muted | Lost | Missing | Broken | Tell
