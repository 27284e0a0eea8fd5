"""Finds the fact that answers a question: by its own words, or, where it names nothing, by what the turn before was
about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.partner.clauses import apart
from engine.partner.facts import Asked, Fact, Facts, Fit, is_named
from engine.partner.question import Question
from engine.partner.reading import FULL, Lexicon, Term
from engine.partner.topic import Topic

ENOUGH = 0.62
"""A fact answers if this much of what was asked is in it."""
EXACT = 0.9
"""So much is needed where it is only about words that tell little: "what do you see"."""
MEANT = 0.8
"""So much, and they were meant, rather than what such a question is about most often."""
HINT = 0.4
"""So much is enough for who asks nothing: "I have cut my finger"."""
MAYBE = 0.45
"""So much, and it is offered as what may help."""
NEAR = 0.34
"""So much, and it is said with a refusal: "But I know this: …"."""
CARRIED = 0.36
"""A question that names nothing is about what the turn before was about, if this much of that is in the fact."""
OWN = 0.3
"""Terms that tell less than this leave a question without anything that it is about."""
AGED = 0.2
"""So much is enough for a fact with a limit of age where somebody says how old they are."""
WHOLE, ALIKE, BEHIND = 0.97, 0.02, 0.3
"""A fact has all of what was asked from so much on; two have as much of it if they differ by no more, and one of them
is not so much the better for other reasons."""
ELSE = 0.35
"""A fact is about something else if more of what it is about was not spoken of."""
DAYS = 0.25
"""So much better, or worse, is a fact that speaks of days, or does not, where a day is asked for."""
SHORT = 4
"""Words of a question that may lean on the turn before without saying so: "until when"."""


@dataclass(frozen=True, slots=True)
class Found:
    """best: the fact that answers; maybe: one that may; near: the one that comes nearest; terms: what it is about."""

    best: Fit | None
    maybe: Fit | None
    near: Fit | None
    terms: tuple[Term, ...]


class Finding:
    """Facts, and how they are looked for."""

    def __init__(self, lexicon: Lexicon, facts: Facts) -> None:
        self._lexicon, self._facts = lexicon, facts
        self._hours = frozenset(lexicon.stem_of(word) for word in lexicon.language.hours.split())

    def search(self, question: Question, topic: Topic, facts: Sequence[Fact]) -> Found:
        """What is found for a question, or for the one that stands beside a statement in it."""
        terms = tuple(term for term in question.terms if not term.hint or self._facts.knows(term))
        question = replace(question, terms=terms)
        found = self._find(question, topic, facts)
        return found if found.best is not None else self._asked_apart(question, topic, facts) or found

    def ranked(self, question: Question, topic: Topic, facts: Sequence[Fact]) -> list[Fact]:
        """Those that have anything to do with a question, or with what the turn before was about; the nearest first."""
        before = self._before(topic)
        found: list[tuple[float, Fact]] = []
        for fit in self._fits(question, question.terms, question.kind, facts, before):
            near = fit.coverage + 0.5 * fit.context + 0.4 * (fit.fact is topic.fact)
            if near > 0:
                found.append((near + 0.2 * (bool(question.kind) and fit.answers), fit.fact))
        return [fact for _, fact in sorted(found, key=lambda each: -each[0])]

    def _find(self, question: Question, topic: Topic, facts: Sequence[Fact]) -> Found:
        telling = [term for term in question.terms if term.stem not in question.little]
        own = tuple(term for term in telling if self._facts.weight(term) >= OWN or term.days or self._led(term))
        leans = question.leans or (question.bare and len(question.words) <= SHORT and bool(topic.kind))
        if topic.terms and question.kind and (leans or question.refers) and self._strange(question, own, facts):
            own = ()
        named = bool(own)
        if not own and not (question.kind or question.refers or leans):
            own = question.terms
        if not own:
            return self._unnamed(question, topic, facts)
        things = tuple(term for term in own if term.number is None and not term.days)
        kind = question.kind or (topic.kind if leans else "")
        context = self._before(topic) if leans or question.refers or len(own) <= 1 else ()
        fits = self._fits(question, question.terms, kind, facts, context)
        if kind != question.kind and not things:  # that it wants the same kind of answer is a guess
            fits = [replace(fit, answers=True, score=fit.score + 0.25 * fit.answers) for fit in fits]
        if not things and topic.terms and context:  # only a day or a number is new: it is about the same thing
            hours = topic.fact is not None and "until" in topic.fact.kinds  # of another day they may be told otherwise
            fits = [
                replace(fit, answers=fit.answers and (fit.context >= CARRIED or (hours and "until" in fit.fact.kinds)))
                for fit in fits
            ]
        if question.asks_day:
            fits = [replace(fit, score=fit.score + (DAYS if fit.fact.days else -DAYS)) for fit in fits]
        enough = EXACT if not named else HINT if question.tells and not kind else ENOUGH
        best = self._pointed(question, topic, facts, fits, enough) if question.points else _best(fits, enough)
        if best is not None and not (kind or leans or question.tells or question.refers):
            best = None if _is_one_of_several(best, fits) else best
        if question.tells_age or question.of_the_young:  # there may be a limit
            limits = [fit for fit in fits if "limit" in fit.fact.kinds]
            limit = _best(limits, AGED if question.tells_age else NEAR)
            best = limit if limit is not None and (best is None or limit.score > best.score - BEHIND) else best
        if best is None and leans and not question.kind and things:  # it may be something else that is asked of it
            named_so = [replace(fit, answers=any(is_named(term, fit.fact) for term in things)) for fit in fits]
            best = _best(named_so, EXACT)
        same = leans or question.refers or (best is not None and best.context >= CARRIED)
        about = (*things, *(topic.terms if same else ())) if things else topic.terms
        return Found(best, _best(fits, MAYBE), _near(fits), tuple(dict.fromkeys(about))[:4])

    def _pointed(
        self, question: Question, topic: Topic, facts: Sequence[Fact], fits: Sequence[Fit], enough: float
    ) -> Fit | None:
        """It is about what was spoken of, so a fact about something else is none that answers."""
        about = ([fit for fit in fits if fit.context >= CARRIED], [fit for fit in fits if fit.left <= ELSE])
        best = next((best for best in (_best(each, enough) for each in about) if best is not None), None)
        return self._carried(question, topic, facts).best if best is None and question.kind else best

    def _led(self, term: Term) -> bool:
        """It leads to something that is here, though it tells little: "eat"."""
        return bool(term.leads) and self._facts.knows(term)

    def _strange(self, question: Question, terms: Sequence[Term], facts: Sequence[Fact]) -> bool:
        """They name nothing: "how long would I be sitting there"."""
        if not question.things.isdisjoint(term.stem for term in terms):
            return False
        return not any(asked.match(fact) for asked in self._facts.ask(terms) for fact in facts)

    def _unnamed(self, question: Question, topic: Topic, facts: Sequence[Fact]) -> Found:
        """Nothing is named: it is about what the turn before was about, or what such a question is about first of
        all."""
        leans = question.refers or question.leans
        hours = any(term.groups & self._hours for term in question.terms)
        default = self._lexicon.language.defaults.get(question.kind, "")
        if (topic.terms or topic.fact) and (leans or not default or (len(question.words) <= SHORT and not hours)):
            carried = self._carried(question, topic, facts)
            if carried.best is not None or leans:
                return carried
        found = Found(None, None, None, ())
        usual = tuple(self._lexicon.read([default])) if default else ()
        telling = tuple(term for term in question.terms if term.stem not in question.little)
        tries = ((question.terms, ENOUGH), (usual, ENOUGH))
        for terms, enough in tries if hours else ((telling, MEANT), *tries[::-1]):
            fits = self._fits(None, terms, question.kind, facts) if terms else []
            found = Found(_best(fits, enough), _best(fits, MAYBE), _near(fits), terms)
            if found.best is not None:
                return found
        return found

    def _carried(self, question: Question, topic: Topic, facts: Sequence[Fact]) -> Found:
        if not (question.kind or question.leans or question.refers):
            return Found(None, None, None, topic.terms)
        before = self._before(topic)
        hours = question.kind in ("time", "hours") and any(term.groups & self._hours for term in question.terms)
        unknown = bool(topic.said) and topic.fact is None  # nothing was known of that: why should it be now?
        enough = CARRIED if question.kind and not unknown else ENOUGH
        fits = []
        for fact in facts if before else ():
            both = (self._facts.fit(asked, question.kind, fact) for asked in before)
            best = max(both, key=lambda each: each.coverage)
            same = fact is topic.fact
            more = same and not question.kind
            wrong = more or (hours and "time" not in fact.kinds)
            fits.append(replace(best, score=best.score + 0.3 * same, answers=best.answers and not wrong))
        return Found(_best(fits, enough), None, _near(fits), topic.terms)

    def _asked_apart(self, question: Question, topic: Topic, facts: Sequence[Fact]) -> Found | None:
        """Where a question stands beside a statement, it may be about what that is about; or about what it names."""
        for asked, rest in apart(self._lexicon, question.text):
            if asked.kind != question.kind and (question.asks or not asked.kind):
                continue
            words = self._lexicon.words(rest)
            terms = self._lexicon.hinted(words, self._lexicon.read(words))
            told = tuple(term for term in terms if self._facts.weight(term) >= OWN and term.number is None)
            found = self._find(replace(asked, refers=True), Topic(told) if told else topic, facts)
            if found.best is not None:
                return found
        return None

    def _fits(
        self,
        question: Question | None,
        terms: Sequence[Term],
        kind: str,
        facts: Sequence[Fact],
        context: Sequence[Sequence[Asked]] = (),
    ) -> list[Fit]:
        """How each fact fits. question: whose little words tell little; and where its kind is known, words that nobody
        knows and that are no names of things, "how much would it set me back", tell not much."""
        little = question.little if question is not None else frozenset()
        verbs: frozenset[str] = frozenset()
        if question is not None:
            strange = {term.stem for term in terms if term.weight == FULL and not self._facts.knows(term)}
            sure = question.kind and question.kind != "person"
            verbs = frozenset(strange - question.things if sure else strange & question.acts)
        asked = self._facts.ask(terms, little, verbs)
        some: set[int] = set().union(
            *(each.found for each in asked), *(each.found for said in context for each in said)
        )
        return [
            self._facts.fit(asked, kind, fact, context)
            if fact.number in some or fact.number < 0
            else Fit(fact, 0.0, False, 0.0)  # most facts, and nobody ranks them
            for fact in facts
        ]

    def _before(self, topic: Topic) -> tuple[list[Asked], ...]:
        """What the turn before was about: what was asked, and what was said."""
        both = topic.terms, (topic.fact.subject or topic.fact.terms) if topic.fact else ()
        return tuple(self._facts.ask(terms) for terms in both if terms)


def _is_one_of_several(best: Fit, fits: Sequence[Fit]) -> bool:
    """Other facts have as much of what was asked, and none has all of it: to say one of them is a guess."""
    return best.coverage < WHOLE and any(
        fit.answers and fit.coverage >= best.coverage - ALIKE and fit.score >= best.score - BEHIND
        for fit in fits
        if fit is not best
    )


def _best(fits: Sequence[Fit], enough: float) -> Fit | None:
    good = [fit for fit in fits if fit.answers and fit.coverage >= enough]
    return max(good, key=lambda fit: fit.score, default=None)


def _near(fits: Sequence[Fit]) -> Fit | None:
    near = [fit for fit in fits if fit.coverage >= NEAR]
    return max(near, key=lambda fit: fit.coverage, default=None)
