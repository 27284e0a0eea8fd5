"""Commands on their way to `turns` or `audio`: each is answered once, by the worker's `Done` or because its time is
over."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from engine import messages as m
from engine.door.commands import CommandError, Request

TIMEOUT_S = 3.0
"""So long a worker may take, a restart included. Then the command is void: it carries this deadline."""

Answered: TypeAlias = Callable[[CommandError | None], None]
"""Called once: with None when it was done, else with the reason why not."""


@dataclass(frozen=True, slots=True)
class _Order:
    channel: str
    message: m.Message
    answered: Answered
    timer: asyncio.TimerHandle


class Orders:
    """What was asked of the workers and is not answered yet. For the event loop's thread."""

    def __init__(self, send: Callable[[str, m.Message], bool]) -> None:
        self.open = False
        """Whether commands are taken: the engine is neither starting nor ending."""
        self.send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Order] = {}

    def place(self, request: Request, answered: Answered) -> None:
        """Send a command to its worker; `answered` is called then, or now."""
        if not self.open:
            answered(CommandError("unavailable", "the engine is starting or ending; wait for the state listening"))
            return
        command, number = request.command, next(self._numbers)
        deadline_ns = time.monotonic_ns() + round(TIMEOUT_S * 1e9)
        message = command.message(number=number, deadline_ns=deadline_ns, **request.arguments)
        if not self.send(command.channel, message):
            answered(CommandError("unavailable", "too many commands are waiting to be done; try again in a moment"))
            return
        timer = asyncio.get_running_loop().call_later(TIMEOUT_S, self._too_late, number)
        self._waiting[number] = _Order(command.channel, message, answered, timer)

    def again(self, channel: str) -> None:
        """The worker was started again: what its predecessor had not answered is told it once more. For commands that
        may be done twice."""
        for order in self._waiting.values():
            if order.channel == channel:
                self.send(channel, order.message)

    def done(self, message: m.Done) -> None:
        """A worker has answered."""
        self._settle(message.number, None if message.ok else CommandError("refused", message.text))

    def close(self) -> None:
        """Nothing is taken any more, and what waits is answered."""
        self.open = False
        for number in tuple(self._waiting):
            self._settle(number, CommandError("unavailable", "the engine is ending"))

    def _too_late(self, number: int) -> None:
        why = f"the stage that has to do it did not answer within {TIMEOUT_S:g} s; try again"
        self._settle(number, CommandError("unavailable", why))

    def _settle(self, number: int, refused: CommandError | None) -> None:
        if number in self._waiting:
            order = self._waiting.pop(number)
            order.timer.cancel()
            order.answered(refused)
