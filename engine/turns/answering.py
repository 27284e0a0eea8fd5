"""The answer: asked of the language model, or a phrase of the engine's own instead."""

from __future__ import annotations

from engine import messages as m
from engine.turns.attempt import Attempt, Marks
from engine.turns.present import Present, Timer
from engine.turns.speaking import Speaking
from engine.turns.table import Event
from engine.turns.turn import MS, Speech, Turn, Wish


class Answering:
    """From the question to the last piece of the answer."""

    def __init__(self, present: Present, speaking: Speaking) -> None:
        self._present, self._speaking = present, speaking

    def ask(self, now: int) -> None:
        """Answer what the user, or the host in their stead, has said: with what was begun on these very words, if it
        was, or else by asking the language model now."""
        present, turn = self._present, self._present.current
        assert turn.said is not None
        if is_right(turn.attempt, turn.said.text):
            turn.hit = True
            present.on_count("turns.speculation_hits", 1)
            self._confirm(now)
        else:
            self.drop(now)
            present.audible = turn.tag
            turn.attempt.confirmed = True
            turn.due.setdefault("llm", now + present.config.llm.first_token_budget_ms * MS)
            present.progress(now)
            self._send_ask(now)

    def speculate(self, now: int) -> None:
        """Ask the language model although the user may not have finished, as a new attempt."""
        present, turn = self._present, self._present.current
        self.drop(now)
        turn.speculated += 1
        present.on_count("turns.speculations", 1)
        turn.attempt.confirmed = False
        self._send_ask(now)

    def drop(self, _now: int) -> None:
        """Throw away what was begun and is not confirmed, if anything was. It leaves no trace."""
        present, turn = self._present, self._present.current
        if not turn.attempt.confirmed:
            self._give_up(turn)
            present.on_count("turns.thrown_pieces", turn.attempt.pieces)
            present.on_count("turns.thrown_ms", turn.attempt.words.samples * 1000 // present.rate)
            present.next_attempt()

    def _give_up(self, turn: Turn) -> None:
        """Nobody is to work for the present attempt any more, nor to remember it: nobody has heard of it."""
        for channel in ("asks", "clauses"):
            self._present.send(channel, m.Cancel(tag=turn.tag))
        if turn.attempt.asked is not None:
            self._present.send("asks", m.Settle(tag=turn.tag, heard=""))

    def _send_ask(self, now: int) -> None:
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        assert turn.said is not None
        attempt.asked, attempt.asked_ns = turn.said.text, now
        present.send(
            "asks",
            m.Ask(
                tag=turn.tag,
                capture_ns=turn.speech.end_ns,
                deadline_ns=turn.due.get("llm", 0),
                text=turn.said.text,
                language=turn.said.language,
                history=present.session.past(present.config.llm.history_turns),
                context=present.session.context,
            ),
        )

    def _confirm(self, now: int) -> None:
        """The user has finished, with the words that the present attempt answers: it may be heard. From now on it has
        deadlines, for what there is not yet of it."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        attempt.confirmed, attempt.asked_ns = True, now
        present.audible = turn.tag
        present.progress(now)
        if attempt.clauses and not attempt.voiced:
            turn.due["vocoder"] = now + present.config.vocoder.first_audio_budget_ms * MS
        elif not attempt.clauses:
            budget = present.config.llm
            ms = budget.first_clause_budget_ms if attempt.pieces else budget.first_token_budget_ms
            turn.due["llm"] = now + ms * MS
        if attempt.ended and not attempt.clauses:
            present.happens(Event.NOTHING, now)

    def piece(self, message: m.Piece, now: int) -> None:
        """The next piece of the answer."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        if attempt.confirmed:
            present.progress(now)
            if not attempt.pieces:
                present.check("llm", now)
                turn.due["llm"] = attempt.asked_ns + present.config.llm.first_clause_budget_ms * MS
        attempt.pieces += 1
        self._speaking.speak(attempt.clauser.feed(message.text), now)

    def pieces_ended(self, message: m.PiecesEnded, now: int) -> None:
        """No more pieces will come."""
        present, attempt = self._present, self._present.current.attempt
        if message.reason == "failed" and not attempt.confirmed:
            attempt.failed = message.text or message.reason
            return
        if message.reason == "failed":
            present.fault("llm", message.text, now)
            if not attempt.clauses:
                present.happens(Event.FAILED, now)
                return
        attempt.stages["llm"] = Marks.of(message)
        self._speaking.close(now)

    def ask_again(self, now: int) -> None:
        """Say that nothing was understood."""
        self._say_instead(self._present.phrases.not_heard, now)

    def apologise(self, now: int) -> None:
        """Say that something went wrong."""
        self._say_instead(self._present.phrases.failed, now)

    def say_unknown(self, now: int) -> None:
        """Say that there is no answer."""
        self._say_instead(self._present.phrases.unknown, now)

    def reprompt(self, now: int) -> None:
        """Ask whether the visitor is still there, in a turn of the engine's own."""
        present = self._present
        here = Speech(present.judged, now, now, present.judged, now, now)
        turn = present.open(here, "phrase", Wish(Event.SAY, present.phrases.reprompt))
        present.audible = turn.tag
        self._speaking.say(present.phrases.reprompt, now)

    def take_up(self, now: int) -> None:
        """Go on with what was interrupted: it was by nothing that is to be answered."""
        turn = self._present.current
        assert turn.unsaid is not None
        self._begin_instead(now)
        turn.takes_up, turn.source = True, turn.unsaid.source
        self._speaking.say(turn.unsaid.text, now)

    def _say_instead(self, phrase: str, now: int) -> None:
        """Say a phrase of the engine's own instead of an answer."""
        turn = self._present.current
        self._begin_instead(now)
        turn.outcome, turn.source = "apologised", "phrase"
        self._speaking.speak([phrase], now)
        self._speaking.close(now)

    def _begin_instead(self, now: int) -> None:
        """Begin a new attempt that does not come from the language model: what was under way is stale."""
        present, turn = self._present, self._present.current
        present.send("listen", m.Cancel(tag=turn.ear))
        self._give_up(turn)
        present.audible = present.next_attempt().tag
        turn.due.clear()
        for timer in set(present.timers) - {Timer.QUIET}:
            del present.timers[timer]
        present.progress(now)

    def llm_again(self, _message: m.Joined, now: int) -> None:
        """The language model was restarted."""
        present, turn = self._present, self._present.turn
        if turn is None or turn.attempt.asked is None or turn.attempt.ended:
            return
        if not turn.attempt.confirmed:
            turn.attempt.failed = "the language model was restarted"
        elif turn.attempt.clauses:  # what was said stands; asking again would say it twice
            self._speaking.close(now)
        elif present.again_too_often("llm", now):
            present.happens(Event.FAILED, now)
        else:
            present.send("asks", m.Cancel(tag=turn.tag))  # it may still find the question in its ring
            present.next_attempt()
            turn.hit = False
            self.ask(now)


def is_right(attempt: Attempt, text: str) -> bool:
    """The attempt was begun on these words, is not confirmed yet, and nothing of it has failed."""
    return not attempt.confirmed and not attempt.failed and attempt.asked is not None and same(attempt.asked, text)


def same(one: str, other: str) -> bool:
    """They are the same words."""
    return one.lower().split() == other.lower().split()
