"""The machine's sound devices, opened by PortAudio: what its callbacks write becomes a microphone, what they read a
loudspeaker."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import ringbuf
from engine.channels import segment
from engine.contract import Pcm
from engine.devices import Device, Side, Watch, find, is_there
from engine.errors import DeviceError
from engine.telemetry import AT, BUCKETS
from workers.drivers import Mark
from workers.drivers._callback import Callback
from workers.drivers.portaudio import Opened, PortAudio
from workers.drivers.trial import ProcessTrial
from workers.join import Seat

_RATES = (48000, 44100, 32000, 16000, 96000, 8000)
_MOST_CHANNELS = 64
_NONE_NS = 1 << 62
_HISTOGRAM: dict[Side, str] = {"microphone": "audio.capture_ns", "loudspeaker": "audio.playout_ns"}
_XRUNS: dict[Side, str] = {"microphone": "audio.lost_blocks", "loudspeaker": "audio.xruns"}
_REMEDY = "engine doctor looks at it; audio.library_messages = true shows what the libraries say"


class _Stream:
    """What microphone and loudspeaker have in common."""

    next_ns: int | None = None
    """The doorbell rings for it."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.rate, self.channels = opened.rate, opened.channels

    @property
    def last_ns(self) -> int:
        return self._opened.last_ns

    def close(self) -> None:
        self._opened.close()


class _Microphone(_Stream):
    ended = False

    def __init__(self, opened: Opened, frames: ringbuf.StreamReader) -> None:
        super().__init__(opened)
        self._frames = frames
        self._least_ns = _NONE_NS

    def read(self) -> Iterator[tuple[Pcm, int, int]]:
        for record in self._frames:
            yield record.data.reshape(-1, self.channels), record.a, record.capture_ns - self._late_ns(record.b)

    def _late_ns(self, latency_ns: int) -> int:
        """By how much a call came late: so much longer than the least had its sound been waiting. What a library calls
        latency differs between devices, its changes do not. A sound server's calls wander by a whole period."""
        if latency_ns:  # 0: not known
            self._least_ns = min(self._least_ns, latency_ns)
        return max(0, latency_ns - self._least_ns)


class _Loudspeaker(_Stream):
    def __init__(self, opened: Opened, frames: ringbuf.StreamWriter, marks: ringbuf.StreamReader) -> None:
        super().__init__(opened)
        self._frames, self._marks = frames, marks

    def put(self, frames: Pcm) -> bool:
        return self._frames.put(frames)

    def marks(self) -> Iterator[Mark]:
        for record in self._marks:
            yield Mark(record.a, record.session, record.deadline_ns, record.capture_ns, record.b)


