"""The two sides of the desk: what moves sound between an opened device and the port, and what goes on without one."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from engine.devices import Side
from engine.events import DeviceChanged
from engine.telemetry import Telemetry
from workers.drivers import Loudspeaker, Microphone, Stream
from workers.join import Seat
from workers.sound.capture import CaptureLine
from workers.sound.playout import PlayLine
from workers.sound.port import RingPort

LOST_NS = 700_000_000
"""A device that has not called for so long is gone: devices that were unplugged report no error, they fall silent."""
STEADY_NS, EARLY_NS = 5_000_000_000, 3_000_000_000
"""Until it has called for so long, it may pause longer: a sound server's sink that was idle has two seconds of silence
ready, which it plays first."""
_AGAIN_NS = 100_000_000
"""How much later to look once more, before it counts as gone."""
FIRST_NS = 5_000_000_000
"""How long it may take to call for the first time."""
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

    def __init__(self, port: RingPort, seat: Seat) -> None:
        self._port, self._seat = port, seat
        self._telemetry: Telemetry = seat.telemetry
        self._rate = seat.config.audio.rate_hz
        self._block = seat.config.audio.block_ms * self._rate // 1000
        self._opened_ns = self._start_ns = self._overdue_ns = 0
        self.stream: S | None = None
        self._line: L | None = None

    def open(self, stream: S) -> None:
        """The stream runs from now on."""
        self._opened_ns = time.monotonic_ns()
        self.stream, self._line, self._overdue_ns = stream, None, 0

    def close(self) -> None:
        """It will be touched no more."""
        self.stream = self._line = None

    def work(self, start_ns: int) -> int:
        """Move what there is to move. Returns until when there is nothing to do, unless the doorbell rings."""
        self._start_ns = start_ns
        stream = self.stream
        if stream is None:
            return self._go_on_silent()
        line = self._line = self._line or self._make_line(stream)
        self._move(stream, line)
        if not line.clock.running:
            return min(self._go_on_silent(), self._gone_ns(stream))
        self._telemetry.set(f"audio.{self.side}_ppm", round(line.clock.ppm))
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
        last = stream.last_ns
        steady = last - self._opened_ns > STEADY_NS
        gone_ns = last + (LOST_NS if steady else EARLY_NS) if last else self._opened_ns + FIRST_NS
        now = time.monotonic_ns()
        if now <= gone_ns:
            self._overdue_ns = 0
        elif not self._overdue_ns:  # or did we stand still ourselves? Then its calls come now
            self._overdue_ns = now + _AGAIN_NS
        if self._overdue_ns and now <= self._overdue_ns:
            return self._overdue_ns
        if self._overdue_ns:
            wanted = getattr(self._seat.config.audio, self.side)
            self._port.tell(DeviceChanged(self.side, "lost", "", wanted, text=f"the {self.side} has stopped"))
            raise DeviceGoneError
        due = stream.next_ns
        return gone_ns if due is None else min(gone_ns, due)


class Hearing(DeskSide[Microphone, CaptureLine]):
    """The microphone's side."""

    side: Side = "microphone"
    _ended = False

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
