"""From a request to a call, over as many turns as it takes: what is missing is asked for, what must be confirmed is
asked back, what is out of its limits is said, and nothing is called that was not asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.partner.filling import Filling, Value
from engine.partner.question import Question
from engine.partner.reading import FULL, Lexicon, Term
from engine.partner.saying import Saying
from engine.partner.tools import Call, Tool, Tools
from engine.partner_settings import Parameter


@dataclass(frozen=True, slots=True)
class Pending:
    """A call that waits for an answer. missing: the parameter that was asked for; empty: it was asked whether it shall
    really be done."""

    tool: str
    arguments: tuple[tuple[str, Value], ...]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next: something to say, and a call or what is waited for. done: nothing is called, as was wanted."""

    text: str
    call: Call | None = None
    pending: Pending | None = None
    refuses: bool = False
    """What was asked for is out of its limits."""


class Acting:
    """Tools, and how one comes to be called. knows: whether a term is one of a fact or a tool."""

    def __init__(self, lexicon: Lexicon, tools: Tools, saying: Saying, knows: Callable[[Term], bool]) -> None:
        self._lexicon, self._tools, self._saying, self._knows = lexicon, tools, saying, knows

    def begin(self, tool: Tool, arguments: Mapping[str, Value], unsure: bool = False) -> Step:
        """A tool is wanted, with these arguments. unsure: that is a guess, so it is asked back."""
        for each in tool.parameters:
            if each.name in arguments:
                if wrong := self._wrong(each, arguments[each.name]):
                    left = tuple((name, value) for name, value in arguments.items() if name != each.name)
                    return Step(f"{wrong} {self._ask(each)}", pending=Pending(tool.name, left, each.name), refuses=True)
            elif each.required:
                return Step(self._ask(each), pending=Pending(tool.name, tuple(arguments.items()), each.name))
        if tool.confirm or unsure:
            what = self._saying.inside(tool.description or tool.name.replace("_", " "))
            told = [self._told(each, arguments[each.name]) for each in tool.parameters if each.name in arguments]
            text = self._saying.phrase("confirm", what=", ".join([what, *told]))
            return Step(text, pending=Pending(tool.name, tuple(arguments.items())))
        return Step(self._saying.phrase("done_plain"), Call(tool.name, dict(arguments)))

    def go_on(self, pending: Pending, question: Question) -> Step | None:
        """What was asked for may have come. None: something else was said."""
        tool = self._tools.named(pending.tool)
        if tool is None:
            return None
        words, language = list(question.words), self._lexicon.language
        asks = question.asks and not question.forbids  # "do not …" begins like "do you …"
        if not asks and self._declines(tool, words):
            return Step(self._saying.phrase("not_done"))
        if question.kind or (asks and not (pending.missing and words[:2] == ["is", "it"])):
            return None
        if not pending.missing and self._agrees(tool, words):
            return Step(self._saying.phrase("done_plain"), Call(tool.name, dict(pending.arguments)))
        if not pending.missing and words[:1] and words[0] in language.no.split():
            return Step(self._saying.phrase("not_done"))
        if not pending.missing or question.small_talk:
            return None
        arguments = dict(pending.arguments)
        filling = Filling(self._lexicon, words)
        wanted = [each for each in tool.parameters if each.name not in arguments]
        arguments.update(filling.fill(wanted))
        missing = next(each for each in tool.parameters if each.name == pending.missing)
        if self._is_about_else(tool, filling, measures=bool(missing.unit)):
            arguments = dict(pending.arguments)
        any_words = missing.type == "string" and not missing.choices
        if missing.name in arguments and not any_words and missing.type != "boolean" and self._is_denied(words):
            return Step(self._ask(missing), pending=pending)
        if any_words:
            # What was asked for may begin with any word, "there is no milk"; of other things only the name is wanted.
            free = missing.name in language.free_text.split()
            named = re.sub(language.naming, "", " ".join(words))
            rest = Filling(self._lexicon, named.split())
            if text := " ".join(words) if free else rest.text([False] * len(rest.terms)):
                arguments[missing.name] = text
        return self.begin(tool, arguments) if missing.name in arguments else None

    def _is_about_else(self, tool: Tool, filling: Filling, measures: bool) -> bool:
        """Whether what was found stands beside something else that is spoken of: "breakfast for two" says how many
        people have breakfast, and nothing of a taxi. What is counted may be any word: "three adults"; unless it is
        measured: "two children" are no meters."""
        counted = {end for _, end in filling.used}
        about = {*self._lexicon.language.about_count.split(), *self._lexicon.stop}
        for term in filling.terms:
            small = term.weight < FULL or term.number is not None or about.issuperset(term.word.split())
            if small or not filling.free(term.start, term.end):
                continue
            if not self._tools.has(tool, term) and (measures or term.start not in counted or self._knows(term)):
                return True
        return False

    def stops(self, words: Sequence[str]) -> Sequence[Tool]:
        """Where all that was said is that something shall stop: the tools that stop something, if they need not be
        told more."""
        stem = self._lexicon.stem
        stops = {stem(word) for word in self._lexicon.language.stops.split()}
        said = self._plain(words)
        if not said or not stops.issuperset(said):
            return ()
        found = []
        for tool in self._tools.all:
            if (
                self._tools.does(tool) & stops
                and not tool.confirm
                and not any(each.required for each in tool.parameters)
            ):
                found.append(tool)
        return found

    def exact(self, words: Sequence[str]) -> Tool | None:
        """The tool whose name or description is all of what was said, but for small words."""
        said, language = self._plain(words), self._lexicon.language
        if not said or words[0] in language.pronouns.split() or words[0] in language.subjects.split():
            return None  # "they called a member of staff"
        for tool in self._tools.all:
            for own in (tool.name.split("_"), self._lexicon.words(tool.description)):
                told = any(word.endswith(tuple(language.no_request.split())) and word not in own for word in words)
                if said == self._plain(own) and not told:
                    return tool
        return None

    def stops_something(self, words: Sequence[str]) -> bool:
        """Whether it is to stop, which is more than not to begin."""
        return bool(words) and words[0] in self._lexicon.language.stops.split()

    def _plain(self, words: Sequence[str]) -> list[str]:
        language = self._lexicon.language
        small = {*language.articles.split(), *language.pronouns.split()}
        return [self._lexicon.stem(word) for word in words if word not in small]

    def _agrees(self, tool: Tool, words: Sequence[str]) -> bool:
        """Whether it is a yes and nothing else, but for the tool's own words and small ones: "yes, open it"."""
        spoken, language = f"{' '.join(words)} ", self._lexicon.language
        yes = [phrase.replace("_", " ") for phrase in language.yes.split()]
        if not any(spoken.startswith(f"{phrase} ") for phrase in yes):
            return False
        small = {*language.with_yes.split(), *(word for phrase in yes for word in phrase.split())}
        own = self._own_words(tool)
        return all(word in small or self._lexicon.stem(word) in own for word in words)

    def _declines(self, tool: Tool, words: Sequence[str]) -> bool:
        """Whether it is a no and nothing else, but for the tool's own words and small ones: "no, don't open it"."""
        language = self._lexicon.language
        no = self._noes
        if no.isdisjoint(words):
            return False
        own = self._own_words(tool)
        small = {*no, *language.with_no.replace("_", " ").split()}
        return all(word in small or self._lexicon.stem(word) in own for word in words)

    def _is_denied(self, words: Sequence[str]) -> bool:
        """Whether what is said is taken back: "not two", "two, no, three"; but not by "no more than two"."""
        no, about, after = self._noes, self._lexicon.language.about_count.split(), [*words[1:], ""]
        return any(word in no and next_ not in about for word, next_ in zip(words, after, strict=True))

    @property
    def _noes(self) -> set[str]:
        """The words that a no may begin with, or be made of."""
        return {word for phrase in self._lexicon.language.no.split() for word in phrase.split("_")}

    def _own_words(self, tool: Tool) -> set[str]:
        """The stems of the words of a tool's name and description."""
        return {self._lexicon.stem(word) for word in self._lexicon.words(f"{tool.name} {tool.description}")}

    def _ask(self, parameter: Parameter) -> str:
        what = parameter.unit or parameter.spoken
        if parameter.choices:
            choices = self._saying.list(parameter.choices, "or")
            return self._saying.phrase("which", what=parameter.spoken, choices=choices)
        if parameter.type == "boolean":
            named = self._opposite(parameter)
            choices = self._saying.list([parameter.spoken, named], "or") if named else ""
            return f"{choices[0].upper()}{choices[1:]}?" if named else self._saying.phrase("on_off")
        many = parameter.type in ("number", "integer") and _is_counted(parameter)
        return self._saying.phrase("how_many" if many else "what", what=what)

    def _told(self, parameter: Parameter, value: Value) -> str:
        """An argument as it is asked back: "10 meters", "3 people", "room kitchen"."""
        if isinstance(value, bool):
            named = self._opposite(parameter)
            plain = "on" if value else "off"
            if parameter.spoken in self._lexicon.language.particles.split():
                return plain
            return (parameter.spoken if value else named) if named else f"{parameter.spoken} {plain}"
        if isinstance(value, str):
            return value if parameter.choices else f"{parameter.spoken} {value}"
        counted = parameter.unit or (parameter.spoken if _is_counted(parameter) else "")
        return f"{value:g} {counted}" if counted else f"{parameter.spoken} {value:g}"

    def _opposite(self, parameter: Parameter) -> str:
        """The word for a no, where the name of a yes-or-no parameter is the word for a yes: "open"."""
        for pair in (line.split() for line in self._lexicon.language.opposites):
            if parameter.spoken in pair:
                return pair[1 - pair.index(parameter.spoken)].replace("_", " ")
        return ""

    def _wrong(self, parameter: Parameter, value: Value) -> str:
        """Why a value cannot be taken; or nothing."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return ""
        low, high = parameter.minimum, parameter.maximum
        if (low is None or value >= low) and (high is None or value <= high):
            whole = parameter.type != "integer" or value == int(value)
            return "" if whole else self._saying.phrase("whole", what=parameter.spoken)
        name = "range" if low is not None and high is not None else "at_least" if low is not None else "at_most"
        unit = f" {parameter.unit}" if parameter.unit else ""
        limits = {"low": f"{low or 0:g}", "high": f"{high or 0:g}"}
        return self._saying.phrase(name, what=parameter.spoken, unit=unit, **limits)

    def several(self, question: Question) -> Sequence[Call]:
        """The calls of a request that names several things to do one after the other; none unless each is complete."""
        parts: list[list[str]] = [[]]
        for term in self._lexicon.read(question.words):
            if term.word in ("and", "then"):
                parts.append([])
            else:
                parts[-1] += question.words[term.start : term.end]
        parts = [part for part in parts if part]
        calls: list[Call] = []
        for part in parts if len(parts) > 1 else []:
            found = self._tools.wanted(part)
            if found is None or found.tied or found.more or self._tools.denied(found.tool, part):
                return ()
            step = self.begin(found.tool, found.arguments)
            if step.call is None:
                return ()
            calls.append(step.call)
        return calls


def _is_counted(parameter: Parameter) -> bool:
    """How many there are of it, rather than how much it is."""
    return bool(parameter.unit) or parameter.spoken.endswith("s") or parameter.spoken == "people"
