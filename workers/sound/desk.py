"""The driver of all real devices: brings what their keepers opened together with the port, and sees when one stops."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.devices import Side
from engine.events import DeviceChanged
from engine.telemetry import Telemetry
from workers.drivers import Card, Loudspeaker, Microphone
from workers.join import Seat
from workers.sound.capture import CaptureLine
from workers.sound.keeper import Broken, Closing, Keeper, Lost, Missing, Muted, Note, Opened, Tell
from workers.sound.playout import PlayLine
from workers.sound.port import RingPort

_LOST_NS = 700_000_000
"""A device that has not called for so long is gone: devices that were unplugged report no error, they fall silent."""
_FIRST_NS = 5_000_000_000
"""How long it may take to call for the first time."""
_SWITCH_S = 0.0005
"""How long another thread of this process may keep the interpreter from the one that moves the sound."""
_NS = 1_000_000_000


class DeviceGoneError(Exception):
    """A device stopped calling. Its library may hang in it: only a new process is sure to be rid of it."""


class _Side:
    """One side of the desk: its stream, if there is one, and the line between that and the port.

    start_ns: when sample 0 of the timeline is captured; 0 before that is known.
    """

    side: Side

    def __init__(self, port: RingPort, seat: Seat) -> None:
        self._port, self._seat = port, seat
        self._telemetry: Telemetry = seat.telemetry
        self._rate = seat.config.audio.rate_hz
        self._block = seat.config.audio.block_ms * self._rate // 1000
        self._opened_ns = self._start_ns = 0
        self.stream: Any = None
        self._line: Any = None

    def open(self, stream: Any) -> None:
        """The stream runs from now on."""
        self._opened_ns = time.monotonic_ns()
        self.stream, self._line = stream, None

    def close(self) -> None:
        """It will be touched no more."""
        self.stream = self._line = None

    def work(self, start_ns: int) -> int:
        """Move what there is to move. Returns until when there is nothing to do, unless the doorbell rings."""
        self._start_ns = start_ns
        if self.stream is None:
            return self._go_on_silent()
        if self._line is None:
            self._line = self._make_line()
        self._move()
        if not self._line.clock.running:
            return min(self._go_on_silent(), self._gone_ns())
        self._telemetry.set(f"audio.{self.side}_ppm", round(self._line.clock.ppm))
        return self._gone_ns()

    def _make_line(self) -> Any:
        raise NotImplementedError

    def _move(self) -> None:
        raise NotImplementedError

    @property
    def _at(self) -> int:
        """Samples on this side's timeline so far."""
        raise NotImplementedError

    def _pass(self, samples: int) -> None:
        """The timeline goes on without a device."""
        raise NotImplementedError

    def _go_on_silent(self) -> int:
        """Time passes without this side, block by block."""
        passed = (time.monotonic_ns() - self._start_ns) * self._rate // _NS // self._block * self._block
        if passed > self._at:
            self._pass(passed - self._at)
        return self._start_ns + (passed + self._block) * _NS // self._rate

    def _gone_ns(self) -> int:
        """When to look again at a stream that calls. Raises DeviceGoneError."""
        last = self.stream.last_ns
        gone_ns = last + _LOST_NS if last else self._opened_ns + _FIRST_NS
        if time.monotonic_ns() > gone_ns:
            wanted = getattr(self._seat.config.audio, self.side)
            self._port.tell(DeviceChanged(self.side, "lost", "", wanted, text=f"the {self.side} has stopped"))
            raise DeviceGoneError
        due = self.stream.next_ns
        return int(gone_ns if due is None else min(gone_ns, due))


class _Hearing(_Side):
    side: Side = "microphone"
    stream: Microphone | None
    _line: CaptureLine | None
    _ended = False

    def _make_line(self) -> CaptureLine:
        assert self.stream is not None
        for _ in self.stream.read():  # a predecessor's, or from before the timeline began
            pass
        channel = self._seat.config.audio.channel
        return CaptureLine(self._port, self._port.microphone, self.stream.rate, channel, self._start_ns, self._rate)

    def _move(self) -> None:
        assert self.stream is not None
        assert self._line is not None
        for frames, index, at_ns in self.stream.read():
            self._line.take(frames, index, at_ns)
        if self.stream.ended and not self._ended:
            self._ended = True
            self._port.ended()

    @property
    def _at(self) -> int:
        return self._port.heard_samples

    def _pass(self, samples: int) -> None:
        self._port.skip(samples)


