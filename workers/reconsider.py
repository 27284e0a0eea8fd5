"""What was most likely said, where facts answer and what was heard means nothing to them, or not all of it.

It stands behind the recogniser, not before the language model: so there is one text of what was said, for the answer,
the history, the transcript and the host alike.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.config import Config
from engine.contract import Alternative, HasAlternatives, Job, Rung
from engine.partner.english import LANGUAGES
from engine.partner.reconsidering import FEWEST, MOST, SURE, Meaning
from engine.wording import is_command, words_of
from workers.backends.facts import Facts

LOOK_MS = 30
"""At a pause other words are looked for so long at a time, then there is more sound and perhaps a message."""
AGAIN_MS = 60
"""They are looked for again with so much more silence, since a search lags behind what it was given."""


class Reconsider:
    """Knows what facts and tools understand. settings: those of the backend `Facts`. language: a tag. sure: phrases
    that are always meant, alone or several: commands and murmurs."""

    def __init__(self, settings: Mapping[str, Any], language: str, sure: Sequence[str] = ()) -> None:
        self._sure = tuple(sure)
        self._facts = Facts()
        self._facts.load(Rung(settings, language))
        self._facts.warm_up()
        self._at: Job | None = None
        """What was looked at last, without its words."""
        self._understood: dict[str, float] = {}
        self._meanings: dict[str, Meaning] = {}
        """Of the words that were looked at there."""

    @classmethod
    def of(cls, config: Config) -> Reconsider | None:
        """None: it is off, or something else answers, or not in a language that facts are understood in."""
        if not config.reconsiders or config.language.split("-")[0] not in LANGUAGES:
            return None
        phrases = config.phrases[config.language]
        return cls(config.reconsidered_with(), config.language, (*phrases.commands, *phrases.murmurs))

    def text(self, job: Job, recogniser: HasAlternatives, until_ns: int, *, so_far: bool = False) -> tuple[str, bool]:
        """The words to go on with, and whether they are settled: these are understood, with what they may lean on, or
        are none that are reconsidered; or all others were looked at. until_ns: by when, CLOCK_MONOTONIC. What was
        worked out is known when it is asked for the same utterance again, of which more was heard.

        so_far: they are not final. Then the recogniser may have come to choose other words, which may mean something:
        what is done upon words waits for the final ones. A command, which does not, is only what was heard."""
        understood = self._understanding(job)
        if understood >= SURE:
            return job.text, True
        others = recogniser.alternatives(MOST) if time.monotonic_ns() < until_ns else ()
        if not others:
            return job.text, False
        best, in_time = replace(job, text=others[0].text), _InTime(others, until_ns)
        chosen = so_far and len(words_of(best.text)) >= FEWEST and not is_command(best.text, self._sure)
        if chosen and not understood and (understood := self._understanding(best)):
            job = best
            if understood >= SURE:
                return job.text, True
        return self._facts.meant(job, in_time, self._meanings), in_time.all

    def _understanding(self, job: Job) -> float:
        self._turn_to(replace(job, text=""))
        if job.text not in self._understood:
            sure = is_command(job.text, self._sure)
            self._understood[job.text] = 1.0 if sure else self._facts.understanding(job)
        return self._understood[job.text]

    def _turn_to(self, at: Job | None) -> None:
        if self._at != at:
            self._at = at
            self._understood.clear()
            self._meanings.clear()

    def forget(self, session: int) -> None:
        """A visitor has left: drop what was worked out from what they said."""
        self._turn_to(None)
        self._facts.forget(session)


class Pause:
    """The words before a pause, in one utterance: they are reconsidered when they are those of all that was said
    before, when they change, and once more with a little more silence. end: in samples of the utterance."""

    def __init__(self, end: int, rate: int) -> None:
        self._end = end
        self._looks = [end, end + AGAIN_MS * rate // 1000]
        """What the words have to cover for the looks that are still to come."""
        self._last = "", "", False

    def text(
        self, reconsider: Reconsider, job: Job, recogniser: HasAlternatives, upto: int, until_ns: int
    ) -> tuple[str, bool]:
        """As `Reconsider.text`. upto: samples that the words of the job cover. until_ns: 0: it is too late to look."""
        heard, before, was_settled = self._last
        same, looks = heard == job.text, bool(self._looks) and upto >= self._looks[0]
        if same and (not until_ns or (was_settled and not looks)):
            return before, was_settled
        soon_ns = min(until_ns, time.monotonic_ns() + LOOK_MS * 1_000_000) if upto >= self._end else 0
        text, settled = reconsider.text(job, recogniser, soon_ns, so_far=True)
        if same and was_settled and not settled:
            return before, True  # this time there was less time; it is looked again with the next sound
        if looks and settled:
            self._looks = [cover for cover in self._looks if cover > upto]
        if same and text == job.text != before:
            text = before  # it was found with less silence, and an answer to it is under way
        self._last = job.text, text, settled
        return text, settled


class _InTime:
    """As many alternatives as there is time for: another one may take as long as the longest so far."""

    def __init__(self, each: Sequence[Alternative], until_ns: int) -> None:
        self._each, self._until_ns = each, until_ns
        self.all = True
        """There was time for all that were wanted."""

    def __iter__(self) -> Iterator[Alternative]:
        longest, now = 0, time.monotonic_ns()
        for other in self._each:
            if now + longest >= self._until_ns:
                self.all = False
                return
            yield other
            longest, now = max(longest, time.monotonic_ns() - now), time.monotonic_ns()
