"""Stages that do nothing but take their time: what is left of a response is the machinery between them.

    asr.backend = "fixed_waits:Asr"
    llm.backend = "fixed_waits:Llm"
    vocoder.backend = "fixed_waits:Voice"

The waits are those of bench/waits.py; FIXED_WAITS_SCALE in the environment multiplies all of them.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from peers.waits import ANSWER, CHARACTER_S, FIRST_PIECE_S, PIECE_S, SOUND_S, TONE, TONE_HZ, WORDS_S

from engine.contract import Abilities, Ended, Event, Heard, Job, Pcm, Rung, Sound, Tag, Token

SCALE = float(os.environ.get("FIXED_WAITS_SCALE", "1"))
RATE = 16000
WORD_S = 0.3
"""A word is made of so much sound."""


class Waiting:
    """What the three share: results that become due. `_later` promises one, `step` gives those that are due."""

    def __init__(self) -> None:
        self.abilities = Abilities(checkpoint="token", incremental=True, rate=RATE)
        self.remarks: Sequence[str] = ()
        self._jobs: dict[Tag, Job] = {}
        self._promised: list[tuple[float, Callable[[], list[Event]], Tag]] = []
        self._wake: Callable[[], None] = lambda: None

    def load(self, rung: Rung) -> None:
        self._wake = rung.wake

    def warm_up(self) -> None:
        """There is nothing to warm up."""

    def begin(self, job: Job) -> None:
        self._jobs[job.tag] = job

    def feed(self, job: Job, data: Any) -> None:
        """Overridden by those who are fed."""

    def finish(self, job: Job) -> None:
        """Overridden by those who are told."""

    def _later(self, tag: Tag, wait_s: float, give: Callable[[], list[Event]]) -> None:
        wait_s *= SCALE
        self._promised.append((time.monotonic() + wait_s, give, tag))
        timer = threading.Timer(wait_s, self._wake)
        timer.daemon = True
        timer.start()

    def step(self, budget_ns: int) -> Sequence[Event]:
        now, events = time.monotonic(), []
        due = [each for each in self._promised if each[0] <= now]
        self._promised = [each for each in self._promised if each[0] > now]
        for _, give, tag in due:
            if tag in self._jobs:
                events += give()
        for event in events:
            if isinstance(event, Ended):
                self._jobs.pop(event.tag, None)
        return events

    @property
    def idle(self) -> bool:
        return not any(at <= time.monotonic() for at, _, _ in self._promised)

    def cancel(self, tag: Tag) -> None:
        if tag in self._jobs:
            self._promised.append((0.0, lambda: [Ended(tag, "cancelled")], tag))
            self._wake()

    def settle(self, tag: Tag, heard: str) -> None:
        """Nothing is remembered."""

    def forget(self, session: int) -> None:
        """Nothing is remembered."""

    def cost_ns(self, units: int) -> int:
        return 0

    def unload(self) -> None:
        self._jobs.clear()


class Asr(Waiting):
    """A word for every 300 ms of sound, after the wait."""

    def begin(self, job: Job) -> None:
        super().begin(job)
        self._samples = 0

    def feed(self, job: Job, data: Pcm) -> None:
        self._samples += len(data)
        self._promise(job, final=False)

    def finish(self, job: Job) -> None:
        self._promise(job, final=True)

    def _promise(self, job: Job, *, final: bool) -> None:
        upto = self._samples
        words = " ".join(f"word{n}" for n in range(1 + int(upto / RATE / WORD_S)))
        heard = Heard(job.tag, words, 1.0, "en", final, upto)
        self._later(job.tag, WORDS_S, lambda: [heard, Ended(job.tag)] if final else [heard])


class Llm(Waiting):
    """Always the same answer, word by word."""

    def begin(self, job: Job) -> None:
        super().begin(job)
        pieces = re.findall(r"\S+\s*", ANSWER)
        for number, piece in enumerate(pieces):
            token: Event = Token(job.tag, piece)
            self._later(job.tag, FIRST_PIECE_S + number * PIECE_S, lambda token=token: [token])  # type: ignore[misc]
        self._later(job.tag, FIRST_PIECE_S + len(pieces) * PIECE_S, lambda: [Ended(job.tag)])


class Voice(Waiting):
    """A tone, as long as the clause has letters, after the wait."""

    def feed(self, job: Job, data: str) -> None:
        count = round(len(data) * CHARACTER_S * RATE)

        def speak() -> list[Event]:
            at = np.arange(count) / RATE
            edges = np.minimum(1, np.minimum(at, at[::-1]) / 0.005)  # what ends in mid-wave is measured as a hole
            tone = (TONE * edges * np.sin(2 * np.pi * TONE_HZ * at)).astype(np.int16)
            assert job.sink is not None
            job.sink.write(tone)
            return [Sound(job.tag, count)]

        self._later(job.tag, SOUND_S, speak)

    def finish(self, job: Job) -> None:
        self._later(job.tag, SOUND_S, lambda: [Ended(job.tag)])
