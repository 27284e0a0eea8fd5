"""A text that is rewritten step by step and knows all the while which word of its source each character stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain, groupby

Speak = Callable[[re.Match[str]], str | None]
"""What is to stand instead of a match; None leaves it as it is."""


class Mapped:
    """text: parts between blanks, or line breaks where the source has them. owners: for each character the number of
    the source's word (`str.split`) it stands for."""

    def __init__(self, text: str, owners: list[int]) -> None:
        self.text, self.owners = text, owners

    @classmethod
    def of(cls, source: str) -> Mapped:
        """The source itself, with single blanks."""
        text, owners = "", []
        for number, match in enumerate(re.finditer(r"(\s*)(\S+)", source)):
            gap = "" if not number else "\n" if "\n" in match[1] else " "
            text += gap + match[2]
            owners += [number] * len(match[2]) if not gap else [number - 1] + [number] * len(match[2])
        return cls(text, owners)

    def rewrite(self, pattern: re.Pattern[str], speak: Speak | str) -> Mapped:
        """Every match replaced by what `speak` makes of it. Of several source words each gets its share of the words
        that are said instead, in their order."""
        text, owners, done = "", list[int](), 0
        for match in pattern.finditer(self.text):
            said = match.expand(speak) if isinstance(speak, str) else speak(match)
            if said is None:
                continue
            text += self.text[done : match.start()] + said
            owners += self.owners[done : match.start()] + _shared(said, self.owners[match.start() : match.end()])
            done = match.end()
        return Mapped(text + self.text[done:], owners + self.owners[done:]) if done else self

    @property
    def words(self) -> tuple[tuple[str, int], ...]:
        """What is said, word by word, each with the number of the source's word."""
        return tuple((match[0], self.owners[match.start()]) for match in re.finditer(r"\S+", self.text))


def _shared(said: str, owners: list[int]) -> list[int]:
    sources = [number for number, _ in groupby(owners)]
    words = said.split()
    if len(sources) < 2 or len(words) < 2:
        return sources[:1] * len(said)
    share = [sources[n * len(sources) // len(words)] for n in range(len(words))]
    pieces = re.findall(r"\s*\S+\s*", said)
    return list(chain.from_iterable([number] * len(piece) for number, piece in zip(share, pieces, strict=True)))
