"""Phonemes by CMU Flite (Debian's `libflite1`, permissive licence): English alone, every word, and no GPL.

Flite's own text analysis is run up to the segments and no further: its lexicon (CMUdict's), its letter-to-sound rules
for words that are not in there, its tagger, which tells "I read" from "to read", and the stress of each syllable. It
takes 0.3 ms a clause and nothing that the default install does not have.

Chosen over misaki, which Kokoro's authors use: its English needs spaCy with a model of its own and, for words it does
not know, espeak-ng through phonemizer (both GPL-3). And over PocketSphinx's dictionary, which knows no stress.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from ctypes import CDLL, c_char_p, c_int, c_void_p
from itertools import accumulate
from typing import Any

from engine.errors import BackendError
from workers.backends.clauses import primary
from workers.backends.phonemes import PRIMARY, VOICELESS
from workers.backends.plain import plain_english

LIBRARY, VOICE_LIBRARY, VOICE = "libflite.so.1", "libflite_cmu_us_kal.so.1", "register_cmu_us_kal"
"""The smallest voice: only its text analysis is used, which all American voices share."""

IPA = {
    **{each: each for each in ("b", "d", "f", "k", "l", "m", "n", "p", "s", "t", "v", "w", "z")},
    "aa": "ɑː",
    "ae": "æ",
    "ah": "ʌ",
    "ao": "ɔː",
    "aw": "aʊ",
    "ax": "ə",
    "ay": "aɪ",
    "eh": "ɛ",
    "er": "ɚ",
    "ey": "eɪ",
    "ih": "ɪ",
    "iy": "i",
    "ow": "oʊ",
    "oy": "ɔɪ",
    "uh": "ʊ",
    "uw": "uː",
    "ch": "tʃ",
    "dh": "ð",
    "g": "ɡ",
    "hh": "h",
    "jh": "dʒ",
    "ng": "ŋ",
    "r": "ɹ",
    "sh": "ʃ",
    "th": "θ",
    "y": "j",
    "zh": "ʒ",
}
"""By flite's names, as espeak-ng writes American English."""
STRESSED = {"er": "ɜː", "iy": "iː", "ax": "ʌ"}
"""What is written differently under stress."""
VOWELS = frozenset(("aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"))
_TAPPING = VOWELS | {"r"}
_WEAK = (
    "a an the of in on at to from by for with as than and or but if is are was were be been am has have had do does "
    "can could will would shall should may might must it its he him his she her we us our they them their you your i "
    "me my 's 'll 've 're 'd"
)
WEAK = frozenset(_WEAK.split())
"""Words that only hold others together, and carry no stress where nobody lays it on them."""

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "flite_init": (c_int, ()),
    "new_utterance": (c_void_p, ()),
    "utt_set_input_text": (c_int, (c_void_p, c_char_p)),
    "utt_init": (c_void_p, (c_void_p, c_void_p)),
    "utt_synth_text2segs": (c_void_p, (c_void_p,)),
    "delete_utterance": (None, (c_void_p,)),
    "utt_relation": (c_void_p, (c_void_p, c_char_p)),
    "relation_head": (c_void_p, (c_void_p,)),
    "item_next": (c_void_p, (c_void_p,)),
    "item_daughter": (c_void_p, (c_void_p,)),
    "item_as": (c_void_p, (c_void_p, c_char_p)),
    "item_feat_int": (c_int, (c_void_p, c_char_p)),
    "ffeature_string": (c_char_p, (c_void_p, c_char_p)),
}


class FlitePhonemes:
    """A `phonemes.Phonemizer`."""

    def __init__(self, language: str) -> None:
        if primary(language) != "en":
            raise BackendError(f"flite makes phonemes of English only, not of {language!r}", 'set phonemes = "espeak"')
        try:
            self._flite, voice = CDLL(LIBRARY), getattr(CDLL(VOICE_LIBRARY), VOICE)
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(self._flite, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise BackendError(f"flite's library cannot be used ({error})", "apt-get install libflite1") from None
        self._flite.flite_init()
        voice.restype, voice.argtypes = c_void_p, (c_char_p,)
        self._voice: int = voice(None)

    def readable(self, word: str) -> str:
        return plain_english(word)

    def __call__(self, text: str) -> Sequence[Sequence[str]]:
        parts = text.split(" ")
        found = self._of_text(text, parts)
        for number, part in enumerate(parts):
            # Flite has no sound for some words in capitals ("AM"), and tells nobody.
            if not found[number] and part.isupper():
                found[number] = self._of_text(part.lower(), [part])[0]
        return found

    def _of_text(self, text: str, parts: Sequence[str]) -> list[list[str]]:
        begins = list(accumulate((len(part) + 1 for part in parts[:-1]), initial=0))
        found: list[list[str]] = [[] for _ in parts]
        utterance = self._flite.new_utterance()
        self._flite.utt_set_input_text(utterance, f"{text} ".encode())
        self._flite.utt_init(utterance, self._voice)
        if self._flite.utt_synth_text2segs(utterance):
            for token in self._items(self._flite.relation_head(self._flite.utt_relation(utterance, b"Token"))):
                # The position lies behind the blank that ends the token.
                at = self._flite.item_feat_int(token, b"file_pos") - 2
                number = max(0, bisect_right(begins, at) - 1)
                for word in self._items(self._flite.item_daughter(token)):
                    said = self._of_word(word)
                    if said == ["z"] and found[number] and found[number][-1] in VOICELESS:  # "it's"
                        said = ["s"]
                    found[number] += said
        self._flite.delete_utterance(utterance)
        return found

    def close(self) -> None:
        """The voice stays registered: unregistering frees constant data of the library, and crashes."""

    def _of_word(self, word: int) -> list[str]:
        """The phonemes of one spoken word."""
        flite = self._flite
        known = flite.item_as(word, b"SylStructure")
        syllables = list(self._items(flite.item_daughter(known))) if known else []
        weak = flite.ffeature_string(word, b"name").decode("ascii", "replace") in WEAK
        said: list[str] = []
        names: list[str] = []
        for syllable in syllables:
            stressed = not weak and flite.ffeature_string(syllable, b"stress") == b"1"
            for segment in self._items(flite.item_daughter(syllable)):
                name = flite.ffeature_string(segment, b"name").decode()
                if name not in IPA:
                    continue
                if name in VOWELS and not stressed and names[-1:] == ["t"] and names[-2:-1] and names[-2] in _TAPPING:
                    said[-1] = "ɾ"  # Americans tap the t of "water"
                if name == "l" and names[-1:] == ["ax"] and names[-2:-1] and names[-2] not in VOWELS:
                    said[-1] = "əl"
                elif stressed and name in VOWELS:
                    said.append(PRIMARY + STRESSED.get(name, IPA[name]))
                else:
                    said.append(IPA[name])
                names.append(name)
        return said

    def _items(self, item: int | None) -> Iterator[int]:
        while item:
            yield item
            item = self._flite.item_next(item)
