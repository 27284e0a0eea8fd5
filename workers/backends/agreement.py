"""What two passes of a recogniser over the same growing sound agree on: LocalAgreement-2 (Liu, Spanakis, Niehues,
"Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis Selection", Interspeech
2020). The end of a text changes while its sound goes on; what was the same twice in a row mostly stays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from engine.wording import words_of

UNSPACED = frozenset({"ja", "lo", "my", "th", "yue", "zh"})
"""Languages that put no blanks between words: there it is characters that agree."""


def units(text: str, language: str) -> list[str]:
    """A text in the pieces that are compared; joined by `join` they are the text again, but for blanks."""
    return list("".join(text.split())) if language in UNSPACED else text.split()


def join(pieces: Sequence[str], language: str) -> str:
    return ("" if language in UNSPACED else " ").join(pieces)


def agreed(before: Sequence[str], now: Sequence[str]) -> int:
    """How many of the first pieces are the same but for capitals and punctuation."""
    return sum(1 for _ in takewhile(lambda pair: _core(pair[0]) == _core(pair[1]), zip(before, now, strict=False)))


def _core(piece: str) -> str:
    return "".join(words_of(piece)) or piece
