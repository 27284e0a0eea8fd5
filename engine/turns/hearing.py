"""What the user says: stretches of speech from the VAD, their words from the recogniser."""

from __future__ import annotations

from dataclasses import replace

from engine import messages as m
from engine.contract import UNKNOWN
from engine.events import UserCutOff, UserFinal, UserPartial
from engine.turns.attempt import Marks
from engine.turns.attention import Attention
from engine.turns.deadlines import deadline_ns
from engine.turns.endpointing import Cues
from engine.turns.present import Present, Timer
from engine.turns.sessions import Sessions
from engine.turns.speculating import Speculating
from engine.turns.table import Event, State
from engine.turns.turn import MS, SURE, Speech
from engine.wording import is_command, is_murmur

TAIL_MS = 100
"""Silence after the end of speech that the recogniser still gets, so that it is sure of the last word. It makes words
of more."""
HOP_MS, LAG_MS = 32, 14
"""The most sound that a VAD judges at a time, and how long after it was heard it can have been judged: the echo
canceller is 10 ms late."""
AGAIN_MS = 8
"""When the VAD is behind: how soon to look again. Its messages wake us; its silence does not."""
MOST_KEPT = 32
"""Stretches of speech kept for later. More have no sound any more: the microphone's ring has gone over it."""
SHORT_MS, LONG_MS = 700, 1500
"""An interruption so short, of uncertain words, may have been a cough; one so long was none, whatever came of it."""
LISTENS = (State.HEARING, State.ENDING)
ENDED_JUST_NOW = (State.ENDING, State.FINALISING, State.THINKING)
"""Who speaks then goes on after a pause, and may have been taken to have finished too soon."""


def known_silence_ms(wait_ms: int) -> int:
    """How much of a wait must be known to be silence for it to be over: what a VAD that keeps up can have judged."""
    return max(0, wait_ms - LAG_MS) // HOP_MS * HOP_MS


class Hearing:
    """From the first sign of a voice to the final text."""

    def __init__(self, present: Present, sessions: Sessions, attention: Attention, speculating: Speculating) -> None:
        self._present, self._sessions, self._attention, self._speculating = present, sessions, attention, speculating
        self._unheard = False
        """Somebody speaks whom nobody listens to."""
        self._latest_ns = 0
        """Until then the final text is waited for, if something of the speech is missing in the partial one."""

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
            speech.end, speech.end_ns, speech.paused_ns = message.end, message.capture_ns, now
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
        turn.listened_ns = now
        start = present.before(turn.speech.start)
        ahead, present.ahead = present.ahead, None
        if ahead is None or ahead[0] != turn.ear or not 0 <= start - ahead[1] <= present.rate // 2:
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
        limit = self._tail if turn.speech.end else 0
        end, end_ns = turn.speech.end, turn.speech.end_ns
        self._present.send("listen", m.Hold(tag=turn.ear, capture_ns=end_ns, limit=limit, end=end))

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

    # The final text, from the recogniser.

    def finish(self, now: int) -> None:
        """The user has finished: ask for the final text."""
        present, turn = self._present, self._present.current
        present.timers.clear()
        if not turn.speech.end:  # cut off in mid-speech: the rest is the next turn's
            turn.speech.end, turn.speech.end_ns, turn.speech.paused_ns = present.judged, now, now
            if self._attention.open:
                present.kept.append(Speech(present.judged, now, now))
        turn.stages["turns"] = Marks(turn.speech.paused_ns, None, now)
        turn.stages["vad"] = Marks(turn.speech.start_ns, turn.speech.said_ns, turn.speech.paused_ns)
        turn.due["asr"] = now + present.config.asr.final_budget_ms * MS
        # A recogniser that was told to listen late can have heard all only so much later; and a button that is held
        # says itself when the user has finished.
        heard_ns = turn.speech.end_ns + turn.listened_ns - turn.speech.said_ns
        present.set_deadline(max(heard_ns, now if self._attention.held else 0))
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
        stop = min(self._tail, self._present.judged)
        self._present.send(
            "listen", m.Finish(tag=turn.ear, capture_ns=turn.speech.end_ns, deadline_ns=turn.due["asr"], stop=stop)
        )

    def text(self, message: m.Text, now: int) -> None:
        """Words so far, or the final ones."""
        present = self._present
        if present.state not in (*LISTENS, State.FINALISING):
            return
        turn = present.current
        if message.final and present.state is State.FINALISING:
            present.check("asr", now)
            self._take(message, now)
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
        self._deafen(now)

    def _deafen(self, now: int) -> None:
        """No text will come for this turn."""
        self._present.current.deaf = True
        if self._present.state is State.FINALISING:
            self._present.happens(Event.FAILED, now)

    def _take(self, text: m.Text, now: int) -> None:
        """This is what the user said."""
        present, turn = self._present, self._present.current
        turn.said = text
        present.timers.pop(Timer.FINAL, None)
        turn.stages["asr"] = Marks.of(text)
        if not text.final:  # it stands in for the final text from now on
            turn.stages["asr"].ended = now
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

    def final_due(self, now: int) -> None:
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
        if now < self._latest_ns and not whole and not absent:
            present.timers[Timer.FINAL] = self._latest_ns
        elif said is not None and (whole or not helped):
            self._stand_in(said, now)
        elif helped and now < last_ns and not absent:
            present.timers[Timer.FINAL] = last_ns
        elif helped or absent:
            present.fault("asr", "gave no text in time", now)
            self._stand_in(nothing, now)

    def _stand_in(self, text: m.Text, now: int) -> None:
        """This text takes the place of the final one, which nobody waits for any longer."""
        self._present.send("listen", m.Cancel(tag=self._present.current.ear))
        self._take(text, now)

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
            self._deafen(now)
            return
        self._send_listen(now)
        self._send_hold()
        if present.state is State.FINALISING:
            present.current.due.setdefault("asr", 0)
            self._send_finish()

    # Small help.

    @property
    def _tail(self) -> int:
        """The sample after the last one that the recogniser gets of this utterance."""
        return self._present.current.speech.end + TAIL_MS * self._present.rate // 1000
