"""What people are likely to say to somebody who knows these facts and tools: a recogniser leans towards it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.contract import GOES_ON
from engine.partner.english import LANGUAGES
from engine.partner.facts import describe
from engine.partner.reading import FULL, lexicon


def expected(language: str, facts: Iterable[str], requests: Sequence[str]) -> tuple[str, ...]:
    """Questions about facts, by their kinds, the single words of facts, and the words of requests; each once. Numbers
    are left out. Nothing for a language without tables."""
    tables = LANGUAGES.get(language.split("-")[0])
    if tables is None:
        return ()
    known = lexicon(tables)
    found: list[str] = []
    for text in facts:
        fact = describe(known, text)
        subject = f"the {fact.about}" if fact.about else ""
        for kind, forms in tables.likely.items():
            if subject and (kind in fact.kinds or kind in fact.groups):
                found += [_asked(form, subject) for form in forms]
        found += [term.word for term in fact.terms if term.weight == FULL and term.number is None]
    for text in requests:
        words = known.words(text)
        if any(term.number is None for term in known.read(words)):
            found.append(" ".join(words))
    return tuple(dict.fromkeys(found))


def alike(language: str, phrases: Iterable[str]) -> tuple[str, ...]:
    """What else is likely where these phrases are, each once: words that mean the same as words of theirs, wherever
    they stand, and what is often said to whoever answers questions. Nothing for a language without tables."""
    tables = LANGUAGES.get(language.split("-")[0])
    if tables is None:
        return ()
    known = lexicon(tables)
    stems = {term.stem for text in phrases for term in known.read(known.words(text)) if term.weight == FULL}
    found: list[str] = []
    for line in tables.same:
        entries = line.split()
        if any(known.stem_of(entry) in stems for entry in entries):
            # One of these may be a verb that wants more ("can I bring"): no end is likely after it.
            found += [f"{entry.strip('=_').replace('_', ' ')} {GOES_ON}" for entry in entries]
    return tuple(dict.fromkeys((*found, *tables.everyday)))


def _asked(form: str, subject: str) -> str:
    """A question about a thing or, by its last letter, about several."""
    several = subject.endswith("s")
    for place, (one, more) in {"{is}": ("is", "are"), "{does}": ("does", "do")}.items():
        form = form.replace(place, more if several else one)
    return form.replace("{}", subject)
