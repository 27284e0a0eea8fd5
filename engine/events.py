"""What the engine tells of itself: one dataclass for each event of the host's stream (docs/door.md).

An event is made where the thing happens, travels to the supervisor as JSON in one `Happened` message, and goes from
there to whoever watches: the terminal, the report, host programs at the door. Session, turn, attempt and time are the
message's own; the other fields are the event's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeVar


@dataclass(frozen=True, slots=True)
class Event:
    """What all have: a name on the wire."""

    name: ClassVar[str] = ""

    def fields(self) -> dict[str, Any]:
        """As on the wire: `from_` is `from` there, which is no name in Python."""
        return {name.rstrip("_"): value for name, value in asdict(self).items()}


E = TypeVar("E", bound=type[Event])
EVENTS: dict[str, type[Event]] = {}


def _event(name: str) -> Any:
    def register(cls: E) -> E:
        cls.name = name
        EVENTS[name] = cls
        return cls

    return register


@_event("state")
@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """state: starting, listening, asleep (nobody is listened to until the host says so), muted, hearing, thinking,
    speaking, announcing (the host's words) or stopping."""

    state: str


@_event("session")
@dataclass(frozen=True, slots=True)
class SessionChanged(Event):
    """A visitor came or left. state: began or ended. reason of an end: command, silence or stopping."""

    state: str
    reason: str = ""


@_event("user.partial")
@dataclass(frozen=True, slots=True)
class UserPartial(Event):
    """What was recognised so far, whole; it may still change."""

    text: str


@_event("user.final")
@dataclass(frozen=True, slots=True)
class UserFinal(Event):
    """What the visitor said, as it is answered. confidence: 0 to 1. source: speech, or command (`ask`)."""

    text: str
    language: str
    confidence: float
    source: str = "speech"


@_event("user.cut_off")
@dataclass(frozen=True, slots=True)
class UserCutOff(Event):
    """Somebody has spoken for `seconds`, as long as `turns.max_utterance_s` allows: what they said so far is answered,
    and what they go on to say after that."""

    seconds: float


@_event("answer.started")
@dataclass(frozen=True, slots=True)
class AnswerStarted(Event):
    """The first sound is heard. source: answer (to the visitor), floor (the same, from the floor, since the language
    model was late), phrase (the engine's own: not heard, failed) or say (the host's). call: the one that it tells of,
    empty if of none."""

    source: str
    call: str = ""


@_event("answer.holding")
@dataclass(frozen=True, slots=True)
class AnswerHolding(Event):
    """The answer is late, and `text` is heard, which only holds the turn until it comes."""

    text: str


@_event("answer.word")
@dataclass(frozen=True, slots=True)
class AnswerWord(Event):
    """A word begins to be heard. number: from 0, within the turn."""

    text: str
    number: int


@_event("answer.paused")
@dataclass(frozen=True, slots=True)
class AnswerPaused(Event):
    """Somebody may be speaking: it is silent until that is known. answer.resumed or answer.ended follows."""


@_event("answer.resumed")
@dataclass(frozen=True, slots=True)
class AnswerResumed(Event):
    """It was nothing: the answer goes on from where it stood."""


@_event("answer.dropped")
@dataclass(frozen=True, slots=True)
class AnswerDropped(Event):
    """What the host wanted and was waiting for its turn is forgotten. source: the command, say or ask; text: how what
    was to be said or answered begins."""

    source: str
    text: str


@_event("answer.ended")
@dataclass(frozen=True, slots=True)
class AnswerEnded(Event):
    """A turn is over. text: what was to be said; heard: as much of it as was played, in whole words; outcome and
    record: see engine/story.py; call: as in `AnswerStarted`."""

    text: str
    heard: str
    outcome: str
    source: str
    record: dict[str, Any] = field(default_factory=dict)
    call: str = ""


@_event("tool")
@dataclass(frozen=True, slots=True)
class Tool(Event):
    """The host is asked to do something, once. call: what the host names it by. timeout_s: how long it may take until
    it tells something."""

    call: str
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = 0.0


@_event("tool.cancel")
@dataclass(frozen=True, slots=True)
class ToolCancel(Event):
    """The host shall leave it: nobody waits for it any more. reason: as `CANCELLED` in engine/turns/calls.py."""

    call: str
    reason: str


@_event("tool.ended")
@dataclass(frozen=True, slots=True)
class ToolEnded(Event):
    """A call is over. outcome: done, failed, cancelled, expired (the host took too long) or lost (it has left)."""

    call: str
    tool: str
    outcome: str
    text: str = ""


@_event("dialogue.ask")
@dataclass(frozen=True, slots=True)
class DialogueAsk(Event):
    """A program of the host's shall answer; only that one is told. final: it is what the visitor said; else it is a
    guess at that, or stands in for it. history: user and answer of each exchange before, as it was heard. due_ms: in
    how many ms the answer should begin; null while that is not known."""

    ask: str
    text: str
    language: str
    final: bool
    history: list[tuple[str, str]]
    context: list[str]
    due_ms: int | None


@_event("dialogue.cancel")
@dataclass(frozen=True, slots=True)
class DialogueCancel(Event):
    """Its answer is not wanted any more: a guess was wrong, the visitor interrupted it, or it came too late."""

    ask: str


@_event("device")
@dataclass(frozen=True, slots=True)
class DeviceChanged(Event):
    """A sound device. side: microphone or loudspeaker. state: waiting (it is not there), open, lost, or closed (muted).
    device: the one in use, or waited for, as `engine devices` names it. wanted: the one that the configuration names,
    empty for the system's default. text: the same for people, one line."""

    side: str
    state: str
    device: str
    wanted: str
    rate_hz: int = 0
    channels: int = 0
    text: str = ""


@_event("mute")
@dataclass(frozen=True, slots=True)
class Mute(Event):
    """The microphone was closed, and what it heard scrubbed; or it was opened again."""

    muted: bool


@_event("volume")
@dataclass(frozen=True, slots=True)
class Volume(Event):
    """How loud the loudspeaker is now, 0 to 100."""

    percent: int


@_event("rung")
@dataclass(frozen=True, slots=True)
class RungChanged(Event):
    """A stage goes to another rung of its ladder, 0 is the best: its quality gives way, or comes back. name: of the
    rung `to`. reason: for people, one line."""

    stage: str
    from_: int
    to: int
    name_: str
    reason: str


@_event("stage")
@dataclass(frozen=True, slots=True)
class StageChanged(Event):
    """A stage does not come back, and the engine does without it (`gone`); or it is at work again (`back`)."""

    stage: str
    state: str


@_event("error")
@dataclass(frozen=True, slots=True)
class Error(Event):
    """Something failed and the engine goes on. where: a stage, a device, the door. remedy: what mends it, if known."""

    where: str
    what: str
    remedy: str = ""


def dump(event: Event) -> str:
    """The event as JSON, with its name as `event`. No line breaks in it."""
    return json.dumps({"event": event.name, **event.fields()}, ensure_ascii=False)
