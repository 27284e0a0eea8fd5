"""What was said, taken apart: what kind of answer it wants, what it is about, whether it asks or requests, and whether
it leans on the turn before."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.partner.language import Language
from engine.partner.reading import Lexicon, Term


@dataclass(frozen=True, slots=True)
class Question:
    """words: all of it; terms: of these, what may tell something; kind: of answer, or empty."""

    words: tuple[str, ...]
    terms: tuple[Term, ...]
    kind: str
    little: frozenset[str]
    """Stems of terms that say little but of which kind it is."""
    things: frozenset[str]
    """Stems of terms that, by what stands before them, name things."""
    acts: frozenset[str]
    """Stems of terms that, by what stands before them, say what somebody does."""
    request: tuple[str, ...]
    """The words without what a request begins with."""
    leans: bool
    """It begins as one that leans on the turn before."""
    refers: bool
    """It has a pronoun that may stand for what was spoken of."""
    points: bool
    """It is sure to be about what was spoken of: "how much are tickets for it"."""
    asks_day: bool
    tells_age: bool
    """It says how old somebody is: "my daughter is nine"."""
    of_the_young: bool
    """It asks whether those may come who may be too young."""
    asks: bool
    asks_later: bool
    """It has a question in it, if not at its beginning."""
    requests: bool
    """It is put as a request: "could you …", "please …"."""
    wishes: bool
    forbids: bool
    states: bool
    """Its request is put as a statement: "the lamp is on"."""
    small_talk: str
    """Its kind if it is nothing but that."""
    text: str = ""
    """As it was said."""

    @property
    def tells(self) -> bool:
        """It neither asks nor requests: "I have cut my finger"."""
        return not self.asks_later and (self.wishes or not (self.kind or self.asks or self.requests or self.leans))

    @property
    def bare(self) -> bool:
        """It is only the name of something: neither question nor request."""
        return not (self.kind or self.asks or self.requests or self.wishes or self.forbids)


def read(lexicon: Lexicon, text: str, name: str = "") -> Question:
    """Take a sentence apart. name: of who is spoken to, which is no part of what is asked."""
    language, patterns = lexicon.language, compiled(lexicon.language)
    words = said = lexicon.words(text)
    called = [lexicon.words(name)] if name else []
    words = _without(words, called)
    spoken = " ".join(words)
    for pattern, meant in patterns.always_misheard:
        spoken = pattern.sub(meant, spoken)
    tail = bool(patterns.follow_tail.search(spoken))
    small = _small_talk(language, spoken)
    if not small:
        spoken, small = _peeled(patterns, language, spoken)
    words = _without(spoken.split(), called)
    spoken = " ".join(words)
    polite = bare = patterns.linking.sub("", spoken, count=1) if patterns.linking.match(spoken) else spoken
    while found := patterns.requests.match(polite):
        polite = polite[found.end() :]
    kind = next((kind for kind, pattern in patterns.kinds if pattern.search(spoken)), "")
    everything = lexicon.hinted(words, lexicon.read(words))
    terms = [term for term in everything if term.weight > 0]
    acts = _acts(language, everything)
    return Question(
        words=tuple(words),
        terms=tuple(terms),
        kind=kind,
        little=lexicon.little.get(kind, frozenset()),
        things=_things(language, everything) - acts,
        acts=acts,
        request=tuple(polite.split()),
        leans=bool(patterns.follow.match(spoken)) or tail,
        refers=not patterns.pronouns.isdisjoint(words),
        points=bool(patterns.points.search(spoken)),
        asks_day=bool(patterns.ask_day.search(spoken)),
        tells_age=_tells_age(lexicon, patterns, words),
        of_the_young=bool(patterns.of_the_young.search(spoken)),
        asks=bool(patterns.asks.match(spoken)),
        asks_later=bool(patterns.asks_later.search(spoken)),
        requests=(polite != bare and not patterns.wishes.match(bare)) or "please" in said,
        wishes=bool(patterns.wishes.match(spoken)),
        forbids=bool(patterns.forbids.match(polite)),
        states=polite == bare and bool(patterns.states.match(polite)) and not patterns.asks.match(spoken),
        small_talk=small,
        text=text,
    )


def _things(language: Language, terms: Sequence[Term]) -> frozenset[str]:
    """The terms that name things: they follow an article or the like, or another such one."""
    before = compiled(language).before_thing
    found: set[str] = set()
    after = False
    for term in terms:
        if term.weight > 0:
            found |= {term.stem} if after else set()
        else:
            after = term.word in before
    return frozenset(found)


def _tells_age(lexicon: Lexicon, patterns: Patterns, words: Sequence[str]) -> bool:
    """A number follows who it is said of, and no unit but years."""
    spoken = " ".join(words)
    for found in patterns.of_age.finditer(spoken):
        rest = spoken[found.end() :].split()
        terms = lexicon.read(rest[:4])
        if terms and terms[0].number is not None and 0 < terms[0].number < 120:
            after = terms[1] if len(terms) > 1 else None
            return after is None or after.stem not in lexicon.units
    return False


def _acts(language: Language, terms: Sequence[Term]) -> frozenset[str]:
    """The terms that say what somebody does: they follow who does it, or a question with "do" ends with them, "when do
    the falcons fly"."""
    patterns = compiled(language)
    subjects, does = patterns.subjects, patterns.does
    found = {term.stem for last, term in itertools.pairwise(terms) if last.word in subjects and term.weight > 0}
    asked = next((place for place, term in enumerate(terms) if term.word in does), len(terms))
    last = terms[-1] if terms else None
    if last is not None and len(terms) - asked > 2 and last.weight > 0 and terms[asked + 1].word not in subjects:
        found.add(last.stem)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Patterns:
    """A language's patterns, compiled."""

    kinds: tuple[tuple[str, re.Pattern[str]], ...]
    asks: re.Pattern[str]
    requests: re.Pattern[str]
    polite: re.Pattern[str]
    linking: re.Pattern[str]
    forbids: re.Pattern[str]
    states: re.Pattern[str]
    asks_later: re.Pattern[str]
    states_anew: re.Pattern[str]
    fillers: re.Pattern[str]
    trailing: re.Pattern[str]
    wishes: re.Pattern[str]
    points: re.Pattern[str]
    ask_day: re.Pattern[str]
    of_age: re.Pattern[str]
    of_the_young: re.Pattern[str]
    follow: re.Pattern[str]
    follow_tail: re.Pattern[str]
    talk: tuple[tuple[str, re.Pattern[str]], ...]
    always_misheard: tuple[tuple[re.Pattern[str], str], ...]
    pronouns: frozenset[str]
    before_thing: frozenset[str]
    subjects: frozenset[str]
    does: frozenset[str]


