"""From words to phonemes, for voices that are fed those: the ways there are, and what all of them share.

A way gives each part of a text (what stands between two blanks) its phonemes in IPA, so that a voice still knows to
which word a sound belongs. Punctuation goes around them again: it tells a voice where to pause and how to end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from engine.errors import BackendError

WAYS = {
    "flite": "workers.backends.phonemes_flite:FlitePhonemes",
    "espeak": "workers.backends.phonemes_espeak:EspeakPhonemes",
}
PRIMARY, SECONDARY = "ˈ", "ˌ"
"""Stress. It stands before the vowel, where voices of espeak-ng's school expect it."""
_EDGES = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)
_POSSESSIVE = re.compile("(.+)['\N{RIGHT SINGLE QUOTATION MARK}]s", re.IGNORECASE)
_UNITS = re.compile("[ˈˌ]?(?:[ae]ɪ|aʊ|[oə]ʊ|ɔɪ|[dt][ʒʃ]|.[\u0300-\u036fːʰʲ]+|.)", re.DOTALL)
VOICELESS, _HISSING = "ptkfθ", "szʃʒ"


class Phonemizer(Protocol):
    """A way from text to phonemes, loaded for one language. Errors: BackendError, from its constructor alone."""

    def readable(self, word: str) -> str:
        """A word in characters that it reads; there may be blanks among them, or nothing at all."""

    def __call__(self, text: str) -> Sequence[Sequence[str]]:
        """For each part of `text`, which are parted by single blanks, its phonemes in IPA, each with its stress before
        it. A part that is said together with the one before it has none of its own."""

    def close(self) -> None:
        """Give back what it holds."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text as it is said: punctuation, phonemes, punctuation."""

    before: str
    phonemes: tuple[str, ...]
    after: str


def open_way(name: str, language: str) -> Phonemizer:
    """The way called `name`, for a language as espeak-ng names it (`en-us`). Raises BackendError with the remedy."""
    if name not in WAYS:
        raise BackendError(f"there is no way to phonemes called {name!r}", f"set phonemes to one of {', '.join(WAYS)}")
    module, _, cls = WAYS[name].partition(":")
    way: Phonemizer = getattr(import_module(module), cls)(language)
    return way


class Speller:
    """What turns a text into `Part`s: a way to phonemes, and before it the words whose phonemes the user wrote.

    lexicon: by word the phonemes in IPA, or in the voice's own alphabet.
    """

    def __init__(self, way: Phonemizer, lexicon: Mapping[str, str]) -> None:
        self.way = way
        self._own = {way.readable(word).strip().casefold(): units(said) for word, said in lexicon.items()}

    def __call__(self, text: str) -> list[Part]:
        """The parts of `text`, which are parted by single blanks, in their order."""
        written = text.split(" ")
        found = []
        for part, said in zip(written, self.way(text), strict=True):
            before, core, after = _EDGES.fullmatch(part).groups()  # type: ignore[union-attr]  # fits any text
            phonemes = self._of_user(core)
            found.append(Part(before, tuple(said) if phonemes is None else phonemes, after))
        return found

    def _of_user(self, word: str) -> tuple[str, ...] | None:
        word = word.casefold()
        if word in self._own:
            return self._own[word]
        if (match := _POSSESSIVE.fullmatch(word)) and match[1] in self._own:
            return plural(self._own[match[1]])
        return None


def units(ipa: str) -> tuple[str, ...]:
    """Written phonemes, one by one: diphthongs and affricates stay whole, a stress stays with what it stands before."""
    written = "".join(ipa.split()).replace("\u0361", "")  # the tie of t͡ʃ
    return tuple(each for each in _UNITS.findall(written) if each.strip("ˈˌ"))


def plural(phonemes: tuple[str, ...]) -> tuple[str, ...]:
    """English: with the sound of an s behind it."""
    last = phonemes[-1][-1] if phonemes else ""
    return (*phonemes, *(("ɪ", "z") if last in _HISSING else ("s",) if last in VOICELESS else ("z",)))
