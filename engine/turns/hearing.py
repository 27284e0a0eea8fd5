"""What the user says: stretches of speech from the VAD, their words from the recogniser. What becomes of it once they
have finished is in `finalising`."""

from __future__ import annotations

from dataclasses import replace

from engine import messages as m
from engine.contract import UNKNOWN
from engine.events import UserCutOff, UserPartial
from engine.turns.attention import Attention
from engine.turns.endpointing import Cues
from engine.turns.finalising import Finalising, leaning, tail
from engine.turns.present import Present, Timer
from engine.turns.sessions import Sessions
from engine.turns.speculating import Speculating
from engine.turns.table import Event, State
from engine.turns.turn import MS, Speech

HOP_MS, LAG_MS = 32, 14
"""The most sound that a VAD judges at a time, and how long after it was heard it can have been judged: the echo
canceller is 10 ms late."""
AGAIN_MS = 8
"""When the VAD is behind: how soon to look again. Its messages wake us; its silence does not."""
MOST_KEPT = 32
"""Stretches of speech kept for later. More have no sound any more: the microphone's ring has gone over it."""
LISTENS = (State.HEARING, State.ENDING)
ENDED_JUST_NOW = (State.ENDING, State.FINALISING, State.THINKING)
"""Who speaks then goes on after a pause, and may have been taken to have finished too soon."""


def known_silence_ms(wait_ms: int) -> int:
    """How much of a wait must be known to be silence for it to be over: what a VAD that keeps up can have judged."""
    return max(0, wait_ms - LAG_MS) // HOP_MS * HOP_MS


