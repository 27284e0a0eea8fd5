"""A phrasebook: patterns and answers from config.toml. Not a language model, and named so.

Entries are tried from the first to the last; a pattern fits when it is all of what was said, without regard to case
and punctuation, with `*` for any words or none. An entry's answers are given in turn, to each visitor from the first.
"""

from __future__ import annotations

import re

from engine.contract import Job, Rung, Tag
from workers.backends.spoken import Spoken

_NOT_WORD = re.compile(r"[^\w']+")


def words(text: str) -> str:
    """`text` in lower case, a space before and after each word."""
    return "".join(f" {word} " for word in _NOT_WORD.sub(" ", text.lower()).split())


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression for the whole of `words(text)`."""
    return re.compile(r"(?: \S+ )*".join(re.escape(words(part)) for part in pattern.split("*")))


class Phrasebook(Spoken):
    """Settings: entries (list of {patterns, answers}), unknown (what is said when nothing fits)."""

    def load(self, rung: Rung) -> None:
        self._unknown: str = rung.settings["unknown"]
        self._entries = [
            ([compiled(pattern) for pattern in entry["patterns"]], list(entry["answers"]))
            for entry in rung.settings["entries"]
        ]
        self._given = [0] * len(self._entries)
        """How many answers of each entry the visitor has been given."""
        self._last: tuple[Tag, int] | None = None
        """The newest question, and its entry."""

    def answer(self, job: Job) -> str:
        said = words(job.text)
        for number, (patterns, answers) in enumerate(self._entries):
            if any(pattern.fullmatch(said) for pattern in patterns):
                self._given[number] += 1
                self._last = job.tag, number
                return str(answers[(self._given[number] - 1) % len(answers)])
        return self._unknown

    def cancel(self, tag: Tag) -> None:
        super().cancel(tag)
        self._count(tag, -1)  # unless `settle` says that some of it was heard

    def settle(self, tag: Tag, heard: str) -> None:
        if heard:
            self._count(tag, 1)
            self._last = None

    def _count(self, tag: Tag, by: int) -> None:
        if self._last is not None and self._last[0] == tag:
            self._given[self._last[1]] += by

    def forget(self, session: int) -> None:
        """The next visitor is given every entry's first answer first."""
        self._given, self._last = [0] * len(self._entries), None
