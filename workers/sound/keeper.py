"""Gets hold of a device and keeps it, in a thread of its own: what takes a while happens here, away from the sound."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from engine.devices import Device, Side
from engine.errors import DeviceError
from engine.events import DeviceChanged, Error
from workers.drivers import Card, Stream
from workers.sound.doubts import RETRY_S, Doubts
from workers.sound.notes import Broken, Closed, Closing, Lost, Missing, Muted, Note, Opened, Tell

_REMEDY = "`engine doctor` says why, `engine devices` what there is; see audio.{}"
OPEN_NS, CLOSE_NS = 10_000_000_000, 1_500_000_000
"""Opening or closing a device that takes longer hangs. Opening may take many tries. Closing shall leave time for a new
start in the 3 s after which whoever asked for mute is told that it did not come about."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the keeper waits for the sound library to do: open a device, or close it; and until when that may take, on
    CLOCK_MONOTONIC in ns."""

    what: Literal["open", "close"]
    device: Device
    until_ns: int


class Keeper(threading.Thread):
    """Keeps one side open: waits for the wanted device, takes the system's default after `wait_s`, goes back to the
    wanted one when it returns, and lets go while it is muted. A device that cannot be opened, or was and did not run,
    counts as absent; one that works is given up only for one that has been tried out.

    wanted: the configured name, empty for the system's default. silent: the names of devices that did not run.
    post: hands a note to the audio worker's main thread. had_any: whether the engine has had a device.
    """

    def __init__(
        self,
        card: Card,
        side: Side,
        wanted: str,
        wait_s: float,
        post: Callable[[Note], None],
        silent: Container[str] = (),
        had_any: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(name=f"{side} keeper", daemon=True)
        self._card, self._side, self._wanted, self._wait_s, self._post = card, side, wanted, wait_s, post
        self._had_any = had_any
        self._woken = threading.Event()
        self._doubts = Doubts(card, silent, self._woken.set)
        self._mute = self._news = self._paused = False
        """To be muted; devices came or went; the device has not called for a while."""
        self._absent_s: float | None = None
        """Since when the wanted device has not been there to be opened."""
        self._substitute = False
        """The device is the system's default, in place of the wanted one."""
        self._again_s: float | None = None
        """When to look for a better device than the one that is open, though nobody wakes us."""
        self._said = ""
        """What was said of a device that could not be opened."""
        self.call: Call | None = None
        """For other threads to read."""

    # From any thread.

    def changed(self) -> None:
        """Devices came or went."""
        self._news = True
        self._woken.set()

    def look(self) -> None:
        """See whether the device that is open is still there: it has not called for a while."""
        self._paused = True
        self._woken.set()

    def mute(self, on: bool) -> None:
        """Let go of the device, or take it again."""
        self._mute = on
        self._woken.set()

    # From its own.

    def run(self) -> None:
        try:
            self._keep()
        except Exception as error:  # whatever it is, somebody has to know
            self._post(Broken(error))

    def _keep(self) -> None:
        while True:
            if self._mute:
                self._doubts.cancel()  # nobody listens, to try something out either
                self._tell("closed", "", f"{self._side} closed: muted")
                while self._mute:
                    self._post(Muted())  # again at every change: it may have been opened and muted in one go
                    self._sleep(None)
            if (device := self._await()) is not None and (stream := self._open(device)) is not None:
                self._hold(device, stream)

    def _await(self) -> Device | None:
        """The device to open, once there is one; None: muted meanwhile."""
        while not self._mute:
            wanted, error = self._find(self._wanted)
            if wanted is not None and error is None:
                self._substitute = False
                return wanted
            assert error is not None
            name = wanted.name if wanted else self._wanted
            in_vain = wanted is not None and self._doubts.is_silent(wanted)
            if self._absent_s is None:
                self._absent_s = time.monotonic()
                text = f"waiting for audio.{self._side}: {error}; {self._what_follows(in_vain)}"
                self._tell("waiting", name, text)
            if in_vain or time.monotonic() - self._absent_s >= self._wait_s:
                default, why_not = self._find("") if self._wanted else (None, error)
                if default is not None and why_not is None:
                    self._tell("waiting", name, f"{error.what}: {default.label} is used until it comes")
                    self._substitute = True
                    return default
                self._post(Missing(DeviceError(error.what, _REMEDY.format(self._side))))
            self._sleep(self._card.look_again_s)
        return None

    def _what_follows(self, in_vain: bool) -> str:
        """What becomes of the waiting. in_vain: it is there, and does not run."""
        limit = "at once" if in_vain else f"after {self._wait_s:g} s (audio.wait_s)"
        if self._wanted:
            return f"{limit} the system's default takes its place"
        if in_vain:
            return "it is tried again when devices come or go, and from time to time"
        if self._had_any():
            return "it is taken when it comes"
        return f"{limit} an engine that never had any device ends with exit code {DeviceError.code}"

    def _find(self, wanted: str) -> tuple[Device | None, DeviceError | None]:
        """The device, if it is there; and why it cannot be opened now, if it cannot."""
        try:
            device = self._card.find(self._side, wanted)
        except DeviceError as error:
            return None, error
        if self._doubts.may_open(device, beside=False):
            return device, None
        return device, DeviceError(f"{self._side} {device.label} {self._doubts.why(device)}")

    def _open(self, device: Device) -> Stream | None:
        try:
            with self._calling("open", device, OPEN_NS):
                stream: Stream = (
                    self._card.open_microphone(device)
                    if self._side == "microphone"
                    else self._card.open_loudspeaker(device)
                )
        except DeviceError as error:
            self._doubts.refused(device)
            if self._said != str(error):
                self._said = str(error)
                self._tell("lost", device.name, self._said)
            return None
        self._doubts.opened(device)
        self._said = ""
        if not self._substitute:
            self._absent_s = None
        form = f"{stream.rate} Hz, {stream.channels} channel{'s' if stream.channels > 1 else ''}"
        self._tell("open", device.name, f"{self._side}: {device.label}, {form}", stream)
        self._post(Opened(device, stream))
        return stream

    def _hold(self, device: Device, stream: Stream) -> None:
        """Until it has to be closed."""
        self._paused = False
        self._again_s = RETRY_S if self._substitute else None
        while True:
            self._sleep(self._again_s)
            if self._mute:
                return self._close(device, stream)
            paused, self._paused = self._paused, False
            # None: a server that does not answer says nothing of its devices; the desk sees whether they still call.
            there = self._card.is_there(device)
            if there is False or (paused and not there):
                self._lose(device, f"{self._side} {device.label} is gone")
            if there and self._is_better(device):
                return self._close(device, stream)

    def _is_better(self, device: Device) -> bool:
        """The wanted device is another one than this, and works: it came back, or another one is the default now."""
        try:
            wanted = self._card.find(self._side, self._wanted)
        except DeviceError:
            self._again_s = RETRY_S if self._substitute else None  # of a PCM of asound.conf nobody tells
            return False
        if wanted.name == device.name:
            self._again_s = None
            return False
        known = self._doubts.why(wanted)
        better = self._doubts.may_open(wanted, beside=True)
        if not known and (why := self._doubts.why(wanted)):
            self._post(Tell(Error(self._side, f"{self._side} {wanted.label} {why}", f"{device.label} stays in use")))
        self._again_s = self._doubts.next_s(wanted)
        return better

    def _close(self, device: Device, stream: Stream) -> None:
        self._doubts.cancel()
        self._agree(Closing)
        try:
            with self._calling("close", device, CLOSE_NS):
                stream.close()
        except DeviceError as error:
            self._lose(device, f"{self._side} {device.label} cannot be closed ({error})")
        self._agree(Closed)

    def _agree(self, kind: type[Closing] | type[Closed]) -> None:
        """Wait until the desk has taken this note."""
        agreed = threading.Event()
        self._post(kind(self._side, agreed))
        agreed.wait()

    def _lose(self, device: Device, text: str) -> NoReturn:
        """The worker ends for it."""
        self._doubts.cancel()
        self._tell("lost", device.name, text)
        self._post(Lost())
        while True:
            self._sleep(None)

    @contextmanager
    def _calling(self, what: Literal["open", "close"], device: Device, limit_ns: int) -> Iterator[None]:
        """Around a call that may hang."""
        self.call = Call(what, device, time.monotonic_ns() + limit_ns)
        try:
            yield
        finally:
            self.call = None

    def _sleep(self, seconds: float | None) -> None:
        gc.collect()  # looking for devices makes cycles, and the audio worker's collector is off
        self._woken.wait(seconds)
        self._woken.clear()
        if self._news:
            self._news = False
            self._doubts.news()

    def _tell(self, state: str, device: str, text: str, stream: Any = None) -> None:
        self._post(
            Tell(
                DeviceChanged(
                    side=self._side,
                    state=state,
                    device=device,
                    wanted=self._wanted,
                    rate_hz=stream.rate if stream else 0,
                    channels=stream.channels if stream else 0,
                    text=text,
                )
            )
        )