class Hearing:
    """From the first sign of a voice to the end of speech, and the words until then."""

    def __init__(
        self,
        present: Present,
        sessions: Sessions,
        attention: Attention,
        speculating: Speculating,
        finalising: Finalising,
    ) -> None:
        self._present, self._sessions, self._attention = present, sessions, attention
        self._speculating, self._finalising = speculating, finalising
        self._unheard = False
        """Somebody speaks whom nobody listens to."""

    # Speech, from the VAD.

    def speech_began(self, message: m.SpeechBegan, now: int) -> None:
        """Someone speaks: for the first time, after a pause, or while the turn is not theirs."""
        present = self._present
        self._unheard = not self._attention.open
        if self._unheard:
            return
        self._sessions.begin(now)
        if present.state in ENDED_JUST_NOW and present.current.is_speech:
            present.endpointer.resumed((message.capture_ns - present.current.speech.end_ns) / MS)
        if present.state in LISTENS and not present.kept:
            present.happens(Event.SPEECH, now)
            return
        last = present.kept[-1] if present.kept else None
        # Nobody answers them in their pauses: they think as long as people do.
        pause_ns = present.config.turns.end_of_speech_ceiling_ms * MS
        if last and (not last.end or message.capture_ns < last.end_ns + pause_ns):
            last.end = last.end_ns = 0  # the same utterance goes on
        else:
            present.kept.append(Speech(message.start, message.capture_ns, now))
            del present.kept[:-MOST_KEPT]
        if present.state is not State.ENDING:
            present.happens(Event.SPEECH, now)

    def speech_paused(self, message: m.SpeechPaused, now: int) -> None:
        """Nobody speaks any more."""
        present, self._unheard = self._present, False
        hearing = present.turn.speech if present.turn and present.state is State.HEARING else None
        speech = present.kept[-1] if present.kept else hearing
        if speech is not None and not speech.end:
            speech.pause(message, now, present.rate)
            present.happens(Event.PAUSE, now)
        elif not present.session.open:  # whoever was forgotten in mid-speech has gone on until now
            present.forget(message.end)

    def attend(self, now: int) -> None:
        """The gate has been opened: whoever is speaking is heard from now on."""
        if self._unheard and self._attention.open:
            self.speech_began(m.SpeechBegan(start=self._present.judged, capture_ns=now), now)

    def keep(self, _now: int) -> None:
        """What came while the turn was another's stays where it is: in `kept`, or in the host's queue."""

    def listen(self, now: int) -> None:
        """Open a turn for the speech that has been kept longest, or began just now."""
        present = self._present
        speech = present.kept.pop(0)
        present.open(speech, "answer")
        self._send_listen(now)
        present.timers[Timer.TOO_LONG] = speech.start_ns + round(present.config.turns.max_utterance_s * 1e9)

    def _send_listen(self, now: int) -> None:
        present, turn = self._present, self._present.current
        start = present.before(turn.speech.start)
        ahead, present.ahead = present.ahead, None
        if ahead is not None and ahead[0] == turn.ear and 0 <= start - ahead[1] <= present.rate // 2:
            turn.listened_ns = ahead[2]
        else:
            turn.listened_ns = now
            present.listen(turn.ear, turn.speech)

    def wait(self, now: int) -> None:
        """It may have been all: start the end-of-speech wait, and an answer to what it was."""
        present, turn = self._present, self._present.current
        turn.sound = UNKNOWN
        self._set_wait()
        self._send_hold()
        if present.config.ending.backend != "off":
            speech = turn.speech
            asked = m.JudgeEnding(tag=turn.ear, capture_ns=speech.end_ns, start=speech.start, end=speech.end)
            present.send("pauses", asked)
        self._speculating.consider(now)

    def _set_wait(self) -> None:
        """How long the pause has to last follows from what is known of the speech by now."""
        present, turn = self._present, self._present.current
        speech, said = turn.speech, turn.said
        cues = Cues(sound=turn.sound, spoken_s=(speech.end - speech.start) / present.rate)
        if said is not None and self._speculating.has_caught_up:
            cues = replace(cues, text=said.text, confidence=said.confidence, words=said.complete)
        turn.wait_ns = present.endpointer.wait_ms(cues) * MS
        if self._speculating.is_behind:  # what is still to come may leave the sentence open, and is needed anyhow
            turn.wait_ns = present.config.turns.end_of_speech_ceiling_ms * MS
        if not self._attention.held:
            present.timers[Timer.WAIT] = speech.end_ns + turn.wait_ns

    def ending_judged(self, message: m.EndingJudged, _now: int) -> None:
        """How finished the speech sounds."""
        present, turn = self._present, self._present.current
        if present.state is State.ENDING and message.end == turn.speech.end:
            turn.sound = message.complete
            self._set_wait()

    def reload(self) -> None:
        """Other waits may count, or a button no longer."""
        if self._present.state is State.ENDING:
            self._set_wait()

    def _send_hold(self) -> None:
        """Where the recogniser has to stop for now, if anywhere."""
        turn = self._present.current
        limit = tail(self._present) if turn.speech.end else 0
        end, end_ns = turn.speech.end, turn.speech.end_ns
        history, context = leaning(self._present) if limit else ((), ())
        self._present.send(
            "listen",
            m.Hold(tag=turn.ear, capture_ns=end_ns, limit=limit, end=end, history=history, context=context),
        )

    def go_on(self, _now: int) -> None:
        """It was not all."""
        self._present.timers.pop(Timer.WAIT, None)
        speech = self._present.current.speech
        speech.end = speech.end_ns = 0
        self._send_hold()

    def wait_over(self, now: int) -> None:
        """The wait is over, as soon as it is known to be silence."""
        # On a loaded machine the VAD may be behind.
        present = self._present
        needed = present.current.speech.end + known_silence_ms(present.current.wait_ns // MS) * present.rate // 1000
        if present.judged < needed:
            present.timers[Timer.WAIT] = now + AGAIN_MS * MS
        else:
            present.happens(Event.WAIT_OVER, now)

    def too_long(self, now: int) -> None:
        """The utterance is longer than allowed."""
        self._present.tell(UserCutOff(self._present.config.turns.max_utterance_s), now)
        self._present.happens(Event.TOO_LONG, now)

    # Words, from the recogniser.

    def text(self, message: m.Text, now: int) -> None:
        """Words so far, or the final ones."""
        present = self._present
        if present.state not in (*LISTENS, State.FINALISING):
            return
        turn = present.current
        if message.final and present.state is State.FINALISING:
            self._finalising.text(message, now)
            return
        self._speculating.heard(message, now)
        if present.state is State.ENDING:
            self._set_wait()
        elif present.state is State.FINALISING:
            present.progress(now)
        if message.text != turn.shown:
            turn.shown = message.text
            present.tell(UserPartial(message.text), now)

    def text_failed(self, message: m.TextFailed, now: int) -> None:
        """The recogniser could not do it."""
        self._present.fault("asr", message.text, now)
        self._finalising.deafen(now)

    # Workers that were restarted.

    def vad_again(self, message: m.Joined, now: int) -> None:
        """It starts in silence as far as it knows: speech that goes on is reported as new."""
        present = self._present
        if present.state is State.HEARING or (present.kept and not present.kept[-1].end):
            self.speech_paused(m.SpeechPaused(end=message.sample, capture_ns=message.capture_ns), now)

    def asr_again(self, _message: m.Joined, now: int) -> None:
        """The sound is still in the mic ring: it listens again from where the speech began."""
        present = self._present
        present.ahead = None
        if present.state not in (*LISTENS, State.FINALISING):
            return
        if present.again_too_often("asr", now):
            self._finalising.deafen(now)
            return
        self._send_listen(now)
        self._send_hold()
        if present.state is State.FINALISING:
            self._finalising.again()
