"""What the user has said, once they have finished: the final text, or what stands in for it in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine import messages as m
from engine.events import UserFinal
from engine.turns.attempt import Marks
from engine.turns.attention import Attention
from engine.turns.deadlines import deadline_ns
from engine.turns.present import Present, Timer
from engine.turns.speculating import Speculating
from engine.turns.table import Event, State
from engine.turns.turn import FLOOR_BACK_MS, MS, SURE, Speech
from engine.wording import is_command, is_murmur

TAIL_MS = 100
"""Silence after the end of speech that the recogniser still gets, so that it is sure of the last word. It makes words
of more."""
CATCHES_UP = 2
"""A recogniser that was told to listen late is taken to hear what it missed so many times as fast as it was said."""
LEANING_BYTES = 6000
"""Of each, history and context: a message takes a record, which is a quarter of its ring."""
SHORT_MS, LONG_MS = 700, 1500
"""An interruption so short, of uncertain words, may have been a cough; one so long was none, whatever came of it."""


def tail(present: Present) -> int:
    """The sample after the last one that the recogniser gets of this utterance."""
    return present.current.speech.end + TAIL_MS * present.rate // 1000


def leaning(present: Present) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """History and context that the words may lean on, where the recogniser makes use of it: the last of both, as far as
    they are short."""
    if not present.config.reconsiders:
        return (), ()
    texts = present.session.past(present.config.llm.history_turns)
    history = _last(list(zip(texts[::2], texts[1::2], strict=True)))
    return history, _last([(known,) for known in present.session.context])


def _last(groups: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The texts of as many of the last groups as are short together."""
    size, first = 0, len(groups)
    while first and (size := size + sum(len(text.encode()) for text in groups[first - 1])) <= LEANING_BYTES:
        first -= 1
    return tuple(text for group in groups[first:] for text in group)


class Finalising:
    """From the end of speech to its text."""

    def __init__(self, present: Present, attention: Attention, speculating: Speculating) -> None:
        self._present, self._attention, self._speculating = present, attention, speculating
        self.on_words: Callable[[str, int], None] = lambda _text, _now: None
        """Called with what was said, sure or not."""
        self._latest_ns = 0
        """Until then the final text is waited for, if something of the speech is missing in the partial one."""

    def finish(self, now: int) -> None:
        """The user has finished: ask for the final text."""
        present, turn = self._present, self._present.current
        present.timers.clear()
        if not turn.speech.end:  # cut off in mid-speech: the rest is the next turn's
            turn.speech.pause(m.SpeechPaused(end=present.judged, capture_ns=now), now, present.rate)
            if self._attention.open:
                present.kept.append(Speech(present.judged, now, now))
        turn.stages["turns"] = Marks(turn.speech.paused_ns, None, now)
        turn.stages["vad"] = Marks(turn.speech.start_ns, turn.speech.said_ns, turn.speech.paused_ns)
        turn.due["asr"] = now + present.config.asr.final_budget_ms * MS
        # A recogniser that was told to listen late has to catch up; and a button that is held says itself when the user
        # has finished.
        all_of_it_ns = turn.speech.end_ns - turn.speech.start_ns + present.config.vad.preroll_ms * MS
        caught_up_ns = turn.listened_ns + all_of_it_ns // CATCHES_UP
        present.set_deadline(max(turn.speech.end_ns, caught_up_ns, now if self._attention.held else 0))
        self._latest_ns = deadline_ns("asr", turn.whole_ns, now, present.config)
        present.timers[Timer.FINAL] = now if "asr" in present.absent else min(turn.due["asr"], self._latest_ns)
        present.progress(now)
        if turn.deaf:
            present.happens(Event.FAILED, now)
        elif turn.said is not None and self._speculating.is_sure:
            present.send("listen", m.Cancel(tag=turn.ear))
            self._take(turn.said, now)
        else:
            self._send_finish()

    def _send_finish(self) -> None:
        turn = self._present.current
        stop = min(tail(self._present), self._present.judged)
        history, context = leaning(self._present)
        self._present.send(
            "listen",
            m.Finish(
                tag=turn.ear,
                capture_ns=turn.speech.end_ns,
                deadline_ns=turn.due["asr"],
                stop=stop,
                history=history,
                context=context,
            ),
        )

    def deafen(self, now: int) -> None:
        """No text will come for this turn."""
        self._present.current.deaf = True
        if self._present.state is State.FINALISING:
            self._present.happens(Event.FAILED, now)

    def text(self, message: m.Text, now: int) -> None:
        """The final text."""
        self._present.check("asr", now)
        self._take(message, now)

    def _take(self, text: m.Text, now: int) -> None:
        """This is what the user said."""
        present, turn = self._present, self._present.current
        turn.said = text
        present.timers.pop(Timer.FINAL, None)
        turn.stages["asr"] = Marks.of(text)
        if not text.final:  # it stands in for the final text from now on
            turn.stages["asr"].ended = now
        self.on_words(text.text, now)
        judged = self._judge(text)
        if judged is Event.WORDS:
            present.session.met = True
            present.endpointer.finished()
            present.tell(UserFinal(text.text, text.language, text.confidence), now)
        present.happens(judged, now)

    def _judge(self, text: m.Text) -> Event:
        present, turn, speech = self._present, self._present.current, self._present.current.speech
        spoken_ms = (speech.end - speech.start) * 1000 // present.rate
        unsure = text.confidence < SURE and spoken_ms < SHORT_MS and not is_command(text.text, present.phrases.commands)
        if turn.unsaid and (unsure or is_murmur(text.text, present.phrases.murmurs)) and spoken_ms < LONG_MS:
            return Event.MURMUR
        if text.text.strip() and text.confidence >= present.config.asr.min_confidence:
            return Event.WORDS
        return Event.NO_WORDS if spoken_ms >= present.config.turns.shortest_utterance_ms else Event.NOISE

    def due(self, now: int) -> None:
        """The final text is late. A partial text that reaches past the end of speech stands in at once, one that does
        not when the turn leaves no more time for the recogniser. Where there is none, something has to be said all the
        same, for which no language model is needed. A recogniser that is not there is not waited for."""
        present, turn = self._present, self._present.current
        present.late("asr")
        said, nothing = turn.said, m.Text(tag=turn.ear, text="", language=present.config.language, confidence=0.0)
        whole = said is not None and said.upto >= turn.speech.end
        helped = present.floor_ready and not (said and said.text.strip())
        absent = "asr" in present.absent
        last_ns = deadline_ns("clause", turn.whole_ns, self._latest_ns, present.config)
        calls = bool(turn.attempt.calls)  # which only the final text makes certain
        if now < self._latest_ns and (calls or not whole) and not absent:
            present.timers[Timer.FINAL] = self._latest_ns
        elif said is not None and (whole or not helped):
            self._stand_in(said, now)
        elif helped and now < last_ns and not absent:
            present.timers[Timer.FINAL] = last_ns
        elif helped or absent:
            present.fault("asr", "gave no text in time", now)
            self._stand_in(nothing, now)
        elif present.config.floor.enabled:
            present.timers[Timer.FINAL] = now + FLOOR_BACK_MS * MS

    def _stand_in(self, text: m.Text, now: int) -> None:
        """This text takes the place of the final one, which nobody waits for any longer."""
        self._present.send("listen", m.Cancel(tag=self._present.current.ear))
        self._take(text, now)

    def again(self) -> None:
        """The recogniser was restarted, and listens anew."""
        self._present.current.due["asr"] = 0  # what was promised went with the one before
        self._send_finish()
