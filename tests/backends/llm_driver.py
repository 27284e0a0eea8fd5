"""Drives a language model as its worker does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from engine.contract import Backend, Ended, Event, Job, Rung, Tag, Token

STEP_NS = 20_000_000
WATCHDOG_S = 60
"""Reached only when something is broken."""


class Driver:
    """The worker's part: one thread, which sleeps while there is nothing to do."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._bell = threading.Event()
        self.events: list[Event] = []

    def idle(self) -> bool:
        return self.backend.idle

    def load(self, rung: Rung) -> None:
        self.backend.load(replace(rung, wake=self._bell.set))
        self.backend.warm_up()

    def step(self) -> Sequence[Event]:
        """Sleep until there is something, then one step. Empty where nothing came of it."""
        limit = time.monotonic() + WATCHDOG_S
        while self.idle():
            if self._bell.wait(0.05):
                self._bell.clear()
            elif not self.idle() and not self._bell.wait(WATCHDOG_S / 10):
                pytest.fail("it has something to do, and has not woken its worker")
            elif time.monotonic() > limit:
                pytest.fail(f"it is idle, and a job has not ended: {self.events[-3:]}")
        found = self.backend.step(STEP_NS)
        self.events += found
        return found

    def until(self, true: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + WATCHDOG_S
        while not true():
            self.step()
            assert time.monotonic() < limit, f"waited in vain for {what}: {self.events[-3:]}"

    def until_ended(self, *tags: Tag) -> None:
        self.until(lambda: set(tags) <= self.ended(), "the end of jobs")

    def ended(self) -> set[Tag]:
        return {event.tag for event in self.events if isinstance(event, Ended)}

    def text(self, tag: Tag) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Token) and event.tag == tag)

    def ends(self, tag: Tag) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, Ended) and event.tag == tag]

    def ask(self, question: str, tag: Tag) -> str:
        """The whole answer."""
        self.backend.begin(Job(tag, text=question))
        self.backend.finish(Job(tag, text=question))
        self.until_ended(tag)
        assert self.ends(tag) == ["done"], self.events[-1]
        return self.text(tag)
