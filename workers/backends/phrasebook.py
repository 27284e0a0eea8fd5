"""A phrasebook: patterns and answers from config.toml. Not a language model, and named so.

A pattern is a phrase; `*` stands for any words. Case and punctuation do not count. The pattern with the most words
that fits anywhere in what was said wins; its answers are given in turn.
"""

from __future__ import annotations

import re

from engine.contract import Job, Rung
from workers.backends.spoken import Spoken

_NOT_WORD = re.compile(r"[^\w']+")


def words(text: str) -> str:
    """`text` in lower case, its words parted by single spaces."""
    return _NOT_WORD.sub(" ", text.lower()).strip()


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression over `words(text)`."""
    parts = [r"\s+".join(map(re.escape, words(part).split())) for part in pattern.split("*")]
    return re.compile(r"(?:^|\s)" + r"(?:\s.*)?\s*".join(parts) + r"(?:\s|$)")


class Phrasebook(Spoken):
    """Settings: entries (list of {patterns, answers}), unknown (what is said when nothing fits)."""

    def load(self, rung: Rung) -> None:
        self._unknown: str = rung.settings["unknown"]
        self._entries = [(entry, list(entry["answers"])) for entry in rung.settings["entries"]]
        self._patterns = [
            (len(words(pattern).split()), compiled(pattern), answers)
            for entry, answers in self._entries
            for pattern in entry["patterns"]
        ]
        self._patterns.sort(key=lambda row: -row[0])

    def answer(self, job: Job) -> str:
        said = words(job.text)
        for _, pattern, answers in self._patterns:
            if pattern.search(said):
                answers.append(answers.pop(0))
                return str(answers[-1])
        return self._unknown
