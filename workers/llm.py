"""The LLM worker: takes questions, streams the pieces of answers."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from engine import messages as m
from engine.contract import Backend, Called, Ended, Tag, Token
from engine.outlet import Outlet
from workers.backends.registry import Renewal, forget, prepare, tell
from workers.due import AnswerDue
from workers.join import Seat
from workers.line import HostLine
from workers.questions import job_of

STEP_NS = 20_000_000
"""How long one step may go on before new messages are looked at."""


@dataclass(slots=True)
class _Work:
    """When a job was begun and gave its first piece."""

    began_ns: int
    due: AnswerDue
    first_ns: int = 0
    tokens: int = 0


class Llm:
    """The open jobs of the backend and what is said about them."""

    def __init__(self, seat: Seat, backend: Backend, out: Outlet) -> None:
        self._seat, self._backend, self._out = seat, backend, out
        self._renewal = Renewal(seat, backend, out)
        self._work: dict[Tag, _Work] = {}
        self._heard: dict[Tag, str] = {}
        """How much was heard of answers that are being cancelled."""
        self._told = tuple(backend.remarks)

    def take(self, message: m.Message) -> None:
        """A question, that one is not wanted any more, how much was heard of its answer, that its visitor has left."""
        if isinstance(message, m.Ask):
            self._work[message.tag] = _Work(time.monotonic_ns(), AnswerDue(message.deadline_ns))
            self._backend.begin(job_of(message, self._renewal.config.llm.history_turns))
        elif isinstance(message, m.Cancel):
            self._backend.cancel(message.tag)
        elif isinstance(message, m.Settle):
            if message.tag in self._work:
                self._heard[message.tag] = message.heard
            else:
                self._backend.settle(message.tag, message.heard)
        elif isinstance(message, m.SessionOver):
            forget(self._backend, self._work, self.step, message.tag.session)

    def renew(self) -> None:
        """Give the backend new settings, if there are any, between two questions."""
        if not self._work and self._renewal.between_jobs():
            self._told = tuple(self._backend.remarks)

    def step(self) -> None:
        """One step of work; its pieces are sent."""
        due_ns = min((work.due.ns for work in self._work.values()), default=0)
        with self._seat.computing(self._backend, due_ns):
            events = self._backend.step(STEP_NS)
        self._tell()
        most = self._renewal.config.llm.max_tokens
        for event in events:
            work = self._work.get(event.tag)
            if work is None:
                continue
            now = time.monotonic_ns()
            if isinstance(event, Token):
                work.tokens += 1
                work.due.add(event.text)
                if work.tokens > most:
                    self._backend.cancel(event.tag)
                    continue
                if not work.first_ns:
                    work.first_ns = now
                    self._seat.telemetry.observe("llm.first_ns", now - work.began_ns)
                self._out.send(m.Piece(tag=event.tag, text=event.text))
            elif isinstance(event, Called):
                self._out.send(m.CallTool(tag=event.tag, tool=event.tool, arguments=json.dumps(dict(event.arguments))))
            elif isinstance(event, Ended):
                del self._work[event.tag]
                if (heard := self._heard.pop(event.tag, None)) is not None:
                    self._backend.settle(event.tag, heard)
                self._out.send(
                    m.PiecesEnded(
                        tag=event.tag,
                        # Cut off at its greatest length, an answer is complete all the same.
                        reason="done" if work.tokens > most else event.reason,
                        text=event.text,
                        began_ns=work.began_ns,
                        first_ns=work.first_ns,
                        ended_ns=now,
                    )
                )

    def _tell(self) -> None:
        """What its owner should know and did not yet: a server that went away, another backend that answers for it."""
        if (remarks := tuple(self._backend.remarks)) != self._told:
            tell("llm", [remark for remark in remarks if remark not in self._told])
            self._told = remarks


def main(seat: Seat) -> None:
    line = seat.line = HostLine(seat)
    backend = prepare(seat)
    asks, pieces = seat.stream_reader("asks"), seat.outlet("pieces")
    llm = Llm(seat, backend, pieces)
    for _ in asks:
        pass  # what a worker before us left unread: turns asks again what still counts, and nobody wants the rest
    seat.ready()
    pieces.send(m.Joined(stage="llm"))
    while not seat.stopping:
        if backend.idle:
            seat.wait()
        line.collect()
        seat.reloaded()
        llm.renew()
        # Given back before they are acted on: what kills this worker must not find it again. Turns asks anew.
        for message in [m.decode(record) for record in asks]:
            llm.take(message)
        llm.step()
        seat.beat()
