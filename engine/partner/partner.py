"""The answerer: finds the fact that answers a question and says it, or what else a turn of a conversation wants.

It says facts and phrases and nothing else, so it cannot invent. It is a function of what was said: what it needs to
know of earlier turns it works out from them, so whoever has the conversation can ask any copy of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from engine.contract import Exchange
from engine.partner import reading
from engine.partner.acting import Acting, Step
from engine.partner.clauses import requested
from engine.partner.english import LANGUAGES
from engine.partner.facts import Fact, Facts, Fit, describe
from engine.partner.finding import Finding, Found
from engine.partner.language import Language
from engine.partner.mishearing import Mishearing
from engine.partner.phonetics import Pronounce
from engine.partner.question import Question, read
from engine.partner.reading import FULL, Term, lexicon
from engine.partner.reconsidering import Meaning
from engine.partner.saying import Saying
from engine.partner.tools import Call, Tool, Tools, Wanted
from engine.partner.topic import Topic

Kind: TypeAlias = Literal["fact", "call", "back", "talk", "unknown"]
_MEANWHILE = ("again", "wait")
"""Small talk that leaves open what was asked back."""
_WHEN = frozenset({"time", "often", "long"})
"""What a statement beside a request tells that makes it one for another time."""
REPLAYED = 4
"""Earlier turns that count."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Who speaks. name, role: "Clio", "the voice of this museum"; manner: "brief" leaves out what is not the
    answer."""

    name: str = ""
    role: str = ""
    manner: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One turn. kind: a fact, a call, a question back, small talk, or that it is not known; near: then, whether
    something like it is known; fit: how much of what was asked is in the fact that is said, 0 to 1."""

    text: str
    kind: Kind
    calls: tuple[Call, ...] = ()
    near: bool = False
    topic: Topic = field(default_factory=Topic)
    fit: float = 0.0
    guessed: bool = False
    """Words were taken for others that sound like them."""


