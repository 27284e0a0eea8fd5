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
        subject = f"the {fact.about}" if fact.about else ""
        for kind, forms in tables.likely.items():
            if subject and (kind in fact.kinds or kind in fact.groups):
                found += [_asked(form, subject) for form in forms]
        found += [term.word for term in fact.terms if term.weight == FULL and term.number is None]
    found += [" ".join(known.words(text)) for text in requests]
    return tuple(dict.fromkeys(found))


def alike(language: str, phrases: Iterable[str]) -> tuple[str, ...]:
    """What is as likely as these phrases, each once: words that mean the same as words of theirs, and what is often
    said to whoever answers questions. Nothing for a language without tables."""
    tables = LANGUAGES.get(language.split("-")[0])
    if tables is None:
        return ()
    known = lexicon(tables)
    stems = {term.stem for text in phrases for term in known.read(known.words(text)) if term.weight == FULL}
    found: list[str] = []
    for line in tables.same:
        entries = line.split()
        if any(known.stem_of(entry) in stems for entry in entries):
            found += [entry.strip("=_").replace("_", " ") for entry in entries]
    days = [form for day in tables.days for form in (day, f"{day}s")]
    for phrase in tables.everyday:
        found += [phrase.format(day=day) for day in days] if "{day}" in phrase else [phrase]
    return tuple(dict.fromkeys(found))


def _asked(form: str, subject: str) -> str:
    """A question about a thing or, by its last letter, about several."""
    several = subject.endswith("s")
    for place, (one, more) in {"{is}": ("is", "are"), "{does}": ("does", "do")}.items():
        form = form.replace(place, more if several else one)
    return form.replace("{}", subject)
