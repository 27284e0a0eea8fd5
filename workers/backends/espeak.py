"""espeak-ng's formant voices (GPL-3, PyPI package `espeakng-loader`, an extra) through ctypes.

It speaks many languages, needs no model and almost no time. It keeps everything in globals: load one `Espeak` per
process, and drive it from one thread.
Interface: github.com/espeak-ng/espeak-ng, `src/include/espeak-ng/speak_lib.h`.
"""

from __future__ import annotations

import ctypes
import difflib
import importlib
import itertools
import unicodedata
from collections.abc import Iterator
from ctypes import CDLL, CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_short, c_size_t, c_ubyte, c_uint, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract import Rung
from engine.errors import BackendError
from workers.backends.clauses import ClauseVoice, number, primary

CONTINUE, STOP = 0, 1
SYNCHRONOUS = 2
DONT_EXIT = 0x8000
"""Without it the library ends the process when its data are missing."""
SHORTEST_MS = 60
"""Sound handed over at a time; the library takes no less."""
UTF8 = 1
BY_CHARACTER = 1
RATE, PITCH = 1, 3
WORDS_PER_MINUTE = 175
"""The library's normal speed."""
LIST_END, WORD = 0, 1
"""Kinds of events."""
UNSPOKEN = ("C", "So", "Sk")
"""Unicode categories left out: control characters, surrogates, unassigned; emoji, whose names nobody wants to hear."""


class _Voice(Structure):
    """espeak_VOICE"""

    _fields_ = (
        ("name", c_char_p),
        ("languages", c_void_p),
        ("identifier", c_char_p),
        ("gender", c_ubyte),
        ("age", c_ubyte),
        ("variant", c_ubyte),
        ("xx1", c_ubyte),
        ("score", c_int),
        ("spare", c_void_p),
    )


class _Event(Structure):
    """espeak_EVENT"""

    _fields_ = (
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", c_ubyte * 8),
    )


callback_type = CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "espeak_Initialize": (c_int, (c_int, c_int, c_char_p, c_int)),
    "espeak_SetSynthCallback": (None, (callback_type,)),
    "espeak_ListVoices": (POINTER(POINTER(_Voice)), (c_void_p,)),
    "espeak_SetVoiceByName": (c_int, (c_char_p,)),
    "espeak_SetParameter": (c_int, (c_int, c_int, c_int)),
    "espeak_Synth": (c_int, (c_char_p, c_size_t, c_uint, c_int, c_uint, c_uint, c_void_p, c_void_p)),
    "espeak_Terminate": (c_int, ()),
}


def library() -> tuple[CDLL, str]:
    """The library and the directory of its data."""
    try:
        loader = importlib.import_module("espeakng_loader")
        found = CDLL(loader.get_library_path())
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
        return found, loader.get_data_path()
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise BackendError(f"espeak-ng cannot be used ({error})", "pip install 'antiphon[espeak]'") from None


def _voices(espeak: CDLL) -> Iterator[_Voice]:
    listed = espeak.espeak_ListVoices(None)
    for index in itertools.count():
        if not listed[index]:
            return
        yield listed[index].contents


def _languages(voice: _Voice) -> Iterator[tuple[int, str]]:
    """A voice's languages, each with how little it is meant for it. In memory each is a byte for that and a string;
    after the last stands a zero byte."""
    at = voice.languages
    while at and (priority := ctypes.string_at(at, 1)[0]):
        language = ctypes.string_at(at + 1)
        yield priority, language.decode("utf-8", "replace").lower()
        at += len(language) + 2


def aliases(espeak: CDLL) -> dict[str, tuple[int, str, frozenset[str]]]:
    """By each name that people may write, in small letters, the voice that is meant: how little it is meant, its
    identifier and the languages it speaks. The library itself knows file names only, so `en-gb` is nothing to it."""
    found: dict[str, tuple[int, str, frozenset[str]]] = {}
    for voice in _voices(espeak):
        languages = list(_languages(voice))
        identifier = voice.identifier.decode("utf-8", "replace")
        spoken = frozenset(primary(language) for _, language in languages)
        own = [(0, identifier.rpartition("/")[2].lower()), (0, voice.name.decode("utf-8", "replace").lower())]
        for priority, alias in own + languages:
            if alias not in found or priority < found[alias][0]:
                found[alias] = (priority, identifier, spoken)
    return found


