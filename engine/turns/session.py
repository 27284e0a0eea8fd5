"""One visitor: everything that is known of them while they are there, and forgotten when they have left."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from engine.contract import Exchange, Tag

HISTORY_CHARACTERS = 12_000
"""What a question may carry of the past: four bytes each at most, and it must fit into a record of its ring."""
CONTEXT_CHARACTERS, CONTEXT_ITEMS = 8_000, 32
"""What a question may carry of what the host gave to know."""


class Session:
    """A session has its number before it begins: what the host says while nobody is there carries the number of the
    visitor to come, and so do their turns after it. Turns are counted from 1 in each session; as the session's number
    is the greater part of a tag's order, tags only grow.
    """

    def __init__(self, number: int, turn: int = 0, is_open: bool = False) -> None:
        self.number, self.turn, self.open = number, turn, is_open
        self.met = False
        """They have said something, or the host has in their stead: it was no cough that the session began with."""
        self._history: deque[Exchange] = deque()
        self._context: deque[str] = deque()

    def next_tag(self) -> Tag:
        """The tag of the turn that is opened now."""
        self.turn += 1
        return Tag(self.number, self.turn, 1)

    def remember(self, user: str, answer: str) -> None:
        """An exchange, as it was heard."""
        self.met = True
        self._history.append(Exchange(user, answer))

    def go_on(self, user: str, answer: str) -> None:
        """More of an answer, as it was heard after an interruption."""
        before = self._history.pop().answer if self._history and self._history[-1].user == user else ""
        self.remember(user, f"{before} {answer}".strip())

    def past(self, turns: int) -> tuple[str, ...]:
        """User and answer of the last exchanges in turn, oldest first: `turns` at most, and what a question may carry.
        Older ones are forgotten; of one that is too long by itself the end is kept, which is what it goes on from."""
        history = self._history
        while len(history) > turns or (len(history) > 1 and _length(history) > HISTORY_CHARACTERS):
            history.popleft()
        if _length(history) > HISTORY_CHARACTERS:
            (user, answer), half = (history[0].user, history[0].answer), HISTORY_CHARACTERS // 2
            user = user[-max(half, HISTORY_CHARACTERS - len(answer)) :]
            history[0] = Exchange(user, answer[len(user) - HISTORY_CHARACTERS :])
        return tuple(text for exchange in history for text in (exchange.user, exchange.answer))

    def know(self, text: str) -> None:
        """What the host gives to know; the oldest goes when it is too much. Empty: forget all that was given."""
        if not text:
            self._context.clear()
            return
        self._context.append(text)
        while len(self._context) > CONTEXT_ITEMS or sum(map(len, self._context)) > CONTEXT_CHARACTERS:
            self._context.popleft()

    @property
    def context(self) -> tuple[str, ...]:
        """What the host gave to know, oldest first."""
        return tuple(self._context)


def _length(history: Iterable[Exchange]) -> int:
    return sum(len(each.user) + len(each.answer) for each in history)
