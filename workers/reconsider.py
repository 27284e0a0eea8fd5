"""What was most likely said, where facts answer and what was heard means nothing to them.

It stands behind the recogniser, not before the language model: so there is one text of what was said, for the answer,
the history, the transcript and the host alike.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from engine.config import Config
from engine.contract import Alternative, Backend, Exchange, HasAlternatives, Job, Rung, Tag
from engine.partner.english import LANGUAGES
from engine.partner.partner import REPLAYED
from engine.partner.reconsidering import MOST
from workers.backends.facts import Facts


class Reconsider:
    """One conversation at a time, that of the newest tag. It keeps what it has made of the visitor's last turns, since
    the next one may lean on them."""

    def __init__(self, settings: Mapping[str, Any], language: str) -> None:
        self._facts = Facts()
        self._facts.load(Rung(settings, language))
        self._facts.warm_up()
        self._session = 0
        self._said: tuple[Tag, str] | None = None
        self._past: deque[tuple[Tag, Exchange]] = deque(maxlen=REPLAYED)

    @classmethod
    def of(cls, config: Config) -> Reconsider | None:
        """None: it is off, or no facts answer, or not in a language that they are understood in."""
        settings = config.reconsidered_with()
        known = config.language.split("-")[0] in LANGUAGES
        return cls(settings, config.language) if settings is not None and known else None

    def begin(self, tag: Tag) -> None:
        """Somebody speaks: work out what they may lean on, while there is time."""
        if tag.session != self._session:
            self.forget()
            self._session = tag.session
        if self._said is not None:
            (said, text), self._said = self._said, None
            history = self._history(said)
            answer = self._facts.answer(Job(said, text=text, history=history, calls=True))
            self._past.append((said, Exchange(text, answer)))
        while self._past and self._past[-1][0].turn >= tag.turn:
            self._past.pop()  # they go on with that turn

    def text(self, tag: Tag, heard: str, recogniser: Backend, until_ns: int) -> str:
        """The words to go on with. until_ns: by when, CLOCK_MONOTONIC."""
        if heard:
            job = Job(tag, text=heard, history=self._history(tag), calls=True)
            heard = self._facts.meant(job, lambda: _in_time(recogniser, until_ns))
            self._said = tag, heard
        return heard

    def forget(self) -> None:
        """The visitor has left."""
        self._facts.forget(self._session)
        self._past.clear()
        self._said = None

    def _history(self, tag: Tag) -> tuple[Exchange, ...]:
        return tuple(exchange for past, exchange in self._past if past.turn < tag.turn)


def _in_time(recogniser: Backend, until_ns: int) -> Iterator[Alternative]:
    found = recogniser.alternatives(MOST) if isinstance(recogniser, HasAlternatives) else ()
    for each in found:
        if time.monotonic_ns() >= until_ns:
            return
        yield each
