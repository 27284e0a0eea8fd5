"""Speech recognition that costs what Whisper of any size costs: the words are PocketSphinx's, and each is told only
when a net of Whisper's shape (`computing_net.py`) has really been through the same sound.

It behaves as `whisper.py` does: while somebody speaks, passes over all of the sound so far follow each other, as many
as its cost allows; a pass at a pause covers all that was said, so that `finish` has nothing left to do where nothing
but silence follows. A pass is two calls of the library, in a thread of its own, that nothing can interrupt; what comes
of one that nobody wants any more is dropped. That thread takes the lease for itself; the worker takes it for the search
that PocketSphinx makes in its `step`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.contract import Abilities, Ended, Event, Heard, Job, Pcm, Rung, Tag
from engine.errors import BackendError, first_line
from workers.backends.computing_net import BANDS, SIZE, Ears, Kept, same_but, tokens_of
from workers.backends.log_mel import HOP, RATE, WINDOW, LogMel
from workers.backends.pocketsphinx import PocketSphinx
from workers.backends.whisper import BEGUN, BUSY, LONGEST, WAITED_FOR_NS, lengths

SETTING = "asr.backend computing"
SEARCH = ("most_units", "most_words")
"""What of the settings is PocketSphinx's."""
ROOM = LONGEST + LONGEST // 2
"""Frames of sound that there is room for; of longer utterances the beginning goes."""


