"""The clauses of what was said: where a question stands beside a statement, "my daughter is nine, does she have to
pay", it is the question that wants an answer."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from engine.partner.question import Question, compiled, read
from engine.partner.reading import Lexicon

LONGEST = 40
"""Words of a sentence in which clauses are looked for."""
MOST = 4
"""Clauses that are tried."""
FEWEST = 2
"""Words of a clause."""
_MARKS = re.compile(r"[,;:.!?](?=\s|$)|\s[-\N{EN DASH}\N{EM DASH}]\s")


def apart(lexicon: Lexicon, text: str) -> Iterator[tuple[Question, str]]:
    """What may be the question in a sentence, and the rest. The likeliest first."""
    words, marks = _marked(lexicon, text)
    places = sorted(range(FEWEST, len(words) - FEWEST + 1), key=lambda at: (at not in marks, at))
    yield from itertools.islice(_split(lexicon, words, marks, places), MOST)


def _split(
    lexicon: Lexicon, words: Sequence[str], marks: set[int], places: Sequence[int]
) -> Iterator[tuple[Question, str]]:
    asks, states = compiled(lexicon.language).asks, compiled(lexicon.language).states_anew
    asked = bool(asks.match(" ".join(words)))
    for at in places:
        before, after = " ".join(words[:at]), " ".join(words[at:])
        if asks.match(after) and (at in marks or not asked):
            yield read(lexicon, after), before
        elif asked and (at in marks or states.match(after)):
            yield read(lexicon, before), after


def requested(lexicon: Lexicon, text: str) -> Iterator[tuple[Question, str]]:
    """What may be a request in a sentence, and the rest: behind a mark, or where somebody is asked to do something."""
    words, marks = _marked(lexicon, text)
    patterns = compiled(lexicon.language)
    requests, polite = patterns.requests, patterns.polite
    for at in range(FEWEST, len(words) - FEWEST + 1):
        after = " ".join(words[at:])
        if at in marks or polite.match(after):
            question = read(lexicon, after)
            if not question.asks or question.requests or question.kind == "place":  # a tool may show where it is
                yield question, " ".join(words[:at])
        before = " ".join(words[:at])
        if at in marks and requests.match(before):
            yield read(lexicon, before), after


def _marked(lexicon: Lexicon, text: str) -> tuple[list[str], set[int]]:
    """The words of a text, and the places of those before which a mark stands; none of a very long one."""
    parts = [lexicon.words(part) for part in _MARKS.split(text)]
    words = [word for part in parts for word in part]
    marks, at = set(), 0
    for part in parts[:-1]:
        at += len(part)
        marks.add(at)
    return (words, marks) if len(words) <= LONGEST else ([], set())
