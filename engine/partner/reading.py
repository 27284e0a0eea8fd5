"""How a sentence is read: words, stems, numbers, phrases, and what means about the same."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.partner.language import Language

_ORDINAL = re.compile(r"(\d+)(st|nd|rd|th)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DIGITS = re.compile(r"\d+(?:[.,]\d+)?")
_TOKEN = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|(?<![\w.,-])[-−](?=\d)|\d+(?:[.,]\d+)?(?:st|nd|rd|th)?|[^\W\d_]+(?:'[^\W\d_]+)*|[€$£%]"
)
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_SIGNS = {"€": "euro", "$": "dollar", "£": "pound", "%": "percent", "-": "minus", "−": "minus"}
_BETWEEN = frozenset({"me", "us", "him", "her", "it", "them", "this", "that", "you", "yourself", "itself"})
"""What may stand inside a phrase of two words: "check me in"."""
STOP, LIGHT, FULL = 0.0, 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a sentence, or a phrase or number that is one thing. start, end: its place among the words."""

    word: str
    stem: str
    weight: float
    """How much it tells: STOP nothing, LIGHT little."""
    groups: frozenset[str] = frozenset()
    number: float | None = None
    root: str = ""
    """What it has in common with words made of it."""
    parts: tuple[Term, ...] = ()
    """Of a phrase: the terms of its words."""
    days: frozenset[int] = frozenset()
    """The days of the week that it names, 0 is Monday."""
    leads: frozenset[str] = frozenset()
    """Stems and groups of what somebody who says it looks for."""
    aims: frozenset[str] = frozenset()
    """Those of them that a phrase leads to, "leave my bag": that is what it is about."""
    hint: bool = False
    """It is only said because of what it leads to, and tells nothing where there is none of that."""
    start: int = 0
    end: int = 0


