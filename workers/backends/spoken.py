"""What the two backends without a model share: an answer that is known at once, streamed word by word.

They are not language models. They keep the stage contract like one, so that everything around them is the real thing.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from engine.contract import Abilities, Ended, Event, Job, Rung, Tag, Token

_PIECE = re.compile(r"\S+\s*")


def pieces(text: str) -> list[str]:
    """An answer word by word, each with the blanks after it."""
    return _PIECE.findall(text)


class Spoken(ABC):
    """A backend that answers by a rule; one word a checkpoint. Jobs are served in the order in which they came."""

    def __init__(self) -> None:
        self._jobs: dict[Tag, list[str]] = {}
        self._cancelled: set[Tag] = set()

    @property
    def abilities(self) -> Abilities:
        return Abilities(checkpoint="token", incremental=True)

    @abstractmethod
    def load(self, rung: Rung) -> None:
        """Take the settings."""

    @abstractmethod
    def answer(self, job: Job) -> str:
        """The whole answer."""

    def warm_up(self) -> None:  # noqa: B027
        """A rule is as quick the first time as later. Asking would use up the first of several answers."""

    def begin(self, job: Job) -> None:
        self._jobs[job.tag] = pieces(self.answer(job))[::-1]

    def feed(self, job: Job, data: Any) -> None:  # noqa: B027
        """A question comes whole, with `begin`."""

    def finish(self, job: Job) -> None:  # noqa: B027
        """A question comes whole, with `begin`."""

    def step(self, budget_ns: int) -> Sequence[Event]:
        for tag, pieces in self._jobs.items():
            if tag in self._cancelled:
                self._cancelled.discard(tag)
                del self._jobs[tag]
                return [Ended(tag, "cancelled")]
            if pieces:
                return [Token(tag, pieces.pop())]
            del self._jobs[tag]
            return [Ended(tag)]
        self._cancelled.clear()
        return []

    @property
    def remarks(self) -> Sequence[str]:
        return ()

    @property
    def idle(self) -> bool:
        return not self._jobs

    def cancel(self, tag: Tag) -> None:
        self._cancelled.add(tag)

    def settle(self, tag: Tag, heard: str) -> None:  # noqa: B027
        """Nothing is remembered: the history comes with each job."""

    def forget(self, session: int) -> None:  # noqa: B027
        """Nothing is remembered."""

    def cost_ns(self, units: int) -> int:
        return 0

    def unload(self) -> None:
        self._jobs.clear()
