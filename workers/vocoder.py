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

import ringbuf
from engine import audible
from engine import messages as m
from engine.channels import WATCHES
from engine.contract import NEVER_DUE, Backend, Ended, Job, Sound, Tag
from engine.outlet import Outlet
from engine.telemetry import AT
from workers.backends.registry import Renewal, forget, prepare
from workers.due import SPOKEN_NEXT_NS
from workers.join import Seat
from workers.reading.reader import Reader, Reading
from workers.speaker import Speaker, SpeakerRing

STEP_NS = 20_000_000


@dataclass(slots=True)
class _Work:
    job: Job
    sink: Speaker
    began_ns: int
    first: int
    """The clause that it began with: not the first of the answer, where that was begun by another worker."""
    due: int
    """The clause that comes next."""
    owed: deque[tuple[int, Reading]] = field(default_factory=deque)
    """The clauses whose sound is owed: their numbers, and how they are read."""
    last: bool = False
    """Its last clause has come."""
    heard_of: int = -1
    """The last clause of which turns knows that its sound has begun."""


class Watch:
    """Gives up, from a thread of its own, jobs whose sound nobody wants any more. It does so for voices that work long
    before they ask their sink: those that can be stopped between two nodes. The thread sleeps, on a bell of its own,
    until there is a newer attempt or the engine ends.
    """

    def __init__(self, seat: Seat, backend: Backend, work: dict[Tag, _Work]) -> None:
        self._backend, self._work = backend, work
        self._seat, self._newest = seat, seat.cells.watch(AT["turns.newest"])
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Give up what is stale: before the backend works, since what was stale before it was begun wakes nobody any
        more."""
        if not self._work or self._backend.abilities.checkpoint not in ("node", "call"):
            return
        if self._thread is None:
            bell = self._seat.bell_of(WATCHES[self._seat.process.name])
            self._waiter = ringbuf.Waiter(bell, [self._newest, self._seat.telemetry.watch("engine.stop")])
            self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
            self._thread.start()
        self._give_up()

    def _give_up(self) -> None:
        for tag, work in list(self._work.items()):
            if work.sink.stale:
                self._backend.cancel(tag)

    def _run(self) -> None:
        while not self._seat.stopping:
            self._waiter.wait(None)
            self._newest.take()
            self._give_up()


class Vocoder:
    """The open jobs of the voice and what is said about them. source: the ring it speaks into.

    A message may come twice: from the ring, and from turns again when the voice was restarted. Whatever comes twice
    is spoken once: clauses are taken in the order of their numbers, and an answer that has ended stays closed.
    """

    def __init__(self, seat: Seat, backend: Backend, out: Outlet, source: int = audible.VOCODER) -> None:
        self._seat, self._backend, self._out = seat, backend, out
        self._stage = seat.process.name
        self._renewal = Renewal(seat, backend, out) if source == audible.VOCODER else None
        self._ring = SpeakerRing(seat, source)
        self._work: dict[Tag, _Work] = {}
        self._read_with: tuple[Any, ...] = ()
        self._watch = Watch(seat, backend, self._work)
        self._prepare_reader()
        self._closed = Tag()
        """The newest answer that has ended; of it and those before it nothing new is begun."""

    def join(self, clauses: ringbuf.StreamReader) -> None:
        """Take up work. What a worker before us left unread would come too early: turns sends it again, behind the
        clauses that were read but not voiced."""
        for _ in clauses:
            pass
        self._out.send(m.Joined(stage=self._stage))

    def take(self, message: m.Message) -> None:
        """A clause, the last clause, that an answer is not wanted any more, or that its visitor has left."""
        if isinstance(message, m.SessionOver):
            forget(self._backend, self._work, self.step, message.tag.session)
            return
        work = self._work.get(message.tag)
        if work is None and message.tag <= self._closed:
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
        work = self._work[clause.tag] = _Work(job, sink, time.monotonic_ns(), clause.number, clause.number)
        sink.on_sound = lambda: self._sounds(work)
        self._backend.begin(job)
        return work

    def _sounds(self, work: _Work) -> None:
        """Some sound of the clause that is owed first is in the ring."""
        number = work.owed[0][0] if work.owed else work.heard_of
        if number != work.heard_of:
            work.heard_of = number
            self._out.send(m.ClauseBegan(tag=work.job.tag, number=number, stage=self._stage))

    def _finish(self, work: _Work | None, message: m.LastClause) -> None:
        if work is None:  # restarted after its last clause was voiced: only the end is owed
            self._close(message.tag)
            Speaker(self._seat, self._ring, message.tag, message.capture_ns).end()
        elif not work.last:
            work.last = True
            self._backend.finish(work.job)

    def renew(self) -> bool:
        """Take new settings, if there are any, between two answers: the reader here, and the backend, unless who owns
        it gives it its own. False: an answer is under way."""
        if self._work:
            return False
        if self._renewal is not None:
            self._renewal.between_jobs()
        self._prepare_reader()
        return True

    def _prepare_reader(self) -> None:
        """Texts are read by the settings that count now. Raises BackendError when a library is missing."""
        config = self._seat.config
        wanted = (config.language, dict(config.lexicon), config.vocoder.normalise)
        if wanted != self._read_with:
            self._reader, self._read_with = Reader(*wanted), wanted

    def _close(self, tag: Tag) -> None:
        self._closed = max(self._closed, tag)

    @property
    def _due_ns(self) -> int:
        """When the sound of the next clause is to begin; 0: nobody waits for it."""
        later = time.monotonic_ns() + SPOKEN_NEXT_NS
        dues = (later if work.sink.first_ns else work.job.deadline_ns or NEVER_DUE for work in self._work.values())
        return min(dues, default=0)

    def step(self) -> None:
        """Speak the next clause."""
        self._watch.look()
        with self._seat.computing(self._backend, self._due_ns):
            events = self._backend.step(STEP_NS)
        for event in events:
            work = self._work.get(event.tag)
            if work is None:
                continue
            if isinstance(event, Sound) and work.owed:
                number, reading = work.owed.popleft()
                words = reading.words(event.words)
                if number == work.first and work.sink.first_ns:
                    self._seat.telemetry.observe(f"{self._stage}.first_ns", work.sink.first_ns - work.began_ns)
                self._out.send(
                    m.ClauseVoiced(
                        tag=event.tag,
                        number=number,
                        samples=event.samples,
                        words=tuple(word.text for word in words),
                        starts=tuple(word.start for word in words),
                        stage=self._stage,
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
                stage=self._stage,
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
