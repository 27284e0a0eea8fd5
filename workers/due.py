"""When what a stage works on is due: what the lease goes by."""

from __future__ import annotations

import time

from engine.clauses import Clauser
from engine.contract import NEVER_DUE

SPOKEN_NEXT_NS, WRITTEN_NEXT_NS = 1_000_000_000, 2_000_000_000
"""Of an answer that has begun: so long after now the next clause's sound, and the next token, are due. People listen
meanwhile; both come after any answer's beginning, and the voice before the words that it will say later."""


class AnswerDue:
    """When the next token of an answer is due: up to its first clause when the answer is, and then it has time."""

    def __init__(self, deadline_ns: int) -> None:
        self._deadline_ns = deadline_ns or NEVER_DUE
        self._first: Clauser | None = Clauser()

    def add(self, piece: str) -> None:
        """A piece of the answer was made."""
        if self._first is not None and self._first.feed(piece):
            self._first = None

    @property
    def ns(self) -> int:
        return self._deadline_ns if self._first is not None else time.monotonic_ns() + WRITTEN_NEXT_NS
