"""PortAudio (libportaudio.so.2, MIT) through ctypes, with callbacks in C (native/callback.h).

Not by PyAudio: its callbacks are Python, which takes the interpreter's lock and allocates in the device's thread
(bench/devices.py has the figures), and it opens only what PortAudio has listed, by a number that changes. Here any ALSA
PCM is opened by its name, `PaAlsaStreamInfo.deviceString` (pa_linux_alsa.h): the cards themselves, and the sources and
sinks of PulseAudio and PipeWire through ALSA's plug-in for them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import threading
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_long, c_ulong, c_void_p, pointer
from pathlib import Path
from typing import Any

from engine.devices import Side, no_pcms, quiet
from engine.errors import BackendError, DeviceError
from workers.drivers._callback import Callback

LIBRARY = "libportaudio.so.2"
_PERIOD_MS = 10
"""Between two calls of a device."""
_INT16 = 8
_BY_NAME = -2
"""paUseHostApiSpecificDeviceSpecification"""
_ALSA = 8
_HOST_ERROR = -9999
_running: set[Callback] = set()
"""What the library may call: kept here, whoever forgets a stream."""


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

    def open(self, side: Side, pcm: str, rate: int, channels: int, callback: Callback) -> Opened:
        """Open a PCM and let it call. Raises DeviceError."""
        info = _AlsaInfo(ctypes.sizeof(_AlsaInfo), _ALSA, 1, pcm.encode())
        parameters = _Parameters(_BY_NAME, channels, _INT16, 2 * _PERIOD_MS / 1000, pointer(info))
        stream = c_void_p()
        given = (byref(parameters), None) if side == "microphone" else (None, byref(parameters))
        with self.lock:
            threads = set(os.listdir("/proc/self/task"))
            frames = rate * _PERIOD_MS // 1000
            self.call("Pa_OpenStream", byref(stream), *given, float(rate), frames, 0, callback.function, callback.state)
            _running.add(callback)
            try:
                self.call("Pa_StartStream", stream)
            except DeviceError:
                with contextlib.suppress(DeviceError):
                    self.close(stream, callback)
                raise
            new = [int(thread) for thread in os.listdir("/proc/self/task") if thread not in threads]
        return Opened(self, stream, callback, rate, channels, new)

    def close(self, stream: c_void_p, callback: Callback) -> None:
        """Close a stream; hold the lock. Raises DeviceError: then it may go on calling."""
        with contextlib.suppress(DeviceError):
            self.call("Pa_AbortStream", stream)
        self.call("Pa_CloseStream", stream)
        _running.discard(callback)


class Opened:
    """A stream of PortAudio's that runs: `channels` int16 samples in each of `rate` frames a second. threads: those
    that it started."""

    def __init__(
        self, library: PortAudio, stream: c_void_p, callback: Callback, rate: int, channels: int, threads: list[int]
    ) -> None:
        self._library, self._stream, self._callback = library, stream, callback
        self.rate, self.channels, self.threads = rate, channels, threads

    @property
    def last_ns(self) -> int:
        """When the device called last, CLOCK_MONOTONIC; 0 before that."""
        return self._callback.last_ns

    def close(self) -> None:
        """Close it. Raises DeviceError."""
        self._callback.end()
        with self._library.lock:
            self._library.close(self._stream, self._callback)
