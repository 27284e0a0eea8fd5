"""The host's own dialogue program: questions go out to the client that answers for the engine, and pieces of answers
come in from it (`llm.backend = "host"`, workers/backends/host.py).

Nobody waits here: who is asked and says nothing is given up by turns, whose deadlines count for every language model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import messages as m
from engine.contract import Tag
from engine.door.commands import CommandError, Request
from engine.events import DialogueAsk, DialogueCancel, Event
from engine.hub import Happening, Hub, envelope

if TYPE_CHECKING:
    from engine.door.connection import Client

MOST_OPEN = 16
"""Questions that are open at once: one, and the guesses before it that are being cancelled."""
LONGEST_PIECE, LONGEST_ANSWER = 4_000, 40_000
"""Characters: of a piece, as of any text of the host's; of an answer, which is told and remembered whole."""
_REPLIES = "replies"
"""The channel back to the stage that asks."""


@dataclass(slots=True)
class _Asked:
    """A question. said: characters of its answer so far."""

    tag: Tag
    client: Client
    said: int = 0


class Dialogue:
    """Those who may answer, and what is open. For the event loop's thread. send: as `Supervisor.send`."""

    def __init__(self, hub: Hub, send: Callable[[str, m.Message], bool]) -> None:
        self._hub, self._send = hub, send
        self._open: dict[str, _Asked] = {}
        self.answerers: list[Client] = []
        """The newest is last, and is asked."""

    # From the stage that asks.

    def ask(self, message: m.Ask) -> None:
        """A question, or a guess at one."""
        if not self.answerers or len(self._open) >= MOST_OPEN:
            self._end(message.tag, "failed", "no program of the host's is there to answer")
            return
        client, name = self.answerers[-1], _name(message.tag)
        self._open[name] = _Asked(message.tag, client)
        due_ms = max(0, message.deadline_ns - time.monotonic_ns()) // 1_000_000 if message.deadline_ns else None
        past = list(zip(message.history[::2], message.history[1::2], strict=True))
        final = bool(message.final)
        asked = DialogueAsk(name, message.text, message.language, final, past, list(message.context), due_ms)
        self._tell(client, asked, message.tag)

    def cancel(self, message: m.Cancel) -> None:
        """Nobody wants the answer any more."""
        if (asked := self._open.pop(_name(message.tag), None)) is not None:
            self._tell(asked.client, DialogueCancel(_name(message.tag)), asked.tag)

    def died(self) -> None:
        """The stage that asked was killed: what is still wanted it asks again, as another attempt."""
        for asked in tuple(self._open.values()):
            self.cancel(m.Cancel(tag=asked.tag))

    # From the client that answers.

    def left(self, client: Client) -> None:
        """It answers no more."""
        for name, asked in tuple(self._open.items()):
            if asked.client is client:
                del self._open[name]
                self._end(asked.tag, "failed", "the program of the host's that was to answer has left")

    def take(self, client: Client, request: Request) -> CommandError | None:
        """A piece of an answer, or its end; why not, if it is not taken."""
        name = request.arguments["ask"]
        asked = self._open.get(name)
        if asked is None or asked.client is not client:
            return CommandError("refused", "there is no such question, or it is over")
        if request.command.name == "dialogue.piece":
            text = request.arguments["text"]
            if len(text) > LONGEST_PIECE:
                return CommandError("refused", f"a piece has {LONGEST_PIECE} characters at most")
            if asked.said + len(text) > LONGEST_ANSWER:
                return CommandError("refused", f"the answer is longer than {LONGEST_ANSWER} characters; end it")
            if sent := self._send(_REPLIES, m.Piece(tag=asked.tag, text=text, stage="host")):
                asked.said += len(text)
        else:
            error = " ".join(request.arguments["error"].split())
            if sent := self._end(asked.tag, "failed" if error else "done", error):
                del self._open[name]
        return None if sent else CommandError("unavailable", "too much of the answer waits to be said; try again")

    def _end(self, tag: Tag, reason: str, text: str) -> bool:
        return self._send(_REPLIES, m.PiecesEnded(tag=tag, reason=reason, text=text, stage="host"))

    def _tell(self, client: Client, event: Event, tag: Tag) -> None:
        """Tell the one that answers and nobody else: a guess is not what happened. It has no number of its own."""
        head = envelope(event.name, self._hub.sequence, tag, time.monotonic_ns())
        client.tell(Happening(event.name, head | event.fields()).line)


def _name(tag: Tag) -> str:
    return f"{tag.session}.{tag.turn}.{tag.attempt}"
