"""The two sides of the desk: what moves sound between an opened device and the port, and what goes on without one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

from engine.devices import Device, Side
from engine.events import DeviceChanged, Error
from engine.telemetry import Telemetry
from workers.drivers import Card, Loudspeaker, Microphone, Stream
from workers.join import Seat
from workers.sound.capture import CaptureLine
from workers.sound.playout import PlayLine
from workers.sound.port import RingPort
from workers.sound.silent import SilentDevices

ASK_NS = 700_000_000
"""A device that has not called for so long is looked for: one that was unplugged reports no error, it falls silent."""
PAUSE_NS = 3_000_000_000
"""So long may it pause though it is there. A sound server's sink that was idle, or was not fed in time, may have two
seconds of silence ready, which it plays first."""
_AGAIN_NS = 100_000_000
"""How much later to look once more, before it counts as gone."""
FIRST_NS, RAN_NS = 5_000_000_000, 1_000_000_000
"""How long it may take until it runs; then it still calls so long after it was opened. A loudspeaker that stands still
calls for what fills its buffer, and no more."""
_NS = 1_000_000_000

S = TypeVar("S", bound=Stream)
L = TypeVar("L", CaptureLine, PlayLine)


class DeviceGoneError(Exception):
    """A device stopped calling. Its library may hang in it: only a new process is sure to be rid of it."""


class DeskSide(ABC, Generic[S, L]):
    """One side of the desk: its stream, if there is one, and the line between that and the port.

    start_ns: when sample 0 of the timeline is captured; 0 before that is known.
    """

    side: Side

    def __init__(self, port: RingPort, seat: Seat, card: Card, silent: SilentDevices, look: Callable[[], None]) -> None:
        self._port, self._seat, self._card, self._silent, self._look = port, seat, card, silent, look
        self._telemetry: Telemetry = seat.telemetry
        self._rate = seat.config.audio.rate_hz
        self._block = seat.config.audio.block_ms * self._rate // 1000
        self._opened_ns = self._start_ns = self._overdue_ns = self._asked_ns = 0
        self._ran = False
        self._device: Device | None = None
        self.stream: S | None = None
        self._line: L | None = None

    def open(self, device: Device, stream: S) -> None:
        """The stream runs from now on."""
        self._opened_ns = time.monotonic_ns()
        self._device, self.stream, self._line = device, stream, None
        self._overdue_ns = self._asked_ns = 0
        self._ran = False

    def close(self) -> None:
        """It will be touched no more."""
        self._device = self.stream = self._line = None

    def account(self) -> None:
        """About once a second: what there is to tell of its clock."""
        if self._line is not None:
            self._telemetry.set(f"audio.{self.side}_ppm", round(self._line.clock.ppm))

    def drain(self) -> None:
        """Drop what came while nobody takes it: before the timeline begins, and what a stream left."""
        self._card.drain(self.side)

    def lose(self, device: Device, text: str, *, silent: bool) -> NoReturn:
        """The device is lost, and the library may hang in it. text: words that follow its name. silent: it shall not be
        opened again untried. Raises DeviceGoneError."""
        if silent:
            self._silent.add(device.name)
        wanted = getattr(self._seat.config.audio, self.side)
        text = f"{self.side} {device.label} {text}"
        self._port.tell(DeviceChanged(self.side, "lost", device.name, wanted, text=text))
        raise DeviceGoneError

    def work(self, start_ns: int) -> int:
        """Move what there is to move. Returns until when there is nothing to do, unless the doorbell rings."""
        self._start_ns = start_ns
        stream = self.stream
        if stream is None:
            self.drain()
            return self._go_on_silent()
        line = self._line = self._line or self._make_line(stream)
        self._move(stream, line)
        if not line.clock.running:
            return min(self._go_on_silent(), self._gone_ns(stream))
        return self._gone_ns(stream)

    @abstractmethod
    def _make_line(self, stream: S) -> L:
        """The line of a stream that is new."""

    @abstractmethod
    def _move(self, stream: S, line: L) -> None:
        """Move what there is to move."""

    @property
    @abstractmethod
    def _at(self) -> int:
        """Samples on this side's timeline so far."""

    @abstractmethod
    def _pass(self, samples: int) -> None:
        """The timeline goes on without a device."""

    def _go_on_silent(self) -> int:
        """Time passes without this side, block by block."""
        passed = (time.monotonic_ns() - self._start_ns) * self._rate // _NS // self._block * self._block
        if passed > self._at:
            self._pass(passed - self._at)
        return self._start_ns + (passed + self._block) * _NS // self._rate

    def _gone_ns(self, stream: S) -> int:
        """When to look again at a stream that calls. Raises DeviceGoneError."""
        assert self._device is not None
        last = max(stream.last_ns, self._opened_ns)
        if not self._ran and last - self._opened_ns > RAN_NS:
            self._ran = True
            self._silent.discard(self._device.name)
        gone_ns = last + PAUSE_NS if self._ran else self._opened_ns + FIRST_NS
        now = time.monotonic_ns()
        if now <= gone_ns:
            self._overdue_ns = 0
        elif not self._overdue_ns:  # or did we stand still ourselves? Then its calls come now
            self._overdue_ns = now + _AGAIN_NS
        if self._overdue_ns and now > self._overdue_ns:
            self.lose(
                self._device, "has stopped" if self._ran else "was opened, but does not run", silent=not self._ran
            )
        if self._asked_ns != last and now > last + ASK_NS:
            self._asked_ns = last
            self._look()
        look_ns = self._overdue_ns or (gone_ns if self._asked_ns == last else last + ASK_NS)
        due = stream.next_ns
        return look_ns if due is None else min(look_ns, due)


