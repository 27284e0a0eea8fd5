"""The driver of all real devices: brings what their keepers opened together with the port, and sees when one stops."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.devices import Side
from engine.events import DeviceChanged
from workers.drivers import Card
from workers.join import Seat
from workers.lull import PIECE_MS
from workers.sound.keeper import Keeper
from workers.sound.notes import Broken, Closed, Closing, Lost, Missing, Muted, Note, Opened, Tell
from workers.sound.port import RingPort
from workers.sound.sides import FIRST_NS, DeskSide, DeviceGoneError, Hearing, Playing
from workers.sound.silent import SilentDevices

_LOOK_NS = 70_000_000
"""How often to see, while the engine starts, whether the devices call."""
_NS = 1_000_000_000


class Desk:
    """Everything here runs in the audio worker's main thread, but for `_post`."""

    def __init__(self, card: Card, port: RingPort, seat: Seat) -> None:
        self._card, self._port, self._seat = card, port, seat
        audio = seat.config.audio
        self._notes: deque[Note] = deque()
        wanted: dict[Side, str] = {"microphone": audio.microphone, "loudspeaker": audio.loudspeaker}
        silent = {side: SilentDevices(seat.telemetry, side) for side in wanted}
        self._keepers = {
            side: Keeper(card, side, name, audio.wait_s, self._post, silent[side], self._had_any)
            for side, name in wanted.items()
        }
        self._sides: dict[Side, DeskSide[Any, Any]] = {
            part.side: part(port, seat, card, silent[part.side], self._keepers[part.side].look)
            for part in (Hearing, Playing)
        }
        self._absent = self._gone = False
        """A device keeps us waiting; a device was lost."""
        port.on_mute = self._mute

    def open(self) -> None:
        """Let the keepers begin, and wait until both devices call, or one is known to keep us waiting: an engine that
        says that it is ready shall hear. Raises DeviceError."""
        self._seat.wakeable()
        self._keepers["microphone"].mute(self._port.muted)
        for side in self._sides:
            self._card.wipe(side)  # what a predecessor left there when it died
        self._card.watch(self._changed)
        for keeper in self._keepers.values():
            keeper.start()
        limit_ns = time.monotonic_ns() + FIRST_NS
        while not self._absent and not all(part.stream and part.stream.last_ns for part in self._sides.values()):
            if (now := time.monotonic_ns()) > limit_ns or self._seat.stopping:
                return
            for part in self._sides.values():
                part.drain()  # or what they already hear would keep us from sleeping
            self._seat.wait(min(limit_ns, now + _LOOK_NS))
            self._take_notes()

    def run(self, port: object, start_ns: int) -> None:
        """Move samples until the engine stops. Raises DeviceGoneError, or DeviceError when there never was a device."""
        account_ns = 0
        while True:
            self._take_notes()
            self._see_to_calls()
            if self._gone:
                raise DeviceGoneError
            until = min(part.work(start_ns) for part in self._sides.values())
            if (now := time.monotonic_ns()) >= account_ns:
                account_ns = now + _NS
                self._card.account()
                for part in self._sides.values():
                    part.account()
            if self._port.lull:  # nobody is to be woken for each period: what they give lies ready
                time.sleep(PIECE_MS / 1000)
                until = 0
            if not self._port.wait(until):
                return

    # The keepers.

    def _post(self, note: Note) -> None:
        self._notes.append(note)
        self._seat.wake()

    def _changed(self) -> None:
        for keeper in self._keepers.values():
            keeper.changed()

    def _mute(self) -> bool:
        """The port was muted, or opened. Closing takes a while; that it will be open again can be told now."""
        self._keepers["microphone"].mute(self._port.muted)
        return not self._port.muted

    def _take_notes(self) -> None:
        while self._notes:
            note = self._notes.popleft()
            _TAKE[type(note)](self, note)

    def _told(self, note: Tell) -> None:
        event = note.event
        self._absent = self._absent or (isinstance(event, DeviceChanged) and event.state != "open")
        self._port.tell(event)

    def _opened(self, note: Opened) -> None:
        self._seat.telemetry.set("audio.opened", 1)
        self._sides[note.device.side].open(note.device, note.stream)

    def _had_any(self) -> bool:
        """The engine has had a device, this worker or one before it."""
        return self._seat.telemetry.get("audio.opened") != 0

    def _closing(self, note: Closing) -> None:
        self._sides[note.side].close()
        note.agreed.set()

    def _closed(self, note: Closed) -> None:
        self._card.wipe(note.side)  # nobody shall hear any more what it heard last, or was given
        note.agreed.set()

    def _muted(self, _note: Muted) -> None:
        if self._port.muted:
            self._port.mute_done()

    def _see_to_calls(self) -> None:
        """A keeper that waits in vain for the sound library cannot tell. While it does, its side has no stream, so that
        we come by here with every block."""
        # The one that waits longest first: the library opens one device at a time, and the other may only wait for it.
        calls = [(call, side) for side, keeper in self._keepers.items() if (call := keeper.call) is not None]
        call, side = min(calls, key=lambda each: each[0].until_ns, default=(None, None))
        if call is not None and side is not None and time.monotonic_ns() > call.until_ns:
            self._sides[side].lose(call.device, f"hangs: it takes too long to {call.what}", silent=call.what == "open")

    def _lost(self, _note: Lost) -> None:
        self._gone = True

    def _broken(self, note: Broken) -> None:
        raise note.error

    def _missing(self, note: Missing) -> None:
        if not self._had_any():
            raise note.error


_TAKE: dict[type[Note], Callable[[Desk, Any], None]] = {
    Tell: Desk._told,
    Opened: Desk._opened,
    Closing: Desk._closing,
    Closed: Desk._closed,
    Muted: Desk._muted,
    Lost: Desk._lost,
    Missing: Desk._missing,
    Broken: Desk._broken,
}
