"""The stage contract: everything a worker asks of a backend. One backend, one file, one library.

    load(rung) → warm_up() → { begin(job) → feed(job, data)… → finish(job) ; step(budget) → events }… → unload()

It is as wide as its widest users need: a recogniser is fed sound while the user speaks, a streaming voice is fed
clauses, a language model is begun with the conversation so far, a duplex model is fed frames and answers in frames.
Several jobs may be open at once (sessions, attempts). One thread drives a backend; only `cancel` may come from
another. What a call cannot interrupt, `Abilities` says; the one who waits for the result enforces the deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
"""Mono samples, shape [n], full scale ±32768."""
UNKNOWN = -1.0
"""Instead of a probability: there is none."""


@dataclass(frozen=True, slots=True, order=True)
class Tag:
    """Whose a thing is. `attempt` counts tries at answering one turn; it is what makes a result stale."""

    session: int = 0
    turn: int = 0
    attempt: int = 0


NEVER_DUE = (1 << 63) - 1
"""When something is due that nobody waits for."""


class Lease(Protocol):
    """The right to compute now, where stages share a processor that is too small for all of them: whoever is due first
    has it. The worker takes it around each `step`. A backend whose model works in a thread of its own
    (`Abilities.own_thread`) takes it there instead, between its own steps; then the worker does not.

    By that it is also known how long each call of such a thread takes: one that takes longer than the stage's
    `hard_limit_s` hangs, and the worker is started again.

    due_ns: when the result has to be there, CLOCK_MONOTONIC; 0 where nobody waits for it, and NEVER_DUE where nobody
    does yet: for an answer that was begun on a guess, which has a deadline as soon as that has come true. Nobody waits
    longer than that leaves time for: afterwards the lease is held in any case.
    """

    def take(self, due_ns: int) -> None:
        """Before the first step."""

    def turn(self, due_ns: int) -> None:
        """Between two steps: makes way for whoever is due earlier, if anybody is. Costs next to nothing else."""

    def give(self) -> bool:
        """After the last step, however it ended, and before sleeping on anything else. False: it was not held."""


class NoLease:
    """Everybody may compute at any time."""

    def take(self, due_ns: int) -> None:
        pass

    def turn(self, due_ns: int) -> None:
        pass

    def give(self) -> bool:
        return False


NO_LEASE = NoLease()


class Line(Protocol):
    """To the host's own dialogue program. Nothing of it waits; for the worker's thread alone."""

    @property
    def is_there(self) -> bool:
        """A program is there that answers."""

    def ask(self, job: Job) -> bool:
        """Hand it a question. False: it cannot be told now."""

    def cancel(self, tag: Tag) -> None:
        """Nobody wants that answer any more: nothing more of it is `heard`. Unknown tags are ignored."""

    @property
    def ready(self) -> bool:
        """Something was `heard`."""

    def heard(self) -> Sequence[Token | Ended]:
        """What came of what it was asked since the last call. An answer ends once, as done or failed."""


class NoLine:
    """Nobody is there."""

    is_there = ready = False

    def ask(self, job: Job) -> bool:
        return False

    def cancel(self, tag: Tag) -> None:
        pass

    def heard(self) -> Sequence[Token | Ended]:
        return ()


NO_LINE = NoLine()


GOES_ON = "…"
"""At the end of `Rung.alike`'s phrases."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What a backend is loaded with: its own table of the configuration and what the engine knows beside it."""

    settings: Mapping[str, Any]
    language: str = "en"
    rate: int = 16000
    """Samples a second of the sound the backend gets or gives."""
    threads: int = 1
    """How many threads of computation the backend may start."""
    expected: tuple[str, ...] = ()
    """Phrases the configuration expects people to say; a recogniser leans towards their words."""
    alike: tuple[str, ...] = ()
    """What else is likely then, for a recogniser that can lean less towards it. With GOES_ON at its end a phrase is
    only how something begins."""
    lexicon: Mapping[str, str] = field(default_factory=dict)
    """Words and their phonemes in IPA, for a voice that is fed phonemes. How other words are written out is not the
    voice's concern: it is fed what is to be said."""
    wake: Callable[[], None] = lambda: None
    """Wakes the worker, from any thread: for a backend that is idle while a socket or a thread works for it."""
    lease: Lease = NO_LEASE
    """For a backend whose model works in a thread of its own; others need not know of it."""
    line: Line = NO_LINE
    """For a backend that lets the host's own program answer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One past turn as it was heard: what the user said and how much of the answer was played."""

    user: str
    answer: str


