"""Real sound devices, by PortAudio (libportaudio.so.2, MIT) through ctypes, with callbacks in C (native/callback.h).

Not by PyAudio: its callbacks are Python, which takes the interpreter's lock and allocates in the device's thread
(bench/devices.py has the figures), and it opens only what PortAudio has listed, by a number that changes. Here any ALSA
PCM is opened by its name, `PaAlsaStreamInfo.deviceString` (pa_linux_alsa.h): the cards themselves, and the sources and
sinks of PulseAudio and PipeWire through ALSA's plug-in for them.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_long, c_ulong, c_void_p, pointer
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ringbuf
from engine.channels import segment
from engine.contract import Pcm
from engine.devices import Device, Side, Watch, find, is_there, no_pcms, quiet
from engine.errors import BackendError, DeviceError
from engine.telemetry import AT, BUCKETS
from workers.drivers import Mark, _callback
from workers.join import Seat

LIBRARY = "libportaudio.so.2"
_PERIOD_MS = 10
"""Between two calls of a device."""
_RATES = (48000, 44100, 32000, 16000, 96000, 8000)
_INT16 = 8
_BY_NAME = -2
"""paUseHostApiSpecificDeviceSpecification"""
_ALSA = 8
_HOST_ERROR = -9999
_MOST_CHANNELS = 64
_NONE_NS = 1 << 62
_RECORDS = 4
"""A stream ring holds so many of the longest records."""
_HISTOGRAM: dict[Side, str] = {"microphone": "audio.capture_ns", "loudspeaker": "audio.playout_ns"}
_XRUNS: dict[Side, str] = {"microphone": "audio.lost_blocks", "loudspeaker": "audio.xruns"}
_running: set[_callback.Side] = set()
"""What the library may call: kept here, whoever forgets a stream."""
_REMEDY = "engine doctor looks at it; audio.library_messages = true shows what the libraries say"


class _AlsaInfo(Structure):
    """PaAlsaStreamInfo"""

    _fields_ = (("size", c_ulong), ("type", c_int), ("version", c_ulong), ("device", c_char_p))


class _HostError(Structure):
    """PaHostErrorInfo"""

    _fields_ = (("type", c_int), ("code", c_long), ("text", c_char_p))


class _Parameters(Structure):
    """PaStreamParameters"""

    _fields_ = (
        ("device", c_int),
        ("channels", c_int),
        ("format", c_ulong),
        ("latency", c_double),
        ("specific", POINTER(_AlsaInfo)),
    )


_OPEN = (c_void_p, c_void_p, c_void_p, c_double, c_ulong, c_ulong, c_void_p, c_void_p)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "Pa_Initialize": (c_int, ()),
    "Pa_GetErrorText": (c_char_p, (c_int,)),
    "Pa_GetLastHostErrorInfo": (POINTER(_HostError), ()),
    "Pa_OpenStream": (c_int, _OPEN),
    "Pa_StartStream": (c_int, (c_void_p,)),
    "Pa_AbortStream": (c_int, (c_void_p,)),
    "Pa_CloseStream": (c_int, (c_void_p,)),
}


class PortAudio:
    """The library, loaded and initialised once. It is not made for several threads: `lock` is held around its calls.

    Raises BackendError.
    """

    def __init__(self, library_messages: bool) -> None:
        quiet(library_messages)
        self.lock = threading.Lock()
        try:
            self._library = ctypes.CDLL(LIBRARY)
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self._library, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise BackendError(f"PortAudio cannot be used ({error})", "apt-get install libportaudio2") from None
        registry = Path(f"/dev/shm/jack_db-{os.getuid()}")
        was_there = registry.exists()
        with no_pcms():
            self.call("Pa_Initialize")
        if not was_there:  # PortAudio asks whether a JACK server runs, and JACK's library leaves that behind
            shutil.rmtree(registry, ignore_errors=True)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that answers with an error code. Raises DeviceError."""
        code = getattr(self._library, name)(*arguments)
        if code == _HOST_ERROR:
            raise DeviceError(self._library.Pa_GetLastHostErrorInfo().contents.text.decode(errors="replace"))
        if code < 0:
            raise DeviceError(self._library.Pa_GetErrorText(code).decode())

    def open(self, side: Side, pcm: str, rate: int, channels: int, called: _callback.Side) -> _Open:
        """Open a PCM and let it call. Raises DeviceError."""
        info = _AlsaInfo(ctypes.sizeof(_AlsaInfo), _ALSA, 1, pcm.encode())
        parameters = _Parameters(_BY_NAME, channels, _INT16, 2 * _PERIOD_MS / 1000, pointer(info))
        stream = c_void_p()
        given = (byref(parameters), None) if side == "microphone" else (None, byref(parameters))
        with self.lock:
            threads = set(os.listdir("/proc/self/task"))
            frames = rate * _PERIOD_MS // 1000
            self.call("Pa_OpenStream", byref(stream), *given, float(rate), frames, 0, called.function, called.state)
            _running.add(called)
            try:
                self.call("Pa_StartStream", stream)
            except DeviceError:
                with contextlib.suppress(DeviceError):
                    self.call("Pa_CloseStream", stream)
                _running.discard(called)
                raise
            new = [int(thread) for thread in os.listdir("/proc/self/task") if thread not in threads]
        return _Open(self, stream, called, rate, channels, new)