@dataclass(slots=True, eq=False)
class Lexicon:
    """A language's tables, made quick to look up. `lexicon` makes it once for each language."""

    language: Language
    stop: frozenset[str] = frozenset()
    light: frozenset[str] = frozenset()
    companions: frozenset[str] = frozenset()
    articles: frozenset[str] = frozenset()
    little: dict[str, frozenset[str]] = field(default_factory=dict)
    """Kind of question → stems that say little but that."""
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    """Stem → names of the groups it is in."""
    days: dict[str, frozenset[int]] = field(default_factory=dict)
    units: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Stem of a unit → what it measures, and how much of it."""
    near: frozenset[tuple[str, str]] = frozenset()
    opposites: frozenset[tuple[str, str]] = frozenset()
    leads: dict[str, list[tuple[tuple[str, ...], frozenset[str]]]] = field(default_factory=dict)
    """Stem of the first word of what is said → stems of all, and what somebody who says it looks for, as `Term.leads`;
    the longest first."""
    phrases: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict)
    """Stem of the first word → stems of all, and the phrase's own stem; the longest first."""

    def stem(self, word: str) -> str:
        """What forms of one word have in common."""
        return _stem(self.language, word)

    def stem_of(self, entry: str) -> str:
        """The stem of an entry of a table: a word, a phrase with `_`, or with `=` before it a word as it stands."""
        return entry if entry.startswith("=") else "_".join(self.stem(part) for part in entry.split("_") if part)

    def words(self, text: str) -> list[str]:
        """The words of a text in small letters, contractions written out; numbers as they stand."""
        found: list[str] = []
        for token in _TOKEN.findall(text.lower().replace(_APOSTROPHE, "'")):
            found += self.language.contractions.get(token, _SIGNS.get(token, token)).split()
        return found

    def read(self, words: Sequence[str]) -> list[Term]:
        """The terms of a sentence, in order."""
        stems, terms, at = [self.stem(word) for word in words], [], 0
        while at < len(words):
            term = self._phrase(words, stems, at) or self._number(words, at) or self._word(words, stems, at)
            terms.append(term)
            at = term.end
        return terms

    def said(self, words: Sequence[str]) -> tuple[str, ...]:
        """The stems of words, all articles and the like alike: "leave my bag" is "leave the bag"."""
        return tuple("the" if word in self.articles else self.stem(word) for word in words)

    def hinted(self, words: Sequence[str], terms: Sequence[Term]) -> list[Term]:
        """The terms of a sentence, with what they lead to. A phrase that leads somewhere is a term of its own where
        none of its words tells anything: "put on"."""
        stems, found, more = self.said(words), list(terms), []
        for at, stem in enumerate(stems):
            for parts, leads in self.leads.get(stem, ()):
                end = at + len(parts)
                if stems[at:end] != parts:
                    continue
                aims = leads if len(parts) > 1 else frozenset()
                inside = [place for place, term in enumerate(found) if at <= term.start and term.end <= end]
                telling = [place for place in inside if found[place].weight == FULL]
                if aims and not telling:
                    phrase = " ".join(words[at:end]), "_".join(parts)
                    more.append(Term(*phrase, FULL, leads=leads, aims=aims, hint=True, start=at, end=end))
                for place in telling or ([] if aims else inside):
                    each = found[place]
                    found[place] = replace(each, leads=each.leads | leads, aims=each.aims | aims)
        return [*found, *more]

    def _word(self, words: Sequence[str], stems: Sequence[str], at: int) -> Term:
        word, stem = words[at], stems[at]
        if word in self.language.ordinals:
            return Term(word, f"#{self.language.ordinals[word]}th", FULL, start=at, end=at + 1)
        weight = STOP if word in self.stop or len(word) < 2 else LIGHT if stem in self.light else FULL
        groups = self.groups.get(stem, frozenset()) | self.groups.get(f"={word}", frozenset())
        days = self.days.get(stem, frozenset())
        root = _root(self.language, stem)
        return Term(word, stem, weight, groups, root=root, days=days, start=at, end=at + 1)

    def _phrase(self, words: Sequence[str], stems: Sequence[str], at: int) -> Term | None:
        for parts, stem in self.phrases.get(stems[at], ()):
            end = at + len(parts)
            split = len(parts) == 2 and words[at + 1 : at + 2] and words[at + 1] in _BETWEEN
            if tuple(stems[at:end]) != parts:
                end += 1
                if not split or stems[end - 1 : end] != [parts[1]]:
                    continue
            weight = STOP if stem in self.stop else LIGHT if stem in self.light else FULL
            groups, days = self.groups.get(stem, frozenset()), self.days.get(stem, frozenset())
            inside = tuple(self._word(words, stems, place) for place in range(at, end))
            telling = tuple(each for each in inside if each.weight > 0)
            return Term(
                " ".join(words[at:end]), stem, weight, groups, root=stem, parts=telling, days=days, start=at, end=end
            )
        return None

    def _number(self, words: Sequence[str], at: int) -> Term | None:
        if ordinal := _ORDINAL.fullmatch(words[at]):
            return Term(words[at], f"#{ordinal[1]}th", FULL, start=at, end=at + 1)
        value, end = number_at(self.language, words, at)
        if value is None:
            return None
        return Term(" ".join(words[at:end]), f"#{value:g}", FULL, number=value, start=at, end=end)


def number_at(language: Language, words: Sequence[str], at: int) -> tuple[float | None, int]:
    """The number that begins at a word, and where it ends; None if there is none. "a hundred and twelve" is 112,
    "two and a half" is 2.5, "half a" is 0.5; "seven thirty" are two numbers."""
    known, tens, word = language.numbers, language.tens, words[at]
    if _THOUSANDS.fullmatch(word):
        word = word.replace(",", "")
    if _DIGITS.fullmatch(word):
        value, end = float(word.replace(",", ".")), at + 1
        if end < len(words) and words[end] in tens:
            value, end = value * tens[words[end]], end + 1
        return _and_half(language, words, value, end)
    articles = language.article.split()
    if word == language.half and words[at + 1 : at + 2] and words[at + 1] in articles:
        return 0.5, at + 2
    if word in tens:
        total, end = float(tens[word]), at + 1
    elif word in articles and words[at + 1 : at + 2] and words[at + 1] in tens:
        total, end = float(tens[words[at + 1]]), at + 2
    elif word in known:
        total, end = known[word], at + 1
        if 20 <= total < 100 and end < len(words) and 0 < known.get(words[end], 0) < 10:
            total, end = total + known[words[end]], end + 1
        if end < len(words) and words[end] in tens:
            total, end = total * tens[words[end]], end + 1
        elif total < 100:
            return _and_half(language, words, total, end)
    else:
        return None, at
    after = end + (words[end : end + 1] == [language.and_])
    if after < len(words) and 0 < known.get(words[after], 0) < 100:
        rest, end = number_at(language, words, after)
        total += rest or 0
    return _and_half(language, words, total, end)


