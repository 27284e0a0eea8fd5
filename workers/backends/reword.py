"""The answerer with a small model of this project's own (docs/partner.md): of the fact that answers it says the part
that does, and it may choose the fact. Calls, small talk, questions back and the phrasebook are the answerer's alone.

Nothing is said but a fact, or one of two statements that an "and" joins in it, word for word (`part_of`); where the
model's words are neither, the fact is said as it stands. So the whole of its answer is there, and looked at, before the
first word is given: at most `MOST_TOKENS`, of a millisecond or so each. One thread computes, and stops at the next
token when cancelled.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from engine.contract import Abilities, Ended, Event, Job, Rung, Tag
from engine.partner.english import ENGLISH
from workers.backends.background import Answer, Background
from workers.backends.chat_template import Message
from workers.backends.ct2 import EXTRA, Place, Placed, module, opened
from workers.backends.facts import Facts, Found
from workers.backends.model_files import directory
from workers.backends.one_by_one import OneByOne
from workers.backends.spoken import pieces
from workers.backends.text_model import TextModel
from workers.due import AnswerDue

TABLE = "llm.reword"
REMEDY = f'make it with `make model`, and set {TABLE}.model = "run/partner-model/int8"'
NEEDED = ("model.bin", "config.json", "vocabulary.json|vocabulary.txt", "tokenizer.json", "tokenizer_config.json")
NEAR = 4
"""Facts that it is told: those that come nearest."""
MOST_TOKENS = 64
UNLOAD_S = 10.0
_PICK = re.compile(r"<(\d+)>")
_WORD = re.compile(r"[^\W_]+(?:['.:,][^\W_]+)*")
_TURNS = frozenset(
    {"not", "no", "nor", "never", "none", "nothing", "neither", "without", "only", "except", "but", "unless", "if"}
    | {"cannot", "don't", "doesn't", "isn't", "aren't", "won't", "can't", "mustn't"}
)
"""Words that a part may not leave out: without them a sentence says something else."""


class Reword(Background):
    """Settings: `model`, its directory; `chooses`; `words_settings`, those of `facts`."""

    abilities = Abilities(checkpoint="token", incremental=True, own_thread=True)

    def __init__(self) -> None:
        super().__init__()
        self._facts = Facts()
        self._placed: Placed[Any] | None = None
        self._identity: tuple[str, int] | None = None
        self._line = OneByOne("reword")
        self._ready: deque[Event] = deque()
        """What has come and was not handed on: an answer is there all at once, and may still be cancelled half-way."""
        self._dropped: set[Tag] = set()

    def load(self, rung: Rung) -> None:
        folder = directory(str(rung.settings["model"]), f"{TABLE}.model", NEEDED, REMEDY)
        self._facts.load(replace(rung, settings=rung.settings["words_settings"]))
        identity = str(folder), rung.threads
        if identity != self._identity:
            self.unload()
            make = partial(module(TABLE).Generator, inter_threads=1, intra_threads=rung.threads)
            self._text = TextModel(folder, TABLE, EXTRA)
            self._placed = Placed(Place(TABLE), lambda place: opened(place, make, folder, REMEDY))
            self._identity = identity
        self._rung = rung

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        """See `engine.contract.ChangesQuickly`."""
        return (now.settings["model"], now.threads) == (then.settings["model"], then.threads)

    def warm_up(self) -> None:
        assert self._placed is not None, "load comes first"
        self._facts.warm_up()
        asked = self._asked(Job(Tag(), text="when is it open"), ("It is open from one to two.",))
        self._placed.warm_up(lambda model: _generate(model, asked, lambda _: True), REMEDY)

    @property
    def idle(self) -> bool:
        return not self._ready and super().idle

    def step(self, budget_ns: int) -> Sequence[Event]:
        """One word at a time."""
        if not self._ready:
            self._dropped.clear()
            self._ready.extend(super().step(budget_ns))
        while self._ready:
            event = self._ready.popleft()
            if event.tag not in self._dropped:
                return [event]
            if isinstance(event, Ended):
                return [Ended(event.tag, "cancelled")]
        return []

    def cancel(self, tag: Tag) -> None:
        super().cancel(tag)
        self._dropped.add(tag)

    def _begin(self, answer: Answer) -> None:
        found = self._facts.found(answer.job, NEAR)
        for call in found.calls:
            answer.call(call.name, call.arguments)
        self._line.add(answer, partial(self._answer, answer, found))

    def _cancel(self, answer: Answer) -> None:
        self._line.drop(answer)

    def _answer(self, answer: Answer, found: Found) -> None:
        text = found.text
        if found.near and (found.fact or self._rung.settings["chooses"]):
            picked, said = self._worded(answer, found.near)
            text = self._chosen(found, picked, said)
        for piece in pieces(text):
            answer.give(piece)

    def _chosen(self, found: Found, picked: int, said: str) -> str:
        """What is said, after all. picked: which of the facts, from 1; 0 is none of them."""
        fact = found.near[picked - 1] if 0 < picked <= len(found.near) else ""
        if not self._rung.settings["chooses"] and fact != found.fact:
            return found.text
        if not fact:
            return found.text if not found.fact else self._facts.unknown
        return said if part_of(said, fact) else fact

    def _worded(self, answer: Answer, near: Sequence[str]) -> tuple[int, str]:
        """Which fact the model picks, and what it says."""
        text, lease, due = self._text.detokeniser(), self._rung.lease, AnswerDue(answer.job.deadline_ns)
        said: list[str] = []
        picked = 0

        def take(step: Any) -> bool:
            """Another token. True ends the answer."""
            nonlocal picked
            if found := _PICK.fullmatch(step.token):
                picked = int(found.group(1))
            elif (number := self._text.number(step.token)) is not None and number not in self._text.ends:
                said.append(text.add(number))
            if not answer.unwanted:
                lease.turn(due.ns)
            return answer.unwanted

        asked = self._asked(answer.job, near)
        if not answer.unwanted:
            lease.take(due.ns)
            try:
                _generate(self._model, asked, take, self._text.ends)
            finally:
                lease.give()
        return picked, "".join([*said, text.end()]).strip()

    def _asked(self, job: Job, near: Sequence[str]) -> list[str]:
        """The prompt's tokens: the facts, the last exchange, and the question."""
        told: list[Message] = [{"role": "system", "content": "".join(f"\n- {fact}" for fact in near)}]
        last = job.history[-1:] and job.history[-1]
        if last and last.user and last.answer:
            number = next((at for at, fact in enumerate(near, 1) if part_of(last.answer, fact)), 0)
            told += [
                {"role": "user", "content": last.user},
                {"role": "assistant", "content": f"<{number}>{last.answer}"},
            ]
        told.append({"role": "user", "content": job.text})
        return [self._text.token(each) for each in self._text.ids(told)]

    @property
    def _model(self) -> Any:
        assert self._placed is not None, "load comes first"
        return self._placed.model

    @property
    def remarks(self) -> Sequence[str]:
        return ()

    def forget(self, session: int) -> None:
        self._facts.forget(session)

    def unload(self) -> None:
        """Waits for the answer that is under way to come to a token."""
        self._end_all(UNLOAD_S)
        self._ready.clear()
        self._line.close(UNLOAD_S)
        if self._placed is not None:
            self._placed.close()
        self._placed, self._identity = None, None