class Sink(Protocol):
    """Where a voice puts its sound: straight into the speaker ring."""

    def write(self, pcm: Pcm) -> bool:
        """Take all of `pcm` (any length; the samples are taken before it returns). It may wait while the ring is
        full. False: nobody wants the rest any more, stop."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for a backend.

    capture_ns: when the last sound that this job answers was captured, CLOCK_MONOTONIC.
    deadline_ns: when the result stops being of use, CLOCK_MONOTONIC; 0 is never.
    """

    tag: Tag
    capture_ns: int = 0
    deadline_ns: int = 0
    language: str = "en"
    text: str = ""
    """What the user said (language models)."""
    history: tuple[Exchange, ...] = ()
    """The conversation before it, oldest first (language models, and those that hear the question themselves)."""
    context: tuple[str, ...] = ()
    """What the host program gave to know, oldest first (language models)."""
    calls: bool = False
    """Calls that are asked for in the answer reach a host program just now. Where they do not, a language model with
    tools must not say that something is done."""
    final: bool = True
    """`text` is what the user said. False: it is a guess, or stands in for that, and nothing is called upon it."""
    sink: Sink | None = field(default=None, compare=False)
    """Where the sound goes (voices, duplex)."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Voice activity in the frame that was fed."""

    tag: Tag
    probability: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Recognised text so far, whole. `final` comes once, after `finish`. confidence: 0 to 1."""

    tag: Tag
    text: str
    confidence: float
    language: str
    final: bool
    upto: int = 0
    """How many of the job's samples the text covers: decoded, not only fed."""
    complete: float = UNKNOWN
    """If the user pauses now: how likely the utterance ends with these words, by them alone and with even chances
    before: 0.5 says that they tell nothing. UNKNOWN where the recogniser cannot tell."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Other words that may have been said. behind: how much less likely these are than the likeliest, by sound and
    language model: the difference of the natural logarithms, as unscaled as the recogniser's scores, 0 or more."""

    text: str
    behind: float


@dataclass(frozen=True, slots=True)
class Finished:
    """How likely it is, by the sound that was fed, that the utterance ends with it; as `Heard.complete`."""

    tag: Tag
    complete: float


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of an answer; pieces joined give the answer's text."""

    tag: Tag
    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """The host program is asked to do something; it comes before the words that speak of it. Whoever takes it makes
    sure that it is done at most once, only when the visitor has really said so, and only what the configuration allows.
    A tool with `confirm` is for the backend to ask back about."""

    tag: Tag
    tool: str
    arguments: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a clause, as it stood in the text that was fed, and where its sound begins."""

    text: str
    start: int
    """Samples from the beginning of the clause's sound."""


@dataclass(frozen=True, slots=True)
class Sound:
    """All samples of one `feed` are in the job's sink. Exactly one for each feed, in their order, whatever the voice
    makes of it: a long clause that is said in pieces has one, with their sum; one with nothing to say has one, of 0
    samples. Only a job that is cancelled or fails owes none for what it did not say; for a feed that was cut short in
    mid-sound it tells the samples so far. A duplex model answers each frame that it was fed with one of its own.
    """

    tag: Tag
    samples: int
    words: tuple[Word, ...] = ()
    """Every word of the feed; empty where the voice does not know when each is said."""
    lost: int = 0
    """Samples of the feed that a duplex model has not listened to, since too many waited already."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a job. `cancelled`: it was cut short; `text` is empty unless `failed`, then it says why."""

    tag: Tag
    reason: Literal["done", "cancelled", "failed"] = "done"
    text: str = ""


