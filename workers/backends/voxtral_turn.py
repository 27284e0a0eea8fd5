"""A question that Voxtral hears, and how far its answer has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.contract import Exchange, Job
from workers.backends.detokeniser import Detokeniser
from workers.backends.log_mel import LogMel


@dataclass(slots=True)
class Turn:
    """history: as much of the job's as fits. before: what the model is told before the sound."""

    job: Job
    history: tuple[Exchange, ...]
    before: list[int]
    sound: LogMel
    words: Detokeniser
    samples: int = 0
    ready: bool = False
    """The cache had all of `before`."""
    finished: bool = False
    cancelled: bool = False
    """Written by any thread, read at each step."""
    failure: str = ""
    ids: list[int] = field(default_factory=list)
    """Of the question: not taken in yet. HEARD where there is sound."""
    embeddings: Any = None
    """Theirs, [tokens, hidden]."""
    asked: bool = False
    """All of it has been taken in."""
    last: int = -1
    """The newest token of the answer, not taken in yet."""
    said: int = 0
    """Tokens of the answer."""

    @property
    def over(self) -> bool:
        return self.cancelled or bool(self.failure)
