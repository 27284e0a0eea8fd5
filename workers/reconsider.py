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
from engine.wording import is_command
from workers.backends.facts import Facts


class Reconsider:
    """Knows what facts and tools understand. settings: those of the backend `Facts`. language: a tag. sure: phrases
    that are always meant, alone or several: commands and murmurs."""

    def __init__(self, settings: Mapping[str, Any], language: str, sure: Sequence[str] = ()) -> None:
        self._sure = tuple(sure)
        self._facts = Facts()
        self._facts.load(Rung(settings, language))
        self._facts.warm_up()
        self._last: tuple[Job | None, bool] = None, False

    @classmethod
    def of(cls, config: Config) -> Reconsider | None:
        """None: it is off, or something else answers, or not in a language that facts are understood in."""
        if not config.reconsiders or config.language.split("-")[0] not in LANGUAGES:
            return None
        phrases = config.phrases[config.language]
        return cls(config.reconsidered_with(), config.language, (*phrases.commands, *phrases.murmurs))

    def understands(self, job: Job) -> bool:
        """The words of a job, with what they may lean on, mean something, or are none that are reconsidered. Asked
        again of the same job, it knows."""
        if self._last[0] != job:
            self._last = job, is_command(job.text, self._sure) or self._facts.understands(job)
        return self._last[1]

    def text(self, job: Job, recogniser: HasAlternatives, until_ns: int) -> str:
        """The words to go on with. until_ns: by when, CLOCK_MONOTONIC."""
        if self.understands(job) or time.monotonic_ns() >= until_ns:
            return job.text
        return self._facts.meant(job, _in_time(recogniser.alternatives(MOST), until_ns))

    def forget(self, session: int) -> None:
        """A visitor has left: drop what was worked out from what they said."""
        self._last = None, False
        self._facts.forget(session)


def _in_time(each: Sequence[Alternative], until_ns: int) -> Iterator[Alternative]:
    """As many as there is time for: another one may take as long as the longest so far."""
    longest, now = 0, time.monotonic_ns()
    for other in each:
        if now + longest >= until_ns:
            return
        yield other
        longest, now = max(longest, time.monotonic_ns() - now), time.monotonic_ns()
