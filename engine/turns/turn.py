"""One turn: everything known of it while it lasts, and the record that is left of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import messages as m
from engine.clauses import Clauser
from engine.contract import Tag
from engine.story import Times, TurnRecord
from engine.turns.table import Event
from engine.turns.words import Words

MS = 1_000_000


@dataclass(slots=True)
class Speech:
    """A stretch of the mic's timeline in which the user speaks. Samples, and the times of their capture."""

    start: int
    start_ns: int
    said_ns: int
    """When the VAD said so."""
    end: int = 0
    """0 while it lasts."""
    end_ns: int = 0
    paused_ns: int = 0
    """When the VAD said that it had paused."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Words of the host that shall have a turn of their own."""

    event: Event
    """SAY, INSIST or ASKED."""
    text: str


@dataclass(slots=True)
class Turn:
    """Everything known of the present turn."""

    tag: Tag
    speech: Speech
    """For the host's words: an empty stretch, at the moment when their turn came."""
    words: Words
    source: str = "answer"
    """Whose words are spoken: answer (to the visitor), phrase (the engine's own) or say (the host's)."""
    wish: Wish | None = None
    """What the host wanted, where the turn is the host's."""
    said: m.Text | None = None
    """What the user said, as far as it is known."""
    shown: str = ""
    """The words of it that were told last."""
    deaf: bool = False
    """The recogniser has failed: no text will come."""
    clauser: Clauser = field(default_factory=Clauser)
    clauses: list[str] = field(default_factory=list)
    answer_ended: bool = False
    listened_ns: int = 0
    """When the recogniser was told to listen: long after the speech, if it came during an answer."""
    asked_ns: int = 0
    answering: bool = False
    """The first piece of the answer is there."""
    voiced: int = 0
    """Clauses whose sound is in the speaker ring."""
    began_ns: int = 0
    """When the first sample of the answer is heard; 0 while that is not known."""
    ended_ns: int = 0
    """When the last one is."""
    played: int = 0
    """Samples of it that were played when it was last looked at."""
    outcome: str = "answered"
    stages: dict[str, Times] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    due: dict[str, int] = field(default_factory=dict)
    """Stage → when its result is due."""
    restarts: dict[str, int] = field(default_factory=dict)
    """Stage → how often its worker was restarted while it had work of this turn."""

    def next_attempt(self) -> Tag:
        """The tag that makes everything under way for this turn stale."""
        return Tag(self.tag.session, self.tag.turn, self.tag.attempt + 1)

    @property
    def is_speech(self) -> bool:
        """The user has said what it is about."""
        return self.wish is None

    @property
    def is_voiced(self) -> bool:
        """The whole answer's sound is in the speaker ring."""
        return self.answer_ended and self.voiced == len(self.clauses)

    @property
    def text(self) -> str:
        """The words that were given to the voice."""
        return " ".join(" ".join(self.clauses).split())

    @property
    def response_ms(self) -> float | None:
        """From the end of the user's speech, or the host's question, to the first sample of the answer."""
        return self.ms(self.began_ns) if self.began_ns and self.source != "say" else None

    def ms(self, ns: int) -> float:
        """A time in ms from the end of speech."""
        return round((ns - self.speech.end_ns) / MS, 1)

    def times(self, began: int | None, first: int | None, ended: int | None) -> Times:
        """A stage's times, from CLOCK_MONOTONIC."""
        began_ms, first_ms, ended_ms = (None if ns is None else self.ms(ns) for ns in (began, first, ended))
        return Times(began=began_ms, first=first_ms, ended=ended_ms)

    def work(self, message: m.Text | m.AnswerEnded | m.VoiceEnded) -> Times:
        """A stage's times as it told them itself."""
        return self.times(*((ns or None) for ns in (message.began_ns, message.first_ns, message.ended_ns)))

    def record(self, rate: int) -> TurnRecord:
        """What the report holds of it. rate: samples a second of the timeline."""
        return TurnRecord(
            session=self.tag.session,
            turn=self.tag.turn,
            attempt=self.tag.attempt,
            outcome=self.outcome,
            source=self.source,
            transcript=self.said.text if self.said else "",
            language=self.said.language if self.said else "",
            confidence=round(self.said.confidence, 3) if self.said else 0.0,
            answer=self.text,
            heard=self.words.heard,
            speech={"start_s": self.speech.start / rate, "end_s": (self.speech.end or self.speech.start) / rate},
            response_ms=self.response_ms,
            stages=self.stages,
            late=self.late,
        )