class _Playing(_Side):
    side: Side = "loudspeaker"
    stream: Loudspeaker | None
    _line: PlayLine | None

    def _make_line(self) -> PlayLine:
        assert self.stream is not None
        for _ in self.stream.marks():  # from when it had to do without us
            pass
        return PlayLine(self._port, self.stream, self._seat.config.audio.device_ms, self._start_ns, self._rate)

    def _move(self) -> None:
        assert self.stream is not None
        assert self._line is not None
        for mark in self.stream.marks():
            self._line.mark(mark)
        self._line.feed()

    @property
    def _at(self) -> int:
        return self._port.played_samples

    def _pass(self, samples: int) -> None:
        self._port.pass_over(samples)


class Desk:
    """Everything here runs in the audio worker's main thread, but for `_post`."""

    def __init__(self, card: Card, port: RingPort, seat: Seat) -> None:
        self._card, self._port, self._seat = card, port, seat
        audio = seat.config.audio
        self._notes: deque[Note] = deque()
        self._sides: dict[Side, _Side] = {part.side: part for part in (_Hearing(port, seat), _Playing(port, seat))}
        wanted: dict[Side, str] = {"microphone": audio.microphone, "loudspeaker": audio.loudspeaker}
        self._keepers = {side: Keeper(card, side, name, audio.wait_s, self._post) for side, name in wanted.items()}
        self._absent = self._gone = False
        """A device keeps us waiting; a device was lost."""
        port.on_mute = self._mute

    def open(self) -> None:
        """Let the keepers begin, and wait until both devices call, or one is known to keep us waiting: an engine that
        says that it is ready shall hear. Raises DeviceError."""
        sys.setswitchinterval(_SWITCH_S)
        self._seat.wakeable()
        self._keepers["microphone"].mute(self._port.muted)
        self._card.watch(self._changed)
        for keeper in self._keepers.values():
            keeper.start()
        limit_ns = time.monotonic_ns() + _FIRST_NS
        while not self._absent and not all(part.stream and part.stream.last_ns for part in self._sides.values()):
            if (now := time.monotonic_ns()) > limit_ns or self._seat.stopping:
                return
            self._seat.wait(min(limit_ns, now + _LOST_NS // 10))
            self._take_notes()

    def run(self, port: object, start_ns: int) -> None:
        """Move samples until the engine stops. Raises DeviceGoneError, or DeviceError when there never was a device."""
        account_ns = 0
        while True:
            self._take_notes()
            if self._gone:
                raise DeviceGoneError
            until = min(part.work(start_ns) for part in self._sides.values())
            if (now := time.monotonic_ns()) >= account_ns:
                account_ns = now + _NS
                self._card.account()
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
        self._absent = self._absent or note.event.state != "open"
        self._port.tell(note.event)

    def _opened(self, note: Opened) -> None:
        self._seat.telemetry.set("audio.opened", 1)
        self._sides[note.side].open(note.stream)

    def _closing(self, note: Closing) -> None:
        self._sides[note.side].close()
        note.agreed.set()

    def _muted(self, _note: Muted) -> None:
        if self._port.muted:
            self._port.mute_done()

    def _lost(self, _note: Lost) -> None:
        self._gone = True

    def _broken(self, note: Broken) -> None:
        raise note.error

    def _missing(self, note: Missing) -> None:
        if not self._seat.telemetry.get("audio.opened"):
            raise note.error


_TAKE: dict[type[Note], Callable[[Desk, Any], None]] = {
    Tell: Desk._told,
    Opened: Desk._opened,
    Closing: Desk._closing,
    Muted: Desk._muted,
    Lost: Desk._lost,
    Missing: Desk._missing,
    Broken: Desk._broken,
}
