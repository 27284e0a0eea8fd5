"""The ASR worker: recognises ranges of the mic ring in place, while they are being spoken."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from engine import messages as m
from engine.config import Config
from engine.contract import Backend, Ended, Event, HasAlternatives, Heard, HearsPauses, Job
from engine.outlet import Outlet
from ringbuf import HistoryReader
from workers.backends.registry import Renewal, prepare, tell
from workers.join import Seat
from workers.questions import exchanges
from workers.reconsider import Pause, Reconsider

SELDOM_NS = 500_000_000
"""However late they are, the words so far are told so often."""
SPARE_MS = 10
"""Of the time for words, for what comes after them: other ones are looked for as long as there is more."""
LAST_MS = 20
"""In a pause the recogniser gets sound in steps so short: whether the user has finished waits for the last words."""


@dataclass(slots=True)
class _Utterance:
    """The range of the mic ring that is being recognised."""

    job: Job
    began_ns: int
    start: int
    limit: int = 0
    """From where on nothing is to be taken in for now; 0: nowhere."""
    pause: Pause | None = None
    """What was meant by the words before the pause that there is."""
    stop: int | None = None
    """Where it ends, once known."""
    asked_ns: int = 0
    due_ns: int = 0
    """When the final words were asked for, and when they are due."""
    first_ns: int = 0
    newest_ns: int = 0
    """When the newest sound that it was given was captured; 0: not known."""
    fed: int = 0
    """The sample after the newest that it was given."""
    told_ns: int = 0
    """When the words so far were last told."""
    finished: bool = False
    heard: Heard | None = None
    """The words so far, as they were heard."""


class Asr:
    """One utterance at a time: the one the conversation is at."""

    def __init__(self, seat: Seat, backend: Backend, mic: HistoryReader, out: Outlet) -> None:
        self._seat, self._backend, self._mic, self._out = seat, backend, mic, out
        self._renewal = Renewal(seat, backend, out)
        self._utterance: _Utterance | None = None
        self._reconsider: Reconsider | None = None
        self._made_of: tuple[Config, Backend] | None = None
        """What `_reconsider` is of."""
        self.reload()
        self._renew()

    def reload(self) -> None:
        """The settings are others now. The backend gets them between two utterances."""
        rate, settings = self._seat.config.audio.rate_hz, self._renewal.config.asr
        self._chunk = settings.partial_ms * rate // 1000
        self._last_chunk = min(self._chunk, LAST_MS * rate // 1000)
        self._budget_ns = settings.partial_budget_ms * 1_000_000
        self._final_budget_ns = settings.final_budget_ms * 1_000_000

    def _renew(self) -> None:
        """Between two utterances: make sense of words by the present facts, if the recogniser has others to offer."""
        config, backend = self._seat.config, self._renewal.backend
        if self._made_of is not None and self._made_of[0] is config and self._made_of[1] is backend:
            return
        before, self._made_of = self._made_of, (config, backend)
        if before is not None and before[1] is backend and _sense(before[0]) == _sense(config):
            return
        if self._reconsider is not None:
            self._reconsider.forget(0)
        with self._seat.bound(config.engine.start_timeout_s):
            self._reconsider = Reconsider.of(config) if isinstance(backend, HasAlternatives) else None

    def take(self, message: m.Message) -> None:
        """Listen, hold, finish or cancel; or forget."""
        utterance = self._utterance
        if isinstance(message, m.Listen):
            self._give_up()
            job = Job(message.tag, message.capture_ns, language=message.language)
            self._utterance = _Utterance(job, time.monotonic_ns(), message.start)
            self._backend.begin(job)
            self._mic.seek(message.start)
        elif isinstance(message, m.SessionOver):
            self._give_up()
            self._backend.forget(message.tag.session)
            if self._reconsider is not None:
                self._reconsider.forget(message.tag.session)
        elif utterance is not None and message.tag == utterance.job.tag:
            if isinstance(message, m.Hold):
                utterance.limit = message.limit
                utterance.pause = (
                    Pause(message.end - utterance.start, self._seat.config.audio.rate_hz) if message.limit else None
                )
                self._lean(utterance, message)
                if utterance.heard is not None and 0 < message.limit <= self._mic.cursor:
                    utterance.newest_ns = 0
                    # No more sound is to come that it would be told with.
                    self._tell(*self._meant(utterance.heard))
                if isinstance(self._backend, HearsPauses):
                    self._backend.pause(utterance.job, max(0, message.end - utterance.start))
            elif isinstance(message, m.Finish):
                self._lean(utterance, message)
                utterance.stop, utterance.asked_ns = message.stop, time.monotonic_ns()
                utterance.due_ns = message.deadline_ns or utterance.asked_ns + self._final_budget_ns
            elif isinstance(message, m.Cancel):
                self._give_up()

    def _lean(self, utterance: _Utterance, message: m.Hold | m.Finish) -> None:
        """Its words may lean on this."""
        utterance.job = replace(utterance.job, history=exchanges(message.history), context=message.context)

    def _give_up(self) -> None:
        if self._utterance is not None:
            self._backend.cancel(self._utterance.job.tag)
            self._utterance = None
            while not self._backend.idle:
                self._step()

    def work(self) -> bool:
        """Decode what has come, at most a chunk. False: nothing to do until more sound or a message comes."""
        if not self._backend.idle:
            self._step()
            return True
        utterance, mic = self._utterance, self._mic
        if utterance is None:
            if self._renewal.between_jobs():
                self.reload()
            self._renew()
            mic.seek(mic.position)
            mic.want(mic.capacity // 2)  # sound is nothing to wake for
            return False
        end = utterance.stop or utterance.limit
        left = (min(end, mic.position) if end else mic.position) - mic.cursor
        chunk = self._last_chunk if end else self._chunk
        if left >= chunk or (left > 0 and end and mic.position >= end):
            count = min(left, self._chunk)
            newest_ns = mic.capture_ns(mic.cursor + count - 1)
            sound = mic.acquire(count)
            if sound is not None:
                utterance.newest_ns, utterance.fed = newest_ns or 0, mic.cursor + count
                self._backend.feed(utterance.job, sound)
                self._step()  # the sound is only borrowed until then
                mic.release(count)
                return True
        elif utterance.stop is not None and mic.cursor >= utterance.stop and not utterance.finished:
            utterance.finished = True
            self._backend.finish(utterance.job)
            return True
        missing = end - mic.cursor if end else chunk
        mic.want(min(missing, chunk) if missing > 0 else mic.capacity // 2)
        return False

    def _step(self) -> None:
        """Let the backend work for as long as its budget lasts, and tell what it heard."""
        began = time.monotonic_ns()
        with self._seat.computing(self._backend, self._due_ns):
            events = [self._meant(event) for event in self._backend.step(self._budget_ns)]
        self._seat.telemetry.observe("asr.step_ns", time.monotonic_ns() - began)
        for event, settled in events:
            self._tell(event, settled)

    def _meant(self, event: Event) -> tuple[Event, bool]:
        """Words with those that were meant, and whether these are settled: of the final ones, or where the voice
        pauses. Before, nobody asks."""
        utterance, recogniser = self._utterance, self._renewal.backend
        if utterance is None or not isinstance(event, Heard):
            return event, False
        utterance.heard = event
        if self._reconsider is None or not isinstance(recogniser, HasAlternatives):
            return event, True
        job, until_ns = replace(utterance.job, text=event.text), self._due_ns - SPARE_MS * 1_000_000
        if event.final:
            text, settled = self._reconsider.text(job, recogniser, until_ns)
        elif utterance.pause is not None:
            until_ns = until_ns if utterance.stop is None else 0  # the final words are wanted now
            text, settled = utterance.pause.text(self._reconsider, job, recogniser, event.upto, until_ns)
        else:
            return event, False
        return replace(event, text=text), settled

    @property
    def _due_ns(self) -> int:
        """When what the next step finds is to be told; 0: nobody waits for it."""
        utterance = self._utterance
        if utterance is None:
            return 0
        if utterance.stop is not None:
            return utterance.due_ns
        return (utterance.newest_ns or time.monotonic_ns()) + self._budget_ns

    def _drops(self, utterance: _Utterance, now: int) -> bool:
        """The words so far are late, which is counted, and newer ones are coming: nobody needs to look at these."""
        if now - utterance.newest_ns <= self._budget_ns:
            return False
        self._seat.telemetry.count("asr.late")
        goes_on = utterance.stop is None and not utterance.limit
        newer = self._mic.position - utterance.fed >= self._chunk
        return goes_on and newer and now - utterance.told_ns < SELDOM_NS

    def _tell(self, event: Event, settled: bool) -> None:
        utterance = self._utterance
        if utterance is None or event.tag != utterance.job.tag:
            return
        now = time.monotonic_ns()
        if isinstance(event, Heard):
            utterance.first_ns = utterance.first_ns or now
            if event.final:
                self._seat.telemetry.observe("asr.final_ns", now - utterance.asked_ns)
            elif utterance.newest_ns:
                self._seat.telemetry.observe("asr.partial_ns", now - utterance.newest_ns)
                if self._drops(utterance, now):
                    return
            utterance.told_ns = now
            self._out.send(
                m.Text(
                    tag=event.tag,
                    capture_ns=utterance.job.capture_ns,
                    text=event.text,
                    language=event.language,
                    confidence=event.confidence,
                    final=int(event.final),
                    upto=utterance.stop if event.final and utterance.stop else utterance.start + event.upto,
                    complete=event.complete,
                    settled=int(settled),
                    began_ns=utterance.began_ns,
                    first_ns=utterance.first_ns,
                    ended_ns=now,
                )
            )
        elif isinstance(event, Ended):
            self._utterance = None
            if event.reason == "failed":
                self._out.send(m.TextFailed(tag=event.tag, capture_ns=utterance.job.capture_ns, text=event.text))


def _sense(config: Config) -> tuple[object, ...]:
    """What `Reconsider` is made of."""
    phrases = config.phrases[config.language]
    return config.language, config.reconsiders and config.reconsidered_with(), phrases.commands, phrases.murmurs


def late(backend: Backend, budget_ms: int) -> list[str]:
    """What the owner should know of a recogniser that hears a stretch at once and takes longer for it than its words
    are waited for."""
    took_ms = backend.cost_ns(1) // 1_000_000
    if backend.abilities.checkpoint != "call" or took_ms <= budget_ms:
        return []
    what = f"one pass takes {took_ms} ms here and asr.final_budget_ms is {budget_ms}: the last words may come too late"
    return [f"{what}; give it {math.ceil(took_ms / 100) * 150} or so, or take a smaller model"]


def main(seat: Seat) -> None:
    backend = prepare(seat)
    tell("asr", late(backend, seat.config.asr.final_budget_ms))
    mic, listen, texts = seat.history_reader("mic"), seat.stream_reader("listen"), seat.outlet("texts")
    asr = Asr(seat, backend, mic, texts)
    for _ in listen:
        pass  # what a worker before us left unread: turns asks again what still counts
    seat.ready()
    texts.send(m.Joined(stage="asr"))
    busy = False
    while not seat.stopping:
        if not busy:
            seat.wait()
        if seat.reloaded():
            asr.reload()
        # Given back before they are acted on: what kills this worker must not find it again. Turns asks anew.
        for message in [m.decode(record) for record in listen]:
            asr.take(message)
        busy = asr.work()
        seat.beat()
