"""What people are likely to say to somebody who knows these facts and tools: a recogniser leans towards it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.partner.english import LANGUAGES
from engine.partner.facts import describe
from engine.partner.reading import FULL, lexicon


def expected(language: str, facts: Iterable[str], requests: Sequence[str]) -> tuple[str, ...]:
    """Questions about facts, by their kinds, the single words of facts, and requests as they are described; each once.
    Nothing for a language without tables."""
    tables = LANGUAGES.get(language.split("-")[0])
    if tables is None:
        return ()
    known = lexicon(tables)
    found: list[str] = []
    for text in facts:
        fact = describe(known, text)
        words = known.words(text)
        subject = " ".join(words[: fact.subject[-1].end]) if fact.subject and len(fact.subject) <= 3 else ""
        for kind, forms in tables.likely.items():
            if subject and (kind in fact.kinds or kind in fact.groups):
                found += [form.replace("{}", subject) for form in forms]
        found += [term.word for term in fact.terms if term.weight == FULL and term.number is None]
    found += [" ".join(known.words(text)) for text in requests]
    return tuple(dict.fromkeys(found))
