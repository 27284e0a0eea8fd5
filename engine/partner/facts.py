"""Facts: what each is about, what kinds of question it can answer, and how well it fits one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.partner.kinds import kinds_of, located
from engine.partner.reading import FULL, LIGHT, Lexicon, Term

SAME_ROOT, SYNONYM, RELATED, RANGE, LEADS, HALF, ALIKE = 0.95, 0.85, 0.9, 0.8, 0.75, 0.6, 0.5
"""How much a word counts that means about the same, or that answers for the other."""
WORDS = 500
"""Words of visitors of which it is kept what they have in facts, at most."""
HINT = 0.25
"""So much of a word counts where it leads to nothing and tells nothing else."""
LITTLE = 0.2
"""So much of a word counts that only says of which kind a question is."""
ACCEPTED: Mapping[str, frozenset[str]] = {
    "time": frozenset({"time", "often"}),
    "hours": frozenset({"clock", "until"}),
    "long": frozenset({"long"}),
    "extent": frozenset({"long", "far"}),
    "far": frozenset({"far", "long"}),
    "old": frozenset({"age"}),
    "often": frozenset({"often"}),
    "amount": frozenset({"count", "far", "long"}),
    "size": frozenset({"count", "far"}),
    **{kind: frozenset({kind}) for kind in ("price", "count", "place", "person")},
}
"""Kind of question → kinds of fact that answer it."""
_LED = ("", "place", "time", "hours", "often")
"""Kinds of which what holds for all holds for one: where plants are, there are orchids, but the price is another."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence that may be said."""

    text: str
    terms: tuple[Term, ...]
    stems: frozenset[str]
    groups: frozenset[str]
    roots: frozenset[str]
    words: tuple[str, ...]
    """Those that are long enough to be the end of another one."""
    lines: str
    """The same, each on a line."""
    leads: frozenset[str]
    """What who says its words may look for: a fact with soup and bread has something to eat."""
    subject: tuple[Term, ...]
    """What it is about: the terms before its first verb."""
    about: str
    """The same as it is said, without an article; empty where that is no name of anything."""
    days: frozenset[int]
    """The days that it speaks of, 0 is Monday; those that it excludes, too: it answers for them."""
    only_days: bool
    """It holds on some days and no others."""
    kinds: frozenset[str]
    """Of question that it can answer; "there": it names a place that is no thing, such as "upstairs"."""
    number: int = -1
    """Its place among the facts; -1: it is none of them for good, but a line of context."""
    located: tuple[tuple[Term, ...], ...] = ()
    """The places that it speaks of: the terms of each."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a fact fits a question. coverage: how much of what was asked is in it, 0 to 1. answers: it is of the kind
    that was asked for. score: what fits are ranked by."""

    fact: Fact
    coverage: float
    answers: bool
    score: float
    context: float = 0.0
    left: float = 0.0
    """How much of what the fact is about was not spoken of."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A term of a question. near: groups that answer for its own."""

    term: Term
    weight: float
    near: frozenset[str]
    hours: bool
    """It asks from when to when."""
    found: Mapping[int, float]
    """How much of it is in the facts that have any of it, by their numbers."""
    led: frozenset[int]
    """The facts that it only leads to."""

    def match(self, fact: Fact, leads: float = LEADS) -> float:
        """How much of it is in a fact, 0 to 1. leads: if it only leads to something in there."""
        if fact.number >= 0:
            return leads if fact.number in self.led else self.found.get(fact.number, 0.0)
        match = _match(self.term, self.near, self.hours, fact)
        return leads if match == _LEADS else match


_LEADS = -1.0
"""In place of how much: it only leads there."""


def _match(term: Term, near: frozenset[str], hours: bool, fact: Fact) -> float:
    if term.stem in fact.stems:
        return 1.0
    if term.days:
        return 1.0 if term.days & fact.days else 0.0
    if term.root and term.root in fact.roots:
        return SAME_ROOT
    if term.groups & fact.groups:
        return SYNONYM
    if hours and "until" in fact.kinds:
        return RELATED if near & fact.groups else RANGE
    if not term.leads.isdisjoint(fact.stems):
        return _LEADS
    if near & fact.groups or not fact.leads.isdisjoint((term.stem, *term.groups)):
        return HALF
    if (
        len(term.word) > 3
        and " " not in term.word
        and (term.word.endswith(fact.words) or f"{term.word}\n" in fact.lines)
    ):
        return HALF + 0.15  # "wood" and "firewood"
    parts = [part for part in term.parts if part.weight == FULL] if len(term.parts) > 1 else []
    said = sum(part.stem in fact.stems or bool(part.groups & fact.groups) for part in parts)
    return RANGE * said / len(parts) if parts else 0.0


