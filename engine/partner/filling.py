"""The arguments of a tool, found in the words of a request."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from engine.partner.reading import Lexicon, Term, number_at
from engine.partner_settings import Parameter

Value: TypeAlias = str | int | float | bool
Span: TypeAlias = tuple[int, int]

FEW = 3
"""Words of an answer in which an "on" or "off" is meant, whatever stands beside it."""


class Filling:
    """Finds arguments in the words of a request. used: the places of those it has found."""

    def __init__(self, lexicon: Lexicon, words: Sequence[str]) -> None:
        self._lexicon, self.words = lexicon, list(words)
        self.terms = lexicon.read(words)
        self.used: list[Span] = []

    def free(self, start: int, end: int) -> bool:
        return not any(start < last and first < end for first, last in self.used)

    def fill(self, parameters: Sequence[Parameter]) -> dict[str, Value]:
        """The arguments that are there, but for those that are plain text (`text`)."""
        found: dict[str, Value] = {}
        order = sorted(parameters, key=lambda each: (not each.choices, each.type != "number" or not each.unit))
        for each in order:
            value: Value | None = None
            if each.choices:
                value = self._choice(each.choices)
            elif each.type in ("number", "integer"):
                value = self._number(each)
            elif each.type == "boolean":
                value = self._boolean(each.spoken)
            if value is not None:
                found[each.name] = value
        return found

    def text(self, known: Sequence[bool], whole: bool = False) -> str | None:
        """The longest run of words that mean nothing else. known: of each term, whether the tool's own words have it;
        whole: with small words at its end, too, since it is something that is to be said."""
        best: list[Term] = []
        run: list[Term] = []
        small = self._lexicon.stop - {"all"}
        for term, is_known in zip(self.terms, known, strict=True):
            if is_known or not self.free(term.start, term.end) or (term.word in small and not run):
                best, run = max(best, run if whole else _trimmed(run, small), key=len), []
            else:
                run.append(term)
        best = max(best, run if whole else _trimmed(run, small), key=len)
        if not best:
            return None
        start, end = best[0].start, best[-1].end
        self.used.append((start, end))
        return " ".join(self.words[start:end])

    def _choice(self, choices: Sequence[str]) -> str | None:
        lexicon = self._lexicon
        for choice in sorted(choices, key=lambda each: -len(each.split())):
            wanted = [lexicon.stem(word) for word in lexicon.words(choice.replace("_", " "))]
            if not wanted:
                continue
            stems = [lexicon.stem(word) for word in self.words]
            for at in range(len(stems) - len(wanted) + 1):
                if stems[at : at + len(wanted)] == wanted and self.free(at, at + len(wanted)):
                    self.used.append((at, at + len(wanted)))
                    return choice
        for choice in choices:
            terms = lexicon.read(lexicon.words(choice.replace("_", " ")))
            for term in self.terms:
                if len(terms) == 1 and terms[0].groups & term.groups and self.free(term.start, term.end):
                    self.used.append((term.start, term.end))
                    return choice
        return None

    def _number(self, parameter: Parameter) -> float | int | None:
        language = self._lexicon.language
        of, per = self._unit(parameter.unit)
        for at, word in enumerate(self.words):
            value, end = number_at(language, self.words, at)
            follows = self._unit(self.words[end]) if end < len(self.words) else ("", 1.0)
            if value is None:
                end = at + 1
                follows = self._unit(self.words[end]) if end < len(self.words) else ("", 1.0)
                if not follows[0] or follows[0] != of:
                    continue
                meant = language.homophones.get(word, "")
                value = 1.0 if word in language.article.split() else language.numbers.get(meant)
            if (
                value is None
                or not math.isfinite(value)
                or not self.free(at, end)
                or (follows[0] and follows[0] != of and bool(of))
            ):
                continue
            if at and number_at(language, self.words, at - 1)[1] > at:
                continue  # it is the rest of another number
            if of and follows[0] == of:
                value, end = value * follows[1] / per, end + 1
            if at and self.words[at - 1] in language.minus.split():
                value, at = -value, at - 1
            value = round(value, 6)
            self.used.append((at, end))
            return int(value) if value == int(value) else value
        return None

    def _unit(self, word: str) -> tuple[str, float]:
        """What a unit measures, and how much of it; a word that is no unit we know measures itself."""
        return self._lexicon.units.get(self._lexicon.stem(word), ("", 1.0)) if word else ("", 1.0)

    def _boolean(self, name: str) -> bool | None:
        """By a word that means the same as its name, or the opposite: `open` and "shut"; or else by one for yes or
        no."""
        lexicon, language = self._lexicon, self._lexicon.language
        particles = language.particles.split()
        if name not in particles:
            means = {group for term in lexicon.read(lexicon.words(name)) for group in (term.stem, *term.groups)}
            against = {other for one, other in lexicon.opposites if one in means}
            for place, term in enumerate(self.terms):
                said = {term.stem, *term.groups}
                is_state = place > 0 and self.terms[place - 1].word in language.states_be.split()
                if said & (means | against) and not is_state:
                    return not said & against
            if against:
                return None  # a "stop" or "no" in it is something else
        at = self._particle(particles)
        if at is None:
            plain = (word for word in (*language.true.split(), *language.false.split()) if word not in particles)
            at = next((self.words.index(word) for word in plain if word in self.words), None)
        if at is None:
            return None
        self.used.append((at, at + 1))
        return self.words[at] in language.true.split()

    def _particle(self, particles: Sequence[str]) -> int | None:
        """The place of the "on" or "off" that is meant: behind "switch", at once, or at the end of what is switched;
        not that of "on the pier". Without a "switch", at the end."""
        words, language = self.words, self._lexicon.language
        switches, articles = language.switches.split(), language.articles.split()
        switch = next((at for at, word in enumerate(words) if word in switches), None)
        found = [at for at, word in enumerate(words) if word in particles and (switch is None or at > switch)]
        if switch is None:
            return next((at for at in found if at == len(words) - 1 or len(words) <= FEW), None)
        beside = next((at for at in found if at == switch + 1), None)
        return beside or next(
            (at for at in found if words[at + 1 : at + 2] == [] or words[at + 1] not in articles), None
        )


def _trimmed(run: list[Term], small: frozenset[str]) -> list[Term]:
    while run and run[-1].word in small:
        run = run[:-1]
    return run
