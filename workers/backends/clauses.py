"""Voices that say one clause after another: the jobs, checkpoints and events that all of them share."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from engine.contract import Abilities, Ended, Event, Job, Pcm, Rung, Sink, Sound, Tag
from engine.errors import BackendError, first_line
from workers.backends.pieces import Piece, cut
from workers.backends.sound import Edges, Resampler

LONGEST = 160
"""Characters said in one call of the library: what a voice thinks over before its first sound stays bounded."""
CHUNK_MS = 20
"""Sound a voice hands over at a time, and so how soon it can be stopped."""


def primary(language: str) -> str:
    """The language itself of a tag such as `en-GB`: `en`."""
    return language.replace("_", "-").partition("-")[0].lower()


def number(settings: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
    """A setting that must be a number from `low` to `high`. Raises BackendError."""
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BackendError(f"{key} = {value!r} is out of bounds", f"set it to a number from {low:g} to {high:g}")
    return float(value)


class _Work:
    """A job that is open."""

    def __init__(self, job: Job, order: int) -> None:
        self.job = job
        self.due = (job.deadline_ns or math.inf, order)
        self.pieces: deque[Piece] = deque()
        """What is still to be said."""
        self.finished = False
        self.quiet: int | None = None
        """Samples of silence at the end of its sound; None before any."""
        self.cancelled = False
        """Written by any thread, read at every chunk; one word, so no lock."""
        self.failure = ""

    @property
    def over(self) -> bool:
        """Nothing is left of it but to say so."""
        return self.cancelled or bool(self.failure) or (self.finished and not self.pieces)

    @property
    def reason(self) -> Literal["done", "cancelled", "failed"]:
        return "failed" if self.failure else "cancelled" if self.cancelled else "done"

    @property
    def ready(self) -> bool:
        return bool(self.pieces) or self.over


class _Nowhere:
    """The sink of a warm-up."""

    def write(self, pcm: Pcm) -> bool:
        return True


class ClauseVoice(ABC):
    """A `engine.contract.Backend` for libraries that say a whole clause in one call and hand out its sound in chunks.

    `step` says one clause, or a piece of a long one, of the job that is due first, or was begun first where no
    deadline says otherwise. The call ends early, within a chunk, when the job is cancelled or its sink wants no more.
    A subclass loads its library, calls `_open` and implements `_readable` and `_say`.
    """

    CHECKPOINT: Literal["chunk", "node"] = "chunk"
    """How finely `_say` can be stopped."""
    REMEDY = "reinstall its library"
    """What to do when it gives no sound."""

    def __init__(self) -> None:
        self._jobs: dict[Tag, _Work] = {}
        self._begun = 0
        self._language = "en"
        self._abilities = Abilities(checkpoint=self.CHECKPOINT, incremental=True)
        self._resample: Resampler | None = None
        self._edges = Edges(16000, 0)
        self._rate = 16000
        self._marks: list[tuple[int, float]] = []
        """Of the piece that is being said: a character, and how many seconds into the library's sound it is said."""
        self._work: _Work | None = None
        self._sink: Sink = _Nowhere()
        self._samples = self._chunks = self._waited_ns = self._chunk_ns = 0
        self._error: BaseException | None = None

    @abstractmethod
    def load(self, rung: Rung) -> None: ...

    @abstractmethod
    def unload(self) -> None: ...

    @abstractmethod
    def _readable(self, word: str) -> str:
        """A word in characters that the library can say; there may be blanks among them, or nothing at all."""

    @abstractmethod
    def _say(self, text: str) -> None:
        """Say `text`: hand every chunk to `_take`, and stop when that is False. Tell `_mark`, where the library knows,
        when which character is said. Called with nothing else under way."""

    def _open(self, rung: Rung, rate: int) -> None:
        """The library is loaded and speaks at `rate` samples a second."""
        self._language = primary(rung.language)
        self._rate = rung.rate
        self._resample = Resampler(rate, rung.rate) if rate != rung.rate else None
        self._edges = Edges(rung.rate, int(number(rung.settings, "pause_ms", 200, 0, 2000)))
        self._abilities = Abilities(checkpoint=self.CHECKPOINT, incremental=True, rate=rung.rate)

    @property
    def abilities(self) -> Abilities:
        return self._abilities

    def warm_up(self) -> None:
        work = _Work(Job(Tag(), sink=_Nowhere()), 0)
        self._utter(work, "Hello, 1 2 3.")
        if self._error is not None or not self._samples:
            why = first_line(self._error) if self._error is not None else "silence"
            raise BackendError(f"{type(self).__name__} gave no sound when tried ({why})", self.REMEDY)

    def begin(self, job: Job) -> None:
        if job.tag in self._jobs:
            raise ValueError(f"{job.tag} is open already")
        work = self._jobs[job.tag] = _Work(job, self._begun)
        self._begun += 1
        if job.sink is None:
            work.failure = "the job has no sink"
        elif primary(job.language) != self._language:
            work.failure = f"the voice speaks {self._language!r}, not {job.language!r}"

    def feed(self, job: Job, data: str) -> None:
        if work := self._jobs.get(job.tag):
            work.pieces.extend(cut(data, self._readable, LONGEST))

    def finish(self, job: Job) -> None:
        if work := self._jobs.get(job.tag):
            work.finished = True

    @property
    def remarks(self) -> Sequence[str]:
        return ()

    @property
    def idle(self) -> bool:
        return not any(work.ready for work in self._jobs.values())

    def step(self, budget_ns: int) -> Sequence[Event]:
        ready = [work for work in self._jobs.values() if work.ready]
        if not ready:
            return ()
        work = min(ready, key=lambda each: (not each.over, each.due))
        tag = work.job.tag
        events: list[Event] = []
        if not work.over:
            piece = work.pieces.popleft()
            if piece.text:
                self._utter(work, piece.text)
                self._place(piece)
            clause = piece.clause
            if work.cancelled or work.failure:
                if clause.samples:
                    events.append(Sound(tag, clause.samples))
            elif piece.last:
                events.append(Sound(tag, clause.samples, clause.spoken))
        if work.over:
            events.append(Ended(tag, work.reason, work.failure))
            del self._jobs[tag]
        return events

    def cancel(self, tag: Tag) -> None:
        if work := self._jobs.get(tag):
            work.cancelled = True

    def settle(self, tag: Tag, heard: str) -> None:
        del tag, heard  # What was said is not remembered.

    def forget(self, session: int) -> None:
        """Drop what is left of the sound that was made last."""
        self._marks.clear()
        self._sink = _Nowhere()
        self._edges.clear()
        if self._resample:
            self._resample.reset()

    def cost_ns(self, units: int) -> int:
        """`units` are chunks of 20 ms of sound. The time that a sink waited is not counted."""
        return units * self._chunk_ns

    def _utter(self, work: _Work, text: str) -> None:
        self._prepare(work)
        began = time.perf_counter_ns()
        self._say(text)
        worked = time.perf_counter_ns() - began - self._waited_ns
        self._work = None
        if self._samples:
            work.quiet = self._edges.quiet
        if self._chunks:
            latest = worked // self._chunks
            # Moves a quarter of the way: it follows a changing machine, and one odd clause does not rule it.
            self._chunk_ns = (3 * self._chunk_ns + latest) // 4 if self._chunk_ns else latest
        if isinstance(self._error, Exception):
            work.failure = f"{type(self._error).__name__}: {first_line(self._error)}"
        elif self._error is not None:
            raise self._error

    def _place(self, piece: Piece) -> None:
        """Work out where in the clause's sound the words of a piece begin that has just been said."""
        for character, seconds in self._marks:
            sample = min(round(seconds * self._rate) + self._edges.shift, max(0, self._samples - 1))
            piece.clause.begins(piece.word_at(character), piece.clause.samples + max(0, sample))
        piece.clause.samples += self._samples

    def _mark(self, character: int, seconds: float) -> None:
        """A character (from 0) of what is being said is heard so many seconds into the library's sound."""
        self._marks.append((character, seconds))

    def _prepare(self, work: _Work) -> None:
        self._marks.clear()
        self._work, self._error = work, None
        self._sink = _Nowhere() if work.job.sink is None else work.job.sink
        self._samples = self._chunks = self._waited_ns = 0
        self._edges.begin(work.quiet)
        if self._resample:
            self._resample.reset()

    def _take(self, pcm: Pcm) -> bool:
        """The next sound of the clause, at the library's rate. Called from C, where an exception would be lost."""
        try:
            if self._work is None or self._work.cancelled:
                return False
            self._chunks += 1
            return self._edges.put(self._resample(pcm) if self._resample else pcm, self._write)
        except BaseException as error:
            self._error = error
            return False

    def _write(self, pcm: Pcm) -> bool:
        began = time.perf_counter_ns()
        wanted = self._sink.write(pcm)
        self._waited_ns += time.perf_counter_ns() - began
        if wanted:
            self._samples += pcm.size
        elif self._work:
            self._work.cancelled = True
        return wanted
