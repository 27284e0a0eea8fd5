"""How a turn ends: heard out, cut short, or put off. What was heard of its answer becomes history, and no more."""

from __future__ import annotations

from collections.abc import Callable

from engine import messages as m
from engine.events import AnswerEnded
from engine.turns.answering import Answering
from engine.turns.calling import Calling
from engine.turns.host_commands import HostCommands
from engine.turns.present import Present
from engine.turns.sessions import Sessions
from engine.turns.speaking import Speaking


class Closing:
    """Closes the present turn. then: who has the next one."""

    def __init__(
        self,
        present: Present,
        sessions: Sessions,
        speaking: Speaking,
        answering: Answering,
        host: HostCommands,
        calling: Calling,
        then: Callable[[int], None],
    ) -> None:
        self._present, self._sessions, self._speaking, self._answering = present, sessions, speaking, answering
        self._host, self._calling, self._then = host, calling, then

    def end(self, now: int) -> None:
        """It was heard to its end."""
        self._close(self._present.current.outcome, now)
        self._then(now)

    def drop(self, now: int) -> None:
        """It was none."""
        present = self._present
        self._answering.drop(now)
        present.send("listen", m.Cancel(tag=present.current.ear))
        present.turn = None
        present.timers.clear()
        self._then(now)

    def give_up(self, now: int) -> None:
        """A stage gave nothing."""
        self._fall_silent("abandoned", now)
        self._then(now)

    def hush(self, now: int) -> None:
        """The host wants silence, now and afterwards."""
        self._host.empty(now)
        self._fall_silent("stopped", now)
        self._then(now)

    def cut(self, now: int) -> None:
        """The host, or the user, speaks instead."""
        self._fall_silent("interrupted", now)
        self._then(now)

    def postpone(self, now: int) -> None:
        """It is begun anew after something else; unless it has called something, which must not be done twice."""
        present, turn = self._present, self._present.current
        if turn.caller is not None:
            self.cut(now)
            return
        if turn.wish is not None:
            self._host.put_back(turn.wish)
        else:
            present.kept.insert(0, turn.speech)
        self._fall_silent("postponed", now)
        self._then(now)

    def reopen(self, now: int) -> None:
        """The user had not finished: what they say now and what they said are one."""
        speech, goes_on = self._present.current.speech, self._present.kept[-1]
        speech.pause_like(goes_on)
        self._present.kept.clear()
        self.postpone(now)

    def forget(self, now: int) -> None:
        """Its visitor has left."""
        self._calling.cancel_all("session", now)
        self._host.empty(now)
        self._present.kept.clear()
        self._present.stop_listening_ahead()
        self._present.unsaid = None
        if self._present.turn is not None:
            self._fall_silent("stopped", now)
        self._sessions.end(now)
        self._then(now)

    def stop(self, now: int) -> None:
        """The engine ends."""
        self._calling.cancel_all("stopping", now)
        if self._present.turn is not None:
            self._answering.drop(now)
            self._speaking.tell_words(now)
            self._tell_ended("interrupted", now)
        self._sessions.stop(now)

    def _fall_silent(self, outcome: str, now: int) -> None:
        """Nothing more of the turn shall be heard, and nobody shall work for it."""
        self._answering.drop(now)
        present, turn = self._present, self._present.current
        self._speaking.cut(now)
        present.send("listen", m.Cancel(tag=turn.ear))
        present.stop_work()
        present.newest = turn.attempt.next_tag
        present.allow(present.newest)
        present.settle(turn.attempt.words.heard)  # unheard, it would be remembered as an answer
        self._close(outcome, now)

    def _close(self, outcome: str, now: int) -> None:
        present, turn = self._present, self._present.current
        if turn.source in ("answer", "floor") and turn.said is not None and turn.attempt.words.heard:
            remember = present.session.go_on if turn.takes_up else present.session.remember
            remember(turn.question, turn.attempt.words.heard)
        elif turn.wish is not None and turn.wish.call and turn.attempt.words.heard:
            present.session.remember("", turn.attempt.words.heard)
        self._tell_ended(outcome, now)
        self._sessions.over(turn, now)
        present.turn = None
        present.timers.clear()

    def _tell_ended(self, outcome: str, now: int) -> None:
        turn, attempt = self._present.current, self._present.current.attempt
        turn.outcome = outcome
        record = dict(turn.record(self._present.rate))
        ended = AnswerEnded(attempt.text, attempt.words.heard, outcome, turn.source, record, turn.tells_of)
        self._present.tell(ended, attempt.ended_ns if 0 < attempt.ended_ns <= now else now)
