"""The user speaks while the engine does, or is about to: do they want to interrupt?

In three steps. At the first sign of a voice the answer falls silent where it stands: the audio worker sees to that by
itself (workers/sound/mixer.py), and turns keeps it so until it is known what it was. Clear voice, or words, are an
interruption: what was heard stays, the rest is dropped, and the user has the turn. A cough, a knock or an "mm-hm" is
none: the answer goes on from where it stood.
"""

from __future__ import annotations

from engine import messages as m
from engine.contract import Tag
from engine.events import AnswerPaused, AnswerResumed
from engine.turns.attention import Attention
from engine.turns.calling import Calling
from engine.turns.closing import Closing
from engine.turns.present import Present, Timer
from engine.turns.speaking import Speaking
from engine.turns.table import Event, State
from engine.turns.turn import MS, SURE, Speech, Unsaid
from engine.wording import is_command, is_murmur

YIELDS = (State.FINALISING, State.THINKING, State.SPEAKING, State.ANNOUNCING)
STRICT = 2
"""So much more evidence is needed then."""
LONGEST_PAUSE_S = 2
"""Who speaks again later, unanswered, says something else: only that is answered."""
HELD_MS, FIRM_MS = 2000, 2000
"""What has neither become an interruption nor ended in so long is a noise that comes and goes: the answer goes on, and
nothing silences it for a while."""