class Partner:
    """What an owner has written down, ready to be asked.

    facts: sentences, each of which is said as it stands. phrases: instead of the language's own, by their names.
    pronounce: how words are pronounced, where that is known. language: a tag; one without tables gets English ones.
    """

    def __init__(
        self,
        facts: Sequence[str],
        tools: Sequence[Tool] = (),
        persona: Persona | None = None,
        phrases: Mapping[str, str] | None = None,
        pronounce: Pronounce | None = None,
        language: str = "en",
    ) -> None:
        tables = LANGUAGES.get(language.split("-")[0], LANGUAGES["en"])
        self._persona, self._calls = persona or Persona(), True
        self._lexicon = lexicon(tables, _own_phrases(facts, tools, tables))
        self._saying = Saying(tables, phrases or {})
        ambient = {term.stem for term in self._lexicon.read(self._lexicon.words(self._persona.role)) if term.weight}
        self._facts = Facts(self._lexicon, facts, frozenset(ambient))
        self._finding = Finding(self._lexicon, self._facts)
        self._tools = Tools(self._lexicon, tools)
        expected = [*(term for fact in self._facts.all for term in fact.terms), *self._tools.expected]
        self._mishearing = Mishearing(self._lexicon, expected, self._knows, pronounce)
        self._acting = Acting(self._lexicon, self._tools, self._saying, self._knows)
        self._context: dict[str, Fact] = {}
        self._past: dict[tuple[Exchange, ...], Topic] = {}

    def decide(
        self, text: str, history: Sequence[Exchange] = (), context: Sequence[str] = (), calls: bool = True
    ) -> Decision:
        """The next turn. history: oldest first. context: what is known beside the facts just now, "sees: a child".
        calls: tools can be called just now; else what only a tool could do is refused."""
        if calls != self._calls:
            self._calls = calls
            self._past.clear()  # it was worked out as if it were otherwise
        return self._turn(text, self._topic(tuple(history)[-REPLAYED:], context), context)

    def candidates(
        self, text: str, history: Sequence[Exchange] = (), context: Sequence[str] = (), most: int = 4
    ) -> tuple[str, ...]:
        """The facts that come nearest to what was said, for somebody else to choose from. As `decide`."""
        topic = self._topic(tuple(history)[-REPLAYED:], context)
        question = read(self._lexicon, text, self._persona.name)
        return tuple(fact.text for fact in self._finding.ranked(question, topic, self._told(context))[:most])

    def waits(self, history: Sequence[Exchange], context: Sequence[str] = ()) -> bool:
        """What comes next may answer a question: it has asked back, or the host has said something."""
        past = tuple(history)[-REPLAYED:]
        return bool(past) and (not past[-1].user or self._topic(past, context).pending is not None)

    def meaning(self, text: str, history: Sequence[Exchange] = (), context: Sequence[str] = ()) -> Meaning:
        """What a sentence asks, and how well a fact answers it as it stands, without a guess at what was misheard. As
        `decide`."""
        topic = self._topic(tuple(history)[-REPLAYED:], context)
        question = read(self._lexicon, text, self._persona.name)
        known = frozenset(term.stem for term in question.terms if term.weight == FULL and self._knows(term))
        fit = 0.0
        found = self._finding.search(question, topic, self._told(context))
        if found.best is not None:  # else no more need be known
            fit = self._answered(question, topic, context, found).fit
        return Meaning(fit, question.kind, known, question.leans)

    def forget(self) -> None:
        """Drop what was worked out from what visitors have said."""
        self._past.clear()
        self._context.clear()
        self._mishearing.forget()
        self._facts.forget()
        reading.forget()

    def _topic(self, history: tuple[Exchange, ...], context: Sequence[str]) -> Topic:
        if not history:
            return Topic()
        if history not in self._past:
            if len(self._past) > 64:
                self._past.clear()
            last = history[-1]
            if not last.user:  # what was said of a call, or by the host: it leans on nothing, and asks nothing
                self._past[history] = replace(self._topic(history[:-1], context), pending=None, said=last.answer)
                return self._past[history]
            done = self._turn(last.user, self._topic(history[:-1], context), context)
            # A question back that was not heard to its end was not answered by what follows.
            heard = last.answer.split() == done.text.split()
            pending = done.topic.pending if heard else None
            self._past[history] = replace(done.topic, pending=pending, said=last.answer or done.topic.said)
        return self._past[history]

    def _turn(self, text: str, topic: Topic, context: Sequence[str]) -> Decision:
        done = self._answered(read(self._lexicon, text, self._persona.name), topic, context)
        if text.islower() or not (done.calls or done.topic.pending):
            return done
        calls = tuple(
            replace(call, arguments=self._tools.as_written(call.name, call.arguments, text)) for call in done.calls
        )
        if (pending := done.topic.pending) is not None:
            arguments = self._tools.as_written(pending.tool, dict(pending.arguments), text)
            pending = replace(pending, arguments=tuple(arguments.items()))
        return replace(done, calls=calls, topic=replace(done.topic, pending=pending))

    def _answered(
        self, question: Question, topic: Topic, context: Sequence[str], found: Found | None = None
    ) -> Decision:
        """found: what was found for it, if that is known; then nothing is guessed."""
        exact = self._acting.exact(question.request)
        stops = self._acting.stops(question.request) if exact is None else ()
        step = self._acting.go_on(topic.pending, question) if topic.pending is not None else None
        more = exact is not None or stops  # "stop" may be more than a no
        if step is not None and (not more or step.call or step.pending):
            calls = (step.call,) if step.call else ()
            kind: Kind = "call" if calls else "back" if step.pending else "talk"
            tool = step.call.name if step.call else ""
            return self._decided(step.text, kind, replace(topic, pending=step.pending, tool=tool), calls)
        if question.small_talk not in _MEANWHILE:
            topic = replace(topic, pending=None)
        if exact is not None and self._calls:
            return self._begun(self._acting.begin(exact, {}), exact, topic)
        if stops and self._calls:
            told, every = self._saying.phrase("done_plain"), tuple(Call(tool.name) for tool in stops)
            return self._decided(told, "call", replace(topic, tool=stops[0].name), every)
        if question.small_talk:
            return self._decided(self._small_talk(question.small_talk, topic), "talk", topic)
        facts = self._told(context)
        guess = found is None
        found = found or self._finding.search(question, topic, facts)
        done = self._act(question, topic, found.best)
        if (done is None and found.best is None) or (done is not None and _is_guess(done)):
            done = self._act_apart(question, topic) or done
        guessed = None
        if found.best is None and done is None and guess:
            guessed = self._guessed(question, topic, facts)
            question, found, done = guessed or (question, found, done)
        if done is not None:
            return done
        about = replace(topic, terms=found.terms or topic.terms, kind=question.kind or topic.kind, tool="")
        if found.best is not None:
            decided = self._decided(found.best.fact.text, "fact", replace(about, fact=found.best.fact))
            return replace(decided, fit=found.best.coverage, guessed=guessed is not None)
        return self._unknown(question, about, found)

    def _guessed(
        self, question: Question, topic: Topic, facts: Sequence[Fact]
    ) -> tuple[Question, Found, Decision | None] | None:
        """The same for what may have been meant by words that fit nothing; None if there is nothing of that kind. By
        how they sound alone they are no reason to say something: a word that was heard, or the kind of question, fits,
        too."""
        guess = self._mishearing.guess(question.words)
        if guess is None:
            return None
        meant = read(self._lexicon, " ".join(guess.words))
        found = self._finding.search(meant, topic, facts)
        sure = [term for term in meant.terms if term.weight == FULL and guess.guessed.isdisjoint(term.word.split())]
        if found.best is not None and not meant.kind and not any(self._facts.knows(term) for term in sure):
            found = Found(None, None, None, found.terms)
        done = (
            self._act(meant, topic, found.best, unsure=True) if any(self._tools.knows(term) for term in sure) else None
        )
        return (meant, found, done) if found.best is not None or done is not None else None

    def _knows(self, term: Term) -> bool:
        return self._facts.knows(term) or self._tools.knows(term)

    # Facts.

    def _told(self, context: Sequence[str]) -> tuple[Fact, ...]:
        """All facts, and what is known beside them just now."""
        return (*self._facts.all, *(self._known(line) for line in context))

    def _known(self, line: str) -> Fact:
        """A line of context as a sentence."""
        if line not in self._context:
            if len(self._context) > 64:
                self._context.clear()
            sense, colon, rest = line.partition(":")
            form = self._lexicon.language.context.get(sense.strip().lower(), "") if colon else ""
            self._context[line] = describe(self._lexicon, form.replace("{}", rest.strip()) if form else line)
        return self._context[line]

    # Tools.

    def _act(self, question: Question, topic: Topic, best: Fit | None, unsure: bool = False) -> Decision | None:
        wanted = self._wanted(question, topic, shown=best is None)
        if wanted is None:
            return None
        names = question.leans and question.bare and not topic.tool  # "and the kitchen": it leans on what was asked
        if names and not self._tools.begins(wanted.tool, question.request):
            return None
        informs = self._tools.informs(wanted.tool)
        if question.forbids and self._acting.stops_something(question.request):
            return self._decided(self._saying.phrase("cannot"), "unknown", topic)  # not even that: it goes on
        if question.forbids or (not informs and self._tools.denied(wanted.tool, question.request)):
            if best is not None and not question.forbids:
                return None
            apart = None if question.forbids else self._act_apart(question, topic)  # it may be a no to something else
            return apart or self._decided(self._saying.phrase("not_done"), "talk", topic)
        unsure = unsure or wanted.tied or (question.states and not informs)
        found = best.coverage if best is not None else 0.0
        if question.asks and not question.requests:
            if not informs or wanted.coverage <= found:
                return None
        elif question.wishes and wanted.coverage < found and not self._tools.begins(wanted.tool, question.request):
            return None
        if not self._calls:
            known = best is not None and (question.wishes or question.asks)
            return None if known else self._decided(self._saying.phrase("cannot"), "unknown", topic)
        if not unsure and (calls := self._acting.several(question)):
            told = self._saying.phrase("done_plain")
            return self._decided(told, "call", replace(topic, tool=calls[-1].name), tuple(calls))
        step = self._acting.begin(wanted.tool, wanted.arguments, unsure or (wanted.more and not informs))
        if step.refuses and best is not None:
            return None  # a rule about what is too much is a better answer than that it is too much
        return self._begun(step, wanted.tool, topic)

    def _wanted(self, question: Question, topic: Topic, shown: bool) -> Wanted | None:
        """The tool that is meant. shown: where something is may be shown by one."""
        where, plain = shown and question.kind == "place", question.requests and not question.kind
        return self._tools.wanted(question.request, topic.tool, plain, where)

    def _act_apart(self, question: Question, topic: Topic) -> Decision | None:
        """The request beside a statement: "the floor is wet, please call the cleaner". What it has to be told may stand
        in the statement. It is asked back where that may make it one for another case or time, or of somebody else."""
        if not self._calls or question.forbids:
            return None
        whole, language = self._tools.wanted(question.request, topic.tool), self._lexicon.language
        for asked, rest in requested(self._lexicon, question.text):
            wanted = self._wanted(asked, topic, shown=True)
            if wanted is None or wanted.tied or asked.forbids or self._tools.denied(wanted.tool, asked.request):
                continue
            informs = self._tools.informs(wanted.tool)
            asks = asked.asks and not asked.requests
            if (asks or question.asks) and not informs:
                continue
            words = self._lexicon.words(rest)
            plain = informs or asked.requests or self._tools.begins(wanted.tool, asked.request)
            aside = not set(language.aside.split()).isdisjoint(words) or describe(self._lexicon, rest).kinds & _WHEN
            unsure = wanted.more or asked.states or not plain or bool(aside)
            before = whole.arguments if whole is not None and whole.tool is wanted.tool else {}
            step = self._acting.begin(wanted.tool, {**before, **wanted.arguments}, unsure)
            return self._begun(step, wanted.tool, topic)
        return None

    def _begun(self, step: Step, tool: Tool, topic: Topic) -> Decision:
        after = replace(topic, pending=step.pending, tool=tool.name if step.call else "")
        return self._decided(step.text, "call" if step.call else "back", after, (step.call,) if step.call else ())

    # What else is said.

    def _unknown(self, question: Question, topic: Topic, found: Found) -> Decision:
        say, near = self._saying.phrase, found.near
        if question.requests and self._tools.all and not question.kind:
            text, more = say("cannot"), ""
        elif found.maybe is not None:
            text, more = "", say("maybe", fact=found.maybe.fact.text)
        else:
            text, more = say("unknown"), say("but_fact", fact=near.fact.text) if near is not None else ""
        if not more and (topics := self._topics()):
            more = say("but_topics", topics=topics)
        if "brief" in self._persona.manner.lower():
            text, more = text or say("unknown"), ""
        return self._decided(f"{text} {more}".strip(), "unknown", topic, near=near is not None)

    def _small_talk(self, kind: str, topic: Topic) -> str:
        say, persona = self._saying.phrase, self._persona
        if kind == "again":
            return topic.said or say("again_nothing")
        if kind == "who":
            who = ", ".join(filter(None, (persona.name, persona.role)))
            return say("who", who=who) if who else say("who_nobody")
        if kind == "can":
            able = self._tools.all if self._calls else ()
            tools = [self._saying.inside(tool.description or tool.name.replace("_", " ")) for tool in able]
            parts = [say("can", topics=topics) for topics in [self._topics()] if topics]
            parts += [say("can_do", tools=self._saying.list(tools[:4], "and"))] if tools else []
            return " ".join(parts) or say("can_nothing")
        return say(kind)

    def _topics(self) -> str:
        """What the first few facts are about."""
        found: list[str] = []
        for fact in self._facts.all:
            article = fact.text.split(" ", 1)[0].lower() in self._lexicon.language.articles.split()
            name = self._saying.phrase("thing", thing=fact.about) if article else fact.about
            if fact.about and name not in found:
                found.append(name)
        return self._saying.list(found[:4], "and")

    def _decided(
        self, text: str, kind: Kind, topic: Topic, calls: tuple[Call, ...] = (), near: bool = False
    ) -> Decision:
        return Decision(text, kind, calls, near, replace(topic, said=text))


def _is_guess(done: Decision) -> bool:
    """It was asked back whether something is to be done: the words may say it beside something else."""
    pending = done.topic.pending
    return done.kind == "back" and pending is not None and not pending.missing


def _own_phrases(facts: Sequence[str], tools: Sequence[Tool], language: Language) -> frozenset[str]:
    """Words that an owner writes as one, and a recogniser as two: "check-in", the tool `check_in`."""
    joined = {word.lower().replace("-", "_") for fact in facts for word in re.findall(r"[A-Za-z]+-[A-Za-z]+", fact)}
    joined |= {
        tool.name for tool in tools if tool.name.count("_") == 1 and tool.name.split("_")[1] in language.stop.split()
    }
    return frozenset(word for word in joined if not any(part in language.numbers for part in word.split("_")))
