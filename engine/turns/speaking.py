"""The sound of an answer, or of the host's words: clauses to the voice, what was made of them, and what is heard."""

from __future__ import annotations

from engine import audible
from engine import messages as m
from engine.events import AnswerStarted, AnswerWord
from engine.turns.attempt import Marks
from engine.turns.present import Present, Timer
from engine.turns.table import Event
from engine.turns.turn import FLOOR_BACK_MS, MS
from engine.turns.words import HeardWord

STUMBLES = 1
"""A voice may hesitate so often in an answer. One that does so again is not going to keep up: each further word would
be cut by a pause."""


class Speaking:
    """From the first clause to the last word that is heard."""

    def __init__(self, present: Present) -> None:
        self._present = present

    # To the voice.

    def say(self, text: str, now: int) -> None:
        """Speak `text`, all of it."""
        self._present.progress(now)
        self.speak(self._present.current.attempt.clauser.feed(text), now)
        self.close(now)

    def speak(self, clauses: list[str], now: int) -> None:
        """Speak these clauses after those that came before."""
        present, attempt = self._present, self._present.current.attempt
        for clause in clauses:
            attempt.owed_ns = attempt.owed_ns if attempt.voiced < len(attempt.clauses) else now
            attempt.clauses.append(clause)
            attempt.stages.setdefault("vocoder", Marks(began=now))
            if len(attempt.clauses) == 1 and attempt.confirmed:
                present.check("llm", now)
                present.timers.pop(Timer.ANSWER, None)
                if present.source == audible.NOTHING:
                    present.allow(attempt.tag, attempt.voice)
                self.wait_for_voice(now)
            self._send_clause(len(attempt.clauses) - 1)
        if clauses and attempt.dry == present.played:
            self._expect_sound(now)

    def wait_for_voice(self, now: int) -> None:
        """From now on the voice owes the first sound of the answer."""
        present, attempt = self._present, self._present.current.attempt
        if attempt.voice == audible.FLOOR:
            return
        present.current.due["vocoder"] = now + present.config.vocoder.first_audio_budget_ms * MS
        if not attempt.begun:
            present.wait_for("vocoder", Timer.VOICE, now)

    def close(self, now: int) -> None:
        """No more will come."""
        attempt = self._present.current.attempt
        self.speak(attempt.clauser.flush(), now)
        attempt.ended = True
        if attempt.clauses:
            self._send_last()
        elif attempt.confirmed:
            self._present.happens(Event.SILENT if attempt.asked is None else Event.NOTHING, now)

    def _send_clause(self, number: int) -> None:
        present, turn = self._present, self._present.current
        by_ns = present.timers.get(Timer.VOICE, 0) if number == 0 else turn.attempt.words.dry_ns or 0
        self._send_voice(
            m.Clause(
                tag=turn.tag,
                capture_ns=turn.speech.end_ns,
                deadline_ns=by_ns,
                number=number,
                text=turn.attempt.clauses[number],
                language=present.config.language,
            )
        )

    def _send_last(self) -> None:
        turn = self._present.current
        self._send_voice(m.LastClause(tag=turn.tag, capture_ns=turn.speech.end_ns, count=len(turn.attempt.clauses)))

    def _send_voice(self, message: m.Message) -> None:
        if self._present.current.attempt.voice == audible.FLOOR:
            self._present.send_floor(message)
        elif not self._present.current.attempt.voice_failed:  # else it would leave out what is missing before
            self._present.send("clauses", message)

    # When the voice is late.

    def dry(self, message: m.PlaybackDry, now: int) -> None:
        """The loudspeaker has no more sound of the answer, which is not over."""
        attempt = self._present.current.attempt
        attempt.dry = message.samples
        if attempt.misses_sound:
            attempt.stumbles += attempt.begun > attempt.voiced
            self._expect_sound(now)

    def _expect_sound(self, now: int) -> None:
        """The loudspeaker waits: the voice has its budget for the next sound, from when it could begin with that, and
        none when it is known not to keep up."""
        present, attempt = self._present, self._present.current.attempt
        if attempt.voice == audible.FLOOR:
            present.expect_floor(now)
            return
        if attempt.stumbles > STUMBLES:
            present.timers[Timer.VOICE] = now
            return
        since_ns = now if attempt.begun > attempt.voiced else attempt.owed_ns
        budget_ns = present.config.vocoder.first_audio_budget_ms * MS
        present.timers[Timer.VOICE] = max(now, since_ns + budget_ns)

    def voice_due(self, now: int) -> None:
        """The voice is not waited for any longer, unless its sound has come, or must not be heard just now."""
        present, attempt = self._present, self._present.current.attempt
        if attempt.begun and attempt.dry != present.played:
            return
        if attempt.held:
            present.timers[Timer.VOICE] = now + present.config.vocoder.first_audio_budget_ms * MS
        elif attempt.misses_sound:
            present.late("vocoder")
            if not self.take_over(now) and attempt.voice != audible.FLOOR and present.config.floor.enabled:
                present.timers[Timer.VOICE] = now + FLOOR_BACK_MS * MS  # it may be back then

    def take_over(self, now: int) -> bool:
        """Let the floor speak what is missing of the answer. False: it cannot."""
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        if not present.floor_ready or attempt.voice == audible.FLOOR:
            return False
        present.taken_over("vocoder")
        present.send("clauses", m.Cancel(tag=turn.tag))
        for timer in (Timer.VOICE, Timer.PLAYED):
            present.timers.pop(timer, None)
        attempt.voice, attempt.voice_failed, attempt.ended_ns = audible.FLOOR, False, 0
        if attempt.began_ns:
            attempt.cut_clause(present.played)
        attempt.begun, attempt.dry = attempt.voiced, present.played
        if present.source != audible.HOLDING:  # else it has its turn when that is over
            present.allow(turn.tag, audible.FLOOR)
            present.expect_floor(now)
        present.progress(now)
        self._send_missing()
        return True

    def _send_missing(self) -> None:
        attempt = self._present.current.attempt
        for number in range(attempt.voiced, len(attempt.clauses)):
            self._send_clause(number)
        if attempt.ended:
            self._send_last()

    # From the voice.

    def clause_began(self, message: m.ClauseBegan, now: int) -> None:
        """The first sound of a clause is in the speaker ring."""
        present, attempt = self._present, self._present.current.attempt
        if message.number == 0:
            present.check("vocoder", now)
            if "vocoder" in attempt.stages:
                attempt.stages["vocoder"].first = now
        attempt.begun = max(attempt.begun, message.number + 1)
        self._sounds()

    def _sounds(self) -> None:
        """Who speaks is not late, for now."""
        present, attempt = self._present, self._present.current.attempt
        present.timers.pop(Timer.VOICE, None)
        if attempt.voice == audible.FLOOR and present.source != audible.HOLDING:
            present.timers.pop(Timer.FLOOR, None)

    def clause_voiced(self, message: m.ClauseVoiced, now: int) -> None:
        """The sound of a clause is in the speaker ring."""
        present, attempt = self._present, self._present.current.attempt
        if message.number != attempt.voiced or message.number >= len(attempt.clauses):
            return  # a restarted voice has said it twice
        if message.number == 0:
            present.check("vocoder", now)
        attempt.words.add(attempt.clauses[message.number], message.samples, message.words, message.starts)
        attempt.voiced += 1
        attempt.begun, attempt.owed_ns = max(attempt.begun, attempt.voiced), now
        self._sounds()
        if attempt.confirmed:
            present.progress(now)
            self.tell_words(now)

    def voice_ended(self, message: m.VoiceEnded, now: int) -> None:
        """All the sound is there, or will not come."""
        present, attempt = self._present, self._present.current.attempt
        if message.reason == "failed" and attempt.confirmed:
            present.fault("vocoder", message.text, now)
        marks = attempt.stages["vocoder"] = Marks.of(message)
        if attempt.began_ns:  # a restarted voice does not know of its predecessor's first sound
            marks.first = min(marks.first or attempt.began_ns, attempt.began_ns)
        attempt.voice_failed = message.reason != "done"
        cut_off = Timer.PLAYED in present.timers and attempt.misses_sound and present.floor_ready  # its end came first
        if attempt.voice_failed and (cut_off or not (attempt.confirmed and attempt.words.samples)):
            self._no_sound(message.text or message.reason, now)

    def _no_sound(self, why: str, now: int) -> None:
        """Nothing more will come of this voice than there is."""
        attempt = self._present.current.attempt
        if not attempt.confirmed:
            attempt.failed = why
        elif not (attempt.misses_sound and self.take_over(now)):
            self._present.happens(Event.SILENT, now)

    def voice_again(self, message: m.Joined, now: int) -> None:
        """A voice was restarted: it speaks the clauses again whose sound is not yet in its ring."""
        present, turn = self._present, self._present.turn
        theirs = audible.FLOOR if message.stage == "floor" else audible.VOCODER
        if turn is None or not turn.attempt.clauses or turn.attempt.voice != theirs:
            return
        if present.again_too_often(message.stage, now):
            attempt = turn.attempt
            attempt.voice_failed = True
            plays = attempt.confirmed and attempt.words.samples > 0 and attempt.dry != present.played
            # What is in its ring is heard to its end; then the floor goes on.
            if not (plays and attempt.voice != audible.FLOOR and present.floor_ready):
                self._no_sound("the voice was restarted too often", now)
            return
        turn.due.setdefault("vocoder", 0)
        self._send_missing()

    # From the loudspeaker. It tells ahead of time what begins and ends in the sound that it was given.

    def playback_began(self, message: m.PlaybackBegan, now: int) -> None:
        """The first sample will be heard; or, after a pause, the one with which it goes on."""
        present, attempt = self._present, self._present.current.attempt
        attempt.words.began(message.at_ns, now, message.sample)
        if not attempt.began_ns:
            attempt.began_ns = message.at_ns
            attempt.stages["audio"] = Marks(first=message.at_ns)
            present.timers[Timer.AUDIBLE] = message.at_ns

    def audible(self, now: int) -> None:
        """The first sample is heard."""
        self._present.happens(Event.AUDIBLE, now)

    def mark(self, now: int) -> None:
        """Note that the answer is heard."""
        present, turn = self._present, self._present.current
        present.progress(now)
        turn.rungs = dict(present.rungs)
        if turn.is_speech:
            present.on_response(turn.attempt.began_ns - turn.silent_from_ns)
        present.tell(AnswerStarted(turn.source, turn.tells_of), turn.attempt.began_ns)
        self.tell_words(now)

    def tell_words(self, now: int) -> None:
        """Tell the words that are heard by now, and wait for the next."""
        present, words = self._present, self._present.current.attempt.words
        if Timer.AUDIBLE in present.timers:
            return
        self._tell(words.heard_by(now, present.played))
        present.timers.pop(Timer.WORD, None)
        if words.next_ns is not None:
            present.timers[Timer.WORD] = words.next_ns

    def cut(self, now: int) -> None:
        """Nothing more is heard of it."""
        self.tell_words(now)
        self._present.current.attempt.words.cut(self._present.played)

    def playback_ended(self, message: m.PlaybackEnded, now: int) -> None:
        """The last sample will be heard."""
        attempt = self._present.current.attempt
        if attempt.voice_failed and attempt.misses_sound and self.take_over(now):
            return
        if not message.samples:  # the voice found nothing in it that can be said
            self._present.happens(Event.SILENT, now)
            return
        attempt.ended_ns = self._present.timers[Timer.PLAYED] = message.at_ns
        if "audio" in attempt.stages:
            attempt.stages["audio"].ended = message.at_ns

    def played(self, now: int) -> None:
        """The last sample is heard, and with it every word."""
        attempt = self._present.current.attempt
        self._tell(attempt.words.rest(attempt.ended_ns))
        self._present.happens(Event.PLAYED, now)

    def _tell(self, words: list[HeardWord]) -> None:
        for word in words:
            self._present.tell(AnswerWord(word.text, word.number), word.at_ns)