def _drain(ring: ringbuf.StreamReader) -> None:
    for _ in ring:
        pass


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of three stream rings: the callbacks write `told`, sound of the microphone and marks of the loudspeaker,
    which are read from `frames` and `marks`; and they read `played`, which `playout` writes."""

    told: dict[Side, ringbuf.StreamWriter]
    frames: ringbuf.StreamReader
    marks: ringbuf.StreamReader
    playout: ringbuf.StreamWriter
    played: ringbuf.StreamReader

    @classmethod
    def of(cls, seat: Seat) -> Ends:
        """Those of the audio worker: both sides are its own."""
        return cls(
            {
                "microphone": seat.stream_writer("capture", np.int16, scrub=False),
                "loudspeaker": seat.stream_writer("marks", scrub=False),  # counts and times, nothing to be scrubbed
            },
            seat.stream_reader("capture", np.int16),
            seat.stream_reader("marks"),
            seat.stream_writer("playout", np.int16),
            ringbuf.StreamReader(segment(seat.instance, "playout"), dtype=np.int16),
        )


@dataclass(slots=True)
class _Counted:
    """A callback, and how many of its xruns are in the telemetry already."""

    callback: Callback
    xruns: int = 0


class PortAudioCard:
    """The machine's devices. priority: of the threads that call, SCHED_FIFO where it is granted; 0 is none. cells: the
    telemetry, if there is any."""

    look_again_s = 1.0

    def __init__(
        self, ends: Ends, *, library_messages: bool = False, priority: int = 0, cells: ringbuf.Cells | None = None
    ) -> None:
        self._ends, self._priority, self._cells = ends, priority, cells
        self._library = PortAudio(library_messages)
        self._durations = {side: np.zeros((2, BUCKETS), np.uint64) for side in _HISTOGRAM}
        """How long callbacks took: all so far, and those in the telemetry already."""
        self._counted: dict[Side, _Counted] = {}
        self._low: list[Opened] = []
        """Streams whose threads have no real-time priority yet."""

    def find(self, side: Side, wanted: str) -> Device:
        return find(side, wanted)

    def is_there(self, device: Device) -> bool | None:
        return is_there(device)

    def try_out(self, device: Device, done: Callable[[], None]) -> ProcessTrial:
        return ProcessTrial(device, done)

    def watch(self, changed: Callable[[], None]) -> None:
        self._watch = Watch(changed)

    def account(self) -> None:
        # Not before they call: with a source that never delivers, ALSA's side of the library spins.
        for opened in [opened for opened in self._low if opened.last_ns]:
            self._low.remove(opened)
            self._raise(opened.threads)
        if self._cells is None:
            return
        for side, (now, told) in self._durations.items():
            for bucket in np.flatnonzero(now != told).tolist():
                self._cells.add(AT[_HISTOGRAM[side]] + bucket, int(now[bucket] - told[bucket]))
                told[bucket] = now[bucket]
        for side, counted in list(self._counted.items()):
            xruns = counted.callback.xruns
            self._cells.add(AT[_XRUNS[side]], xruns - counted.xruns)
            counted.xruns = xruns

    def drain(self, side: Side) -> None:
        _drain(self._ends.frames if side == "microphone" else self._ends.marks)

    def wipe(self, side: Side) -> None:
        self.drain(side)
        if side == "microphone":
            self._ends.told[side].scrub()
        else:
            _drain(self._ends.played)
            self._ends.playout.scrub()

    def open_microphone(self, device: Device) -> _Microphone:
        return _Microphone(self._open("microphone", device), self._ends.frames)

    def open_loudspeaker(self, device: Device) -> _Loudspeaker:
        return _Loudspeaker(self._open("loudspeaker", device), self._ends.playout, self._ends.marks)

    def _open(self, side: Side, device: Device) -> Opened:
        """The device at its own rate and channels, or else as it can be had."""
        rates = list(dict.fromkeys(rate for rate in (device.rate_hz, *_RATES) if rate))
        most = min(device.channels or 2, _MOST_CHANNELS)
        wide = list(dict.fromkeys((most, 2, 1)))
        why = DeviceError("it has no name to open it by")
        pcms = filter(None, (device.pcm, device.pcm_fallback))
        for pcm, rate, channels in itertools.product(pcms, rates, wide):
            try:
                opened = self._library.open(side, pcm, rate, channels, self._callback(side, channels))
            except DeviceError as error:
                why = error
            else:
                self._low.append(opened)
                return opened
        raise DeviceError(f"{side} {device.label} cannot be opened: {why}", _REMEDY)

    def _callback(self, side: Side, channels: int) -> Callback:
        told = self._ends.told[side].handle()
        sound = self._ends.played.handle() if side == "loudspeaker" else None
        callback = Callback(channels, told, sound, self._durations[side][0])
        self._counted[side] = _Counted(callback)
        return callback

    def _raise(self, threads: list[int]) -> None:
        """Real-time priority for the library's threads."""
        if self._priority:
            for thread in threads:
                with contextlib.suppress(OSError):
                    param = os.sched_param(self._priority)
                    os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, param)
