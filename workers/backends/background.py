"""Language models whose answers are made by other threads than the worker's: what such backends share.

A thread gives what it made to its `Answer`; `step` only hands on what has come, and never waits while anybody else
could be served. The worker sleeps in between, and is woken by the rung's `wake`.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from engine.contract import Abilities, Called, Ended, Event, Job, Rung, Tag, Token

Reason: TypeAlias = Literal["done", "cancelled", "failed"]


class Answer:
    """One job as its thread sees it."""

    def __init__(self, job: Job, made: queue.SimpleQueue[tuple[Answer, Event]], wake: Callable[[], None]) -> None:
        self.job = job
        self._made, self._wake = made, wake
        self._cancelled = threading.Event()
        self.ended = threading.Event()
        """The thread is through with it."""

    @property
    def unwanted(self) -> bool:
        """It was cancelled; the thread looks here at each of its checkpoints."""
        return self._cancelled.is_set()

    def give(self, text: str) -> None:
        """The next piece."""
        if text and not self.unwanted:
            self._made.put((self, Token(self.job.tag, text)))
            self._wake()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Ask the host to do something; before the first piece."""
        self._made.put((self, Called(self.job.tag, tool, arguments)))
        self._wake()

    def end(self, reason: Reason = "done", why: str = "") -> None:
        """The last thing a thread does for it; the first call counts. Who is cancelled ends so, whatever came of it."""
        reason, why = ("cancelled", "") if self.unwanted else (reason, why)
        self.ended.set()
        self._made.put((self, Ended(self.job.tag, reason, why)))
        self._wake()

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._cancelled.set()


class Background(ABC):
    """The part of `engine.contract.Backend` that has to do with jobs. A subclass makes answers in threads of its own:
    it implements `load`, `warm_up`, `unload` and `_begin`, may extend `_cancel`, and sets `abilities`."""

    abilities: Abilities

    def __init__(self) -> None:
        self._rung = Rung({})
        self._open: dict[Tag, Answer] = {}
        self._made: queue.SimpleQueue[tuple[Answer, Event]] = queue.SimpleQueue()
        self._cost_ns = 0
        self._last_ns: dict[Tag, int] = {}

    @abstractmethod
    def _begin(self, answer: Answer) -> None:
        """Let a thread work on it, which calls `answer.give` and in the end, always, `answer.end`."""

    def _cancel(self, answer: Answer) -> None:  # noqa: B027
        """Make the thread come to a checkpoint, where it does not by itself. From any thread."""

    def begin(self, job: Job) -> None:
        answer = Answer(job, self._made, self._rung.wake)
        self._open[job.tag] = answer
        self._begin(answer)

    def feed(self, job: Job, data: Any) -> None:  # noqa: B027
        """A question comes whole, with `begin`."""

    def finish(self, job: Job) -> None:  # noqa: B027
        """A question comes whole, with `begin`."""

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Hand on what the threads have made. Where nothing is left but answers that nobody wants, whose threads are
        on the way to their checkpoints, it waits for one within the budget: the model has no time for others before
        that anyhow, and who lets a visitor be forgotten waits for just this."""
        events: list[Event] = []
        try:
            while self._made.qsize():
                self._take(*self._made.get_nowait(), events)
            if not events and self._open and all(answer.unwanted for answer in list(self._open.values())):
                self._take(*self._made.get(timeout=budget_ns / 1e9), events)
        except queue.Empty:
            pass
        return events

    def _take(self, answer: Answer, event: Event, events: list[Event]) -> None:
        tag = event.tag
        if self._open.get(tag) is not answer:
            return
        if isinstance(event, Token):
            if answer.unwanted:
                return
            now = time.monotonic_ns()
            if tag in self._last_ns:
                took = now - self._last_ns[tag]
                self._cost_ns += (took - self._cost_ns) // 8 if self._cost_ns else took
            self._last_ns[tag] = now
        elif isinstance(event, Called):
            if answer.unwanted:
                return
        else:
            del self._open[tag]
            self._last_ns.pop(tag, None)
            if answer.unwanted:  # its thread was through with it, but nobody had seen that yet
                event = Ended(tag, "cancelled")
        events.append(event)

    @property
    def idle(self) -> bool:
        return not self._made.qsize()

    def cancel(self, tag: Tag) -> None:
        if (answer := self._open.get(tag)) is not None:
            answer.cancel()
            self._cancel(answer)

    def settle(self, tag: Tag, heard: str) -> None:  # noqa: B027
        """The history, which comes with each question, holds what was heard and no more; nothing else remembers."""

    def forget(self, session: int) -> None:  # noqa: B027
        """The history comes with each question. A cache that a backend has beyond that is its own to clear."""

    def cost_ns(self, units: int) -> int:
        """A unit is a piece, as it comes to the worker."""
        return units * self._cost_ns

    def _end_all(self, timeout_s: float) -> None:
        """Cancel what is open, and wait for the threads to be through with it; then nothing is open."""
        limit = time.monotonic() + timeout_s
        for answer in list(self._open.values()):
            self.cancel(answer.job.tag)
            answer.ended.wait(max(0.0, limit - time.monotonic()))
        self._open.clear()
        self._last_ns.clear()
        while self._made.qsize():
            self._made.get_nowait()
