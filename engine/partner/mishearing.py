"""What may have been meant by words that fit nothing: those that sound like it among the words that are expected.

A recogniser writes only words that it knows, one for several or several for one: "mew seem" for "museum".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.partner.phonetics import Ear, Pronounce
from engine.partner.reading import FULL, Lexicon, Term

ONE, SEVERAL, SMALL = 0.88, 0.85, 0.95
"""How alike a word must sound, or several that stand for one, or several of which one is as small as "it"."""
MOST_WORDS = 24
"""Of a sentence that is longer, nothing is guessed."""


@dataclass(frozen=True, slots=True)
class Guess:
    """words: what was meant; guessed: those of it that were not said."""

    words: tuple[str, ...]
    guessed: frozenset[str]


class Mishearing:
    """The words that are expected. knows: whether a term fits something as it is."""

    def __init__(
        self, lexicon: Lexicon, expected: Iterable[Term], knows: Callable[[Term], bool], pronounce: Pronounce | None
    ) -> None:
        self._lexicon, self._knows = lexicon, knows
        terms = [term for term in expected if term.weight == FULL and term.number is None]
        hours = lexicon.language.hours.split()
        words = [term.word for term in terms]
        if {lexicon.stem(hour) for hour in hours} & {group for term in terms for group in term.groups}:
            words += hours
        self._ear = Ear([part for word in words for part in word.split()], pronounce)

    def forget(self) -> None:
        """Drop what was compared: visitors have said it."""
        self._ear.forget()

    def guess(self, words: Sequence[str]) -> Guess | None:
        """The sentence with words in the place of those that fit nothing; None if there is none of them, or no word
        that sounds like it."""
        if len(words) > MOST_WORDS:
            return None
        language = self._lexicon.language
        said = [language.mishearings.get(word, word) for word in words]
        for pattern, meant_by in language.misheard:
            said = re.sub(pattern, meant_by, " ".join(said)).split()
        strange = [self._strange(word) for word in said]
        found = []
        for start, count in ((start, count) for start in range(len(said)) for count in (1, 2, 3)):
            part = said[start : start + count]
            if len(part) == count and any(strange[start : start + count]):
                alike = self._ear.alike(" ".join(part), self._enough(part))
                found += [(likeness * count, start, count, word) for word, likeness in alike[:1]]
        taken: set[int] = set()
        instead: dict[int, tuple[int, str]] = {}
        for _, start, count, word in sorted(found, reverse=True):
            if taken.isdisjoint(range(start, start + count)):
                taken.update(range(start, start + count))
                instead[start] = count, word
        if not instead and said == list(words):
            return None
        meant: list[str] = []
        place = 0
        while place < len(said):
            count, word = instead.get(place, (1, said[place]))
            meant.append(word)
            place += count
        return Guess(tuple(meant), frozenset(word for _, word in instead.values()))

    def _enough(self, words: Sequence[str]) -> float:
        if len(words) == 1:
            return ONE
        return SEVERAL if self._lexicon.stop.isdisjoint(words) else SMALL

    def _strange(self, word: str) -> bool:
        """It tells something, and fits nothing."""
        (term,) = self._lexicon.read([word])
        return term.weight == FULL and term.number is None and not self._knows(term)
