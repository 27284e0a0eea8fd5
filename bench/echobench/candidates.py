"""The cancellers that are compared, all as the engine's own would be called."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from engine.contract import Pcm
from workers.sound.echo import FRAME_MS, Canceller, Nothing, Own
from workers.sound.speexdsp import AdaptiveFilter, Preprocessor

RATE = 16000
STEP = RATE * FRAME_MS // 1000


class Speex(Nothing):
    """SpeexDSP's filter, and its own suppressor if `post`."""

    def __init__(self, post: bool) -> None:
        self._filter = AdaptiveFilter(STEP, RATE // 5, RATE)
        self._post = Preprocessor(STEP, RATE, noise_suppression=True, gain_control=False) if post else None
        if self._post:
            echo_state = 24
            self._post._lib.speex_preprocess_ctl(self._post._state, echo_state, ctypes.c_void_p(self._filter._state))
            self.late = self._post.late

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        self._filter(heard, played, out)
        if self._post:
            self._post(out)


class WebRtc(Nothing):
    """AEC3: the EchoCanceller of pywebrtc-audio. It is two blocks of 64 samples late."""

    late = 128

    def __init__(self) -> None:
        from pywebrtc_audio import EchoCanceller

        self._aec = EchoCanceller(RATE)

    def __call__(self, heard: Pcm, played: Pcm, out: Pcm) -> None:
        out[:] = self._aec.process(heard, played)


CANDIDATES: dict[str, Callable[[], Canceller]] = {
    "none": Nothing,
    "own": lambda: Own(RATE),
    "webrtc": WebRtc,
    "speex": lambda: Speex(post=False),
    "speex-post": lambda: Speex(post=True),
}
