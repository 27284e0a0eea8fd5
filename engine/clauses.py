"""Cut an answer, as it streams in, into clauses that a voice can speak.

A clause ends at punctuation that is followed by a space (so that "3.5" and "a.m." inside a word stay whole), once it
has enough words; the first clause needs fewest, because its sound is what the user waits for.
"""

from __future__ import annotations

import re

_END = re.compile(r"[.!?;:,…](?=\s)")
_SENTENCE = ".!?…"
FIRST_WORDS, LATER_WORDS = 2, 5
"""Words a clause must have before a comma, semicolon or colon may end it: the first, and all others."""
MOST_WORDS = 25
"""Words after which a clause ends at the next space, punctuation or not."""


class Clauser:
    """Takes pieces of text, gives whole clauses; pieces joined and clauses joined are the same words. first, most: see
    FIRST_WORDS and MOST_WORDS."""

    def __init__(self, first: int = FIRST_WORDS, most: int = MOST_WORDS) -> None:
        self._first, self._most = first, most
        self._text = ""
        self._count = 0

    def feed(self, piece: str) -> list[str]:
        """The clauses that `piece` completes."""
        self._text += piece
        found = []
        while (end := self._end()) is not None:
            clause, self._text = self._text[:end].strip(), self._text[end:].lstrip()
            found.append(clause)
            self._count += 1
        return found

    def flush(self) -> list[str]:
        """What is left at the end of the answer."""
        rest, self._text = self._text.strip(), ""
        return [rest] if rest else []

    def _end(self) -> int | None:
        needed = min(LATER_WORDS, self._most) if self._count else self._first
        for match in _END.finditer(self._text):
            words = len(self._text[: match.end()].split())
            if words > self._most:
                break
            if match[0] in _SENTENCE or words >= needed:
                return match.end()
        words_so_far = self._text.split(maxsplit=self._most)
        if len(words_so_far) > self._most:
            return len(self._text) - len(words_so_far[-1])
        return None