def _and_half(language: Language, words: Sequence[str], value: float, end: int) -> tuple[float, int]:
    if list(words[end : end + 3]) == [language.and_, language.article.split()[0], language.half]:
        return value + 0.5, end + 3
    return value, end


@functools.lru_cache(maxsize=8192)
def _stem(language: Language, word: str) -> str:
    word = word.removesuffix("'s").removesuffix("'")
    if word in language.irregular:
        return _bare(language.irregular[word])
    for ending, instead, left in language.endings:
        if word.endswith(ending) and len(word) - len(ending) >= left:
            return _bare(word[: -len(ending)] + instead)
    return _bare(word)


@functools.lru_cache(maxsize=8192)
def _root(language: Language, stem: str) -> str:
    """A stem without the ending that makes it a word of another kind."""
    for ending in language.roots:
        for each in (ending, _bare(ending)):
            if stem.endswith(each) and len(stem) - len(each) >= 4:
                return stem[: -len(each)]
    return stem


def forget() -> None:
    """Drop the words that were looked up: visitors have said them."""
    _stem.cache_clear()
    _root.cache_clear()


def _bare(stem: str) -> str:
    """Without a silent end: "take" and "taking", "swim" and "swimming" end alike."""
    if len(stem) > 3 and stem.endswith("e"):
        stem = stem[:-1]
    return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem


@functools.lru_cache(maxsize=8)
def lexicon(language: Language, own: frozenset[str] = frozenset()) -> Lexicon:
    """The tables of a language, made quick to look up. own: phrases of an owner, their words joined by `_`."""
    made = Lexicon(language)

    groups: dict[str, set[str]] = {}
    for line in language.same:
        entries = [made.stem_of(entry) for entry in line.split()]
        for entry in entries:
            groups.setdefault(entry, set()).add(entries[0])
    made.groups = {stem: frozenset(names) for stem, names in groups.items()}
    made.stop = frozenset(made.stem_of(word) if "_" in word else word for word in language.stop.split())
    made.light = frozenset(made.stem_of(entry) for entry in language.light.split())
    made.articles = frozenset(language.articles.split())
    made.companions = frozenset(made.stem(word) for word in language.companions.split())
    made.little = {
        kind: frozenset(made.stem_of(word) for word in words.split()) for kind, words in language.kind_words.items()
    }
    made.days = {made.stem(day): frozenset((number,)) for number, day in enumerate(language.days)}
    made.days |= {made.stem_of(word): frozenset(days) for word, days in language.day_ranges.items()}
    made.units = {made.stem(name): measures for name, measures in reversed([*language.units.items()])}
    against = [tuple(made.stem_of(each) for each in line.split()) for line in language.opposites]
    made.opposites = frozenset((one, other) for pair in against for one, other in (pair, pair[::-1]))
    pairs = [tuple(made.stem_of(each) for each in line.split()) for line in language.near]
    made.near = frozenset((one, other) for pair in pairs for one, other in (pair, pair[::-1]))
    wanted: dict[tuple[str, ...], set[str]] = {}
    sought = []
    for line in language.leads:
        facts, _, said = line.partition(" : ")
        sought.append(facts)
        stems = {made.stem_of(entry) for entry in facts.split()}
        for entry in said.split():
            wanted.setdefault(made.said(made.words(entry.replace("_", " "))), set()).update(stems)
    for parts, stems in sorted(wanted.items(), key=lambda each: -len(each[0])):
        made.leads.setdefault(parts[0], []).append((parts, frozenset(stems)))
    small = (language.light, language.stop, language.times, language.places, language.before_place)
    listed = " ".join((*language.same, *sought, *language.opposites, *language.day_ranges, *small, *own))
    for entry in {each for each in listed.split() if "_" in each.strip("_")}:
        parts = tuple(made.stem(part) for part in entry.split("_") if part)
        made.phrases.setdefault(parts[0], []).append((parts, "_".join(parts)))
    for each in made.phrases.values():
        each.sort(key=lambda phrase: -len(phrase[0]))
    return made
