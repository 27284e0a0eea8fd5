"""Flite's English voices (CMU Flite 2, Debian package `libflite1`, permissive licence) through ctypes.

Flite keeps voices and lexicon in globals: load one `Flite` per process, and drive it from one thread.
Structures: github.com/festvox/flite, `include/cst_audio.h`, `cst_wave.h` and `cst_voice.h`; natural alignment, so
the same on x86-64 and ARM.
"""

from __future__ import annotations

import re
from ctypes import CDLL, CFUNCTYPE, POINTER, Structure, c_char_p, c_float, c_int, c_short, c_void_p
from typing import Any

import numpy as np

from engine.contract import Pcm, Rung
from engine.errors import BackendError
from workers.backends.clauses import CHUNK_MS, ClauseVoice, number, primary
from workers.backends.plain import plain_english

LIBRARY = "libflite.so.1"
VOICE_LIBRARY = "libflite_cmu_us_{voice}.so.1"
VOICES = ("slt", "rms", "awb", "kal16", "kal")
"""What `libflite1` brings; kal speaks at 8 kHz, the others at 16."""
CONTINUE, STOP = 0, -1
STREAMING, STRETCH, PITCH = b"streaming_info", b"duration_stretch", b"int_f0_target_mean"
"""Names of flite's settings. flite keeps the pointer, not the text, so they must live as long as the process."""
BEGIN = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
"""Where a word begins: its first syllable's first sound follows the one before it. In seconds."""


class _Wave(Structure):
    """cst_wave"""

    _fields_ = (
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    )


class _Voice(Structure):
    """The beginning of cst_voice."""

    _fields_ = (("name", c_char_p), ("features", c_void_p))


_Callback = CFUNCTYPE(c_int, POINTER(_Wave), c_int, c_int, c_int, c_void_p)


class _Streaming(Structure):
    """cst_audio_streaming_info"""

    _fields_ = (
        ("min_buffsize", c_int),
        ("asc", _Callback),
        ("utt", c_void_p),
        ("item", c_void_p),
        ("userdata", c_void_p),
    )


_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "flite_init": (c_int, ()),
    "new_audio_streaming_info": (POINTER(_Streaming), ()),
    "audio_streaming_info_val": (c_void_p, (POINTER(_Streaming),)),
    "feat_set": (None, (c_void_p, c_char_p, c_void_p)),
    "feat_remove": (c_int, (c_void_p, c_char_p)),
    "feat_present": (c_int, (c_void_p, c_char_p)),
    "flite_feat_set_float": (None, (c_void_p, c_char_p, c_float)),
    "flite_get_param_float": (c_float, (c_void_p, c_char_p, c_float)),
    "flite_get_param_int": (c_int, (c_void_p, c_char_p, c_int)),
    "flite_synth_text": (c_void_p, (c_char_p, c_void_p)),
    "utt_relation": (c_void_p, (c_void_p, c_char_p)),
    "relation_head": (c_void_p, (c_void_p,)),
    "item_next": (c_void_p, (c_void_p,)),
    "item_daughter": (c_void_p, (c_void_p,)),
    "item_feat_int": (c_int, (c_void_p, c_char_p)),
    "ffeature_float": (c_float, (c_void_p, c_char_p)),
    "delete_utterance": (None, (c_void_p,)),
}


def _library() -> CDLL:
    try:
        library = CDLL(LIBRARY)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise BackendError(f"flite's library cannot be used ({error})", "apt-get install libflite1") from None
    return library


def _register(name: str) -> Any:
    """The voice's registering function; None where the voice is not installed."""
    if not re.fullmatch(r"[a-z0-9_]+", name):
        return None
    try:
        return getattr(CDLL(VOICE_LIBRARY.format(voice=name)), f"register_cmu_us_{name}")
    except (OSError, AttributeError):
        return None