class Espeak(ClauseVoice):
    """settings: voice = "en-us", a language or name of espeak-ng's, with `+f3` and the like for a variant; speed = 1.0,
    a ratio, 0.5 to 2; pitch = 50, 0 to 100; pause_ms = 200."""

    def __init__(self) -> None:
        super().__init__()
        self._loaded = False
        self._own_rate = 1

    def load(self, rung: Rung) -> None:
        speed = number(rung.settings, "speed", 1.0, 0.5, 2.0)
        pitch = number(rung.settings, "pitch", 50, 0, 100)
        self.unload()
        self._espeak, data = library()
        rate: int = self._espeak.espeak_Initialize(SYNCHRONOUS, SHORTEST_MS, data.encode(), DONT_EXIT)
        if rate <= 0:
            raise BackendError(f"espeak-ng finds no data in {data}", "pip install --force-reinstall espeakng-loader")
        self._loaded = True
        self._choose(str(rung.settings.get("voice", "en-us")), rung.language, Path(data, "voices", "!v"))
        self._espeak.espeak_SetParameter(RATE, round(WORDS_PER_MINUTE * speed), 0)
        self._espeak.espeak_SetParameter(PITCH, round(pitch), 0)
        # Kept here: nothing in C keeps it from being collected.
        self._callback = callback_type(self._chunk)
        self._espeak.espeak_SetSynthCallback(self._callback)
        self._own_rate = rate
        self._open(rung, rate)

    def unload(self) -> None:
        if self._loaded:
            self._espeak.espeak_Terminate()
            self._loaded = False

    def _choose(self, name: str, language: str, variants: Path) -> None:
        """Select a voice. The library says nothing of a variant that it does not have, nor of a foreign voice."""
        known = aliases(self._espeak)
        fitting = sorted(alias for alias, (_, _, spoken) in known.items() if primary(language) in spoken)
        if not fitting:
            every = sorted(frozenset().union(*(spoken for _, _, spoken in known.values())))
            raise BackendError(f"espeak-ng does not speak {language!r}", f"set language to one of {', '.join(every)}")
        base, _, variant = name.partition("+")
        if base.lower() not in fitting:
            foreign = base.lower() in known
            fault = f"does not speak {language!r}" if foreign else "is not there"
            near = (not foreign and difflib.get_close_matches(base.lower(), fitting, 3, 0.5)) or fitting
            raise BackendError(
                f"espeak-ng's voice {name!r} {fault}", f"set vocoder.espeak.voice to one of {', '.join(near)}"
            )
        there = sorted(each.name for each in variants.iterdir())
        if variant and variant not in there:
            raise BackendError(f"espeak-ng has no variant {variant!r}", f"write one of {', '.join(there)} after the +")
        identifier = known[base.lower()][1]
        if self._espeak.espeak_SetVoiceByName((f"{identifier}+{variant}" if variant else identifier).encode()):
            raise BackendError(f"espeak-ng cannot load its voice {name!r}", "set vocoder.espeak.voice to another")

    def _readable(self, word: str) -> str:
        return "".join(" " if unicodedata.category(each).startswith(UNSPOKEN) else each for each in word)

    def _say(self, text: str) -> None:
        data = text.encode()
        self._espeak.espeak_Synth(data, len(data) + 1, 0, BY_CHARACTER, 0, UTF8, None, None)

    def _chunk(self, samples: Any, size: int, events: Any) -> int:
        """espeak-ng's `t_espeak_callback`; no samples means the end."""
        for event in itertools.takewhile(lambda event: event.type != LIST_END, events or ()):
            if event.type == WORD:
                self._mark(event.text_position - 1, event.sample / self._own_rate)
        if not samples or not size:
            return CONTINUE
        return CONTINUE if self._take(np.ctypeslib.as_array(samples, (size,))) else STOP
