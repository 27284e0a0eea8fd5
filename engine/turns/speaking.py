"""The sound of an answer, or of the host's words: clauses to the voice, what was made of them, and what is heard."""

from __future__ import annotations

from engine import messages as m
from engine.events import AnswerStarted, AnswerWord
from engine.turns.attempt import Marks
from engine.turns.present import Present, Timer
from engine.turns.table import Event
from engine.turns.turn import MS
from engine.turns.words import HeardWord


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
        present, turn, attempt = self._present, self._present.current, self._present.current.attempt
        for clause in clauses:
            if not attempt.clauses and attempt.confirmed:
                present.check("llm", now)
                turn.due["vocoder"] = now + present.config.vocoder.first_audio_budget_ms * MS
            attempt.clauses.append(clause)
            self._send_clause(len(attempt.clauses) - 1)

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
        turn = self._present.current
        self._present.send(
            "clauses",
            m.Clause(
                tag=turn.tag,
                capture_ns=turn.speech.end_ns,
                deadline_ns=turn.due.get("vocoder", 0) if number == 0 else 0,
                number=number,
                text=turn.attempt.clauses[number],
                language=self._present.config.language,
            ),
        )

    def _send_last(self) -> None:
        turn = self._present.current
        last = m.LastClause(tag=turn.tag, capture_ns=turn.speech.end_ns, count=len(turn.attempt.clauses))
        self._present.send("clauses", last)

    # From the voice.

    def clause_voiced(self, message: m.ClauseVoiced, now: int) -> None:
        """The sound of a clause is in the speaker ring."""
        present, attempt = self._present, self._present.current.attempt
        if message.number != attempt.voiced or message.number >= len(attempt.clauses):
            return  # a restarted voice has said it twice
        if message.number == 0:
            present.check("vocoder", now)
        attempt.words.add(attempt.clauses[message.number], message.samples, message.words, message.starts)
        attempt.voiced += 1
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
        if message.reason != "done" and not (attempt.confirmed and attempt.words.samples):
            self._no_sound(message.text or message.reason, now)

    def _no_sound(self, why: str, now: int) -> None:
        """Nothing more will be heard of the attempt than there is."""
        attempt = self._present.current.attempt
        if attempt.confirmed:
            self._present.happens(Event.SILENT, now)
        else:
            attempt.failed = why

    def vocoder_again(self, _message: m.Joined, now: int) -> None:
        """The voice was restarted: it speaks the clauses again whose sound is not yet in the ring."""
        present, turn = self._present, self._present.turn
        if turn is None or not turn.attempt.clauses:
            return
        if present.again_too_often("vocoder", now):
            self._no_sound("the voice was restarted too often", now)
            return
        turn.due.setdefault("vocoder", 0)
        for number in range(turn.attempt.voiced, len(turn.attempt.clauses)):
            self._send_clause(number)
        if turn.attempt.ended:
            self._send_last()

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
            present.on_response(turn.attempt.began_ns - turn.speech.end_ns)
        present.tell(AnswerStarted(turn.source), turn.attempt.began_ns)
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
        if not message.samples:  # the voice found nothing in it that can be said
            self._present.happens(Event.SILENT, now)
            return
        attempt = self._present.current.attempt
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
