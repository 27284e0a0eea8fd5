"""Tools: what a host program can be asked to do, which one a request means, and what it is called with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.partner.facts import SYNONYM
from engine.partner.filling import Filling, Value
from engine.partner.reading import FULL, LIGHT, Lexicon, Term, number_at
from engine.partner_settings import Parameter

"""Places among the words of a request, the end excluded."""


@dataclass(frozen=True, slots=True)
class Tool:
    """description: what it does, as it would be asked for: "Open the gate"."""

    name: str
    description: str
    parameters: tuple[Parameter, ...] = ()
    confirm: bool = False
    """It is asked back before it is called."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the host is asked to do."""

    name: str
    arguments: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tool that a request may mean. coverage: how much of the request it explains, 0 to 1; named: by its own words,
    not only by those of an argument."""

    tool: Tool
    arguments: Mapping[str, Value]
    coverage: float
    named: bool
    score: float
    tied: bool = False
    """Another tool fits as well."""
    more: bool = False
    """More was said than it explains: "go back" is not "go forward", nor is "tomorrow" now."""


ALL_BUT = 0.8
"""So much of what is said the arguments are for a tool that was called just now, and is not named again."""


class Tools:
    """All tools, and which one is meant."""

    def __init__(self, lexicon: Lexicon, tools: Sequence[Tool]) -> None:
        self._lexicon = lexicon
        self.all = tuple(tools)
        self._named: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self.expected: list[Term] = []
        """The terms that requests are made of."""
        for tool in tools:
            words = [*lexicon.words(tool.name.replace("_", " ")), *lexicon.words(tool.description)]
            terms = [*lexicon.read(lexicon.words(tool.name.replace("_", " "))), *lexicon.read(words)]
            terms = [term for term in terms if term.weight > 0]
            self._named[tool.name] = (
                frozenset(stem for term in terms for stem in (term.stem, term.root) if stem),
                frozenset(group for term in terms for group in term.groups),
            )
            self.expected += terms
            for choice in (choice for each in tool.parameters for choice in each.choices):
                self.expected += lexicon.read(lexicon.words(choice.replace("_", " ")))

    def knows(self, term: Term) -> bool:
        """Whether any tool has a term, by itself or by what means the same."""
        return any(term.stem == each.stem or term.groups & each.groups for each in self.expected)

    def has(self, tool: Tool, term: Term) -> bool:
        """Whether a term is one of this tool's own, of its parameters too, or means the same."""
        named = (word for each in tool.parameters for word in self._lexicon.words(f"{each.spoken} {each.unit}"))
        return self._knows(tool, term) > 0 or term.stem in {self._lexicon.stem(word) for word in named}

    def as_written(self, name: str, arguments: Mapping[str, Value], text: str) -> dict[str, Value]:
        """Arguments of a tool with the capitals that the text has which they are from: "Anna"."""
        tool, found = self.named(name), dict(arguments)
        for each in tool.parameters if tool is not None else ():
            value = found.get(each.name)
            if (
                isinstance(value, str)
                and not each.choices
                and (match := re.search(re.escape(value), text, re.IGNORECASE))
            ):
                found[each.name] = match[0]
        return found

    def does(self, tool: Tool) -> frozenset[str]:
        """The stems of what a tool does: the first words of its name and its description."""
        first = (*tool.name.split("_")[:1], *self._lexicon.words(tool.description)[:1])
        return frozenset(self._lexicon.stem(word) for word in first)

    def begins(self, tool: Tool, words: Sequence[str]) -> bool:
        """Whether a request begins with what a tool does, in the form of a request: "open", not "opened"."""
        language = self._lexicon.language
        if not words or words[0].endswith(tuple(language.no_request.split())):
            return False
        first, own = self._lexicon.read(words[:3])[0], self.does(tool)
        switches = words[0] in language.switches.split()
        return switches or first.stem in own or self._knows(tool, first) > 0 or not own.isdisjoint(self._against(first))

    def _against(self, term: Term) -> set[str]:
        """What means the opposite of a term."""
        said = {term.stem, *term.groups}
        return {other for one, other in self._lexicon.opposites if one in said}

    def named(self, name: str) -> Tool | None:
        return next((tool for tool in self.all if tool.name == name), None)

    def informs(self, tool: Tool) -> bool:
        """Whether a tool only finds something out."""
        first = self._lexicon.read(self._lexicon.words(tool.description))[:1]  # "check in" is no "check"
        informs = {self._lexicon.stem(word) for word in self._lexicon.language.informs.split()}
        return bool(first) and first[0].stem in informs

    def wanted(self, words: Sequence[str], last: str = "", plain: bool = False, where: bool = False) -> Wanted | None:
        """The tool that a request means most likely. last: the one that was called before, which need not be named.
        plain: it is sure to be a request, so one of the words that a tool may be told is enough: "get the manager";
        where: it asks where something is, which a tool may show."""
        language = self._lexicon.language
        handed = bool(words) and words[0] in language.handing.split()
        plain = plain and handed and set(language.excepting.split()).isdisjoint(words)
        shows = {tool.name for tool in self.all if where and self.informs(tool) and self._shows(tool)}
        found = [self._explains(tool, words, tool.name == last, plain or tool.name in shows) for tool in self.all]
        fit = [each for each in found if each.named and each.coverage >= 0.6]
        best = max(fit, key=lambda each: each.score, default=None)
        if best is None:
            return None
        return replace(
            best, tied=sum(each.score > best.score - 1e-6 for each in fit) > 1 or self._half_said(best, words)
        )

    def _shows(self, tool: Tool) -> bool:
        """Whether it shows where something is."""
        told = self._lexicon.words(f"{tool.name.replace('_', ' ')} {tool.description}")
        return not set(self._lexicon.language.wheres.split()).isdisjoint(told)

    def _half_said(self, best: Wanted, words: Sequence[str]) -> bool:
        """Whether all that was said of a tool is said of another one, too: "turn" where there are left and right."""
        stem, small = self._lexicon.stem, {*self._lexicon.language.articles.split()}
        name = {stem(word) for word in best.tool.name.split("_")}
        said = {stem(word) for word in words if word not in small}
        heard = said & (name | {stem(word) for word in self._lexicon.words(best.tool.description)})
        if best.arguments or name <= said or not heard:
            return False
        return any(
            heard <= {stem(word) for word in self._lexicon.words(f"{each.name.replace('_', ' ')} {each.description}")}
            for each in self.all
            if each is not best.tool
        )

    def denied(self, tool: Tool, words: Sequence[str]) -> bool:
        """Whether a request takes back what the tool does: a "no", "cancel", "already" stands before words of it."""
        denials, denies = set(self._lexicon.language.denies.split()), False
        for term in self._lexicon.read(words):
            known = self._knows(tool, term) > 0
            if denies and known and term.weight > 0:
                return True
            denies = denies or (not known and not denials.isdisjoint(term.word.split()))
        return False

    def _explains(self, tool: Tool, words: Sequence[str], was_last: bool, plain: bool = False) -> Wanted:
        filling = Filling(self._lexicon, words)
        arguments = filling.fill(tool.parameters)
        known = [self._knows(tool, term) for term in filling.terms]
        sure = 0.5
        words_of_it = self._lexicon.words(tool.description)
        small = [term for term, match in zip(filling.terms, known, strict=True) if match or term.word in words_of_it]
        told = len([term for term in small if len(term.word) > 2]) > 1 or any(
            match == 1.0 and (term.weight == FULL or term.start == 0)
            for term, match in zip(filling.terms, known, strict=True)
        )  # else any words would be a text for it: "it is raining"
        for each in tool.parameters if told else ():
            if each.type == "string" and not each.choices:
                whole = each.name in self._lexicon.language.free_text.split()
                if text := filling.text([match > 0 for match in known], whole):
                    arguments[each.name] = text
                    sure = 1.0  # any word may be a text: only the tool's very own words tell that it is meant
        total = covered = 0.0
        named = plain and any(each.choices and each.name in arguments for each in tool.parameters)
        handing = self._lexicon.language.handing.split() if plain else ()
        little, more, not_now = 0, False, self._lexicon.language.not_now.split()
        for term, match in zip(filling.terms, known, strict=True):
            weight = term.weight if term.number is None else FULL
            if term.word in handing and not match:
                weight = LIGHT
            little += not weight and len(term.word) > 3 and term.word in words_of_it
            more = more or (
                term.word in not_now and term.word not in words_of_it and filling.free(term.start, term.end)
            )
            if not weight and not match:
                continue
            weight = weight or LIGHT
            inside = 1.0 if not filling.free(term.start, term.end) else match
            total += weight
            covered += weight * inside
            more = more or (weight == FULL and not inside)
            named = named or (match >= sure and (term.weight == FULL or term.start == 0))
            little += match > 0
        named = named or little > 1
        more = more or (not arguments and self._only_thing(tool, words))
        coverage = covered / total if total else 0.0
        named = named or (was_last and bool(arguments) and coverage >= ALL_BUT)
        more = more or self._is_relative(filling.words, words_of_it)
        ours = sum(match * max(term.weight, LIGHT) for term, match in zip(filling.terms, known, strict=True))
        missing = sum(each.required and each.name not in arguments for each in tool.parameters)
        score = coverage + 0.05 * ours + 0.1 * len(arguments) - 0.1 * missing
        return Wanted(tool, arguments, coverage, named, score, more=more)

    def _is_relative(self, words: Sequence[str], told: Sequence[str]) -> bool:
        """Whether it is said by how much, where a tool sets how much it shall be: "louder by ten"."""
        language = self._lexicon.language
        by = language.by.split()
        if told[:1] and told[0] not in language.sets.split():
            return False
        behind = [at + 1 for at, word in enumerate(words[:-1]) if word in by and word not in told]
        return any(number_at(language, words, at)[0] is not None for at in behind)

    def _only_thing(self, tool: Tool, words: Sequence[str]) -> bool:
        """Whether nothing was said but a word of what a tool does something with: "bell", which is no request yet."""
        stem, small = self._lexicon.stem, {*self._lexicon.language.articles.split(), *self._lexicon.stop}
        said = {stem(word) for word in words if word not in small}
        return len(said) == 1 and "_" in tool.name and said.isdisjoint(self.does(tool))

    def _knows(self, tool: Tool, term: Term) -> float:
        stems, groups = self._named[tool.name]
        if term.stem in stems or (term.root and term.root in stems):
            return 1.0
        if term.groups & groups:
            return SYNONYM
        return 0.0
