"""New settings on their way into a running engine: published, and taken by every stage, or taken back from all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set

from engine import messages as m
from engine.config import Config
from engine.errors import ConfigError

TAKEN_S = 5.0
"""So long an answer waits for the stages: one takes its backend's settings when it has nothing to do."""


class Renewals:
    """publish: gives all workers these settings; which version of them that is. undone: told what was taken back, and
    why, where no answer can say so any more. absent: the stages that have no process, since the engine does without
    them: no answer waits for these. They find the settings when they are back, and are left out again if they cannot
    take them.

    A stage's backend may refuse what is in order for everybody else (a voice that it does not have). Left in force,
    its worker could not be started again.
    """

    def __init__(
        self,
        publish: Callable[[Config], int],
        undone: Callable[[str], None],
        absent: Callable[[], Set[str]] = frozenset,
    ) -> None:
        self._publish, self._undone, self._absent = publish, undone, absent
        self._before: Config | None = None
        """What was in force before all that is pending."""
        self._version = 0
        self._pending: set[str] = set()
        """Stages whose backend has not taken the last settings yet."""
        self._settled: asyncio.Future[str] | None = None
        """Why they were refused, or nothing; None while no answer waits for it."""

    async def apply(self, before: Config, after: Config) -> None:
        """Publish `after`. ConfigError: it was refused, and all is as before."""
        touched = {stage for stage in before.stages if before.loaded_with(stage) != after.loaded_with(stage)}
        self._before = self._before if self._pending else before
        self._version = self._publish(after)
        self._pending |= touched - self._absent()
        if not self._pending:
            return
        self._settled = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._settled], timeout=TAKEN_S)
        settled, self._settled = self._settled, None
        if settled.done() and settled.result():
            raise ConfigError(settled.result(), "nothing was changed")

    def renewed(self, message: m.Renewed) -> None:
        """A stage tells what its backend has."""
        if message.version != self._version or message.stage not in self._pending:
            return
        if message.text:
            self._take_back(f"{message.stage}: {message.text}")
            return
        self._pending.remove(message.stage)
        if not self._pending:
            self._settle("")

    def died(self, stage: str) -> None:
        """A stage's process has ended: what it was to take may have been too much for it."""
        if stage in self._pending:
            self._take_back(f"{stage}: it ended before it had taken them")

    def _take_back(self, why: str) -> None:
        self._pending.clear()
        assert self._before is not None
        self._version = self._publish(self._before)
        if not self._settle(why):
            self._undone(why)

    def _settle(self, why: str) -> bool:
        """Let the answer go; whether one waits."""
        if self._settled is None or self._settled.done():
            return False
        self._settled.set_result(why)
        return True
