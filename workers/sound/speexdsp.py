"""SpeexDSP, the C library, called through ctypes: an adaptive filter for echoes, noise suppression, gain control.

Its functions are those of `speex/speex_echo.h` and `speex/speex_preprocess.h`, unchanged since 1.2. Everything here
works in frames of a fixed length in memory that is given, allocates nothing after it was made, and never waits.
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import byref, c_float, c_int, c_void_p
from typing import Any

from engine.contract import Pcm
from engine.errors import BackendError

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "speex_echo_state_init": (c_void_p, (c_int, c_int)),
    "speex_echo_state_destroy": (None, (c_void_p,)),
    "speex_echo_cancellation": (None, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "speex_echo_state_reset": (None, (c_void_p,)),
    "speex_echo_ctl": (c_int, (c_void_p, c_int, c_void_p)),
    "speex_preprocess_state_init": (c_void_p, (c_int, c_int)),
    "speex_preprocess_state_destroy": (None, (c_void_p,)),
    "speex_preprocess_run": (c_int, (c_void_p, c_void_p)),
    "speex_preprocess_ctl": (c_int, (c_void_p, c_int, c_void_p)),
}
_ECHO_SET_SAMPLING_RATE = 24
_SET_DENOISE, _SET_AGC, _SET_AGC_LEVEL, _SET_NOISE_SUPPRESS, _SET_AGC_MAX_GAIN = 0, 2, 6, 18, 30
_NOISE_DB = -15
"""So much of steady noise is taken away: more bends the voice."""
_LOUD, _MOST_GAIN_DB = 8000.0, 20
"""What gain control makes of a voice (of 32768), and how much it adds at most."""


@functools.cache
def _library() -> Any:
    """The C library with the types of its functions set. Raises BackendError when it is missing."""
    try:
        lib = ctypes.CDLL("libspeexdsp.so.1")
    except OSError:
        raise BackendError(
            "libspeexdsp.so.1, which cancels echoes, is missing",
            'run: apt-get install libspeexdsp1, or set audio.aec to "hardware" or "off"',
        ) from None
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, list(arguments)
    return lib


class AdaptiveFilter:
    """Takes away from the microphone what an adaptive filter makes of the loudspeaker's sound: a multidelay block
    frequency domain filter whose rate of learning follows how much is left (J.-M. Valin, "On adjusting the learning
    rate in frequency domain echo cancellation with double-talk", IEEE TASLP 2007). What it gives is not delayed.

    frame: samples in each call. reach: how many samples after it was played a sound's echo may end.
    """

    def __init__(self, frame: int, reach: int, rate: int) -> None:
        self._lib = _library()
        self._state = self._lib.speex_echo_state_init(frame, reach)
        if not self._state:
            raise MemoryError
        self._lib.speex_echo_ctl(self._state, _ECHO_SET_SAMPLING_RATE, byref(c_int(rate)))

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        """`heard` without the echo of `played`, both of the same time, into `out`. All are contiguous frames."""
        at = heard.ctypes.data, played.ctypes.data, out.ctypes.data
        self._lib.speex_echo_cancellation(self._state, *at)

    def forget(self) -> None:
        """Learn anew."""
        self._lib.speex_echo_state_reset(self._state)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.speex_echo_state_destroy(self._state)


class Preprocessor:
    """Takes steady noise away and evens out how loud a voice is.

    frame: samples in each call. late: samples by which what it gives is late.
    """

    def __init__(self, frame: int, rate: int, *, noise_suppression: bool, gain_control: bool) -> None:
        self._lib = _library()
        self.late = frame
        self._state = self._lib.speex_preprocess_state_init(frame, rate)
        if not self._state:
            raise MemoryError
        for request, value in (
            (_SET_DENOISE, c_int(noise_suppression)),
            (_SET_NOISE_SUPPRESS, c_int(_NOISE_DB)),
            (_SET_AGC, c_int(gain_control)),
            (_SET_AGC_LEVEL, c_float(_LOUD)),
            (_SET_AGC_MAX_GAIN, c_int(_MOST_GAIN_DB)),
        ):
            self._lib.speex_preprocess_ctl(self._state, request, byref(value))

    def __call__(self, frame: Pcm) -> None:
        """In place."""
        self._lib.speex_preprocess_run(self._state, frame.ctypes.data)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._lib.speex_preprocess_state_destroy(self._state)
