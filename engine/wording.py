"""The words of a text, as they are compared: what is said has no capital letters and no commas."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def is_murmur(text: str, murmurs: Sequence[str]) -> bool:
    """Nothing was said but what people say while they listen, if anything."""
    words, known = words_of(text), [words_of(murmur) for murmur in murmurs]
    while words:
        found = next((murmur for murmur in known if murmur and words[: len(murmur)] == murmur), None)
        if found is None:
            return False
        words = words[len(found) :]
    return True
