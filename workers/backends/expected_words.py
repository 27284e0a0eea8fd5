"""A small language model of what people are expected to say, in the ARPA format.

It is made to stand beside a general model, where the greater probability of the two counts: so it need not sum to
one, and says how likely its words are at least. A word that follows the words before it in some phrase gets
`bias` times its share there; any expected word gets at least `bias` times ANYWHERE, wherever it stands. A phrase that
ends in GOES_ON is only how one begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import groupby
from math import log10

from engine.contract import GOES_ON
from engine.wording import words_of

START, END = "<s>", "</s>"
ORDER = 3
ANYWHERE = 1e-4
"""One word in ten thousand: a common noun. (A tenfold of it changed nothing that could be measured.)"""


def unknown_words(phrases: Iterable[str], dictionary: Collection[str]) -> tuple[str, ...]:
    """Words that have no pronunciation in the dictionary, each once, in order."""
    return tuple(dict.fromkeys(w for phrase in phrases for w in words_of(phrase) if w not in dictionary))


def arpa(phrases: Iterable[str], dictionary: Collection[str], bias: float) -> str:
    """The model's text; empty when there is nothing to lean towards. A word without pronunciation
    cuts its phrase in two."""
    counts: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(ORDER)]
    for words in _pieces(phrases, dictionary):
        for order, counter in enumerate(counts, 1):
            counter.update(tuple(words[i : i + order]) for i in range(len(words) - order + 1))
    if bias <= 0 or not counts[0]:
        return ""
    lines = ["\\data\\", *(f"ngram {n}={len(c)}" for n, c in enumerate(counts, 1))]
    for order, counter in enumerate(counts, 1):
        lines += ["", f"\\{order}-grams:"]
        for gram in sorted(counter):
            # How often the context occurs.
            share = 1.0 if order == 1 else counter[gram] / counts[order - 2][gram[:-1]]
            likely = ANYWHERE if order == 1 else share
            chance = -99.0 if gram == (START,) else log10(bias * likely)
            # Back-off weight 1: where a longer context says nothing, the shorter one counts in full.
            lines.append(f"{chance:.4f} {' '.join(gram)}" + (" 0.0" if order < ORDER else ""))
    return "\n".join([*lines, "", "\\end\\", ""])


def _pieces(phrases: Iterable[str], dictionary: Collection[str]) -> Iterable[list[str]]:
    for phrase in phrases:
        pieces = [[START, *group, END] for known, group in groupby(words_of(phrase), dictionary.__contains__) if known]
        if phrase.endswith(GOES_ON) and pieces:
            pieces[-1].pop()
        yield from pieces
