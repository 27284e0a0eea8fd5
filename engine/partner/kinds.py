"""Which kinds of question a sentence can answer, by its numbers, units, small words and names; and the places that it
speaks of."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from engine.partner.language import Language
from engine.partner.reading import FULL, Lexicon, Term


def kinds_of(lexicon: Lexicon, text: str, words: Sequence[str], terms: Sequence[Term], verb: int) -> frozenset[str]:
    """The kinds of question that a sentence can answer. verb: the place of its first: where it says something is after
    that."""
    language = lexicon.language
    stems = [term.stem for term in terms]
    named = {name: {lexicon.stem_of(word) for word in getattr(language, name).split()} for name in _STEMMED}
    before = language.before_time.split()
    before_place = frozenset(lexicon.stem_of(word) for word in language.before_place.split())
    costs = {lexicon.stem(word) for word in language.cost.split()}
    helpers = {lexicon.stem(word) for word in language.by_people.split()}
    no_place = costs.union(
        {lexicon.stem(language.age.split()[0])},
        *(named[name] for name in ("times", "months", "currencies")),
    )
    verbs, before_month = set(language.verbs.split()), {*before, *language.before_place.split(), "of"}
    through = set(language.through.split())
    by, articles = language.by.split(), set(language.articles.split())
    ahead = set(language.ahead.split())
    ages, limits = {lexicon.stem(word) for word in language.ages.split()}, language.before_age.split()
    kinds: set[str] = set()
    for place, term in enumerate(terms):
        after = stems[place + 1] if place + 1 < len(stems) else ""
        then = stems[place + 2] if place + 2 < len(stems) else ""
        last = terms[place - 1].word if place else ""
        if term.number is not None:
            units = ("currencies", "durations", "distances")
            unit = next((name for each in (after, then) for name in units if each in named[name]), "")
            kinds |= {"currencies": {"price"}, "durations": {"long"}, "distances": {"far"}}.get(unit, set())
            thing = after and terms[place + 1].weight > 0 and after not in named["times"] | named["months"]
            if unit == "durations" and ahead & {each.word for each in terms[place + 1 : place + 4]}:
                kinds.add("ahead")  # "two weeks ahead"
            if not unit and ((last in before and not thing) or 1000 <= term.number < 2100):
                kinds.add("time")
            if last == "for" and all(each.number is not None for each in terms[place:]):
                kinds.add("price")
            year = not thing and 1000 <= term.number < 2100
            if not unit and not year and (thing or last not in before or last == "and"):
                kinds.add("count")
            room = place > 0 and stems[place - 1] in named["rooms"]
            of_years = unit == "durations" and not ages.isdisjoint((after, then))
            bare = not unit and not thing and last not in before and not room
            if of_years or bare or (not unit and (last in limits or 1000 <= term.number < 2100)):
                kinds.add("age")
            if of_years or (not unit and last in limits):
                kinds.add("limit")
        repeated = bool(place) and terms[place - 1].stem in named["repeats"]
        if term.word in language.article.split() and after in named["durations"] and not repeated:
            kinds.add("long")
        month = term.stem in named["months"] and (term.word not in verbs or last in before_month)
        if term.stem in named["times"] or month or term.days:
            kinds.add("time")
        if (term.stem in named["repeats"] and after and term.word != last) or len(term.days) == 7:
            kinds.add("often")
        numbered = after.startswith("#") or (place + 1 < len(terms) and len(terms[place + 1].word) == 1)
        if term.stem in named["rooms"] and numbered:
            kinds |= {"place", "there"}
        inside = (
            term.word not in through and _named(terms[place - 1 : place]) and stems[place - 1] not in named["times"]
        )
        if (place >= verb or inside) and (
            term.stem in named["places"]
            or (place == len(terms) - 1 and _points(language, term.word, place and stems[place - 1] in before_place))
            or (term.stem in before_place and _is_thing(lexicon, terms[place + 1 :], no_place))
            or (term.word in by and articles.issuperset(each.word for each in terms[place + 1 : place + 2]))
        ):
            kinds.add("place")
            if term.stem not in before_place:
                kinds.add("there")
        if term.word in by and not helpers.isdisjoint(stems[place + 1 : place + 3]):
            kinds.add("person")
        if last in before_month and _is_year(terms[place : place + 3]):
            kinds |= {"time", "age"}
        if term.word in language.titles.split():
            kinds.add("person")
    if "age" in kinds and set(language.age.split()) & set(words):
        kinds.discard("long")
    if language.free in words or any(stem in named["currencies"] for stem in stems):
        kinds.add("price")
    if kinds & {"count", "time"} and costs & set(stems):
        kinds.add("price")
    if "time" in kinds and set(words) & set(language.ranges.split()):
        kinds.add("until")
    if "ahead" in kinds:
        kinds.remove("ahead")
        kinds.add("time")
    if _names(language.capitals.split(), text, bool(set(language.people.split()) & set(words))):
        kinds.add("person")
    return frozenset(kinds)


_STEMMED = ("currencies", "durations", "distances", "times", "months", "repeats", "places", "rooms")


def _is_year(terms: Sequence[Term]) -> bool:
    """Two numbers are one in words: "eighteen eighty-nine"."""
    century, year = (terms[0].number, terms[1].number) if len(terms) > 1 else (None, None)
    return century is not None and year is not None and 13 <= century <= 20 and 0 < year < 100


def _named(terms: Sequence[Term]) -> bool:
    """The first of them names something: "the tavern in the stables"."""
    return bool(terms) and terms[0].weight == FULL and terms[0].number is None


def _points(language: Language, word: str, after: object) -> bool:
    """Whether the last word is a place: "here", and after a small word for a place who asks, "behind you"."""
    return word in language.pointing.split() or (bool(after) and word in language.listener.split())


def _is_thing(lexicon: Lexicon, terms: Sequence[Term], no_place: set[str]) -> bool:
    """What follows a small word is a thing, so that both are a place: neither a time nor a number."""
    for term in terms[:3]:
        if term.word in lexicon.language.articles.split():
            continue
        return term.weight > 0 and term.number is None and term.stem not in no_place and not term.days
    return False


def _names(no_person: Sequence[str], text: str, of_person: bool) -> bool:
    """Whether a sentence has a name in it: a word with a capital letter that does not begin it. With its first words
    it may also begin the name of a thing, unless it speaks of a person."""
    rest = text if of_person else re.sub(r"^(?:[A-Z][\w'-]*\s+)+", "", text)
    later = re.findall(r"(?<![.!?] )(?<!^)\b[A-Z][a-z]+", f" {rest}" if not of_person else rest)
    return any(word.lower().rstrip("s") not in no_person and word.lower() not in no_person for word in later)


def located(lexicon: Lexicon, terms: Sequence[Term]) -> tuple[tuple[Term, ...], ...]:
    """What follows the small words before places."""
    before = frozenset(lexicon.stem_of(word) for word in lexicon.language.before_place.split())
    articles = lexicon.language.articles.split()
    found: list[tuple[Term, ...]] = []
    for at in range(len(terms)):
        if terms[at].stem in before or lexicon.stem(terms[at].word.split()[-1]) in before:  # "go in" is one term
            rest = terms[at + 1 :]
            rest = rest[1:] if rest and rest[0].word in articles else rest
            run = tuple(itertools.takewhile(lambda term: term.weight > 0, rest))
            found += [run] if run else []
    return tuple(found)