class _Open:
    """A running stream of PortAudio's. threads: those that it started."""

    def __init__(
        self, library: PortAudio, stream: c_void_p, called: _callback.Side, rate: int, channels: int, threads: list[int]
    ) -> None:
        self._library, self._stream, self._called = library, stream, called
        self.rate, self.channels, self.threads = rate, channels, threads

    @property
    def last_ns(self) -> int:
        return self._called.last_ns

    @property
    def next_ns(self) -> int | None:
        return None

    def close(self) -> None:
        self._called.end()
        with self._library.lock, contextlib.suppress(DeviceError):
            self._library.call("Pa_AbortStream", self._stream)
        with self._library.lock, contextlib.suppress(DeviceError):
            self._library.call("Pa_CloseStream", self._stream)
        _running.discard(self._called)


class _Microphone(_Open):
    ended = False

    def __init__(self, opened: _Open, ends: Ends) -> None:
        self.__dict__.update(opened.__dict__)
        self._frames, self._told = ends.frames, ends.told["microphone"]
        self._least_ns = _NONE_NS

    def close(self) -> None:
        super().close()
        # What it heard last lies in the ring: nobody shall hear it any more. Records as long as can be fill it from end
        # to end when it has been gone round twice.
        silence = np.zeros(self._told.max_items, np.int16)
        for _ in range(2 * _RECORDS):
            self._told.put(silence)
            for _ in self._frames:
                pass

    def read(self) -> Iterator[tuple[Pcm, int, int]]:
        for record in self._frames:
            yield record.data.reshape(-1, self.channels), record.a, record.capture_ns - self._late_ns(record.b)

    def _late_ns(self, latency_ns: int) -> int:
        """By how much a call came late: so much longer than the least had its sound been waiting. What a library calls
        latency differs between devices, its changes do not. A sound server's calls wander by a whole period."""
        if latency_ns:  # 0: not known
            self._least_ns = min(self._least_ns, latency_ns)
        return max(0, latency_ns - self._least_ns)


class _Loudspeaker(_Open):
    def __init__(self, opened: _Open, frames: ringbuf.StreamWriter, marks: ringbuf.StreamReader) -> None:
        self.__dict__.update(opened.__dict__)
        self._frames, self._marks = frames, marks

    def put(self, frames: Pcm) -> bool:
        return self._frames.put(frames)

    def marks(self) -> Iterator[Mark]:
        for record in self._marks:
            yield Mark(record.a, record.session, record.deadline_ns, record.capture_ns, record.b)


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
            {"microphone": seat.stream_writer("capture", np.int16), "loudspeaker": seat.stream_writer("marks")},
            seat.stream_reader("capture", np.int16),
            seat.stream_reader("marks"),
            seat.stream_writer("playout", np.int16),
            ringbuf.StreamReader(segment(seat.instance, "playout"), dtype=np.int16),
        )


@dataclass(slots=True)
class _Counted:
    """A side, and how many of its xruns are in the telemetry already."""

    called: _callback.Side
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
        self._sides: dict[Side, _Counted] = {}
        self._low: list[_Open] = []
        """Streams whose threads have no real-time priority yet."""

    def find(self, side: Side, wanted: str) -> Device | None:
        return find(side, wanted)

    def is_there(self, device: Device) -> bool | None:
        return is_there(device)

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
        for side, counted in list(self._sides.items()):
            xruns = counted.called.xruns
            self._cells.add(AT[_XRUNS[side]], xruns - counted.xruns)
            counted.xruns = xruns

    def open_microphone(self, device: Device) -> _Microphone:
        return _Microphone(self._open("microphone", device), self._ends)

    def open_loudspeaker(self, device: Device) -> _Loudspeaker:
        for _ in self._ends.played:  # a predecessor's
            pass
        return _Loudspeaker(self._open("loudspeaker", device), self._ends.playout, self._ends.marks)

    def _open(self, side: Side, device: Device) -> _Open:
        """The device at its own rate and channels, or else as it can be had."""
        rates = list(dict.fromkeys(rate for rate in (device.rate_hz, *_RATES) if rate))
        most = min(device.channels or 2, _MOST_CHANNELS)
        wide = list(dict.fromkeys((most, 2, 1)))
        why = DeviceError("it has no name to open it by")
        pcms = filter(None, (device.pcm, device.pcm_fallback))
        for pcm, rate, channels in itertools.product(pcms, rates, wide):
            try:
                opened = self._library.open(side, pcm, rate, channels, self._called(side, channels))
            except DeviceError as error:
                why = error
            else:
                self._low.append(opened)
                return opened
        raise DeviceError(f"{side} {device.label} cannot be opened: {why}", _REMEDY)

    def _called(self, side: Side, channels: int) -> _callback.Side:
        told = self._ends.told[side].handle()
        sound = self._ends.played.handle() if side == "loudspeaker" else None
        called = _callback.Side(channels, told, sound, self._durations[side][0])
        self._sides[side] = _Counted(called)
        return called

    def _raise(self, threads: list[int]) -> None:
        """Real-time priority for the library's threads."""
        if self._priority:
            for thread in threads:
                with contextlib.suppress(OSError):
                    param = os.sched_param(self._priority)
                    os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, param)
