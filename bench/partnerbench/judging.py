"""What an answer is worth. It goes by the words that are said, so any language model can be judged by it.

A refusal is known by its words. An answer is right when what must be in it is in it, is not long, and no refusal;
numbers count the same in words and in digits. Invented is a number or a name that stands nowhere: neither in what the
partner was told, nor in what was said. Misled: something was said as if it were the answer, and is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.partner.english import ENGLISH
from engine.partner.reading import lexicon

from .sheets import Sheet, Turn

_REFUSED = re.compile(
    r"don't know|do not know|can't|cannot|can not|couldn't|not sure|no information|unable|unfortunately|won't"
    r"|have no clock"
)
_TALK = {
    "hello": r"\b(hello|hi|good (morning|day|afternoon|evening)|welcome|greetings)\b",
    "thanks": r"\b(welcome|pleasure|glad|no problem|any ?time)\b",
    "bye": r"\b(goodbye|bye|see you|farewell|nice day)\b",
    "who": r"\b(i am|i'm|my name)\b",
    "can": r"\b(can|help|ask)\b",
    "again": r"",
}
LONGEST = 50
"""Words of an answer. Who says all that is known has not answered."""
_LEXICON = lexicon(ENGLISH)


def normal(text: str) -> str:
    """A text in small letters without punctuation, numbers in digits, a blank before and after."""
    terms = _LEXICON.read(_LEXICON.words(text))
    return " " + " ".join(term.word if term.number is None else f"{term.number:g}" for term in terms) + " "


def numbers(text: str) -> set[str]:
    """The numbers in a text."""
    return {term.stem for term in _LEXICON.read(_LEXICON.words(text)) if term.stem.startswith("#")}


def names(text: str) -> set[str]:
    """The words with a capital letter that do not begin a sentence."""
    return {word.lower() for word in re.findall(r"(?<=[a-z,;] )[A-Z][a-z]+", text)}


@dataclass(slots=True)
class Score:
    """Of how many turns of each kind how many were right."""

    right: dict[str, int] = field(default_factory=dict)
    of: dict[str, int] = field(default_factory=dict)
    words: int = 0
    wrong: int = 0
    """Of what was said: words, and those that were heard wrong."""

    def add(self, kind: str, good: bool) -> None:
        self.right[kind] = self.right.get(kind, 0) + good
        self.of[kind] = self.of.get(kind, 0) + 1


def judge(
    sheet: Sheet, turn: Turn, said: Iterable[str], text: str, calls: Sequence[tuple[str, Mapping[str, Any]]]
) -> dict[str, bool]:
    """What is good about a turn, by kind. said: by the visitor so far, this turn included."""
    refused = bool(_REFUSED.search(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))
    short = len(text.split()) <= LONGEST
    found: dict[str, bool] = {}
    if turn.says:
        found["answers"] = (
            not calls and not refused and short and all(normal(each) in normal(text) for each in turn.says)
        )
    elif turn.refuse:
        found["refusals"] = refused and not calls
    elif turn.call:
        found["tools"] = [(name, dict(each)) for name, each in calls] == [(turn.call, dict(turn.arguments))]
    elif turn.back:
        found["tools"] = not calls and bool(re.search(turn.back, text.lower()))
    elif turn.no_call:
        found["tools"] = not calls
    else:
        found["small talk"] = not calls and bool(re.search(_TALK[turn.talk], text.lower()))
    (good,) = found.values()
    if turn.follows:
        found["follow-ups"] = good
    told = " ".join([*sheet.facts, *sheet.context, *sheet.persona.values(), str(sheet.tools), *said])
    allowed = set(re.findall(r"[a-z]+", told.lower()))
    found["not invented"] = numbers(text) <= numbers(told) | {"#0"} and names(text) <= allowed
    found["not misled"] = good or refused or not (turn.says or turn.refuse)
    return found
