"""How like two words sound. A recogniser writes words that it knows for words that it heard: "mew seem" for "museum".

A word is turned into a string of sounds, by its spelling or by a pronunciation that is known (ARPAbet, as in cmudict),
and two strings are compared by what it takes to make one of the other: vowels change easily, p and b rather than p and
s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

Pronounce: TypeAlias = Callable[[str], str]
"""A word's pronunciation in ARPAbet, "M Y UW0 Z IY1 AH0 M"; empty where it is not known."""

_SPELT = (
    (r"tion|sion", "Sn"), (r"^kn", "n"), (r"^wr", "r"), (r"ough", "u"), (r"augh", "af"), (r"igh", "a"), (r"gh", ""),
    (r"th", "T"), (r"sh", "S"), (r"tch|ch", "C"), (r"ph", "f"), (r"ck", "k"), (r"qu", "kw"), (r"wh", "w"),
    (r"ng\b", "N"), (r"x", "ks"), (r"c(?=[eiy])", "s"), (r"c", "k"), (r"q", "k"), (r"g(?=[ei])", "j"), (r"dg", "j"),
    (r"(?<=[^aeiou])e$", ""), (r"^y", "Y"), (r"ee|ea|ie|ei|[ey](?!$)|y$|e$", "i"), (r"oo|ou|ow|oa|ew|ue|[ou]", "u"),
    (r"ai|ay|au|aw|[a]", "a"), (r"(.)\1+", r"\1"),
)  # fmt: skip
_SPOKEN = {
    **dict.fromkeys(("IY", "IH", "EY", "EH"), "i"), **dict.fromkeys(("AE", "AA", "AH", "AY", "AW"), "a"),
    **dict.fromkeys(("AO", "OW", "UW", "UH", "OY"), "u"), "ER": "ar", "TH": "T", "DH": "T", "SH": "S", "ZH": "S",
    "CH": "C", "JH": "j", "NG": "N", "HH": "h", "Y": "Y",
}  # fmt: skip
_VOWELS = "aiu"
_ALIKE = ("pb", "td", "kg", "fvT", "szT", "SCj", "mnN", "lr", "wu", "Yi", "Ttd", "sS")
_LIKE = frozenset((a, b) for group in _ALIKE for a in group for b in group)


def sounds(word: str, pronounce: Pronounce | None = None) -> str:
    """The word as a string of sounds, one letter each."""
    if pronounce is not None and (said := pronounce(word)):
        phones = [phone.rstrip("012") for phone in said.split()]
        return "".join(_SPOKEN.get(phone, phone[0].lower()) for phone in phones)
    return _spelt(word)


def _spelt(word: str) -> str:
    word = re.sub(r"[^a-z]", "", word.lower())
    for pattern, sound in _SPELT:
        word = re.sub(pattern, sound, word)
    return word


def _drop(sound: str) -> float:
    return 0.5 if sound in _VOWELS else 0.6 if sound in "hwYr" else 0.9


def _swap(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return 0.3
    return 0.4 if (one, other) in _LIKE else 1.0


def likeness(one: str, other: str) -> float:
    """How like two strings of sounds are, 0 to 1."""
    longest = max(len(one), len(other))
    if not longest or abs(len(one) - len(other)) > 0.5 * longest:
        return 0.0
    row = [0.0]
    for sound in other:
        row.append(row[-1] + _drop(sound))
    for a in one:
        left, row[0] = row[0], row[0] + _drop(a)
        for place, b in enumerate(other, 1):
            best = min(row[place] + _drop(a), row[place - 1] + _drop(b), left + _swap(a, b))
            left, row[place] = row[place], best
    return max(0.0, 1.0 - row[-1] / longest)


_CLASS = {
    sound: 1 << place
    for place, group in enumerate(("pb", "td", "kg", "fv", "Tsz", "SCj", "mnN", "lr"))
    for sound in group
}


def _classes(word: str) -> int:
    """Which classes of consonants are in a string of sounds, a bit each."""
    bits = 0
    for sound in word:
        bits |= _CLASS.get(sound, 0)
    return bits


class Ear:
    """The words that are expected, and which of them another word sounds like."""

    def __init__(self, words: Iterable[str], pronounce: Pronounce | None = None) -> None:
        self._pronounce = pronounce
        known = ((word, sounds(word, pronounce)) for word in dict.fromkeys(words) if len(word) > 2)
        self._known = [(word, said, _classes(said)) for word, said in known if said]
        self._cache: dict[str, list[tuple[str, float]]] = {}

    def forget(self) -> None:
        """Drop the words that were compared."""
        self._cache.clear()

    def alike(self, word: str, at_least: float) -> list[tuple[str, float]]:
        """Expected words that sound like this one, the likest first, with how like. Several words may be given with
        blanks between: they are taken as one."""
        if word not in self._cache:
            if len(self._cache) > 4096:
                self._cache.clear()
            heard = "".join(sounds(part, self._pronounce) for part in word.split())
            ours = _classes(heard)
            close = [each for each in self._known if ours & each[2] and (ours ^ each[2]).bit_count() <= 2]
            found = [(each, likeness(heard, known)) for each, known, _ in close]
            least = 0.7 if len(heard) > 3 else 0.95  # short words are like too many others
            self._cache[word] = sorted((pair for pair in found if pair[1] > least), key=lambda pair: -pair[1])[:4]
        return [pair for pair in self._cache[word] if pair[1] >= at_least]