@dataclass(slots=True)
class _Utterance:
    """Samples are counted from its beginning."""

    tag: Tag
    sound: LogMel = field(default_factory=lambda: LogMel(BANDS, ROOM))
    fed: list[Pcm] = field(default_factory=list)
    samples: int = 0
    """Taken in."""
    end: int = 0
    """Where the voice has paused; 0: nowhere."""
    finished: bool = False
    asked: int = 0
    """The samples that the newest pass was over."""
    known: int = 0
    """Those that a pass has been through."""
    words: Heard | None = None
    """The newest of PocketSphinx."""
    final: Heard | None = None
    told: tuple[str, int] = ("", 0)

    def take_in(self) -> None:
        for pcm in self.fed:
            if self.sound.frames + len(pcm) // HOP + BEGUN > ROOM:
                self.sound.drop(LONGEST // 2)
            self.sound.add(pcm)
            self.samples += len(pcm)
        self.fed.clear()

    @property
    def wanted(self) -> int:
        """A pass has to be through these samples before the words of a pause, or the final ones, are told."""
        return min(self.end, self.samples) if self.end else self.samples

    def wants_pass(self, enough: int) -> bool:
        """enough: new samples that are worth a pass while somebody speaks."""
        if self.finished:
            return self.known < self.wanted
        if self.end:
            return self.known < self.end <= self.samples
        return self.samples - self.asked >= enough

    def news(self) -> list[Event]:
        """The words so far, as far as a pass has been through their sound."""
        if self.words is None or self.finished:
            return []
        # Of the newest sound PocketSphinx keeps a frame back, which a pass over it has seen.
        upto = self.known if self.known - self.words.upto <= WINDOW else min(self.words.upto, self.known)
        if not self.words.text or (self.words.text == self.told[0] and upto <= self.told[1]):
            return []
        self.told = self.words.text, upto
        return [replace(self.words, upto=upto)]


@dataclass(slots=True)
class _Pass:
    utterance: _Utterance
    upto: int
    began_ns: int
    future: Future[bool]


class ComputingRecogniser:
    """`settings`: `heads` and `layers`, the size of the net; `audio_context_s`, how much its encoder hears of short
    sound; `interval_ms`, from one pass to the next at least. `most_units`, `most_words` and `rung.expected` are
    PocketSphinx's.

    One utterance at a time, as PocketSphinx has it.
    """

    def __init__(self) -> None:
        self.abilities = Abilities(checkpoint="call", incremental=True, rate=RATE)
        self._words = PocketSphinx()
        self._nets = Kept(Ears, SETTING)
        self._net: Ears | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._open: _Utterance | None = None
        self._pass: _Pass | None = None
        self._events: list[Event] = []
        self._cancelled: set[Tag] = set()
        self._cost_ns, self._learned = 0, False

    def load(self, rung: Rung) -> None:
        settings = rung.settings
        # Nothing to do where only the net is another.
        self._words.load(replace(rung, settings={key: settings[key] for key in SEARCH if key in settings}))
        before, self._net, self._rung = self._net, self._nets.of(rung), rung
        if self._net is not before:
            self._cost_ns, self._learned = 0, False
        self._interval = int(settings.get("interval_ms", 300)) * RATE // 1000
        self._lengths = lengths(float(settings.get("audio_context_s", 5)))

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        """See `engine.contract.ChangesQuickly`."""
        return same_but((*SIZE, *SEARCH, "audio_context_s", "interval_ms"), now, then)

    def warm_up(self) -> None:
        self._words.warm_up()
        assert self._net is not None, "load comes first"
        for length in self._lengths:
            began = time.monotonic_ns()
            try:
                self._net.write(self._net.encode(np.zeros((BANDS, length), np.float32)), 8)
            except RuntimeError as error:
                raise BackendError(
                    f"{SETTING}: its net does not run ({first_line(error)})", "install ctranslate2 again"
                ) from error
            if length == self._lengths[0]:
                self._cost_ns, self._learned = time.monotonic_ns() - began, False

    @property
    def remarks(self) -> Sequence[str]:
        return self._words.remarks

    def begin(self, job: Job) -> None:
        self._words.begin(job)  # it refuses a second one
        if self._open is None:
            self._cancelled.discard(job.tag)  # of one that had ended before
            self._open = _Utterance(job.tag)

    def feed(self, job: Job, data: Any) -> None:
        now = self._open
        if now is not None and now.tag == job.tag and not now.finished:
            self._words.feed(job, data)
            if data.dtype == np.int16 and data.ndim == 1:
                now.fed.append(data)

    def pause(self, job: Job, end: int) -> None:
        """See `engine.contract.HearsPauses`."""
        if self._open is not None and self._open.tag == job.tag:
            self._open.end = end
            if 0 < end <= self._open.known:
                self._events += self._open.news()

    def finish(self, job: Job) -> None:
        self._words.finish(job)
        if self._open is not None and self._open.tag == job.tag:
            self._open.finished = True

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Find words for as long as the budget lasts, tell what a pass has been through, begin the next one."""
        events, self._events = self._events, []
        if self._open is not None:
            self._open.take_in()
        for event in self._words.step(budget_ns):
            events += self._found(event)
        if self._pass is not None and self._pass.future.done():
            events += self._collect(self._pass)
        now = self._open
        if now is not None and now.tag in self._cancelled:  # PocketSphinx was through with it
            events.append(self._ended(now, Ended(now.tag, "cancelled")))
        self._cancelled.clear()
        now = self._open
        if now is not None and now.final is not None and now.known >= now.wanted:
            events += [replace(now.final, upto=now.samples), self._ended(now, Ended(now.tag))]
        if self._pass is None and (now := self._open) is not None and now.wants_pass(self._enough):
            self._begin_pass(now)
        return events

    def _found(self, event: Event) -> list[Event]:
        """What becomes of an event of PocketSphinx."""
        now = self._open
        if now is None or event.tag != now.tag:
            return [event]
        if isinstance(event, Heard):
            if event.final:
                now.final = event
            else:
                now.words = event
                return now.news() if now.end and now.known >= now.end else []
        elif isinstance(event, Ended) and event.reason != "done":
            return [self._ended(now, event)]
        return []

    @property
    def _enough(self) -> int:
        return max(self._interval, int(self._cost_ns / BUSY * RATE / 1e9))

    def _begin_pass(self, now: _Utterance) -> None:
        net = self._net
        assert net is not None
        frames = now.sound.frames + BEGUN
        features = now.sound.features(next((each for each in self._lengths if each >= frames), LONGEST))
        tokens = tokens_of(now.words.text) if now.words is not None else 1
        lease = self._rung.lease
        due_ns = time.monotonic_ns() + (
            WAITED_FOR_NS if now.end or now.finished else self._interval * 1_000_000_000 // RATE
        )

        def hear() -> bool:
            """Whether it was wanted to its end."""
            lease.take(due_ns)
            try:
                encoded = net.encode(features)
                if self._open is not now or (not now.finished and now.asked < now.end <= now.samples):
                    return False
                lease.turn(due_ns)
                net.write(encoded, max(1, tokens))
                return True
            finally:
                lease.give()
                features.fill(0)

        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "computing")
        now.asked = now.samples
        self._pass = _Pass(now, now.samples, time.monotonic_ns(), self._thread.submit(hear))
        self._pass.future.add_done_callback(lambda _: self._rung.wake())

    def _collect(self, done: _Pass) -> list[Event]:
        self._pass = None
        now, error = done.utterance, done.future.exception()
        if error is not None:
            if self._open is not now:
                return []
            self._words.cancel(now.tag)
            while not self._words.idle:
                self._words.step(0)
            return [self._ended(now, Ended(now.tag, "failed", first_line(error)))]
        if not done.future.result() or self._open is not now:
            return []
        took = time.monotonic_ns() - done.began_ns
        self._cost_ns += (took - self._cost_ns) // (4 if self._learned else 1)
        self._learned = True
        now.known = done.upto
        return now.news()

    def _ended(self, now: _Utterance, ended: Ended) -> Ended:
        now.sound.wipe()
        self._open = None
        return ended

    @property
    def idle(self) -> bool:
        now = self._open
        if self._events or not self._words.idle or (self._pass is not None and self._pass.future.done()):
            return False
        if now is None:
            return True
        if now.fed or now.tag in self._cancelled or (now.final is not None and now.known >= now.wanted):
            return False
        return self._pass is not None or not now.wants_pass(self._enough)

    def cancel(self, tag: Tag) -> None:
        self._cancelled.add(tag)
        self._words.cancel(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        """Nothing is kept beyond a job."""

    def forget(self, session: int) -> None:
        self._words.forget(session)

    def cost_ns(self, units: int) -> int:
        """A unit is a pass."""
        return units * self._cost_ns

    def unload(self) -> None:
        """Waits for the end of a pass."""
        self._words.unload()
        self._open = None
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        self._nets.close()
        self._thread = self._net = self._pass = None
        self._events.clear()
