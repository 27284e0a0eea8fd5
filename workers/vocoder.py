"""The vocoder worker: speaks clauses into the speaker ring.

A voice is fed what is to be said (numbers written out, markup taken off: workers/reading), and what it tells of its
words is told on of the words of the clause.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import ringbuf
from engine import audible
from engine import messages as m
from engine.contract import Backend, Ended, Job, Pcm, Sound, Tag
from engine.outlet import Outlet
from workers.backends.registry import Renewal, forget, prepare
from workers.join import Seat
from workers.reading.reader import Reader, Reading

RECORD_MS = 20
"""Sound in one record of the ring: as fine as the device takes it, so that little is lost to a change of mind."""
STEP_NS = 20_000_000
WATCH_S = 0.005
"""How often it is looked, while a net works, whether anybody still wants what comes of it."""


class Speaker:
    """The sink of one job: sound goes from the voice's own memory into the ring, and nowhere in between.

    While the ring is full it sleeps; the audio worker's release wakes it. It stops as soon as there is a newer attempt
    than its own, without waiting for a message.
    """

    def __init__(self, seat: Seat, ring: SpeakerRing, tag: Tag, capture_ns: int) -> None:
        self._seat, self._ring, self._tag, self._capture_ns = seat, ring, tag, capture_ns
        self._order = _order(tag)
        self.first_ns = 0

    @property
    def stale(self) -> bool:
        """Nobody will hear it any more."""
        return self._seat.stopping or audible.order_of(self._seat.telemetry.get("turns.newest")) > self._order

    def write(self, pcm: Pcm) -> bool:
        for start in range(0, len(pcm), self._ring.record):
            part = pcm[start : start + self._ring.record]
            if not self._put(m.SOUND, part):
                return False
            self.first_ns = self.first_ns or time.monotonic_ns()
        return True

    def end(self) -> None:
        """The answer's sound is complete."""
        self._put(m.SOUND_END, _NOTHING)

    def _put(self, kind: int, part: Pcm) -> bool:
        while not self.stale:
            if (view := self._ring.writer.claim(len(part))) is not None:
                view[:] = part
                tag = self._tag
                self._ring.writer.commit(
                    len(part),
                    kind=kind,
                    session=tag.session,
                    turn=tag.turn,
                    attempt=tag.attempt,
                    capture_ns=self._capture_ns,
                )
                return True
            self._seat.wait_for(self._ring.writer.space(len(part)))
        return False


_NOTHING = np.zeros(0, np.int16)


def _order(tag: Tag) -> int:
    return audible.order(tag.session, tag.turn, tag.attempt)


class SpeakerRing:
    """The ring that all jobs of this voice share."""

    def __init__(self, seat: Seat) -> None:
        self.writer = seat.stream_writer("speaker", np.int16)
        self.record = RECORD_MS * seat.config.audio.rate_hz // 1000


@dataclass(slots=True)
class _Work:
    job: Job
    sink: Speaker
    began_ns: int
    due: int
    """The clause that comes next."""
    owed: deque[tuple[int, Reading]] = field(default_factory=deque)
    """The clauses whose sound is owed: their numbers, and how they are read."""
    last: bool = False
    """Its last clause has come."""


class Watch:
    """While the backend is at work (`with`): gives up, from a thread of its own, jobs whose sound nobody wants any
    more. It does so for voices that work long before they ask their sink: those that can be stopped between two nodes.
    """

    def __init__(self, backend: Backend, work: dict[Tag, _Work]) -> None:
        self._backend, self._work = backend, work
        self._busy = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        if self._work and self._backend.abilities.checkpoint in ("node", "call"):
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
                self._thread.start()
            self._busy.set()

    def __exit__(self, *_: object) -> None:
        self._busy.clear()

    def _look(self) -> None:
        while self._busy.wait():
            for tag, work in list(self._work.items()):
                if work.sink.stale:
                    self._backend.cancel(tag)
            time.sleep(WATCH_S)