class Flite(ClauseVoice):
    """settings: voice = "slt"; speed = 1.0, a ratio, 0.5 to 2; pitch_hz = 0, the voice's own; pause_ms = 200.

    Before its first sound flite works out the whole clause, about 1 ms a word with the voices slt, rms and awb; kal
    and kal16, rougher voices, take a tenth of that.
    """

    def __init__(self) -> None:
        super().__init__()
        self._features = 0
        self._usual: dict[bytes, float | None] = {}
        self._wave: Pcm = np.empty(0, np.int16)

    def load(self, rung: Rung) -> None:
        if primary(rung.language) != "en":
            raise BackendError(
                f"flite speaks English only, not {rung.language!r}",
                'set vocoder.backend = "espeak", or language = "en"',
            )
        speed = number(rung.settings, "speed", 1.0, 0.5, 2.0)
        pitch = number(rung.settings, "pitch_hz", 0, 0, 400)
        name = str(rung.settings.get("voice", "slt"))
        self._flite = _library()
        register = _register(name)
        if register is None:
            known = ", ".join(each for each in VOICES if _register(each))
            raise BackendError(
                f"flite has no voice {name!r}",
                f"set vocoder.flite.voice to one of {known}" if known else "apt-get install libflite1",
            )
        self.unload()
        self._flite.flite_init()
        register.restype, register.argtypes = c_void_p, (c_char_p,)
        self._voice: int = register(None)
        self._features = _Voice.from_address(self._voice).features
        rate: int = self._flite.flite_get_param_int(self._features, b"sample_rate", 16000)
        self._open(rung, rate)
        stretch: float = self._flite.flite_get_param_float(self._features, STRETCH, 1.0)
        self._set(STRETCH, stretch / speed)
        if pitch:
            self._set(PITCH, pitch)
        # Kept here: nothing in C keeps it from being collected.
        self._callback = _Callback(self._chunk)
        streaming = self._flite.new_audio_streaming_info()
        # Sound is handed over once there is more than this.
        streaming.contents.min_buffsize = rate * CHUNK_MS // 1000 - 1
        streaming.contents.asc = self._callback
        self._flite.feat_set(self._features, STREAMING, self._flite.audio_streaming_info_val(streaming))

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        """All voices are in the library already. And there may be only one of us."""
        return True

    def unload(self) -> None:
        """Give the voice back as it was. It stays registered: unregistering frees its lexicon, which is constant data
        of the library, and crashes. Its pages are mapped from a file and go when memory is short."""
        if not self._features:
            return
        for name, usual in self._usual.items():
            if usual is None:
                self._flite.feat_remove(self._features, name)
            else:
                self._flite.flite_feat_set_float(self._features, name, usual)
        self._flite.feat_remove(self._features, STREAMING)
        self._usual, self._features = {}, 0

    def _set(self, name: bytes, value: float) -> None:
        present = self._flite.feat_present(self._features, name)
        self._usual[name] = self._flite.flite_get_param_float(self._features, name, 0.0) if present else None
        self._flite.flite_feat_set_float(self._features, name, value)

    def _readable(self, word: str) -> str:
        return plain_english(word)

    def _say(self, text: str) -> None:
        utterance = self._flite.flite_synth_text(text.encode(), self._voice)
        self._wave = np.empty(0, np.int16)
        if utterance:
            self._mark_words(utterance)
            self._flite.delete_utterance(utterance)

    def _mark_words(self, utterance: int) -> None:
        """Read from an utterance that was said when each of its tokens began. A token is what stands between blanks,
        or a part of it; it may be said in several words, or in none."""
        flite = self._flite
        token = flite.relation_head(flite.utt_relation(utterance, b"Token"))
        while token:
            word = flite.item_daughter(token)
            # A full stop that stands alone is a word without a sound.
            if word and (begin := flite.ffeature_float(word, BEGIN)):
                # The position lies behind the blank that ends the token.
                self._mark(flite.item_feat_int(token, b"file_pos") - 2, begin)
            token = flite.item_next(token)

    def _chunk(self, wave: Any, start: int, size: int, last: int, streaming: int | None) -> int:
        """flite's `cst_audio_stream_callback`: samples `start` to `start + size` of `wave` are ready."""
        if start == 0:
            # One view of the whole clause: flite has taken its memory by now and fills it from here on.
            whole = wave.contents
            self._wave = np.ctypeslib.as_array(whole.samples, (whole.num_samples,))
        return CONTINUE if self._take(self._wave[start : start + size]) else STOP
