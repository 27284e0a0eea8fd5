"""Gets hold of a device and keeps it, in a thread of its own: what takes a while happens here, away from the sound."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.devices import Device, Side
from engine.errors import DeviceError
from engine.events import DeviceChanged
from workers.drivers import Card, Stream


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream runs."""

    side: Side
    stream: Stream


@dataclass(frozen=True, slots=True)
class Closing:
    """The stream is about to be closed: use it no more, then set `agreed`."""

    side: Side
    agreed: threading.Event


@dataclass(frozen=True, slots=True)
class Muted:
    """The microphone is closed, because that was asked for."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The device is gone; its stream may hang at any touch."""

    side: Side


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

    event: DeviceChanged


Note = Opened | Closing | Muted | Lost | Missing | Broken | Tell

_REMEDY = "`engine doctor` says why, `engine devices` what there is; see audio.{}"
RETRY_S = 5.0
"""A device that could not be opened is tried again after so long: whoever kept it to themselves may be done."""


class Keeper(threading.Thread):
    """Keeps one side open: waits for the wanted device, takes the system's default after `wait_s`, goes back to the
    wanted one when it returns, and lets go while it is muted. A device that cannot be opened counts as absent.

    wanted: the configured name, empty for the system's default. post: hands a note to the audio worker's main thread.
    """

    def __init__(self, card: Card, side: Side, wanted: str, wait_s: float, post: Callable[[Note], None]) -> None:
        super().__init__(name=f"{side} keeper", daemon=True)
        self._card, self._side, self._wanted, self._wait_s, self._post = card, side, wanted, wait_s, post
        self._changed = threading.Event()
        self._mute = False
        self._absent_s: float | None = None
        """Since when the wanted device has not been there to be opened."""
        self._substitute = False
        """The device is the system's default, in place of the wanted one."""
        self._refused, self._retry_s, self._said = "", 0.0, ""
        """The name of a device that could not be opened, when to try it again, and what was said of it."""

    def changed(self) -> None:
        """Devices came or went. From any thread."""
        self._refused = ""
        self._changed.set()

    def mute(self, on: bool) -> None:
        """Let go of the device, or take it again. From any thread."""
        self._mute = on
        self._changed.set()

    def run(self) -> None:
        try:
            self._keep()
        except Exception as error:  # whatever it is, somebody has to know
            self._post(Broken(error))

    def _keep(self) -> None:
        while True:
            if self._mute:
                self._tell("closed", None, f"{self._side} closed: muted")
                while self._mute:
                    self._post(Muted())  # again at every change: it may have been opened and muted in one go
                    self._sleep(None)
            if (device := self._await()) is not None and (stream := self._open(device)) is not None:
                self._hold(device, stream)

    def _await(self) -> Device | None:
        """The device to open, once there is one; None: muted meanwhile."""
        while not self._mute:
            device = self._find(self._wanted)
            if isinstance(device, Device):
                self._substitute = False
                return device
            error = device
            if self._absent_s is None:
                self._absent_s = time.monotonic()
                self._tell("waiting", None, f"waiting for audio.{self._side}: {error}; {self._what_follows}")
            waited = time.monotonic() - self._absent_s >= self._wait_s
            if waited and self._wanted and isinstance(device := self._find(""), Device):
                self._tell("waiting", None, f"{error.what}: {device.label} is used until it comes")
                self._substitute = True
                return device
            if waited:
                self._post(Missing(DeviceError(error.what, _REMEDY.format(self._side))))
            self._sleep(self._card.look_again_s)
        return None

    @property
    def _what_follows(self) -> str:
        """What becomes of the waiting."""
        limit = f"after {self._wait_s:g} s (audio.wait_s)"
        if self._wanted:
            return f"{limit} the system's default takes its place"
        return f"{limit} an engine that never had any device ends with exit code {DeviceError.code}"

    def _find(self, wanted: str) -> Device | DeviceError:
        """The device, or why there is none."""
        try:
            device = self._card.find(self._side, wanted)
        except DeviceError as error:
            return error
        if device is None:
            return DeviceError(f'there is no {self._side} "{wanted}"' if wanted else f"there is no {self._side}")
        if device.name == self._refused and time.monotonic() < self._retry_s:
            return DeviceError(f"{self._side} {device.label} cannot be used")
        return device

    def _open(self, device: Device) -> Stream | None:
        try:
            stream: Stream = (
                self._card.open_microphone(device)
                if self._side == "microphone"
                else self._card.open_loudspeaker(device)
            )
        except DeviceError as error:
            self._refused, self._retry_s = device.name, time.monotonic() + RETRY_S
            if self._said != str(error):
                self._said = str(error)
                self._tell("lost", device, self._said)
            return None
        self._said = ""
        if not self._substitute:
            self._absent_s = None
        form = f"{stream.rate} Hz, {stream.channels} channel{'s' if stream.channels > 1 else ''}"
        self._tell("open", device, f"{self._side}: {device.label}, {form}", stream)
        self._post(Opened(self._side, stream))
        return stream

    def _hold(self, device: Device, stream: Stream) -> None:
        """Until it has to be closed."""
        while True:
            self._sleep(None)
            # None: a server that does not answer says nothing of its devices; the desk sees whether they still call.
            there = self._card.is_there(device)
            if there is False:
                self._tell("lost", device, f"{self._side} {device.label} is gone")
                self._post(Lost(self._side))
                return self._stay_away()
            if self._mute or (there and self._is_better(device)):
                agreed = threading.Event()
                self._post(Closing(self._side, agreed))
                agreed.wait()
                return stream.close()

    def _is_better(self, device: Device) -> bool:
        """The wanted device is another one than this: it has come back, or another one is the default now."""
        better = self._find(self._wanted)
        return isinstance(better, Device) and better.name != device.name

    def _stay_away(self) -> None:
        """The worker ends for it."""
        while True:
            self._sleep(None)

    def _sleep(self, seconds: float | None) -> None:
        gc.collect()  # looking for devices makes cycles, and the audio worker's collector is off
        self._changed.wait(seconds)
        self._changed.clear()

    def _tell(self, state: str, device: Device | None, text: str, stream: Any = None) -> None:
        self._post(
            Tell(
                DeviceChanged(
                    side=self._side,
                    state=state,
                    device=device.name if device else "",
                    wanted=self._wanted,
                    rate_hz=stream.rate if stream else 0,
                    channels=stream.channels if stream else 0,
                    text=text,
                )
            )
        )