Event: TypeAlias = Voice | Heard | Finished | Token | Called | Sound | Ended


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a backend is able to do, so that workers, turns and governor need not know its name."""

    checkpoint: Literal["frame", "token", "chunk", "node", "call", "socket"]
    """How finely it can be cancelled: the work between two of these always runs to its end."""
    incremental: bool
    """It works on each piece as it is fed, instead of all at once on `finish`."""
    cache: Literal["none", "prefix", "pages", "server"] = "none"
    """What it keeps between turns."""
    rate: int = 0
    """Samples a second of the sound it gives or needs; 0 where it has nothing to do with sound."""
    frame: int = 0
    """Samples it must be fed at a time; 0 is any number."""
    own_thread: bool = False
    """Its model works in a thread of its own, or elsewhere: `step` only hands on what has come, and needs no lease."""
    context: int = 0
    """Samples before each frame that it must see again, in the same contiguous view."""


@runtime_checkable
class Backend(Protocol):
    """A model runtime behind a stage. Errors: `engine.errors.BackendError` from `load` and `warm_up`; a job that
    fails later ends with `Ended(reason="failed")` and leaves the backend fit for the next one."""

    @property
    def abilities(self) -> Abilities:
        """Known after `load`."""

    def load(self, rung: Rung) -> None:
        """Load the model; called again, between jobs, to change to another rung or to other settings.
        Raises BackendError with the remedy when it is missing, broken or unfit."""

    def warm_up(self) -> None:
        """Run it once on every shape it will meet. Some libraries fail here first, not in `load`."""

    @property
    def remarks(self) -> Sequence[str]:
        """What its owner should know after `load` and `warm_up`, a line each: words it cannot hear, a processor it
        did not get."""

    def begin(self, job: Job) -> None:
        """Open a job."""

    def feed(self, job: Job, data: Any) -> None:
        """Hand over input: sound `Pcm` (recognisers, voice activity, duplex, language models that hear the question
        themselves), text `str` (voices, one clause).
        `data` is borrowed until the next `step` returns: often it lies in shared memory."""

    def finish(self, job: Job) -> None:
        """No more input will come: the job's last events follow from `step`."""

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Do one checkpoint's worth of work, more only if it fits into `budget_ns`; return what came of it.
        Empty when there was nothing to do."""

    @property
    def idle(self) -> bool:
        """No step has anything to do until the next `begin`, `feed`, `finish`, `cancel` or `settle`, or until the
        backend calls its rung's `wake`."""

    def cancel(self, tag: Tag) -> None:
        """Give up a job at its next checkpoint. Safe from another thread; unknown tags are ignored. The job still
        ends with `Ended`."""

    def settle(self, tag: Tag, heard: str) -> None:
        """Cut what the backend remembers of a job's answer to what was heard. What there is to compute for that, the
        next steps do, in the pauses between jobs."""

    def forget(self, session: int) -> None:
        """A visitor has left: drop what is remembered of this session. Called between jobs."""

    def cost_ns(self, units: int) -> int:
        """What `units` checkpoints of work cost now, in ns, learned from the work done so far; 0 before any."""

    def unload(self) -> None:
        """Free the model."""


@runtime_checkable
class ChangesQuickly(Protocol):
    """What a backend may have beside the contract: some settings it changes without loading its model anew. Rungs of a
    ladder that differ in those alone share one backend."""

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        """Loaded with `now`, and loaded and warmed up with `then` once before, `load(then)` takes a few ms at most and
        needs no `warm_up`. Asked before anything is loaded, too."""


@runtime_checkable
class HearsPauses(Protocol):
    """What a recogniser may have beside the contract: it makes use of knowing where the voice pauses. One that hears
    sound in large pieces need not wait for a piece to be full then."""

    def pause(self, job: Job, end: int) -> None:
        """The voice has paused after `end` of the job's samples: what was said before is wanted now, without waiting
        for `finish`, and what follows is silence. `end` may lie ahead of what was fed. 0: the voice goes on."""


@runtime_checkable
class HasAlternatives(Protocol):
    """What a recogniser may have beside the contract: what else may have been said."""

    def alternatives(self, most: int) -> Sequence[Alternative]:
        """For all words so far, of the present job or, after its final text, of the last one: the likeliest first,
        which may be another than the text, each once, `most` at most. They are worked out when they are asked for, in
        a few ms; empty where that would take long."""
