"""When the language model is late: the floor answers, if it knows an answer, or else a phrase holds the turn.

What the floor does for the voice is in `speaking`, for the recogniser in `hearing`. All of it is for the attempt that
is under way: what the language model and the voice make of it meanwhile stays good until the floor takes their place.
"""

from __future__ import annotations

from collections.abc import Callable

from engine import audible
from engine import messages as m
from engine.clauses import Clauser
from engine.events import AnswerHolding
from engine.turns.attempt import Marks
from engine.turns.present import Present, Timer
from engine.turns.table import Event
from engine.turns.turn import FLOOR_BACK_MS, MS

PATIENCE_MS = 250
"""The floor is given so long to answer, or until the phrase that holds the turn is heard: it has nothing else to do."""
LONGEST_MS, LETTER_MS = 1000, 150
"""No voice takes longer over a phrase than this, and this for each of its letters."""


class Floor:
    """then: what to do about the answer once a phrase that held the turn is over. by_voice: lets the voice say what the
    floor was to say. no_more: makes do with what there is of the floor's answer."""

    def __init__(
        self,
        present: Present,
        then: Callable[[int], None],
        by_voice: Callable[[int], None],
        no_more: Callable[[int], None],
    ) -> None:
        self._present, self._then, self._by_voice, self._no_more = present, then, by_voice, no_more

    # Answers.

    def answer_due(self, now: int) -> None:
        """The language model is not waited for any longer: does the floor know an answer?"""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        present.late("llm")
        if attempt.clauses or attempt.asked_floor:
            return
        if not present.floor_ready:
            if present.config.floor.enabled:
                present.timers[Timer.ANSWER] = now + FLOOR_BACK_MS * MS
            return
        assert turn.said is not None
        attempt.asked_floor = True
        if "llm" in present.absent:
            present.expect_floor(now)
        else:
            present.timers[Timer.FLOOR] = now + PATIENCE_MS * MS
        present.send_floor(question(present, turn.said, now + PATIENCE_MS * MS))

    def answers(self, _now: int) -> bool:
        """The floor has the beginning of an answer. False: it is not wanted any more."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        if attempt.answerer == "floor":
            return True
        if not attempt.asked_floor or attempt.clauses or turn.held or present.source == audible.HOLDING:
            return False
        present.timers.pop(Timer.FLOOR, None)
        present.taken_over("llm")
        present.send("asks", m.Cancel(tag=turn.tag))
        present.settle("")  # else the language model would remember an answer that nobody heard
        turn.source = attempt.answerer = "floor"
        attempt.clauser, attempt.pieces = Clauser(), 0
        return True

    def knows_none(self, now: int) -> None:
        """The floor has no answer: hold the turn."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        present.timers.pop(Timer.FLOOR, None)
        owed = attempt.asked_floor and not attempt.clauses and not turn.held and "floor" not in attempt.stages
        if attempt.answerer == "floor" or (owed and "llm" in present.absent):  # it had begun with one; nobody else will
            present.happens(Event.FAILED, now)
        elif owed:
            present.timers[Timer.FLOOR] = now + PATIENCE_MS * MS
            attempt.stages["floor"] = Marks(began=now)
            present.send_floor(m.HoldTurn(tag=turn.tag, capture_ns=turn.speech.end_ns))
            present.allow(turn.tag, audible.HOLDING)

    # The phrase that holds the turn, from the loudspeaker.

    def holding_began(self, message: m.PlaybackBegan, now: int) -> None:
        """It will be heard, or goes on after a noise. Whoever plays it may not live to tell of its end."""
        present, turn = self._present, self._present.current
        longest_ms = LONGEST_MS + LETTER_MS * len(present.phrases.hold)
        present.timers[Timer.FLOOR] = max(now, message.at_ns) + longest_ms * MS
        if not turn.held:
            turn.held = True
            turn.attempt.stages["floor"].first = message.at_ns
            present.on_count("turns.held", 1)
            present.tell(AnswerHolding(present.phrases.hold), message.at_ns)

    def holding_ended(self, message: m.PlaybackEnded, now: int) -> None:
        """It has been heard: the answer may be."""
        self._present.timers.pop(Timer.FLOOR, None)
        self._present.current.attempt.stages["floor"].ended = message.at_ns
        self._go_on(now)

    def _go_on(self, now: int) -> None:
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        attempt.played = present.played  # no progress of the answer
        present.allow(turn.tag, attempt.voice)
        if attempt.floor_owes_sound(present.played):
            present.expect_floor(now)
        if turn.ask_again:
            turn.ask_again = False
            self._then(now)

    # When the floor is late itself.

    def due(self, now: int) -> None:
        """It has not done what it was to do."""
        present, attempt = self._present, self._present.current.attempt
        if attempt.held:  # nothing is to be heard of it just now
            present.expect_floor(now)
            return
        present.late("floor")
        if present.source == audible.HOLDING:
            self._go_on(now)
        elif attempt.floor_owes_sound(present.played):
            self._silent(now)
        elif self._owes_answer:
            present.current.floor_hangs = True
            self._no_more(now)

    @property
    def _owes_answer(self) -> bool:
        """It has begun with one, or there is nobody else to give one."""
        attempt = self._present.current.attempt
        alone = attempt.asked_floor and "llm" in self._present.absent
        return not attempt.ended and (attempt.answerer == "floor" or alone)

    def _silent(self, now: int) -> None:
        """It is to speak and does not. Of an answer that was begun the rest is left: what was heard stands."""
        present, turn = self._present, self._present.current
        turn.floor_hangs = True
        present.fault("floor", "gave no sound in time", now)
        heard = turn.attempt.began_ns or turn.outcome == "resumed"
        if heard or "vocoder" in present.absent:
            present.happens(Event.SILENT, now)
        else:
            self._by_voice(now)

    def again(self, message: m.Joined, now: int) -> None:
        """It was restarted."""
        present, turn = self._present, self._present.turn
        if turn is None or not turn.uses_floor:
            return
        attempt, turn.floor_hangs = turn.attempt, False
        present.timers.pop(Timer.FLOOR, None)
        if present.source == audible.HOLDING:
            self._go_on(now)
        elif attempt.asked_floor and attempt.answerer == "llm" and not turn.held:
            attempt.asked_floor = False
            self.answer_due(now)
        elif attempt.floor_owes_sound(present.played):
            present.expect_floor(now)


def question(present: Present, said: m.Text, deadline_ns: int) -> m.Ask:
    """What is asked of whoever answers the turn. said: what the user said, as far as it is known."""
    turn = present.current
    return m.Ask(
        tag=turn.tag,
        capture_ns=turn.speech.end_ns,
        deadline_ns=deadline_ns,
        text=said.text,
        language=said.language,
        history=present.session.past(present.config.llm.history_turns),
        context=present.session.context,
        final=said.final,
    )
