"""The answer: asked of the language model, or a phrase of the engine's own instead. What is done when the language
model is late is in `floor`."""

from __future__ import annotations

from dataclasses import replace

from engine import audible
from engine import messages as m
from engine.turns.attempt import Attempt, Marks
from engine.turns.calling import Calling
from engine.turns.calls import MOST_OPEN
from engine.turns.floor import PATIENCE_MS, Floor, question
from engine.turns.present import Present, Timer
from engine.turns.speaking import Speaking
from engine.turns.table import Event
from engine.turns.turn import MS, Speech, Wish


class Answering:
    """From the question to the last piece of the answer."""

    def __init__(self, present: Present, speaking: Speaking, calling: Calling) -> None:
        self._present, self._speaking, self._calling = present, speaking, calling
        self.floor = Floor(present, self._ask_again, self._say_by_voice, self._make_do)

    def ask(self, now: int) -> None:
        """Answer what the user, or the host in their stead, has said: with what was begun on these very words, if it
        was, or else by asking the language model now."""
        present, turn = self._present, self._present.current
        assert turn.said is not None
        if not is_right(turn.attempt, turn.said.text):
            self.drop(now)
            present.allow(turn.tag)
            turn.attempt.confirmed = True
            turn.due.setdefault("llm", now + present.config.llm.first_token_budget_ms * MS)
            present.wait_for("token", Timer.ANSWER, now)
            present.progress(now)
            self._send_ask(now)
        elif turn.attempt.calls and not turn.said.final:  # nothing is called upon what only stands in for it
            self.drop(now)
            self.ask_again(now)
        else:
            turn.hit = True
            present.on_count("turns.speculation_hits", 1)
            self._confirm(now)

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
            self._give_up()
            present.on_count("turns.thrown_pieces", turn.attempt.pieces)
            present.on_count("turns.thrown_ms", turn.attempt.words.samples * 1000 // present.rate)
            present.next_attempt()

    def _give_up(self) -> None:
        """Nobody is to work for the present attempt any more, nor to remember it: nobody has heard of it."""
        self._present.stop_work()
        self._present.settle("")

    def _send_ask(self, now: int) -> None:
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        assert turn.said is not None
        attempt.asked, attempt.asked_ns = turn.said.text, now
        attempt.stages["llm"] = Marks(began=now)
        asked = question(present, turn.said, present.timers.get(Timer.ANSWER, 0))
        calls = int(present.hands > 0 and bool(present.config.tools))
        present.send("asks", replace(asked, calls=calls))

    def _confirm(self, now: int) -> None:
        """The user has finished, with the words that the present attempt answers: it may be heard. From now on it has
        deadlines, for what there is not yet of it."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        attempt.confirmed, attempt.asked_ns = True, now
        if not self._call(now):
            return
        present.allow(turn.tag, attempt.voice if attempt.clauses else audible.NOTHING)
        present.progress(now)
        if attempt.clauses and not attempt.voiced:
            self._speaking.wait_for_voice(now)
        elif not attempt.clauses:
            budget = present.config.llm
            ms = budget.first_clause_budget_ms if attempt.pieces else budget.first_token_budget_ms
            turn.due["llm"] = now + ms * MS
            present.wait_for("clause" if attempt.pieces else "token", Timer.ANSWER, now)
        if attempt.ended and not attempt.clauses:
            present.happens(Event.NOTHING, now)

    def called(self, message: m.CallTool, now: int) -> None:
        """The answer wants something to be done. It is, once it is certain that the visitor has said so."""
        attempt = self._present.current.attempt
        if attempt.answerer == "llm" and len(attempt.calls) <= MOST_OPEN:
            attempt.calls.append(message)
            if attempt.confirmed:
                self._call(now)

    def _call(self, now: int) -> bool:
        """Make the calls that the present attempt wants, if any. False: they cannot be made, and that is said instead
        of the answer."""
        present, turn = self._present, self._present.current
        wanted, turn.attempt.calls = turn.attempt.calls, []
        if not wanted or turn.caller not in (None, turn.tag):  # an attempt before this one has called
            return True
        assert turn.said is not None
        why = self._calling.make(wanted, now) if turn.said.final else ""
        if turn.caller is not None and not why:
            return True
        if why:
            present.fault("llm", why, now)
            self._calling.cancel(turn, "refused", now)
        if turn.attempt.began_ns:  # of what is being heard nothing is taken back
            self._calling.regret(present.phrases.call_refused if why else present.phrases.not_heard, now)
            return True
        if why:
            self._say_instead(present.phrases.call_refused, now)
        else:
            self.ask_again(now)
        return False

    def piece(self, message: m.Piece, now: int) -> None:
        """The next piece of the answer."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        if message.stage != attempt.answerer and not (message.stage == "floor" and self.floor.answers(now)):
            return
        if attempt.confirmed:
            present.progress(now)
            if not attempt.pieces:
                present.check("llm", now)
                turn.due["llm"] = attempt.asked_ns + present.config.llm.first_clause_budget_ms * MS
                if Timer.ANSWER in present.timers:
                    present.wait_for("clause", Timer.ANSWER, now)
        if not attempt.pieces and "llm" in attempt.stages:
            attempt.stages["llm"].first = now
        attempt.pieces += 1
        if attempt.answerer == "floor":
            present.expect_floor(now)
        self._speaking.speak(attempt.clauser.feed(message.text), now)

    def pieces_ended(self, message: m.PiecesEnded, now: int) -> None:
        """No more pieces will come."""
        present, attempt = self._present, self._present.current.attempt
        if message.stage == "floor" and not (message.reason == "done" and attempt.answerer == "floor"):
            self.floor.knows_none(now)
            return
        if message.stage != attempt.answerer:
            return
        if message.reason == "failed" and not attempt.confirmed:
            attempt.failed = message.text or message.reason
            return
        if message.reason == "failed":
            present.fault("llm", message.text, now)
            if not attempt.clauses:
                present.happens(Event.FAILED, now)
                return
        attempt.stages["llm"] = Marks.of(message)
        if attempt.answerer == "floor" and attempt.voice != audible.FLOOR:
            present.timers.pop(Timer.FLOOR, None)  # it owes nothing more
        self._speaking.close(now)

    def ask_again(self, now: int) -> None:
        """Say that nothing was understood; the floor does, where nothing came from the recogniser in time."""
        said = self._present.current.said
        self._say_instead(self._present.phrases.not_heard, now, late="" if said and said.final else "asr")

    def apologise(self, now: int) -> None:
        """Say that something went wrong. That lies ready at the floor. Who has called something has been understood."""
        if self._present.current.caller is not None:
            self._say_instead(self._present.phrases.call_begun, now)
            return
        late = "asr" if self._present.current.attempt.asked is None else "llm"
        self._say_instead(self._present.phrases.failed, now, late)

    def say_unknown(self, now: int) -> None:
        """Say that there is no answer."""
        phrases, called = self._present.phrases, self._present.current.caller is not None
        self._say_instead(phrases.call_begun if called else phrases.unknown, now)

    def reprompt(self, now: int) -> None:
        """Ask whether the visitor is still there, in a turn of the engine's own."""
        present = self._present
        here = Speech(present.judged, now, now, present.judged, now, now)
        turn = present.open(here, "phrase", Wish(Event.SAY, present.phrases.reprompt))
        present.allow(turn.tag)
        self._speaking.say(present.phrases.reprompt, now)

    def take_up(self, now: int) -> None:
        """Go on with what was interrupted: it was by nothing that is to be answered."""
        turn = self._present.current
        assert turn.unsaid is not None
        self._begin_instead(now)
        turn.takes_up, turn.source = True, turn.unsaid.source
        self._speaking.say(turn.unsaid.text, now)

    def _say_instead(self, phrase: str, now: int, late: str = "") -> None:
        """Say a phrase of the engine's own instead of an answer. late: the stage that owes one, if any does: then the
        floor says it, where there is one."""
        present, turn = self._present, self._present.current
        self._begin_instead(now)
        turn.outcome, turn.source = "apologised", "phrase"
        if late and present.floor_ready:
            present.taken_over(late)
            turn.attempt.voice = audible.FLOOR
        self._speaking.speak([phrase], now)
        self._speaking.close(now)
        if turn.attempt.voice == audible.FLOOR:
            present.timers[Timer.FLOOR] = now + PATIENCE_MS * MS

    def _say_by_voice(self, now: int) -> None:
        """The floor says nothing of what it was to say: the voice does, as far as that is known."""
        turn, text = self._present.current, self._present.current.attempt.text
        if turn.source == "phrase":
            self._say_instead(text, now)
        else:
            self._begin_instead(now)
            self._speaking.say(text, now)

    def _begin_instead(self, now: int) -> None:
        """Begin a new attempt that does not come from the language model: what was under way is stale."""
        present, turn = self._present, self._present.current
        present.send("listen", m.Cancel(tag=turn.ear))
        self._give_up()
        present.allow(present.next_attempt().tag)
        turn.due.clear()
        for timer in set(present.timers) - {Timer.QUIET}:
            del present.timers[timer]
        present.progress(now)

    def llm_again(self, _message: m.Joined, now: int) -> None:
        """The language model was restarted."""
        present, turn = self._present, self._present.turn
        if turn is None or turn.attempt.asked is None or turn.attempt.ended or turn.attempt.answerer != "llm":
            return
        if not turn.attempt.confirmed:
            turn.attempt.failed = "the language model was restarted"
        elif turn.attempt.clauses:  # what was said stands; asking again would say it twice
            self._speaking.close(now)
        elif present.again_too_often("llm", now):
            present.happens(Event.FAILED, now)
        elif present.source == audible.HOLDING:  # the phrase belongs to this attempt, and is heard to its end
            turn.ask_again = True
        else:
            self._ask_again(now)

    def floor_again(self, message: m.Joined, now: int) -> None:
        """The floor was restarted."""
        self._speaking.voice_again(message, now)
        self.floor.again(message, now)
        turn = self._present.turn
        if turn is None or turn.attempt.answerer != "floor" or turn.attempt.ended:
            return
        self._make_do(now)

    def _make_do(self, now: int) -> None:
        """Nothing more will come of who answers: what there is of it is the answer."""
        if self._present.current.attempt.clauses:
            self._speaking.close(now)
        else:
            self._present.happens(Event.FAILED, now)

    def _ask_again(self, now: int) -> None:
        """Ask a language model that has forgotten the question, unless it had begun to answer it all the same."""
        present, turn = self._present, self._present.current
        if turn.attempt.clauses:
            self._speaking.close(now)
            return
        present.stop_work()  # it may still find the question in its ring
        held = turn.attempt.stages.get("floor")
        attempt = present.next_attempt()
        if held is not None:
            attempt.stages["floor"] = held
        turn.hit = False
        self.ask(now)


def is_right(attempt: Attempt, text: str) -> bool:
    """The attempt was begun on these words, is not confirmed yet, and nothing of it has failed."""
    return not attempt.confirmed and not attempt.failed and attempt.asked is not None and same(attempt.asked, text)


def same(one: str, other: str) -> bool:
    """They are the same words."""
    return one.lower().split() == other.lower().split()
