"""Lets the host's own dialogue program answer, through the door (docs/door.md). Not a model: a line to somebody else's.

Where no such program is there, or it fails before it has said anything, another backend answers in its place. One that
is merely late is dealt with like any language model: by turns and the floor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from engine.contract import Abilities, Ended, Event, Job, Rung, Tag, Token
from workers.backends.fallback import Fallback

_NOBODY = "no program of the host's is there to answer (dialogue.handle)"


class Host:
    """Settings: fallback, with `fallback_settings`."""

    abilities = Abilities(checkpoint="socket", incremental=True, cache="none", own_thread=True)

    def __init__(self) -> None:
        self._rung = Rung({})
        self._asked: dict[Tag, Job] = {}
        """What the host answers, and whether it has said nothing yet: then the job is still there for another."""
        self._begun: set[Tag] = set()
        self._local: set[Tag] = set()
        """What the fallback answers."""
        self._failed: deque[Ended] = deque()
        self._cancelled: deque[Tag] = deque()
        self._fallback = Fallback()

    def load(self, rung: Rung) -> None:
        self._forget_jobs()
        self._rung = rung
        self._fallback.load(rung)

    def warm_up(self) -> None:
        self._fallback.warm_up()

    @property
    def remarks(self) -> Sequence[str]:
        own = self._fallback.remarks
        if self._rung.line.is_there:
            return own
        meanwhile = f"; {self._fallback.name} answers meanwhile" if self._fallback.name else ""
        return (f"{_NOBODY}{meanwhile}", *own)

    def begin(self, job: Job) -> None:
        line = self._rung.line
        if line.is_there and line.ask(job):
            self._asked[job.tag] = job
        else:
            self._instead(job, _NOBODY)

    def _instead(self, job: Job, why: str) -> None:
        """The host does not answer this one."""
        if self._fallback.backend is None:
            self._failed.append(Ended(job.tag, "failed", why))
        else:
            self._local.add(job.tag)
            self._fallback.backend.begin(job)

    def feed(self, job: Job, data: Any) -> None:
        """A question comes whole, with `begin`."""

    def finish(self, job: Job) -> None:
        """A question comes whole, with `begin`."""

    def step(self, budget_ns: int) -> Sequence[Event]:
        events: list[Event] = []
        while self._cancelled:
            self._cancel(self._cancelled.popleft(), events)
        while self._failed:
            events.append(self._failed.popleft())
        for event in self._rung.line.heard():
            self._take(event, events)
        if self._fallback.backend is not None and not self._fallback.idle:
            for each in self._fallback.backend.step(budget_ns):
                if each.tag in self._local:
                    events.append(each)
                    if isinstance(each, Ended):
                        self._local.discard(each.tag)
        return events

    def _cancel(self, tag: Tag, events: list[Event]) -> None:
        if self._asked.pop(tag, None) is not None:
            self._begun.discard(tag)
            self._rung.line.cancel(tag)
            events.append(Ended(tag, "cancelled"))
        elif tag in self._local and self._fallback.backend is not None:
            self._fallback.backend.cancel(tag)
        elif failed := next((each for each in self._failed if each.tag == tag), None):
            self._failed.remove(failed)
            events.append(Ended(tag, "cancelled"))

    def _take(self, event: Token | Ended, events: list[Event]) -> None:
        tag = event.tag
        if tag not in self._asked:
            return
        if isinstance(event, Token):
            if event.text:
                self._begun.add(tag)
                events.append(event)
            return
        job, silent = self._asked.pop(tag), tag not in self._begun
        self._begun.discard(tag)
        if event.reason == "failed" and silent:
            self._instead(job, event.text)
        else:
            events.append(event)

    @property
    def idle(self) -> bool:
        waits = self._cancelled or self._failed or self._rung.line.ready
        return not waits and self._fallback.idle

    def cancel(self, tag: Tag) -> None:
        self._cancelled.append(tag)
        self._rung.wake()

    def settle(self, tag: Tag, heard: str) -> None:
        """The host learns from `answer.ended` how much of its answer was heard."""
        self._fallback.settle(tag, heard)

    def forget(self, session: int) -> None:
        """The host learns from the event `session` that its visitor has left."""
        self._fallback.forget(session)

    def cost_ns(self, units: int) -> int:
        return 0

    def unload(self) -> None:
        self._forget_jobs()
        self._fallback.unload()

    def _forget_jobs(self) -> None:
        for tag in self._asked:
            self._rung.line.cancel(tag)
        for some in (self._asked, self._begun, self._local, self._failed, self._cancelled):
            some.clear()
