"""The answer: asked of the language model, or a phrase of the engine's own instead."""

from __future__ import annotations

from engine import messages as m
from engine.clauses import Clauser
from engine.turns.present import Present
from engine.turns.speaking import Speaking
from engine.turns.table import Event, State
from engine.turns.turn import MS


class Answering:
    """From the question to the last piece of the answer."""

    def __init__(self, present: Present, speaking: Speaking) -> None:
        self._present, self._speaking = present, speaking

    def ask(self, now: int) -> None:
        """Ask the language model what the user, or the host in their stead, has said."""
        present, turn = self._present, self._present.current
        assert turn.said is not None
        turn.asked_ns, turn.answering = now, False
        turn.due.setdefault("llm", now + present.config.llm.first_token_budget_ms * MS)
        present.audible = turn.tag
        present.progress(now)
        present.send(
            "asks",
            m.Ask(
                tag=turn.tag,
                capture_ns=turn.speech.end_ns,
                deadline_ns=turn.due["llm"],
                text=turn.said.text,
                language=turn.said.language,
                history=present.session.past(present.config.llm.history_turns),
                context=present.session.context,
            ),
        )

    def piece(self, message: m.Piece, now: int) -> None:
        """The next piece of the answer."""
        present, turn = self._present, self._present.current
        if not turn.answering:
            present.check("llm", now)
            turn.answering = True
            turn.due["llm"] = turn.asked_ns + present.config.llm.first_clause_budget_ms * MS
        present.progress(now)
        self._speaking.speak(turn.clauser.feed(message.text), now)

    def answer_ended(self, message: m.AnswerEnded, now: int) -> None:
        """No more pieces will come."""
        present, turn = self._present, self._present.current
        if message.reason == "failed":
            present.fault("llm", message.text, now)
            if not turn.clauses:
                present.happens(Event.FAILED, now)
                return
        turn.stages["llm"] = turn.work(message)
        self._speaking.close(now)

    def ask_again(self, now: int) -> None:
        """Say that nothing was understood."""
        self._say_instead(self._present.phrases.not_heard, now)

    def apologise(self, now: int) -> None:
        """Say that something went wrong."""
        self._say_instead(self._present.phrases.failed, now)

    def _say_instead(self, phrase: str, now: int) -> None:
        """Say a phrase of the engine's own instead of an answer, as a new attempt: what was under way is stale."""
        present, turn = self._present, self._present.current
        present.send("listen", m.Cancel(tag=turn.tag))
        present.send("asks", m.Cancel(tag=turn.tag))
        turn.tag = present.audible = turn.next_attempt()
        turn.outcome, turn.source = "apologised", "phrase"
        turn.due.clear()
        present.timers.clear()
        present.progress(now)
        turn.clauser = Clauser()
        self._speaking.speak([phrase], now)
        self._speaking.close(now)

    def llm_again(self, _message: m.Joined, now: int) -> None:
        """The language model was restarted."""
        present, turn = self._present, self._present.turn
        if turn is None or present.state not in (State.THINKING, State.SPEAKING) or turn.answer_ended:
            return
        if turn.clauses:  # what was said stands; asking again would say it twice
            self._speaking.close(now)
        elif present.again_too_often("llm", now):
            present.happens(Event.FAILED, now)
        else:
            present.send("asks", m.Cancel(tag=turn.tag))  # it may still find the question in its ring
            turn.tag = turn.next_attempt()
            turn.clauser = Clauser()
            self.ask(now)