class Hearing(DeskSide[Microphone, CaptureLine]):
    """The microphone's side."""

    side: Side = "microphone"
    _ended = False
    _warned: tuple[str, int] | None = None

    def open(self, device: Device, stream: Microphone) -> None:
        super().open(device, stream)
        channel, channels = self._seat.config.audio.channel, stream.channels
        if channel > channels and self._warned != (device.name, channels):
            self._warned = device.name, channels
            has = f"{channels} channels" if channels > 1 else "1 channel"
            what = f"audio.channel is {channel}, but {device.label} has {has}: its last one is listened to"
            self._port.tell(Error(self.side, what, "set it to one of these, or to 0 for the mean of all"))

    def _make_line(self, stream: Microphone) -> CaptureLine:
        for _ in stream.read():  # a predecessor's, or from before the timeline began
            pass
        channel = self._seat.config.audio.channel
        return CaptureLine(self._port, self._port.microphone, stream.rate, channel, self._start_ns, self._rate)

    def _move(self, stream: Microphone, line: CaptureLine) -> None:
        for frames, index, at_ns in stream.read():
            line.take(frames, index, at_ns)
        if stream.ended and not self._ended:
            self._ended = True
            self._port.ended()

    @property
    def _at(self) -> int:
        return self._port.heard_samples

    def _pass(self, samples: int) -> None:
        self._port.skip(samples)


class Playing(DeskSide[Loudspeaker, PlayLine]):
    """The loudspeaker's side."""

    side: Side = "loudspeaker"

    def _make_line(self, stream: Loudspeaker) -> PlayLine:
        for _ in stream.marks():  # from when it had to do without us
            pass
        return PlayLine(self._port, stream, self._seat.config.audio.device_ms, self._start_ns, self._rate)

    def _move(self, stream: Loudspeaker, line: PlayLine) -> None:
        for mark in stream.marks():
            line.mark(mark)
        line.feed()

    @property
    def _at(self) -> int:
        return self._port.played_samples

    def _pass(self, samples: int) -> None:
        self._port.pass_over(samples)
