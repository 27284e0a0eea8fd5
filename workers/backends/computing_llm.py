"""A language model that costs what a Llama of any size costs: the words are the phrasebook's, and each piece of them
comes when a net of Llama's shape (`computing_net.py`) has really computed as many tokens.

The question is read before, with as many tokens as it and the last exchange have: what is older would lie in a cache.
One thread computes, one answer after the other; an answer that is cancelled ends with its next token. Not a language
model, and named so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from engine.contract import Abilities, Job, Rung, Tag
from engine.errors import BackendError, first_line
from workers.backends.background import Answer, Background
from workers.backends.computing_net import SIZE, Kept, Mind, same_but, tokens_of
from workers.backends.facts import Facts
from workers.backends.one_by_one import OneByOne
from workers.backends.phrasebook import Phrasebook
from workers.backends.repeat import Repeat
from workers.backends.spoken import Spoken, pieces
from workers.due import AnswerDue

SETTING = "llm.backend computing"
WORDS: dict[str, type[Spoken]] = {"facts": Facts, "phrasebook": Phrasebook, "repeat": Repeat}
PROMPT = 8
"""Tokens of a prompt beside its words."""
UNLOAD_S = 30.0
"""For the question that is being read when the net is to go."""


class ComputingAnswers(Background):
    """Settings: `heads` and `layers`, the size of the net; `words`, who gives the answers; `words_settings`, theirs."""

    abilities = Abilities(checkpoint="token", incremental=True, cache="prefix", own_thread=True)

    def __init__(self) -> None:
        super().__init__()
        self._nets = Kept(Mind, SETTING)
        self._net: Mind | None = None
        self._words: Spoken = Phrasebook()
        self._line = OneByOne("computing")

    def load(self, rung: Rung) -> None:
        settings = rung.settings
        words = str(settings.get("words", "phrasebook"))
        if words not in WORDS:
            raise BackendError(f"{SETTING}: there are no words of {words!r}", f"choose from {', '.join(WORDS)}")
        self._net = self._nets.of(rung)
        if type(self._words) is not WORDS[words] or settings["words_settings"] != self._rung.settings.get(
            "words_settings"
        ):
            self._words = WORDS[words]()
            self._words.load(replace(rung, settings=settings["words_settings"]))
        self._rung = rung

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        """See `engine.contract.ChangesQuickly`."""
        return same_but(SIZE, now, then)

    def warm_up(self) -> None:
        assert self._net is not None, "load comes first"
        try:
            self._net.write(PROMPT, 2, lambda: False)
        except RuntimeError as error:
            raise BackendError(
                f"{SETTING}: its net does not run ({first_line(error)})", "install ctranslate2 again"
            ) from error

    def _begin(self, answer: Answer) -> None:
        self._line.add(answer, partial(self._answer, answer, pieces(self._words.answer(answer.job))))

    def _cancel(self, answer: Answer) -> None:
        self._line.drop(answer)

    def _answer(self, answer: Answer, words: Sequence[str]) -> None:
        net = self._net
        assert net is not None
        owed = deque((piece, tokens_of(piece)) for piece in words)
        lease, due = self._rung.lease, AnswerDue(answer.job.deadline_ns)
        done = 0

        def take() -> bool:
            """Another token. True ends the answer."""
            nonlocal done
            done += 1
            while owed and not answer.unwanted and done >= owed[0][1]:
                piece, cost = owed.popleft()
                done -= cost
                answer.give(piece)
                due.add(piece)
            if not answer.unwanted:
                lease.turn(due.ns)
            return answer.unwanted

        if not answer.unwanted:
            lease.take(due.ns)
            try:
                net.write(prompt_of(answer.job), sum(cost for _, cost in owed), take)
            finally:
                lease.give()

    @property
    def remarks(self) -> Sequence[str]:
        return ()

    def settle(self, tag: Tag, heard: str) -> None:
        self._words.settle(tag, heard)

    def forget(self, session: int) -> None:
        self._words.forget(session)

    def unload(self) -> None:
        """Waits for the answer that is under way to come to a token."""
        self._end_all(UNLOAD_S)
        self._line.close(UNLOAD_S)
        self._nets.close()
        self._net = None


def prompt_of(job: Job) -> int:
    """How many tokens are to be read before the answer begins."""
    last: Any = job.history[-1:] and job.history[-1]
    before = tokens_of(last.user) + tokens_of(last.answer) if last else 0
    return PROMPT + before + tokens_of(job.text)
