"""What the host commands: to say, to ask, to be silent, to listen, to know, to forget. Each command is answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from engine import messages as m
from engine.events import AnswerDropped, UserFinal
from engine.turns.attention import Attention
from engine.turns.calls import MOST_OPEN
from engine.turns.present import Present
from engine.turns.sessions import Sessions
from engine.turns.table import Event, State
from engine.turns.turn import Speech, Turn, Wish

MOST_WAITING = 16
"""Announcements and questions that may wait for their turn, and urgent announcements as many again."""
MOST_CHARACTERS = 4_000
"""In one announcement, question or piece of context: five minutes of speech."""
TOLD = 100
"""Characters by which a text is known again."""


class HostCommands:
    """The commands, and what of them waits for its turn.

    urgent: what the host wants to say before anything else. queue: what it wants to say or ask after what is going on.
    """

    def __init__(self, present: Present, sessions: Sessions, attention: Attention) -> None:
        self._present, self._sessions, self._attention = present, sessions, attention
        self.on_listen: Callable[[int], None] = lambda _now: None
        """Called when the host wants the visitor to be listened to."""
        self.on_stop: Callable[[int], None] = lambda _now: None
        """Called when the host wants silence."""
        self.urgent: deque[Wish] = deque()
        self.queue: deque[Wish] = deque()
        self.does: dict[type[m.Message], Callable[[Any, int], str]] = {
            m.Say: self._say,
            m.AskText: self._ask,
            m.StopSpeaking: self._stop,
            m.ListenNow: self._listen,
            m.AddContext: self._context,
            m.FallAsleep: self._sleep,
            m.EndSession: self._end_session,
        }
        """What each command does. They return why not, or nothing."""

    def take(self, command: Any, now: int) -> None:
        """Do it, and answer it. One whose deadline has passed is void: the host was told that nobody did it."""
        if 0 < command.deadline_ns < now:
            return
        refusal = self.does[type(command)](command, now)
        self._present.send("story", m.Done(number=command.number, ok=int(not refusal), text=refusal))

    # What each does.

    def _say(self, command: m.Say, now: int) -> str:
        modes = {"queue": (self.queue, Event.QUEUED), "interrupt": (self.urgent, Event.MAKE_WAY)}
        if command.mode not in modes:
            return f"mode is {' or '.join(modes)}"
        queue, event = modes[command.mode]
        wish = Wish(Event.SAY if command.interruptible else Event.INSIST, command.text)
        return _unfit(command.text) or self._wish(queue, wish, event, now)

    def _ask(self, command: m.AskText, now: int) -> str:
        refusal = _unfit(command.text) or _full(self.queue)
        if not refusal:
            self._sessions.begin(now)
            self._wish(self.queue, Wish(Event.ASKED, command.text), Event.QUEUED, now)
        return refusal

    def _wish(self, queue: deque[Wish], wish: Wish, event: Event, now: int) -> str:
        if refusal := _full(queue):
            return refusal
        queue.append(wish)
        self._present.happens(event, now)
        return ""

    def _stop(self, _command: m.StopSpeaking, now: int) -> str:
        self.on_stop(now)
        self._present.happens(Event.STOP, now)
        return ""

    def _listen(self, _command: m.ListenNow, now: int) -> str:
        if self._present.state is State.INSISTING:
            return "an announcement that must not be interrupted is being heard"
        self._attention.wake()
        self._present.happens(Event.LISTEN_NOW, now)
        if self._present.turn is None:
            self._sessions.rest(now)
        self.on_listen(now)
        return ""

    def _sleep(self, _command: m.FallAsleep, now: int) -> str:
        self._attention.sleep(now)
        return ""

    def _context(self, command: m.AddContext, _now: int) -> str:
        refusal = too_long(command.text)
        if not refusal:
            self._present.session.know(command.text.strip())
        return refusal

    def _end_session(self, _command: m.EndSession, now: int) -> str:
        self._sessions.leave(now)
        return ""

    # When their turn has come.

    def open(self, source: str, now: int) -> Turn:
        """Open a turn for what comes first. In place of speech it has the present moment."""
        present = self._present
        wish = (self.urgent or self.queue).popleft()
        here = Speech(present.judged, now, now, present.judged, now, now)
        turn = present.open(here, source, wish)
        present.allow(turn.tag)
        return turn

    def take_question(self, now: int) -> Turn:
        """Open a turn with a question, which stands where the user's words would."""
        turn = self.open("answer", now)
        assert turn.wish is not None
        present = self._present
        turn.said = m.Text(text=turn.wish.text, language=present.config.language, confidence=1.0, final=1)
        present.session.met = True
        present.tell(UserFinal(turn.said.text, turn.said.language, 1.0, "command"), now)
        return turn

    def put_back(self, wish: Wish) -> None:
        """It was begun, and has to wait."""
        self.queue.appendleft(wish)

    def say_of(self, call: str, text: str, now: int) -> None:
        """What there is to be said of a call, after what is going on; in place of what waited to be said of it. No more
        of these wait than calls can be open: of a visitor who never lets it be said, the oldest is left out."""
        self.take_back(call)
        waiting = [wish.call for wish in self.queue if wish.call]
        if len(waiting) >= MOST_OPEN:
            self.take_back(waiting[0])
        self.queue.append(Wish(Event.SAY, text, call=call))
        self._present.happens(Event.QUEUED, now)

    def take_back(self, call: str) -> None:
        """What was to be said of a call is not worth saying any more."""
        waiting = [wish for wish in self.queue if wish.call != call]
        self.queue.clear()
        self.queue.extend(waiting)

    def empty(self, now: int) -> None:
        """Forget what waits, and tell whoever waits for it."""
        for wish in (*self.urgent, *self.queue):
            source = "ask" if wish.event is Event.ASKED else "say"
            self._present.tell(AnswerDropped(source, wish.text[:TOLD]), now)
        self.urgent.clear()
        self.queue.clear()


def _full(queue: deque[Wish]) -> str:
    own = sum(not wish.call for wish in queue)  # what is said of calls has its own limit
    return f"{own} texts wait already, no more are taken" if own >= MOST_WAITING else ""


def _unfit(text: str) -> str:
    return too_long(text) if text.strip() else "there is nothing in the text"


def too_long(text: str) -> str:
    """Why a text of the host's is not taken; or nothing."""
    return f"the text is longer than {MOST_CHARACTERS} characters" if len(text) > MOST_CHARACTERS else ""
