"""The ASR worker: recognises ranges of the mic ring in place, while they are being spoken."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine import messages as m
from engine.contract import Backend, Ended, Heard, HearsPauses, Job, Tag
from engine.outlet import Outlet
from ringbuf import HistoryReader
from workers.backends.registry import Renewal, prepare
from workers.join import Seat

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
    stop: int | None = None
    """Where it ends, once known."""
    asked_ns: int = 0
    first_ns: int = 0
    newest_ns: int = 0
    """When the newest sound that it was given was captured; 0: not known."""
    finished: bool = False


class Asr:
    """One utterance at a time: the one the conversation is at."""

    def __init__(self, seat: Seat, backend: Backend, mic: HistoryReader, out: Outlet) -> None:
        self._seat, self._backend, self._mic, self._out = seat, backend, mic, out
        self._renewal = Renewal(seat, backend, out)
        self._utterance: _Utterance | None = None
        self.reload()

    def reload(self) -> None:
        """The settings are others now. The backend gets them between two utterances."""
        rate, settings = self._seat.config.audio.rate_hz, self._renewal.config.asr
        self._chunk = settings.partial_ms * rate // 1000
        self._last_chunk = min(self._chunk, LAST_MS * rate // 1000)
        self._budget_ns = settings.partial_budget_ms * 1_000_000

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
        elif utterance is not None and message.tag == utterance.job.tag:
            if isinstance(message, m.Hold):
                utterance.limit = message.limit
                if isinstance(self._backend, HearsPauses):
                    self._backend.pause(utterance.job, max(0, message.end - utterance.start))
            elif isinstance(message, m.Finish):
                utterance.stop, utterance.asked_ns = message.stop, time.monotonic_ns()
            elif isinstance(message, m.Cancel):
                self._give_up()

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
                utterance.newest_ns = newest_ns or 0
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
        with self._seat.bound():
            events = self._backend.step(self._budget_ns)
        self._seat.telemetry.observe("asr.step_ns", time.monotonic_ns() - began)
        for event in events:
            self._tell(event.tag, event)

    def _tell(self, tag: Tag, event: object) -> None:
        utterance = self._utterance
        if utterance is None or tag != utterance.job.tag:
            return
        now = time.monotonic_ns()
        if isinstance(event, Heard):
            utterance.first_ns = utterance.first_ns or now
            if event.final:
                self._seat.telemetry.observe("asr.final_ns", now - utterance.asked_ns)
            elif utterance.newest_ns:
                self._seat.telemetry.observe("asr.partial_ns", now - utterance.newest_ns)
            self._out.send(
                m.Text(
                    tag=tag,
                    capture_ns=utterance.job.capture_ns,
                    text=event.text,
                    language=event.language,
                    confidence=event.confidence,
                    final=int(event.final),
                    upto=utterance.stop if event.final and utterance.stop else utterance.start + event.upto,
                    complete=event.complete,
                    began_ns=utterance.began_ns,
                    first_ns=utterance.first_ns,
                    ended_ns=now,
                )
            )
        elif isinstance(event, Ended):
            self._utterance = None
            if event.reason == "failed":
                self._out.send(m.TextFailed(tag=tag, capture_ns=utterance.job.capture_ns, text=event.text))


def main(seat: Seat) -> None:
    backend = prepare(seat)
    mic, listen, texts = seat.history_reader("mic"), seat.stream_reader("listen"), seat.outlet("texts")
    asr = Asr(seat, backend, mic, texts)
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
