"""The LLM worker's line to the host's own dialogue program, through the supervisor and its door."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from engine import messages as m
from engine.contract import Ended, Job, Tag, Token
from workers.join import Seat


class HostLine:
    """As `engine.contract.Line`. What comes in is taken by `collect`, in the worker's loop."""

    def __init__(self, seat: Seat) -> None:
        self._telemetry = seat.telemetry
        self._out, self._in = seat.outlet("dialogue"), seat.stream_reader("replies")
        self._open: set[Tag] = set()
        self._heard: deque[Token | Ended] = deque()
        for _ in self._in:
            pass  # for a worker before us

    @property
    def is_there(self) -> bool:
        return self._telemetry.get("door.dialogue") > 0

    def ask(self, job: Job) -> bool:
        history = tuple(text for exchange in job.history for text in (exchange.user, exchange.answer))
        asked = m.Ask(
            tag=job.tag,
            capture_ns=job.capture_ns,
            deadline_ns=job.deadline_ns,
            text=job.text,
            language=job.language,
            history=history,
            context=job.context,
            final=int(job.final),
        )
        if sent := self._out.send(asked):
            self._open.add(job.tag)
        return sent

    def cancel(self, tag: Tag) -> None:
        if tag in self._open:
            self._open.discard(tag)
            self._out.send(m.Cancel(tag=tag))

    def collect(self) -> None:
        """Take what came in; what belongs to nothing that is open is dropped."""
        for record in self._in:
            message = m.decode(record)
            if message.tag not in self._open:
                continue
            if isinstance(message, m.Piece):
                self._heard.append(Token(message.tag, message.text))
            elif isinstance(message, m.PiecesEnded):
                self._open.discard(message.tag)
                failed = message.reason == "failed"
                self._heard.append(Ended(message.tag, "failed" if failed else "done", message.text))

    @property
    def ready(self) -> bool:
        return bool(self._heard)

    def heard(self) -> Sequence[Token | Ended]:
        found = list(self._heard)
        self._heard.clear()
        return found
