"""The clauses of what was said: where a question stands beside a statement, "my daughter is nine, does she have to pay",
it is the question that wants an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.partner.question import Question, compiled, read
from engine.partner.reading import Lexicon

LONGEST = 40
"""Words of a sentence in which clauses are looked for."""
FEWEST = 2
"""Words of a clause."""
_MARKS = re.compile(r"[,;:.!?](?=\s|$)|\s[-\N{EN DASH}\N{EM DASH}]\s")


def apart(lexicon: Lexicon, text: str) -> Iterator[tuple[Question, Question]]:
    """What may be the question in a sentence, and the rest. The likeliest first."""
    parts = [lexicon.words(part) for part in _MARKS.split(text)]
    words = [word for part in parts for word in part]
    if len(words) > LONGEST:
        return
    marks, at = set(), 0
    for part in parts[:-1]:
        at += len(part)
        marks.add(at)
    asks, states = compiled(lexicon.language).asks, compiled(lexicon.language).states_anew
    asked = bool(asks.match(" ".join(words)))
    for at in range(FEWEST, len(words) - FEWEST + 1):
        before, after = " ".join(words[:at]), " ".join(words[at:])
        if asks.match(after) and (at in marks or not asked):
            yield read(lexicon, after), read(lexicon, before)
        elif asked and (at in marks or states.match(after)):
            yield read(lexicon, before), read(lexicon, after)
