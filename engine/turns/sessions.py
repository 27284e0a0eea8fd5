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
from engine.turns.turn import Turn

STAGES = ("listen", "asks", "clauses", "takeovers")
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
            self._quiet_since_ns = now
            self._present.tell(SessionChanged("began"), now)

    def rest(self, now: int) -> None:
        """The silence begins after which the visitor has left."""
        self._quiet_since_ns = now
        self.watch()

    def over(self, turn: Turn, now: int) -> None:
        """A turn is over. The visitor's makes the silence begin anew, the host's words only hold it up, and a noise,
        or our asking whether they are there, does neither."""
        if turn.wish is None or turn.wish.event is Event.ASKED:
            self._quiet_since_ns = now
        elif turn.source == "say":
            self._quiet_since_ns += now - turn.speech.end_ns

    def watch(self) -> None:
        """Wake when the silence has lasted long enough."""
        present = self._present
        limits = {Timer.LEFT: present.config.turns.session_end_s, Timer.UNSURE: present.config.attention.reprompt_s}
        if self._reprompted or not self._attention.open or not present.session.met:
            del limits[Timer.UNSURE]
        for timer in (Timer.LEFT, Timer.UNSURE):
            present.timers.pop(timer, None)
            limit_ns = round(limits.get(timer, 0) * 1e9)
            somebody = present.session.open or (timer is Timer.LEFT and self._attention.opened)
            if somebody and present.turn is None and limit_ns:
                present.timers[timer] = self._quiet_since_ns + limit_ns

    def unsure(self, now: int) -> None:
        """It has, for the visitor to be asked whether they are still there."""
        self._reprompted = True
        self._present.happens(Event.UNSURE, now)

    def silence(self, now: int) -> None:
        """It has. Where nobody came, the gate that was opened for them is closed again."""
        if self._present.session.open:
            self._reason = "silence"
            self._present.happens(Event.LEAVE, now)
        else:
            self._attention.left()
            self._attention.rest(now)

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
        for channel in STAGES if present.config.floor.enabled else STAGES[:-1]:
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
