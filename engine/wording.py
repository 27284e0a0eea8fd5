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
    return _has_only(words_of(text), murmurs)


def is_command(text: str, commands: Sequence[str]) -> bool:
    """What was said are words that are always meant, and no others."""
    words = words_of(text)
    return bool(words) and _has_only(words, commands)


def _has_only(words: list[str], phrases: Sequence[str]) -> bool:
    """These phrases, one or several, in any order; or nothing at all."""
    known = sorted(map(words_of, phrases), key=len, reverse=True)  # "stop it" before "stop"
    while words:
        found = next((phrase for phrase in known if phrase and words[: len(phrase)] == phrase), None)
        if found is None:
            return False
        words = words[len(found) :]
    return True