@functools.lru_cache(maxsize=8)
def compiled(language: Language) -> Patterns:
    """The patterns of a language."""
    return Patterns(
        tuple((kind, re.compile("|".join(parts))) for kind, parts in language.kinds),
        re.compile(language.asks),
        re.compile(language.requests),
        re.compile(language.polite),
        re.compile(language.linking),
        re.compile(language.forbids),
        re.compile(language.states),
        re.compile(language.asks_later),
        re.compile(language.states_anew),
        re.compile(language.fillers),
        re.compile(f"(?:{language.trailing})$"),
        re.compile(language.wishes),
        re.compile(language.points),
        re.compile(language.ask_day),
        re.compile(language.of_age),
        re.compile(language.of_the_young),
        re.compile(language.follow),
        re.compile(f"(?:{language.follow_tail})$"),
        tuple((kind, re.compile("|".join(parts))) for kind, parts in language.talk),
        tuple((re.compile(pattern), meant) for pattern, meant in language.always_misheard),
        frozenset(language.pronouns.split()),
        frozenset(language.before_thing.split()),
        frozenset(language.subjects.split()),
        frozenset(language.does.split()),
    )


def _small_talk(language: Language, spoken: str) -> str:
    return next((kind for kind, pattern in compiled(language).talk if pattern.fullmatch(spoken)), "")


def _peeled(patterns: Patterns, language: Language, spoken: str) -> tuple[str, str]:
    """Without what stands before and after the question itself; and the kind of small talk that was under it."""
    while True:
        rest = spoken
        if found := patterns.fillers.match(rest):
            rest = rest[found.end() :].strip()
        if found := patterns.trailing.search(rest):
            rest = rest[: found.start()].strip()
        if not rest or rest == spoken:
            return spoken, ""
        spoken = rest
        if small := _small_talk(language, spoken):
            return spoken, small


def _without(words: list[str], names: Sequence[list[str]]) -> list[str]:
    """Without a name at the beginning or the end, unless there is nothing else."""
    for name in names:
        if name and len(words) > len(name):
            if words[: len(name)] == name:
                words = words[len(name) :]
            elif words[-len(name) :] == name and words[-len(name) - 1] not in ("is", "are", "about", "called"):
                words = words[: -len(name)]
    return words
