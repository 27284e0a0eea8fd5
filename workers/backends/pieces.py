"""A clause in pieces, each said in one call of a voice's library, and where each word of the clause begins.

A library is given what it can read: other characters, and more or fewer of them, than the clause has. So each piece
knows which word of the clause its characters belong to.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engine.contract import Word


class Clause:
    """The words of a clause as they stand in its text, and what is known of their sound.

    samples: of its sound so far.
    """

    def __init__(self, text: str) -> None:
        self.words = text.split()
        self.samples = 0
        self._starts: dict[int, int] = {}

    def begins(self, number: int, sample: int) -> None:
        """Word `number` begins at this sample of the clause, unless an earlier part of it did."""
        self._starts.setdefault(number, max(0, sample))

    @property
    def spoken(self) -> tuple[Word, ...]:
        """All words, each with its beginning; none if nothing is known. A word without a sound of its own, such as a
        dash, is spoken with the one before it."""
        if not self._starts:
            return ()
        start, found = self._starts[min(self._starts)], []
        for number, word in enumerate(self.words):
            start = max(start, self._starts.get(number, start))
            found.append(Word(word, start))
        return tuple(found)


@dataclass(slots=True)
class Piece:
    """What is said in one call. `text` is empty where the clause has nothing that can be said."""

    clause: Clause
    text: str = ""
    last: bool = False
    """The clause ends with it."""
    _begins: list[int] = field(default_factory=list)
    """Characters of `text` at which its parts begin."""
    _numbers: list[int] = field(default_factory=list)
    """The word of the clause that each part belongs to."""

    def add(self, part: str, number: int) -> None:
        """The next part, which belongs to word `number`."""
        self.text += " " if self.text else ""
        self._begins.append(len(self.text))
        self._numbers.append(number)
        self.text += part

    def word_at(self, character: int) -> int:
        """The word of the clause to which a character of the text belongs."""
        return self._numbers[max(0, bisect_right(self._begins, character) - 1)]


def cut(text: str, readable: Callable[[str], str], longest: int) -> list[Piece]:
    """The clause `text` in pieces of at most `longest` characters.

    readable: gives a word in characters that the library can read, maybe in several parts, maybe none.
    """
    clause = Clause(text)
    pieces = [Piece(clause)]
    for part, number in _parts(clause.words, readable, longest):
        if pieces[-1].text and len(pieces[-1].text) + 1 + len(part) > longest:
            pieces.append(Piece(clause))
        pieces[-1].add(part, number)
    if not any(any(map(str.isalnum, piece.text)) for piece in pieces):
        pieces = [Piece(clause)]
    pieces[-1].last = True
    return pieces


def _parts(words: list[str], readable: Callable[[str], str], longest: int) -> Iterator[tuple[str, int]]:
    for number, word in enumerate(words):
        for part in readable(word).split():
            for start in range(0, len(part), longest):
                yield part[start : start + longest], number