class Facts:
    """Sentences, and what is needed to find the one that answers. ambient: words that are about the whole place, such
    as those of its name: they tell little here."""

    def __init__(self, lexicon: Lexicon, texts: Iterable[str], ambient: frozenset[str]) -> None:
        self._lexicon, self._ambient = lexicon, ambient
        self.all = tuple(replace(describe(lexicon, text), number=number) for number, text in enumerate(texts))
        self._hours = frozenset(lexicon.stem_of(word) for word in lexicon.language.hours.split())
        self._adults = frozenset(lexicon.stem_of(word) for word in lexicon.language.adults.split())
        self._found: dict[tuple[str, str, frozenset[str]], tuple[Mapping[int, float], frozenset[int]]] = {}
        """What words of visitors have in facts: what is asked first is asked again, by other alternatives."""
        self._leads = frozenset(stem for fact in self.all for stem in fact.leads)
        count = len(self.all) + 1
        spread: dict[str, int] = {}
        for fact in self.all:
            for stem in fact.stems | fact.groups | fact.roots:
                spread[stem] = spread.get(stem, 0) + 1
        self._rarity = {
            stem: max(0.45, math.log(1 + count / many) / math.log(1 + count)) for stem, many in spread.items()
        }

    def forget(self) -> None:
        """Drop what was compared: visitors have said it."""
        self._found.clear()

    def weight(self, term: Term) -> float:
        """How much a term of a question tells."""
        if term.weight == 0 or term.stem in self._ambient:
            return 0.15 * term.weight
        if term.number is not None:
            return 0.3 if term.stem in self._rarity else 0.15
        if term.weight == LIGHT:
            return 0.5 * LIGHT
        stems = (term.stem, term.root, *term.groups, *term.leads)
        known = [self._rarity[stem] for stem in stems if stem in self._rarity]
        if known:
            return max(known)
        return 0.5 * LIGHT if term.stem in self._lexicon.companions else FULL

    def knows(self, term: Term) -> bool:
        """Whether any fact has it, by itself or by what means the same."""
        return (
            term.stem in self._rarity
            or term.root in self._rarity
            or any(group in self._rarity for group in term.groups)
            or not self._leads.isdisjoint((term.stem, *term.groups))
            or any(stem in self._rarity for stem in term.leads)
        )

    def ask(
        self, terms: Sequence[Term], little: frozenset[str] = frozenset(), verbs: frozenset[str] = frozenset()
    ) -> list[Asked]:
        """Terms of a question, with what is the same for all facts worked out once. little, verbs:
        stems that tell little, or not much, in it."""
        asked = []
        for term in terms:
            if term.hint and not self.knows(term):
                continue
            near = frozenset(other for one in term.groups for this, other in self._lexicon.near if this == one)
            part = LITTLE if term.stem in little else 2 * LITTLE if term.stem in verbs else 1.0
            weight = self.weight(term) * part
            hours = not term.groups.isdisjoint(self._hours)
            asked.append(Asked(term, weight, near, hours, *self._in_facts(term, near, hours)))
        return asked

    def _in_facts(self, term: Term, near: frozenset[str], hours: bool) -> tuple[Mapping[int, float], frozenset[int]]:
        key = term.word, term.stem, term.leads
        if key not in self._found:
            if len(self._found) >= WORDS:
                self._found.clear()
            matches = ((fact.number, _match(term, near, hours, fact)) for fact in self.all)
            found = {number: match for number, match in matches if match}
            self._found[key] = found, frozenset(number for number, match in found.items() if match == _LEADS)
        return self._found[key]

    def fit(self, asked: Sequence[Asked], kind: str, fact: Fact, context: Sequence[Sequence[Asked]] = ()) -> Fit:
        """How a fact fits what is asked. context: what the turn before was about, in one way or another."""
        leads = LEADS if kind in _LED else ALIKE
        matches = [each.match(fact, leads) for each in asked]
        covered = sum(each.weight * match for each, match in zip(asked, matches, strict=True))
        around = max((share(terms, fact) for terms in context), default=0.0)
        if not covered and not around:
            return Fit(fact, 0.0, False, 0.0)
        total = sum(
            each.weight * (HINT if each.term.hint and not match else 1.0)
            for each, match in zip(asked, matches, strict=True)
        )
        answers = not kind or bool(ACCEPTED[kind] & fact.kinds)
        exact = kind != "time" or "time" in fact.kinds
        hours = [each.term for each in asked if each.hours or each.term.days] if kind == "time" else []
        fits = any(term.groups & fact.groups or term.days & fact.days for term in hours)
        if hours and not fits and not fact.kinds & ACCEPTED["hours"]:
            answers = False  # how often something goes on, and on which days, does not say when a place is open
        if kind == "place" and answers:
            answers = _places(asked, fact)
        coverage = covered / total if total else 0.0
        said = [*asked, *(each for terms in context for each in terms)]
        subject = [(term, self.weight(term)) for term in fact.subject if term.stem not in self._adults]
        if kind == "person" and answers:
            subject = []  # the name that is asked for may be what the sentence is about
        left = sum(weight for term, weight in subject if weight > LIGHT and not _named(term, said))
        left /= max(1.0, sum(weight for _, weight in subject))
        score = coverage + 0.3 * around - 0.25 * left
        if fact.only_days:
            named = any(each.term.days & fact.days for each in said)  # the fewer days, the more it is about this one
            score += 0.25 * (1 - len(fact.days) / 7) if named else -0.05 if len(fact.days) > 3 else -0.2
        score -= 0.004 * len(fact.terms)  # of two that fit alike the shorter one says less else
        score += 0.2 * any(not each.term.aims.isdisjoint(fact.stems) for each in asked)
        score += 0.1 * (kind == "place") * any(is_named(each.term, fact) for each in asked if each.term.weight == FULL)
        score += 0.15 * bool(kind and answers) - 0.3 * (not exact)
        return Fit(fact, coverage, answers, score, around, left)