def part_of(said: str, fact: str) -> bool:
    """Whether it is a fact, or one of two statements that an "and" joins in it: its words up to there, or the first of
    them with what comes after. Nothing that turns what it says is left out, and no number is cut."""
    words, whole = _words(said), _words(fact)
    if not words or not _TURNS.intersection(whole) <= set(words):
        return False
    return words == whole or any(
        words == whole[:at] or _second(words, whole, at)
        for at, word in enumerate(whole[:-1])
        if word == "and" and not _is_number(whole[at + 1]) and "between" not in whole[:at]
    )


def _second(words: list[str], whole: list[str], at: int) -> bool:
    """Whether it is the beginning of a fact, and what comes after the "and" there, without its "it"."""
    rest = whole[at + 2 :] if whole[at + 1] in ("it", "they") else whole[at + 1 :]
    start = len(words) - len(rest)
    return 0 < start < at and words == whole[:start] + rest and not _is_number(whole[start])


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _is_number(word: str) -> bool:
    return word[0].isdigit() or word in ENGLISH.numbers


def _generate(model: Any, asked: list[str], take: Any, ends: Sequence[int] = ()) -> None:
    """The likeliest tokens, one after the other, until an end."""
    model.generate_batch(
        [asked],
        max_length=MOST_TOKENS,
        include_prompt_in_result=False,
        sampling_topk=1,
        end_token=list(ends) or None,
        callback=take,
    )
