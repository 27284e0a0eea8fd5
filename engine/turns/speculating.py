"""Answers that are begun before it is certain that the user has finished.

At the first sign of an ending, or when the words have stayed the same for a while, the language model and the voice
start on what is there. Other words than those refute it: it is thrown away, and nobody has heard or heard of it. If
the user has finished with the very words, it is the answer, and its sound is there already.
"""

from __future__ import annotations

from engine import messages as m
from engine.turns.answering import Answering, is_right, same
from engine.turns.present import Present

STEADY_MS = 200
"""Words that have not changed for so much sound are taken to be all, though the voice still goes on."""
BEHIND_MS = 100
"""At a pause, words of sound that ends so long before it may be all; when the recogniser is further behind, its next
words are waited for."""


class Speculating:
    """Decides when to begin an answer early, and when to throw it away."""

    def __init__(self, present: Present, answering: Answering) -> None:
        self._present, self._answering = present, answering

    def heard(self, text: m.Text, now: int) -> None:
        """The words so far are these."""
        turn = self._present.current
        if turn.said is None or not same(turn.said.text, text.text):
            turn.steady_from = text.upto
        turn.said = text
        if turn.attempt.asked is not None and not same(turn.attempt.asked, text.text):
            self._answering.drop(now)
        self.consider(now)

    def consider(self, now: int) -> None:
        """Begin an answer, if these words may be all, and none is under way."""
        present, turn = self._present, self._present.current
        said, most = turn.said, present.config.turns.speculations
        if said is None or not said.text.strip() or said.confidence < present.config.asr.min_confidence:
            return
        if "llm" in present.absent:  # nobody would begin it
            return
        if turn.speech.end:
            others = present.config.reconsiders and not said.settled  # may still come of these, within a moment
            maybe = self.has_caught_up and not others
        else:  # half of the attempts are left for when the voice pauses
            most //= 2
            maybe = said.upto - turn.steady_from >= self._samples(STEADY_MS)
        if maybe and turn.attempt.asked is None and turn.speculated < most:
            self._answering.speculate(now)

    @property
    def has_caught_up(self) -> bool:
        """The words so far may be all of the speech before the pause."""
        turn = self._present.current
        return turn.said is not None and turn.said.upto >= turn.speech.end - self._samples(BEHIND_MS)

    @property
    def is_behind(self) -> bool:
        """More words of the speech before the pause are to come, from a recogniser that gives them one by one."""
        turn = self._present.current
        return turn.said is not None and not turn.deaf and not self.has_caught_up

    @property
    def is_sure(self) -> bool:
        """The answer to the words so far is under way, and they cover all the speech: there is nothing left to wait
        for. Where something may be called, which is known with the first words, the final text is."""
        present, turn = self._present, self._present.current
        if turn.said is None or not is_right(turn.attempt, turn.said.text):
            return False
        if present.config.reconsiders and not turn.said.settled:
            return False  # that answer may only be that it is not known
        if turn.attempt.calls or (present.hands and present.config.tools and not turn.attempt.pieces):
            return False
        return turn.said.upto >= turn.speech.end

    def _samples(self, ms: int) -> int:
        return ms * self._present.rate // 1000