class Vocoder:
    """The open jobs of the voice and what is said about them.

    A message may come twice: from the ring, and from turns again when the voice was restarted. Whatever comes twice
    is spoken once: clauses are taken in the order of their numbers, and an answer that has ended stays closed.
    """

    def __init__(self, seat: Seat, backend: Backend, out: Outlet) -> None:
        self._seat, self._backend, self._out = seat, backend, out
        self._renewal = Renewal(seat, backend, out)
        self._ring = SpeakerRing(seat)
        self._work: dict[Tag, _Work] = {}
        self._read_with: tuple[Any, ...] = ()
        self._watch = Watch(backend, self._work)
        self._prepare_reader()
        self._closed = -1
        """The order of the newest answer that has ended; of it and those before it nothing new is begun."""

    def join(self, clauses: ringbuf.StreamReader) -> None:
        """Take up work. What a worker before us left unread would come too early: turns sends it again, behind the
        clauses that were read but not voiced."""
        for _ in clauses:
            pass
        self._out.send(m.Joined(stage="vocoder"))

    def take(self, message: m.Message) -> None:
        """A clause, the last clause, that an answer is not wanted any more, or that its visitor has left."""
        if isinstance(message, m.SessionOver):
            forget(self._backend, self._work, self.step, message.tag.session)
            return
        work = self._work.get(message.tag)
        if work is None and _order(message.tag) <= self._closed:
            return
        if isinstance(message, m.Clause):
            work = work or self._begin(message)
            if message.number == work.due:
                work.due += 1
                reading = self._reader.read(message.text)
                work.owed.append((message.number, reading))
                self._backend.feed(work.job, reading.said)
        elif isinstance(message, m.LastClause):
            self._finish(work, message)
        elif isinstance(message, m.Cancel):
            if work is None:
                self._close(message.tag)
            else:
                self._backend.cancel(message.tag)

    def _begin(self, clause: m.Clause) -> _Work:
        sink = Speaker(self._seat, self._ring, clause.tag, clause.capture_ns)
        job = Job(clause.tag, clause.capture_ns, clause.deadline_ns, clause.language, sink=sink)
        work = self._work[clause.tag] = _Work(job, sink, time.monotonic_ns(), due=clause.number)
        self._backend.begin(job)
        return work

    def _finish(self, work: _Work | None, message: m.LastClause) -> None:
        if work is None:  # restarted after its last clause was voiced: only the end is owed
            self._close(message.tag)
            Speaker(self._seat, self._ring, message.tag, message.capture_ns).end()
        elif not work.last:
            work.last = True
            self._backend.finish(work.job)

    def renew(self) -> None:
        """Give the backend new settings, if there are any, between two answers."""
        if not self._work:
            self._renewal.between_jobs()
            self._prepare_reader()

    def _prepare_reader(self) -> None:
        """Texts are read by the settings that count now. Raises BackendError when a library is missing."""
        config = self._seat.config
        wanted = (config.language, dict(config.lexicon), config.vocoder.normalise)
        if wanted != self._read_with:
            self._reader, self._read_with = Reader(*wanted), wanted

    def _close(self, tag: Tag) -> None:
        self._closed = max(self._closed, _order(tag))

    def step(self) -> None:
        """Speak the next clause."""
        with self._seat.bound(), self._watch:
            events = self._backend.step(STEP_NS)
        for event in events:
            work = self._work.get(event.tag)
            if work is None:
                continue
            if isinstance(event, Sound) and work.owed:
                number, reading = work.owed.popleft()
                words = reading.words(event.words)
                if number == 0 and work.sink.first_ns:
                    self._seat.telemetry.observe("vocoder.first_ns", work.sink.first_ns - work.began_ns)
                self._out.send(
                    m.ClauseVoiced(
                        tag=event.tag,
                        number=number,
                        samples=event.samples,
                        words=tuple(word.text for word in words),
                        starts=tuple(word.start for word in words),
                    )
                )
            elif isinstance(event, Ended):
                self._end(work, event)

    def _end(self, work: _Work, event: Ended) -> None:
        del self._work[event.tag]
        self._close(event.tag)
        work.sink.end()
        self._out.send(
            m.VoiceEnded(
                tag=event.tag,
                reason=event.reason,
                text=event.text,
                began_ns=work.began_ns,
                first_ns=work.sink.first_ns,
                ended_ns=time.monotonic_ns(),
            )
        )


def main(seat: Seat) -> None:
    backend = prepare(seat)
    clauses, voiced = seat.stream_reader("clauses"), seat.outlet("voiced")
    vocoder = Vocoder(seat, backend, voiced)
    seat.ready()
    vocoder.join(clauses)
    while not seat.stopping:
        if backend.idle:
            seat.wait()
        seat.reloaded()
        vocoder.renew()
        # Given back before they are acted on: what kills this worker must not find it again.
        for message in [m.decode(record) for record in clauses]:
            vocoder.take(message)
        vocoder.step()
        seat.beat()
