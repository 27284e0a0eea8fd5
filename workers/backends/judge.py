"""Judges of endings: what all of them share. A judgement is one call on one stretch of sound."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.contract import Abilities, Ended, Event, Finished, Job, Pcm, Rung, Tag
from engine.errors import BackendError, first_line

RATE = 16000


class Judge(ABC):
    """A `engine.contract.Backend` that is fed the sound before a pause at once, int16 [n] contiguous, and says after
    `finish` how likely the utterance ends with it. Jobs are judged in the order in which they were finished.

    A subclass implements `_open` and `_judge`.
    """

    def __init__(self) -> None:
        self.abilities = Abilities(checkpoint="call", incremental=False, rate=RATE)
        self._fed: dict[Tag, Pcm | None] = {}
        self._due: list[Tag] = []
        self._over: list[Event] = []
        self._cancelled: set[Tag] = set()
        self._cost_ns = 0

    @abstractmethod
    def _open(self, rung: Rung) -> None:
        """Load what is needed. Raises BackendError with the remedy."""

    @abstractmethod
    def _judge(self, sound: Pcm) -> float:
        """How likely the utterance ends with this sound: as `engine.contract.Heard.complete`."""

    def load(self, rung: Rung) -> None:
        if rung.rate != RATE:
            raise BackendError(f"endings are judged at {RATE} samples a second, not {rung.rate}", f"set it to {RATE}")
        self._open(rung)

    def warm_up(self) -> None:
        noise = (np.random.default_rng(0).standard_normal(2 * RATE) * 1000).astype(np.int16)
        try:
            self._judge(noise)
        except Exception as error:  # the exceptions of model libraries share no base class
            raise BackendError(f"the judge of endings does not run ({first_line(error)})", "use another") from error

    def begin(self, job: Job) -> None:
        self._fed[job.tag] = None

    def feed(self, job: Job, data: Any) -> None:
        if job.tag not in self._fed:
            return
        if data.dtype != np.int16 or data.ndim != 1 or not data.flags.c_contiguous:
            self._end(job.tag, f"sound is contiguous int16 [n], not {data.dtype}")
        elif self._fed[job.tag] is not None:
            self._end(job.tag, "sound is fed at once")
        else:
            self._fed[job.tag] = data

    def finish(self, job: Job) -> None:
        if job.tag in self._fed:
            self._due.append(job.tag)

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Judge one job."""
        events, self._over = self._over, []
        while self._cancelled:
            tag = self._cancelled.pop()
            if tag in self._fed:
                self._forget(tag)
                events.append(Ended(tag, "cancelled"))
        if self._due:
            tag = self._due[0]
            sound = self._fed[tag]
            self._forget(tag)
            began = time.monotonic_ns()
            try:
                if sound is None or not len(sound):
                    raise ValueError("no sound was fed")
                events += [Finished(tag, self._judge(sound)), Ended(tag)]
            except Exception as error:  # the exceptions of model libraries share no base class
                events.append(Ended(tag, "failed", first_line(error)))
            took = time.monotonic_ns() - began
            self._cost_ns += (took - self._cost_ns) // 8 if self._cost_ns else took
        return events

    def _end(self, tag: Tag, why: str) -> None:
        self._forget(tag)
        self._over.append(Ended(tag, "failed", why))

    def _forget(self, tag: Tag) -> None:
        del self._fed[tag]
        if tag in self._due:
            self._due.remove(tag)

    @property
    def remarks(self) -> Sequence[str]:
        return ()

    @property
    def idle(self) -> bool:
        return not (self._due or self._over or self._cancelled)

    def cancel(self, tag: Tag) -> None:
        self._cancelled.add(tag)

    def settle(self, tag: Tag, heard: str) -> None:  # noqa: B027
        """Nothing is kept beyond a job."""

    def forget(self, session: int) -> None:  # noqa: B027
        """Nothing is kept beyond a job."""

    def cost_ns(self, units: int) -> int:
        """A unit is a judgement."""
        return units * self._cost_ns

    def unload(self) -> None:
        self._fed.clear()
        self._due.clear()
        self._over.clear()
