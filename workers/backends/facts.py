"""Answers out of the owner's facts and calls the owner's tools (engine/partner). Not a language model: it finds and
says what stands in the configuration, and invents nothing.

The phrasebook's entries count, too. What is all of a pattern is answered by its entry, before any fact is looked for;
patterns with a `*` are for what no fact comes near. Where there are no facts, the phrasebook comes first altogether.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.contract import Alternative, Called, Event, Job, Rung, Tag
from engine.partner.partner import Decision, Partner, Persona
from engine.partner.reconsidering import FEWEST, Meaning, likelier
from engine.partner.tools import Call, Tool
from engine.partner_settings import Parameter
from engine.wording import words_of
from workers.backends.phrasebook import Phrasebook
from workers.backends.pronunciations import pronunciations
from workers.backends.spoken import Spoken

_PHRASES = ("unknown",)
"""Those of the configuration that it says."""


@dataclass(frozen=True, slots=True)
class Found:
    """text: what it says; fact: the one that this is, if any; near: facts that come nearest, this one first."""

    text: str
    calls: tuple[Call, ...] = ()
    fact: str = ""
    near: tuple[str, ...] = ()


class Facts(Spoken):
    """Settings: facts, tools, persona; entries (the phrasebook's), unknown (what is said when nothing fits)."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[Tag, list[Called]] = {}
        self._decision: Decision | None = None
        self._whole, self._wide = Phrasebook(), Phrasebook()
        """They are only asked what they would answer; no job of theirs is ever open."""

    def load(self, rung: Rung) -> None:
        settings = rung.settings
        persona = settings.get("persona", {})
        self._partner = Partner(
            settings["facts"],
            [_tool(each) for each in settings.get("tools", ())],
            Persona(**persona),
            {name: settings[name] for name in _PHRASES},
            pronunciations() if rung.language.startswith("en") else None,
            rung.language,
        )
        self._any = bool(settings["facts"])
        self._unknown = str(settings["unknown"])
        entries = list(settings.get("entries", ()))
        for book, wide in ((self._whole, False), (self._wide, True)):
            kept = [
                {**entry, "patterns": [each for each in entry["patterns"] if ("*" in each) == wide]}
                for entry in entries
            ]
            book.load(replace(rung, settings={"entries": kept, "unknown": ""}))

    def warm_up(self) -> None:
        """The first question makes tables that later ones find made."""
        self._partner.decide("what time is it and where is the nearest one")

    def begin(self, job: Job) -> None:
        super().begin(job)
        decision = self._decision
        if decision is not None and decision.calls:
            self._calls[job.tag] = [Called(job.tag, call.name, call.arguments) for call in decision.calls]

    def answer(self, job: Job) -> str:
        self._decision = None
        books = (self._whole,) if self._any else (self._whole, self._wide)
        for book in books:
            if said := book.answer(job):
                return said
        decision = self._partner.decide(job.text, job.history, job.context, job.calls)
        if decision.kind == "unknown" and not decision.near and self._any and (said := self._wide.answer(job)):
            return said
        self._decision = decision
        return decision.text

    @property
    def unknown(self) -> str:
        """What it says when nothing fits."""
        return self._unknown

    def found(self, job: Job, most: int) -> Found:
        """What it would say and call; and where that is a fact, or nothing, the facts that come nearest, at most so
        many, for a backend that chooses by itself."""
        text = self.answer(job)
        decision = self._decision
        if decision is None or decision.kind not in ("fact", "unknown"):
            return Found(text, decision.calls if decision is not None else ())
        fact = text if decision.kind == "fact" else ""
        near = self._partner.candidates(job.text, job.history, job.context, most)
        return Found(text, (), fact, tuple(dict.fromkeys([*([fact] if fact else []), *near]))[:most])

    def understanding(self, job: Job) -> float:
        """How well it understands a question, 0 to 1: 0 where it says that it does not know, less than 1 where a fact
        answers less than was asked. 1 where the words are too few to say, or may be an answer to what it has asked
        back."""
        if len(words_of(job.text)) < FEWEST or self._partner.waits(job.history, job.context):
            return 1.0
        self.answer(replace(job, calls=True))  # a request that cannot be followed just now is understood all the same
        if self._decision is None or self._decision.kind != "fact":
            return float(self._decision is None or self._decision.kind != "unknown")
        return (
            1.0 if self._decision.guessed else self._decision.fit
        )  # a guess at what was misheard is not doubted again

    def meant(self, job: Job, others: Iterable[Alternative], known: dict[str, Meaning]) -> str:
        """Which of `others` was said most likely instead of the words of the job; or these, if none was.
        known: what sentences mean here, to which those are added that are looked at."""
        heard = self._meaning(job, job.text, known)
        return likelier(heard, others, lambda text: self._meaning(job, text, known)) or job.text

    def _meaning(self, job: Job, text: str, known: dict[str, Meaning]) -> Meaning:
        if text not in known:
            known[text] = self._partner.meaning(text, job.history, job.context)
        return known[text]

    def step(self, budget_ns: int) -> Sequence[Event]:
        events = list(super().step(budget_ns))
        for event in tuple(events):
            if calls := self._calls.pop(event.tag, None):
                cancelled = getattr(event, "reason", "") == "cancelled"
                events = events if cancelled else [*calls, *events]
        return events

    def forget(self, session: int) -> None:
        super().forget(session)
        self._decision = None
        self._partner.forget()

    def unload(self) -> None:
        super().unload()
        self._calls.clear()


def _tool(table: dict[str, object]) -> Tool:
    """A tool as the configuration has it."""
    parameters = table.get("parameters", {})
    assert isinstance(parameters, dict)
    return Tool(
        str(table["name"]),
        str(table["description"]),
        tuple(Parameter.of(name, value) for name, value in parameters.items()),
        bool(table.get("confirm", False)),
    )
