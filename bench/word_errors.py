"""Word errors: the measure of what a recogniser heard against what was said."""

from __future__ import annotations

import re


def words(text: str) -> list[str]:
    """The words of a text, in lower case and without punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def errors(said: str, heard: str) -> int:
    """Substitutions, deletions and insertions that make `heard` of `said` (Levenshtein's distance in words)."""
    left, right = words(said), words(heard)
    row = list(range(len(right) + 1))
    for i, word in enumerate(left, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]