def share(asked: Sequence[Asked], fact: Fact) -> float:
    """How much of some terms is in a fact, 0 to 1."""
    total = sum(each.weight for each in asked)
    return sum(each.weight * each.match(fact) for each in asked) / total if total else 0.0


def _places(asked: Sequence[Asked], fact: Fact) -> bool:
    """Whether a fact that speaks of a place says where something else is than that place: "no dogs in the museum" does
    not say where the museum is."""
    if "there" in fact.kinds or any(_named(term, asked) for term in fact.subject if term.weight == FULL):
        return True
    return any(not _named(term, asked) for places in fact.located for term in places)


def is_named(term: Term, fact: Fact) -> bool:
    """Whether a fact is about what a term names."""
    return any(term.stem == each.stem or bool(term.groups & each.groups) for each in fact.subject)


def _named(term: Term, said: Sequence[Asked]) -> bool:
    """Whether what a fact is about was spoken of."""
    if term.days:
        return True
    return any(
        term.stem == each.term.stem or bool(term.groups & each.term.groups) or bool(term.groups & each.near)
        for each in said
    )


def describe(lexicon: Lexicon, text: str) -> Fact:
    """A sentence with all that is known about it."""
    words = lexicon.words(text)
    terms = lexicon.read(words)
    verbs = lexicon.language.verbs.split()
    first = next((i for i, term in enumerate(terms) if i and term.word in verbs), 0)
    telling = tuple(term for term in terms if term.weight > 0)
    deep = [*telling, *(part for term in telling for part in term.parts)]
    days = days_of(lexicon, terms)
    long = [term.word for term in deep if len(term.word) > 3 and term.weight == FULL and term.number is None]
    ends = tuple(word.rstrip("s") for word in long)
    return Fact(
        text,
        telling,
        frozenset(term.stem for term in deep),
        frozenset(group for term in deep for group in term.groups),
        frozenset(term.root for term in deep if term.root),
        ends,
        "".join(f"{word}\n" for word in ends),
        frozenset(stem for term in lexicon.hinted(words, telling) for stem in term.leads),
        tuple(term for term in terms[:first] if term.weight > 0),
        _about(lexicon, words, terms[:first]),
        days,
        bool(days) and len(days) < 7,
        kinds_of(lexicon, text, words, terms, first),
        located=located(lexicon, terms),
    )


def _about(lexicon: Lexicon, words: Sequence[str], terms: Sequence[Term]) -> str:
    """The name of a thing that a sentence begins with."""
    named = [term for term in terms if term.weight == FULL and term.number is None and not term.days]
    if not named or len(terms) > 5 or (terms[0].weight == 0 and terms[0].word not in lexicon.language.articles.split()):
        return ""
    start = terms[1].start if terms[0].weight == 0 else terms[0].start
    return " ".join(words[start : named[-1].end])


def days_of(lexicon: Lexicon, terms: Sequence[Term]) -> frozenset[int]:
    """The days of the week that terms name: "Monday to Friday" are five."""
    to = lexicon.language.to.split()
    found: set[int] = set()
    for place, term in enumerate(terms):
        found |= term.days
        if place >= 2 and len(term.days) == len(terms[place - 2].days) == 1 and terms[place - 1].word in to:
            (first,), (last,) = terms[place - 2].days, term.days
            found.update((first + step) % 7 for step in range((last - first) % 7))
    return frozenset(found)
