"""The floor: a worker that is always warm and never does anything heavy, and takes over what another stage has not done
in time. It answers, speaks clauses, and holds the turn with a phrase; what it shall do is said by turns.

It has backends of its own for that, in a process of its own, and rings of its own: it is not the stage that is stuck.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from engine import audible
from engine import messages as m
from engine.clauses import Clauser
from engine.contract import Backend, Ended, Rung, Tag, Token
from engine.errors import BackendError
from engine.levels import WARNING, say
from engine.outlet import Outlet
from engine.scheduling import be_brief
from workers.backends.kept import KeptPhrases
from workers.backends.registry import forget, named, tell
from workers.join import Seat
from workers.questions import job_of
from workers.reading.reader import Reader
from workers.speaker import Speaker, SpeakerRing
from workers.vocoder import Vocoder

STEP_NS = 20_000_000
"""How long one step may go on before new messages are looked at."""


@dataclass(slots=True)
class _Work:
    """An open question."""

    began_ns: int
    first_ns: int = 0
    waiting: list[str] = field(default_factory=list)
    """Pieces that are kept back while they may be the beginning of the phrase for having no answer."""
    tokens: int = 0


class Answers:
    """The questions that the floor is asked. One to which it has no answer fails: that others have."""

    def __init__(self, seat: Seat, backend: Backend, out: Outlet) -> None:
        self._seat, self._backend, self._out = seat, backend, out
        self.work: dict[Tag, _Work] = {}

    def take(self, message: m.Message) -> None:
        """A question, that one is not wanted any more, how much was heard of its answer, that its visitor has left."""
        if isinstance(message, m.Ask):
            self.work[message.tag] = _Work(time.monotonic_ns())
            self._backend.begin(job_of(message))
        elif isinstance(message, m.Cancel):
            self._backend.cancel(message.tag)
        elif isinstance(message, m.Settle):
            self._backend.settle(message.tag, message.heard)
        elif isinstance(message, m.SessionOver):
            forget(self._backend, self.work, self.step, message.tag.session)

    def step(self) -> None:
        """One step of work; its pieces are sent."""
        with self._seat.bound():
            events = self._backend.step(STEP_NS)
        for event in events:
            work = self.work.get(event.tag)
            if work is None:
                continue
            if isinstance(event, Token):
                self._piece(event, work)
            elif isinstance(event, Ended):
                del self.work[event.tag]
                self._ended(event, work)

    def _piece(self, event: Token, work: _Work) -> None:
        work.tokens += 1
        if work.tokens > self._seat.config.llm.max_tokens:
            self._backend.cancel(event.tag)
            return
        work.first_ns = work.first_ns or time.monotonic_ns()
        work.waiting.append(event.text)
        if not self._unknown.startswith("".join(work.waiting).strip()):
            self._send(event.tag, work)

    def _send(self, tag: Tag, work: _Work) -> None:
        for text in work.waiting:
            self._out.send(m.Piece(tag=tag, text=text, stage="floor"))
        work.waiting.clear()

    def _ended(self, event: Ended, work: _Work) -> None:
        reason = "done" if work.tokens > self._seat.config.llm.max_tokens else event.reason
        if reason == "done" and (not work.tokens or "".join(work.waiting).strip() == self._unknown):
            reason = "failed"
        else:
            self._send(event.tag, work)
        self._out.send(
            m.PiecesEnded(
                tag=event.tag,
                reason=reason,
                text=event.text,
                began_ns=work.began_ns,
                first_ns=work.first_ns,
                ended_ns=time.monotonic_ns(),
                stage="floor",
            )
        )

    @property
    def _unknown(self) -> str:
        config = self._seat.config
        return config.phrases[config.language].unknown.strip()


class Floor:
    """The floor's backends and what is done with them. Raises BackendError when they cannot be had."""

    def __init__(self, seat: Seat, out: Outlet) -> None:
        self._seat = seat
        config = seat.config
        answers, voice = named("llm", config.floor.answers), named("vocoder", config.floor.voice)
        self._backends: tuple[Backend, KeptPhrases] = answers, KeptPhrases(voice)
        self._loaded: tuple[Rung, ...] = ()
        self._version = seat.version
        self._load(self._wanted)
        self._keep()
        # Now that it can be had: each ring has one writer, and this may have to be tried again.
        self.answers = Answers(seat, answers, out)
        self._voice = Vocoder(seat, self._backends[1], out, audible.FLOOR)
        self._holding = SpeakerRing(seat, audible.HOLDING)

    @property
    def _wanted(self) -> tuple[Rung, ...]:
        """What the configuration says both backends shall be loaded with."""
        config = self._seat.config
        language, rate, threads = config.language, config.audio.rate_hz, config.floor.threads
        return tuple(
            Rung(language=language, rate=rate, threads=threads, wake=self._seat.wake, lease=self._seat.apart, **table)
            for table in config.floor_with()
        )

    def _load(self, rungs: tuple[Rung, ...]) -> None:
        """Load both, or load them again where they are loaded with something else."""
        before, self._loaded = self._loaded or (None, None), rungs
        for backend, wanted, loaded in zip(self._backends, rungs, before, strict=True):
            if wanted != loaded:
                backend.load(wanted)
                backend.warm_up()
                tell("floor", backend.remarks)

    def _keep(self) -> None:
        """Have what the engine says by itself ready, as it is read aloud."""
        config = self._seat.config
        reader = Reader(config.language, config.lexicon, config.vocoder.normalise)
        phrases = config.phrases[config.language]
        own = (phrases.hold, phrases.not_heard, phrases.failed, phrases.unknown, phrases.reprompt)
        # Of what is said of the engine's own accord there are clauses, as of any words of the host.
        clauser = Clauser(config.llm.first_clause_words, config.llm.longest_clause_words)
        clauses = (*clauser.feed(phrases.impaired), *clauser.flush())
        said = [reader.read(phrase).said for phrase in (*own, *clauses)]
        self._backends[1].keep(dict.fromkeys(said), config.language)
        self._hold = self._backends[1].phrase(said[0])

    def take(self, message: m.Message) -> None:
        """Whatever turns wants."""
        if isinstance(message, m.HoldTurn):
            self._hold_turn(message)
        if isinstance(message, m.Clause | m.LastClause | m.Cancel | m.SessionOver):
            self._voice.take(message)
        if isinstance(message, m.Ask | m.Cancel | m.Settle | m.SessionOver):
            self.answers.take(message)

    def _hold_turn(self, message: m.HoldTurn) -> None:
        assert self._hold is not None
        speaker = Speaker(self._seat, self._holding, message.tag, message.capture_ns)
        if speaker.write(self._hold.sound):
            speaker.end()

    def step(self) -> None:
        """One step of work of each."""
        self.answers.step()
        self._voice.step()

    @property
    def idle(self) -> bool:
        """There is nothing to be done."""
        return all(backend.idle for backend in self._backends)

    def renew(self) -> None:
        """Take new settings, if there are any, when nothing is under way. Where they cannot be had, which the stage
        that they are for has said already, it goes on with those it had, and so it does with phrases that the voice
        cannot say. Raises BackendError when these are gone too.
        """
        if self._version == self._seat.version or self.answers.work or not self._voice.renew():
            return
        self._version, before = self._seat.version, self._loaded
        with self._seat.bound(self._seat.config.engine.start_timeout_s):  # as at the start
            try:
                self._load(self._wanted)
            except BackendError:
                self._load(before)
            try:
                self._keep()
            except BackendError as error:
                tell("floor", [f"the phrases that it had are kept: {error}"])


def main(seat: Seat) -> None:
    takeovers, taken = seat.stream_reader("takeovers"), seat.outlet("taken")
    seat.wakeable()
    floor = _floor(seat, taken)
    be_brief()
    for _ in takeovers:  # what a worker before us left unread comes too late
        pass
    seat.ready()
    taken.send(m.Joined(stage="floor"))
    while not seat.stopping:
        if floor is None or floor.idle:
            seat.wait()
        if seat.reloaded() and floor is None:  # that may have mended it
            with seat.bound(seat.config.engine.start_timeout_s):
                floor = _floor(seat, taken)
        # Given back before they are acted on: what kills this worker must not find it again.
        messages = [m.decode(record) for record in takeovers]
        if floor is not None:
            floor.renew()
            for message in messages:
                floor.take(message)
            floor.step()
        seat.beat()


def _floor(seat: Seat, out: Outlet) -> Floor | None:
    """None: it cannot be had, which is said, and turns makes do without it."""
    floor = None
    try:
        floor = Floor(seat, out)
    except BackendError as error:
        say(f"engine:floor: nothing takes over from a stage that is late: {error}", WARNING)
    seat.telemetry.set("floor.able", int(floor is not None))
    return floor
