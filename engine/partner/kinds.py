"""Which kinds of question a sentence can answer, by its numbers, units, small words and names; and the places that it
speaks of."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.partner.reading import FULL, Lexicon, Term


@dataclass(frozen=True, slots=True)
class Words:
    """A language's tables that say what a word is, as sets: of stems, but those of small words, which stand as they
    are."""

    units: tuple[tuple[frozenset[str], str], ...]
    """Units, and the kind of question that a number with one of them answers."""
    currencies: frozenset[str]
    durations: frozenset[str]
    ages: frozenset[str]
    times: frozenset[str]
    months: frozenset[str]
    repeats: frozenset[str]
    places: frozenset[str]
    rooms: frozenset[str]
    costs: frozenset[str]
    helpers: frozenset[str]
    no_place: frozenset[str]
    before_place: frozenset[str]
    before_time: frozenset[str]
    before_month: frozenset[str]
    before_age: frozenset[str]
    article: frozenset[str]
    articles: frozenset[str]
    verbs: frozenset[str]
    age: frozenset[str]
    soon: frozenset[str]
    ahead: frozenset[str]
    by: frozenset[str]
    through: frozenset[str]
    sides: frozenset[str]
    toward: frozenset[str]
    titles: frozenset[str]
    measures: frozenset[str]
    """Units of all that can be told to a tool."""


@functools.lru_cache(maxsize=8)
def _words(lexicon: Lexicon) -> Words:
    language = lexicon.language

    def stems(words: str) -> frozenset[str]:
        return frozenset(lexicon.stem_of(word) for word in words.split())

    def plain(words: str) -> frozenset[str]:
        return frozenset(words.split())

    currencies, durations = stems(language.currencies), stems(language.durations)
    times, months, costs = stems(language.times), stems(language.months), stems(language.cost)
    before_time = plain(language.before_time)
    return Words(
        ((currencies, "price"), (durations, "long"), (stems(language.distances), "far")),
        currencies,
        durations,
        stems(language.ages),
        times,
        months,
        stems(language.repeats),
        stems(language.places),
        stems(language.rooms),
        costs,
        stems(language.by_people),
        costs | times | months | currencies | stems(language.an_age),
        stems(language.before_place),
        before_time,
        plain(language.before_month),
        plain(language.before_age),
        plain(language.article),
        plain(language.articles),
        plain(language.verbs),
        plain(language.age),
        plain(language.soon),
        plain(language.ahead),
        plain(language.by),
        plain(language.through),
        plain(language.sides),
        plain(language.before_place) | plain(language.to),
        plain(language.titles),
        frozenset(lexicon.units),
    )


def kinds_of(lexicon: Lexicon, text: str, words: Sequence[str], terms: Sequence[Term], verb: int) -> frozenset[str]:
    """The kinds of question that a sentence can answer. verb: the place of its first: where it says something is after
    that."""
    language, known = lexicon.language, _words(lexicon)
    aged = not known.age.isdisjoint(words)
    kinds: set[str] = set()
    for place in range(len(terms)):
        if terms[place].number is not None:
            kinds |= _of_number(known, terms, place, aged)
        kinds |= _of_word(known, terms, place)
        kinds |= _of_place(lexicon, known, terms, place, verb)
    if "age" in kinds and aged:
        kinds.discard("long")
    if language.free in words or any(term.stem in known.currencies for term in terms):
        kinds.add("price")
    if kinds & {"count", "time"} and not known.costs.isdisjoint(term.stem for term in terms):
        kinds.add("price")
    if "time" in kinds and set(words) & set(language.ranges.split()):
        kinds.add("until")
    if "ahead" in kinds:  # "until a day before" says no hours
        kinds = kinds - {"ahead"} | {"time"}
    if _names(language.capitals.split(), text, bool(set(language.people.split()) & set(words))):
        kinds.add("person")
    return frozenset(kinds)


def _of_number(known: Words, terms: Sequence[Term], place: int, aged: bool) -> set[str]:
    """What a number tells. aged: the sentence speaks of an age."""
    number, before = terms[place].number or 0.0, terms[place - 1] if place else None
    if before is not None and before.stem in known.currencies:
        return set()  # "nine dollars fifty"
    last = before.word.split()[-1] if before is not None else ""
    follow = terms[place + 1 : place + 3]
    unit, kind = next(
        ((each, kind) for each in follow for units, kind in known.units if each.stem in units), (None, "")
    )
    kinds = {kind} if kind else set()
    thing = bool(follow) and follow[0].weight > 0 and follow[0].stem not in known.times | known.months
    year = not thing and 1000 <= number < 2100
    of_years = kind == "long" and not known.ages.isdisjoint(each.stem for each in follow)
    if kind == "long" and unit is not None:
        within = last in known.soon or (place > 1 and terms[place - 2].word in known.soon)
        if within or not known.ahead.isdisjoint(each.word for each in terms[place + 1 : place + 4]):
            kinds.add("ahead")  # "two weeks ahead"
    if last == "for" and all(each.number is not None for each in terms[place:]):
        kinds.add("price")
    if of_years:
        kinds |= {"age", "limit"} if aged or last in known.before_age else {"age"}
    if kind:
        return kinds
    if (last in known.before_time and not thing) or 1000 <= number < 2100:
        kinds |= {"time"} if 1000 <= number < 2100 else {"time", "clock"}
    is_name = before is not None and (before.stem in known.rooms or (_named(before) and last not in known.verbs))
    bare = last not in known.before_time and not is_name  # "line four" is no number of anything
    if not year and (thing or (not aged and (bare or last == "and"))):
        kinds.add("count")
    if (bare and not thing) or last in known.before_age or 1000 <= number < 2100:
        kinds.add("age")
    if last in known.before_age and not known.measures.intersection(each.stem for each in follow[:1]):
        kinds.add("limit")
    return kinds


def _of_word(known: Words, terms: Sequence[Term], place: int) -> set[str]:
    """What a word, and those beside it, tell of a time, how often, and of whom."""
    term, before, after = terms[place], terms[place - 1] if place else None, terms[place + 1 : place + 3]
    last, stem = (before.word if before is not None else ""), after[0].stem if after else ""
    kinds: set[str] = set()
    if term.word in known.article and stem in known.durations and not (before and before.stem in known.repeats):
        kinds.add("long")  # "a day", but not "twice a day"
    month = term.stem in known.months and (term.word not in known.verbs or last in known.before_month)
    if term.stem in known.times or month or term.days:
        kinds |= {"time", "clock"} if term.stem in known.times else {"time"}
    if (term.stem in known.repeats and stem and term.word != last) or len(term.days) == 7:
        kinds.add("often")
    if last in known.before_month and _is_year(terms[place : place + 2]):
        kinds |= {"time", "age"}
    if term.word in known.titles:
        kinds.add("person")
    if term.word in known.by and not known.helpers.isdisjoint(each.stem for each in after):
        kinds.add("person")
    return kinds


def _of_place(lexicon: Lexicon, known: Words, terms: Sequence[Term], place: int, verb: int) -> set[str]:
    """Whether a word tells where something is; "there": not beside a thing, such as "upstairs"."""
    term, before, after = terms[place], terms[place - 1] if place else None, terms[place + 1 : place + 2]
    if term.stem in known.rooms and after and (after[0].stem.startswith("#") or len(after[0].word) == 1):
        return {"place", "there"}
    if term.word in known.sides and place > 1 and before is not None and before.word in known.articles:
        ends = not after or not _named(after[0])  # but not "on the left bank"
        return {"place", "there"} if ends and terms[place - 2].word in known.toward else set()
    beside = before is not None and _named(before) and before.stem not in known.times
    if place < verb and not (beside and term.word not in known.through):  # "the tavern in the stables"
        return set()
    ends = place == len(terms) - 1 and (
        term.word in lexicon.language.pointing.split()
        or (before is not None and before.stem in known.before_place and term.word in lexicon.language.listener.split())
    )
    door = term.word in known.by and bool(after) and after[0].word in known.articles  # "by the door"
    if term.stem in known.before_place:
        return {"place"} if ends or _is_thing(known, terms[place + 1 :]) else set()
    return {"place", "there"} if ends or door or term.stem in known.places else set()


def _is_year(terms: Sequence[Term]) -> bool:
    """Two numbers are one in words: "eighteen eighty-nine"."""
    century, year = (terms[0].number, terms[1].number) if len(terms) > 1 else (None, None)
    return century is not None and year is not None and 13 <= century <= 20 and 0 < year < 100


def _named(term: Term) -> bool:
    """It is the name of something."""
    return term.weight == FULL and term.number is None


def _is_thing(known: Words, terms: Sequence[Term]) -> bool:
    """What follows a small word is a thing, so that both are a place: neither a time nor a number."""
    term = next((term for term in terms[:3] if term.word not in known.articles), None)
    return (
        term is not None
        and term.weight > 0
        and term.number is None
        and term.stem not in known.no_place
        and not term.days
    )


def _names(no_person: Sequence[str], text: str, of_person: bool) -> bool:
    """Whether a sentence has a name in it: a word with a capital letter that does not begin it. With its first words
    it may also begin the name of a thing, unless it speaks of a person."""
    rest = text if of_person else re.sub(r"^(?:[A-Z][\w'-]*\s+)+", "", text)
    later = re.findall(r"(?<![.!?] )(?<!^)\b[A-Z][a-z]+", f" {rest}" if not of_person else rest)
    return any(word.lower().rstrip("s") not in no_person and word.lower() not in no_person for word in later)


def located(lexicon: Lexicon, terms: Sequence[Term]) -> tuple[tuple[Term, ...], ...]:
    """What follows the small words before places."""
    known = _words(lexicon)
    found: list[tuple[Term, ...]] = []
    for at, term in enumerate(terms):
        if (
            term.stem in known.before_place or lexicon.stem(term.word.split()[-1]) in known.before_place
        ):  # "go in" is one
            rest = terms[at + 1 :]
            rest = rest[1:] if rest and rest[0].word in known.articles else rest
            run = tuple(itertools.takewhile(lambda each: each.weight > 0, rest))
            found += [run] if run else []
    return tuple(found)
