"""Phonemes by espeak-ng (GPL-3, the extra `espeak`): many languages, and what most voices were trained on.

They are taken from the events of a synthesis whose sound is thrown away (1 ms a second of it), because only these
say to which word each phoneme belongs: `espeak_TextToPhonemes` gives a clause as a whole, joins words ("fɹʌmðə") and,
in 1.51, begins with a left-over letter after a synthesis that was stopped. None is stopped here.
"""

from __future__ import annotations

import itertools
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from engine.errors import BackendError
from workers.backends.clauses import primary
from workers.backends.espeak import (
    BY_CHARACTER,
    CONTINUE,
    DONT_EXIT,
    LIST_END,
    SHORTEST_MS,
    SYNCHRONOUS,
    UNSPOKEN,
    UTF8,
    aliases,
    callback_type,
    library,
)

WITH_PHONEMES, IN_IPA = 1, 2
PHONEME = 7
"""The kind of event that tells of one; `id` holds its name."""
_NO_PHONEMES = str.maketrans("", "", "_:|-")
"""Signs of pauses and joints."""


class EspeakPhonemes:
    """A `phonemes.Phonemizer`. espeak-ng keeps everything in globals: one of these, or of `Espeak`, in a process."""

    def __init__(self, language: str) -> None:
        self._espeak, data = library()
        options = DONT_EXIT | WITH_PHONEMES | IN_IPA
        if self._espeak.espeak_Initialize(SYNCHRONOUS, SHORTEST_MS, data.encode(), options) <= 0:
            raise BackendError(f"espeak-ng finds no data in {data}", "pip install --force-reinstall espeakng-loader")
        known = aliases(self._espeak)
        named = language.lower() if language.lower() in known else primary(language)
        if named not in known or self._espeak.espeak_SetVoiceByName(known[named][1].encode()):
            raise BackendError(f"espeak-ng makes no phonemes of {language!r}", "choose a voice of another language")
        self._begins: list[int] = []
        self._found: list[list[str]] = []
        # Kept here: nothing in C keeps it from being collected.
        self._callback = callback_type(self._events)
        self._espeak.espeak_SetSynthCallback(self._callback)

    def readable(self, word: str) -> str:
        return "".join(" " if unicodedata.category(each).startswith(UNSPOKEN) else each for each in word)

    def __call__(self, text: str) -> Sequence[Sequence[str]]:
        parts = text.split(" ")
        self._begins = list(accumulate((len(part) + 1 for part in parts[:-1]), initial=0))
        self._found = [[] for _ in parts]
        data = text.encode()
        self._espeak.espeak_Synth(data, len(data) + 1, 0, BY_CHARACTER, 0, UTF8, None, None)
        return self._found

    def close(self) -> None:
        self._espeak.espeak_Terminate()

    def _events(self, samples: Any, size: int, events: Any) -> int:
        for event in itertools.takewhile(lambda event: event.type != LIST_END, events or ()):
            if event.type == PHONEME:
                name = bytes(event.id)
                said = name.partition(b"\0")[0].decode("utf-8", "ignore").translate(_NO_PHONEMES)
                number = max(0, bisect_right(self._begins, event.text_position - 1) - 1)
                if said.strip("ˈˌ"):
                    self._found[number].append(said)
        return CONTINUE