class Interrupting:
    """From the first sign of a voice to the decision."""

    def __init__(
        self, present: Present, attention: Attention, speaking: Speaking, closing: Closing, calling: Calling
    ) -> None:
        self._present, self._attention, self._speaking, self._closing = present, attention, speaking, closing
        self._calling = calling

    @property
    def yields(self) -> Tag | None:
        """The attempt that a voice silences. A voice that was there before does not: somebody who would not stop
        speaking is answered, and the host may speak instead of them."""
        present, turn = self._present, self._present.turn
        if turn is None or present.state not in YIELDS or not self._attention.open or Timer.FIRM in present.timers:
            return None
        spoken_over = present.kept and not present.kept[-1].end and present.kept[-1].start <= turn.speech.end
        return None if spoken_over or present.config.turns.barge_in == "off" else turn.tag

    # What is heard.

    def voice_heard(self, message: m.VoiceHeard, now: int) -> None:
        """There may be a voice."""
        present = self._present
        if self.yields is None or Timer.PLAYED in present.timers:  # it has been heard out, or as good as
            return
        turn = present.current
        voice = turn.voice = turn.voice or Speech(message.start, message.capture_ns, now)
        voice.end = voice.end_ns = voice.paused_ns = 0
        present.timers[Timer.QUIET] = now + m.VOICE_LOST_MS * MS
        present.happens(Event.INTERRUPTED if self._is_clear(message) else Event.VOICE, now)

    def _is_clear(self, voice: m.VoiceHeard) -> bool:
        settings, rate = self._present.config.turns, self._present.rate
        least = STRICT if settings.barge_in == "strict" else 1
        clear_ms, all_ms = voice.clear * 1000 / rate, (voice.upto - voice.start) * 1000 / rate
        enough = clear_ms >= least * settings.barge_in_ms or all_ms >= least * settings.barge_in_unclear_ms
        return enough and bool(voice.speech)

    def text(self, message: m.Text, now: int) -> None:
        """Words of it."""
        present, turn = self._present, self._present.turn
        if turn is None or turn.voice is None:
            return
        unsure = message.confidence < SURE and not is_command(message.text, present.phrases.commands)
        if not unsure and not is_murmur(message.text, present.phrases.murmurs):
            present.happens(Event.INTERRUPTED, now)

    def voice_gone(self, message: m.VoiceGone, now: int) -> None:
        """It has stopped. Whether it goes on is waited for a little."""
        present, turn = self._present, self._present.turn
        if turn is None:
            present.stop_listening_ahead()
        elif (voice := turn.voice) is not None:
            voice.end, voice.end_ns, voice.paused_ns = message.end, message.capture_ns, now
            present.timers[Timer.QUIET] = max(now, message.capture_ns + present.config.turns.resume_ms * MS)

    def quiet(self, now: int) -> None:
        """It does not."""
        present = self._present
        over = present.current.attempt.held and not present.config.turns.resume
        present.happens(Event.INTERRUPTED if over else Event.QUIET, now)

    def held_long(self, now: int) -> None:
        """Whether it does has been open for too long."""
        present = self._present
        if present.config.turns.resume:
            present.timers.pop(Timer.QUIET, None)
            present.timers[Timer.FIRM] = now + FIRM_MS * MS
        self.quiet(now)

    # What follows.

    def hold(self, now: int) -> None:
        """Stay silent, and let the recogniser hear whether there are words in it."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        assert turn.voice is not None
        present.listen_ahead(turn.voice, now)
        if present.config.turns.barge_in == "on" and self._is_heard and not attempt.held:
            attempt.held = True
            present.timers[Timer.HELD] = now + HELD_MS * MS
            present.progress(now)
            present.tell(AnswerPaused(), now)

    def go_on(self, now: int) -> None:
        """It was nothing, and is not answered either: the answer goes on from where it stood. A voice of which nothing
        more is told is no such thing."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        voice, turn.voice = turn.voice, None
        assert voice is not None
        if voice.end:
            present.kept[:] = [each for each in present.kept if each.start < voice.start]
        present.stop_listening_ahead()
        if attempt.held:
            attempt.held = False
            present.timers.pop(Timer.HELD, None)
            present.progress(now)
            present.on_count("turns.resumes", 1)
            present.tell(AnswerResumed(), now)

    def yield_turn(self, now: int) -> None:
        """The user has the turn. Before anything was heard, their speech goes on where it seemed to have ended, and
        words of the host come later."""
        present, turn = self._present, self._present.current
        present.on_count("turns.interruptions", 1)
        self._calling.cancel(turn, "interrupted", now)
        turn.interrupted_ns = now
        if turn.voice is not None:
            self._keep(turn.voice)
        if turn.wish is not None and turn.source != "phrase" and not self._is_heard:
            self._closing.postpone(now)
        elif self._goes_on and turn.caller is None:  # else what was done would be done twice
            self._closing.reopen(now)
        else:
            self._speaking.cut(now)
            present.unsaid = self._unsaid if present.config.turns.resume else None
            self._closing.cut(now)

    @property
    def _unsaid(self) -> Unsaid | None:
        """The rest of what is being said, where all of it is known."""
        turn, attempt = self._present.current, self._present.current.attempt
        rest = attempt.text.split()[len(attempt.words.heard.split()) :]
        return Unsaid(" ".join(rest), turn.source, turn.question) if rest and attempt.ended else None

    def _keep(self, voice: Speech) -> None:
        """What the user said since then is one speech, hesitations and all."""
        kept = self._present.kept
        said = [each for each in kept if each.start >= voice.start]
        kept[:] = [each for each in kept if each.start < voice.start]
        if said:
            first, last = said[0], said[-1]
            first.pause_like(last)
            kept.append(first)
        elif not voice.end:  # it was taken for nothing, and went on
            kept.append(voice)

    @property
    def _goes_on(self) -> bool:
        """The user had not finished, and has heard nothing that they could interrupt."""
        present, turn = self._present, self._present.current
        pause = present.kept[-1].start - turn.speech.end if present.kept else 0
        return turn.is_speech and not self._is_heard and 0 < pause <= LONGEST_PAUSE_S * present.rate

    @property
    def _is_heard(self) -> bool:
        """The first sample of the answer has been heard."""
        present, turn = self._present, self._present.current
        return turn.outcome == "resumed" or (turn.attempt.began_ns > 0 and Timer.AUDIBLE not in present.timers)
