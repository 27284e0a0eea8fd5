"""What was most likely said, where facts answer and what was heard means nothing to them.

It stands behind the recogniser, not before the language model: so there is one text of what was said, for the answer,
the history, the transcript and the host alike.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.config import Config
from engine.contract import Alternative, HasAlternatives, Job, Rung
from engine.partner.english import LANGUAGES
from engine.partner.reconsidering import MOST
from workers.backends.facts import Facts


class Reconsider:
    """Knows what facts and tools understand. settings: those of the backend `Facts`. language: a tag."""

    def __init__(self, settings: Mapping[str, Any], language: str) -> None:
        self._facts = Facts()
        self._facts.load(Rung(settings, language))
        self._facts.warm_up()

    @classmethod
    def of(cls, config: Config) -> Reconsider | None:
        """None: it is off, or something else answers, or not in a language that facts are understood in."""
        known = config.language.split("-")[0] in LANGUAGES
        return cls(config.reconsidered_with(), config.language) if config.reconsiders and known else None

    def understands(self, job: Job) -> bool:
        """The words of a job, with what they may lean on, mean something, or are none that are reconsidered."""
        return self._facts.understands(job)

    def text(self, job: Job, recogniser: HasAlternatives, until_ns: int) -> str:
        """The words to go on with. until_ns: by when, CLOCK_MONOTONIC."""
        if time.monotonic_ns() >= until_ns or self.understands(job) or time.monotonic_ns() >= until_ns:
            return job.text
        return self._facts.meant(job, _in_time(recogniser.alternatives(MOST), until_ns))

    def forget(self, session: int) -> None:
        """A visitor has left: drop what was worked out from what they said."""
        self._facts.forget(session)


def _in_time(each: Sequence[Alternative], until_ns: int) -> Iterator[Alternative]:
    for other in each:
        if time.monotonic_ns() >= until_ns:
            return
        yield other
