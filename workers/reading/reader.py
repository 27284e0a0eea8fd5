"""The way in: an answer's text as a voice is to be fed it, and from the voice's words back to the answer's.

Every stage beyond the voice (what was heard, the history, the host program's captions) speaks of the words as they
stood in the answer, so what is said keeps the number of the word it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.config import is_phonemes
from engine.contract import Word
from workers.backends.pieces import Clause
from workers.reading.amounts import Amounts
from workers.reading.language import Language
from workers.reading.mapped import Mapped
from workers.reading.markup import without_markup
from workers.reading.shapes import Shapes

LONGEST = 300
"""Characters of a word. What is longer is none, and its text is left as it is: the patterns would take long over it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, how it is read (`said`), and of each word of that (`str.split`) which word of the text it stands for."""

    text: str
    said: str
    numbers: tuple[int, ...]

    def words(self, said: Sequence[Word]) -> tuple[Word, ...]:
        """The words of the text by those that the voice told; none where it told other words than it was fed."""
        if len(said) != len(self.numbers):
            return ()
        clause = Clause(self.text)
        for number, word in zip(self.numbers, said, strict=True):
            clause.begins(number, word.start)
        return clause.spoken


class Reader:
    """Reads a language's texts. Raises BackendError when a library is missing.

    lexicon: words, or several together, and how they are said; what stands in slashes is phonemes, which is the
    voice's concern, and is fed to it as it is written. normalise: False leaves everything else as it is.
    """

    def __init__(self, language: str, lexicon: Mapping[str, str], normalise: bool = True) -> None:
        self._passes = [without_markup] if normalise else []
        self._lexicon = {_key(word): said for word, said in lexicon.items() if not is_phonemes(said)}
        self._words = re.compile(
            r"(?<!\w)(" + "|".join(map(_pattern, sorted(self._lexicon, key=len, reverse=True))) + r")(?!\w)",
            re.IGNORECASE,
        )
        if self._lexicon:
            self._passes.append(self._of_lexicon)
        if normalise and (spoken := Language(language)).known:
            self._passes += [Shapes(spoken), Amounts(spoken)]

    def read(self, text: str) -> Reading:
        mapped = Mapped.of(text)
        if max(map(len, text.split()), default=0) <= LONGEST:
            for each in self._passes:
                mapped = each(mapped)
        words = mapped.words
        return Reading(text, " ".join(word for word, _ in words), tuple(number for _, number in words))

    def _of_lexicon(self, text: Mapped) -> Mapped:
        return text.rewrite(self._words, lambda match: self._lexicon[_key(match[0])])


def _key(word: str) -> str:
    return " ".join(word.casefold().split())


def _pattern(key: str) -> str:
    return r"\s+".join(map(re.escape, key.split()))
