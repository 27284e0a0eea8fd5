"""How long a turn waits for a stage that gives nothing at all, when every deadline has passed and nobody took over."""

from __future__ import annotations

from engine import audible
from engine.turns.present import Present
from engine.turns.table import Event, State


class Patience:
    """It begins anew with everything that comes (`Present.progress`)."""

    def __init__(self, present: Present) -> None:
        self._present = present

    def out(self, now: int) -> None:
        """Nothing came for so long that the stage which owes something is given up. What is being heard is progress."""
        present, attempt = self._present, self._present.current.attempt
        heard = present.played != attempt.played and present.source != audible.HOLDING
        if heard or attempt.held:
            attempt.played = present.played
            present.progress(now)
            return
        finalising = present.state is State.FINALISING
        stage = "asr" if finalising else self._owing
        present.late(stage)
        present.fault(stage, f"gave nothing for {present.config.turns.hard_limit_s:g} s", now)
        # What is heard already is not taken back. Of an answer that a predecessor began no clauses are known.
        failed = finalising or (present.state is State.THINKING and not attempt.clauses)
        present.happens(Event.FAILED if failed else Event.SILENT, now)

    @property
    def _owing(self) -> str:
        """The stage that owes something to the answer."""
        attempt = self._present.current.attempt
        if attempt.voiced < len(attempt.clauses):
            return "floor" if attempt.voice == audible.FLOOR else "vocoder"
        return "audio" if attempt.ended else attempt.answerer
