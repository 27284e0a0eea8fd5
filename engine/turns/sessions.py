"""When a session begins and ends. A session is one visitor: from their first word, or the host's first question in
their stead, until they have left: the host says so, or silence does. Then nothing of them is kept."""

from __future__ import annotations

from engine import messages as m
from engine.contract import Tag
from engine.events import SessionChanged
from engine.turns.attention import Attention
from engine.turns.present import Present, Timer
from engine.turns.session import Session
from engine.turns.table import Event

STAGES = ("listen", "asks", "clauses")
"""The channels to the stages that may remember something of a visitor."""


class Sessions:
    """Begins and ends the present session."""

    def __init__(self, present: Present, attention: Attention) -> None:
        self._present, self._attention = present, attention
        self._reason = ""
        self._quiet_since_ns = 0
        self._reprompted = False
        """In this silence."""

    def begin(self, now: int) -> None:
        """Somebody is there."""
        self._reprompted = False
        if not self._present.session.open:
            self._present.session.open = True
            self._present.tell(SessionChanged("began"), now)

    def rest(self, now: int) -> None:
        """Nobody has the turn from now on: the silence begins after which the visitor has left."""
        if not self._reprompted:
            self._quiet_since_ns = now
        self.watch()

    def watch(self) -> None:
        """Wake when the silence has lasted long enough."""
        present = self._present
        limits = {Timer.LEFT: present.config.turns.session_end_s, Timer.UNSURE: present.config.attention.reprompt_s}
        if self._reprompted or not self._attention.open:
            del limits[Timer.UNSURE]
        for timer in (Timer.LEFT, Timer.UNSURE):
            present.timers.pop(timer, None)
            limit_ns = round(limits.get(timer, 0) * 1e9)
            if present.session.open and present.turn is None and limit_ns:
                present.timers[timer] = self._quiet_since_ns + limit_ns

    def unsure(self, now: int) -> None:
        """It has, for the visitor to be asked whether they are still there."""
        self._reprompted = True
        self._present.happens(Event.UNSURE, now)

    def silence(self, now: int) -> None:
        """It has."""
        self._reason = "silence"
        self._present.happens(Event.LEAVE, now)

    def leave(self, now: int) -> None:
        """The host says that the visitor has left. Before one came there is only what the host gave to know, and wants
        to say."""
        if self._present.session.open:
            self._reason = "command"
            self._present.happens(Event.LEAVE, now)
        else:
            self._present.session.know("")
            self._present.happens(Event.STOP, now)

    def end(self, now: int) -> None:
        """Let everyone forget the visitor: the stages, the microphone's ring, and this process."""
        present, over = self._present, self._present.session
        for channel in STAGES:
            present.send(channel, m.SessionOver(tag=Tag(over.number)))
        # After a silence the next visitor may just have begun to speak, and what leads up to that is theirs.
        margin = present.config.vad.preroll_ms * present.rate // 1000 if self._reason == "silence" else 0
        present.forget(present.judged - margin)
        present.tell(SessionChanged("ended", self._reason), now)
        present.session = Session(over.number + 1)
        present.endpointer.forget()
        self._attention.left()

    def stop(self, now: int) -> None:
        """The engine ends, and its memory with it."""
        if self._present.session.open:
            self._present.tell(SessionChanged("ended", "stopping"), now)
