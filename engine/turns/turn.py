"""One turn: everything known of it while it lasts, and the record that is left of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import messages as m
from engine.contract import UNKNOWN, Tag
from engine.story import Interruption, Times, TurnRecord
from engine.turns.attempt import Attempt, Marks
from engine.turns.table import Event

MS = 1_000_000
FLOOR_BACK_MS = 250
"""Where the floor is needed and is not there: how soon to look again."""
FLOOR_HANGS_MS = 500
"""So long without the next piece or the next sound that it owes, and the floor is stuck itself."""
SURE = 0.5
"""Words less certain than this are what a recogniser makes of a cough."""


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
    quiet: int = 0
    quiet_ns: int = 0
    """How long before its end the last of the voice was heard, in samples and in ns. Only what is told of the turn
    counts from there: a pause is as long as voice activity says."""

    def pause(self, message: m.SpeechPaused, now: int, rate: int) -> None:
        """It is over, as far as that is known."""
        self.end, self.end_ns, self.paused_ns = message.end, message.capture_ns, now
        self.quiet, self.quiet_ns = message.quiet, message.quiet * 1_000_000_000 // rate

    def pause_like(self, other: Speech) -> None:
        """It ends where that one does."""
        self.end, self.end_ns, self.paused_ns = other.end, other.end_ns, other.paused_ns
        self.quiet, self.quiet_ns = other.quiet, other.quiet_ns


@dataclass(frozen=True, slots=True)
class Wish:
    """Words of the host that shall have a turn of their own."""

    event: Event
    """SAY, INSIST or ASKED."""
    text: str
    restarts: int = 0
    """How often the turns worker was restarted when it had begun with them."""
    call: str = ""
    """The call that they are about: then they belong to what was said with the visitor."""


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What of an interrupted answer, or of the host's words, nobody has heard: said after all, if it was no
    interruption. source: as in Turn. question: what it answers."""

    text: str
    source: str
    question: str


@dataclass(slots=True)
class Turn:
    """Everything known of the present turn. Its present attempt is another one with every try."""

    ear: Tag
    """The tag of what is heard of it: attempt 0."""
    speech: Speech
    """For the host's words: an empty stretch, at the moment when their turn came."""
    attempt: Attempt
    source: str = "answer"
    """Whose words are spoken: answer (to the visitor), floor (the same, but the floor's), phrase (the engine's own) or
    say (the host's)."""
    wish: Wish | None = None
    """What the host wanted, where the turn is the host's."""
    voice: Speech | None = None
    """A voice that may be interrupting it."""
    interrupted_ns: int = 0
    """When it was known to be; 0 where none was."""
    unsaid: Unsaid | None = None
    """What the user interrupted with this turn."""
    takes_up: bool = False
    """It goes on with that."""
    said: m.Text | None = None
    """What the user said, as far as it is known."""
    sound: float = UNKNOWN
    """How likely the speech before the present pause sounds finished."""
    wait_ns: int = 0
    """How long the present pause has to last."""
    steady_from: int = 0
    """The sample up to which sound had been decoded when the words of `said` were first these."""
    shown: str = ""
    """The words of it that were told last."""
    deaf: bool = False
    """The recogniser has failed: no text will come."""
    listened_ns: int = 0
    """When the recogniser was told to listen: long after the speech, if it came during an answer."""
    speculated: int = 0
    """Attempts that were begun before the user had finished."""
    hit: bool = False
    """The last of them was right, and is used."""
    outcome: str = "answered"
    stages: dict[str, Marks] = field(default_factory=dict)
    """What those stages did whose work is for the turn, not for an attempt."""
    late: list[str] = field(default_factory=list)
    due: dict[str, int] = field(default_factory=dict)
    """Stage → when its result is due."""
    whole_ns: int = 0
    """By when it has to be answered; 0 while that is not known."""
    floor: list[str] = field(default_factory=list)
    """The steps that the floor took over."""
    uses_floor: bool = False
    """The floor has been given something to do."""
    floor_hangs: bool = False
    """The floor is stuck: nothing more is expected of it."""
    held: bool = False
    """A phrase was heard that only held it."""
    caller: Tag | None = None
    """The attempt whose calls were made and still count. No other one of the turn calls anything."""
    ask_again: bool = False
    """The language model was restarted meanwhile, and is asked again once that phrase is over."""
    restarts: dict[str, int] = field(default_factory=dict)
    """Stage → how often its worker was restarted while it had work of this turn."""
    rungs: dict[str, int] = field(default_factory=dict)
    """Stage → the rung of its ladder that it was on when the answer began to be heard, or, before that, the turn."""
    budgets: dict[str, float] = field(default_factory=dict)
    """Stage → what it may take of the response, in ms, as it was when the turn began."""

    @property
    def tag(self) -> Tag:
        """The tag of the present attempt."""
        return self.attempt.tag

    @property
    def is_speech(self) -> bool:
        """The user has said what it is about."""
        return self.wish is None

    @property
    def tells_of(self) -> str:
        """The call that the host's words are about, by its name, which has dots in it; empty where they are not."""
        return self.wish.call if self.wish is not None and "." in self.wish.call else ""

    @property
    def question(self) -> str:
        """What its answer answers."""
        if self.takes_up and self.unsaid is not None:
            return self.unsaid.question
        return self.said.text if self.said is not None else ""

    @property
    def response_ms(self) -> float | None:
        """From the end of the user's speech, or the host's question, to the first sample of the answer."""
        return self.ms(self.attempt.began_ns) if self.attempt.began_ns and self.source != "say" else None

    @property
    def silent_from_ns(self) -> int:
        """When the last of the user's voice was heard: where everything that is told of the turn counts from."""
        return self.speech.end_ns - self.speech.quiet_ns

    def ms(self, ns: int) -> float:
        """A time in ms from the end of speech."""
        return round((ns - self.silent_from_ns) / MS, 1)

    def _times(self, marks: Marks) -> Times:
        began, first, ended = (None if ns is None else self.ms(ns) for ns in (marks.began, marks.first, marks.ended))
        return Times(began=began, first=first, ended=ended)

    def _interruption(self, rate: int) -> Interruption | None:
        if self.voice is None or not self.interrupted_ns:
            return None
        after_ms = round((self.interrupted_ns - self.voice.start_ns) / MS, 1)
        return Interruption(start_s=self.voice.start / rate, after_ms=after_ms)

    def record(self, rate: int) -> TurnRecord:
        """What the report holds of it. rate: samples a second of the timeline."""
        end = self.speech.end and self.speech.end - self.speech.quiet
        return TurnRecord(
            session=self.tag.session,
            turn=self.tag.turn,
            attempt=self.tag.attempt,
            outcome=self.outcome,
            source=self.source,
            transcript=self.said.text if self.said else "",
            language=self.said.language if self.said else "",
            confidence=round(self.said.confidence, 3) if self.said else 0.0,
            answer=self.attempt.text,
            heard=self.attempt.words.heard,
            at_ns=self.silent_from_ns,
            speech={"start_s": self.speech.start / rate, "end_s": (end or self.speech.start) / rate},
            response_ms=self.response_ms,
            interruption=self._interruption(rate),
            speculated=self.speculated,
            hit=self.hit,
            stages={stage: self._times(marks) for stage, marks in {**self.stages, **self.attempt.stages}.items()},
            budgets=self.budgets,
            late=self.late,
            rungs=self.rungs,
            floor=self.floor,
            held=self.held,
        )
