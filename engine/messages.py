"""What the stages say to each other: one dataclass for each message, one codec for all.

A message travels as one record of a stream ring. Whose it is and by when it is needed (`tag`, `capture_ns`,
`deadline_ns`) stand in the record's header, where a reader can drop what is stale without decoding it; the other
fields are packed behind it, in the order of the class: int as i64, float as f64, str as length and UTF-8, tuples as
count and items.

Samples are indices into the mic ring: the timeline of the conversation. Times are CLOCK_MONOTONIC in ns.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, TypeVar

from engine.audible import VOCODER
from engine.contract import UNKNOWN, Tag

NOBODY = Tag()
_INT = struct.Struct("<q")
_FLOAT = struct.Struct("<d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What every message carries.

    capture_ns: when the sound behind it was captured. deadline_ns: when it stops being of use; 0 is never.
    """

    kind: ClassVar[int] = 0
    tag: Tag = NOBODY
    capture_ns: int = 0
    deadline_ns: int = 0


M = TypeVar("M", bound=type[Message])
KINDS: dict[int, type[Message]] = {}


def _kind(number: int) -> Callable[[M], M]:
    """Give a message class its number on the wire. Numbers are never used again for something else."""

    def register(cls: M) -> M:
        if number in KINDS:
            raise ValueError(f"kind {number} is {KINDS[number].__name__}")
        cls.kind = number
        KINDS[number] = cls
        return cls

    return register


# Any worker, on the ring it writes to turns.


@_kind(1)
@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Message):
    """A worker is ready, at the start or after a restart: what it was doing before is lost."""

    stage: str
    sample: int = 0
    """Where on the timeline it starts to hear (vad)."""


@_kind(2)
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOver(Message):
    """The session of the tag is over, its visitor gone: forget what is known of them. To every stage with a backend."""


@_kind(6)
@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed(Message):
    """A worker's backend has the settings of this version (the cell engine.settings), or has refused them and goes on
    with those it had: `text` says why. From any worker, on the ring it writes to turns, which passes it on to the
    engine."""

    stage: str
    version: int
    text: str = ""


# turns, audio → engine


@_kind(3)
@dataclass(frozen=True, slots=True, kw_only=True)
class Happened(Message):
    """Something a host may want to know: `event` is its JSON (engine/events.py), `at_ns` when it happened."""

    at_ns: int
    event: str


@_kind(4)
@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Message):
    """The answer to the command `number`. ok: 1 or 0. text: why not."""

    number: int
    ok: int
    text: str = ""


# vad → turns


@_kind(10)
@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechBegan(Message):
    """Someone speaks, since `start`. After a pause: speaks again."""

    start: int


@_kind(11)
@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPaused(Message):
    """Nobody speaks since `end`; capture_ns is the time of that sample. quiet: how many samples before it the last of
    the voice was heard: voice activity is judged by whole hops, and is not sure at once that it is over."""

    end: int
    quiet: int = 0


@_kind(12)
@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceHeard(Message):
    """There may be a voice since `start`, and has been up to `upto`; `clear` samples of it are a voice beyond doubt: no
    hum, and no cough. speech: 1 when SpeechBegan was told of it. Told with every hop while an answer is heard that a
    voice may interrupt (`turns.yields`)."""

    start: int
    upto: int
    clear: int
    speech: int


VOICE_LOST_MS = 1000
"""A voice is told of every few ms. When it has not been for so long, voice activity is in trouble, not in doubt, and
what it heard last counts no longer."""


@_kind(13)
@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceGone(Message):
    """Nothing is left of it since `end`. It may come back with VoiceHeard, and speech may end later."""

    end: int


# turns → ending


@_kind(15)
@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeEnding(Message):
    """The user has spoken since `start` and pauses at `end`: does it sound as if they had finished?"""

    start: int
    end: int


# ending → turns


@_kind(16)
@dataclass(frozen=True, slots=True, kw_only=True)
class EndingJudged(Message):
    """The speech that pauses at `end` sounds finished with the probability `complete` (as in engine.contract.Heard)."""

    end: int
    complete: float


# turns → asr


@_kind(20)
@dataclass(frozen=True, slots=True, kw_only=True)
class Listen(Message):
    """Recognise the microphone from `start` on, until told to finish."""

    start: int
    language: str


@_kind(21)
@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Message):
    """The utterance ends at `stop`: give the final text of [start, stop). history, context: as in Ask, where its words
    are reconsidered (`asr.reconsider`), since they may lean on them."""

    stop: int
    history: tuple[str, ...] = ()
    context: tuple[str, ...] = ()


@_kind(22)
@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Message):
    """The result of this tag is not wanted any more."""


@_kind(23)
@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Message):
    """The user pauses: take in no sound from `limit` on, until told otherwise. 0: take in everything again. history,
    context: as in Finish."""

    limit: int
    end: int = 0
    """Where the voice paused; silence lies between there and `limit`. 0: it goes on."""
    history: tuple[str, ...] = ()
    context: tuple[str, ...] = ()


# asr → turns


@_kind(30)
@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Message):
    """What was recognised so far, whole. `final` is 1 once, at the end; then the times of the work stand in it."""

    text: str
    language: str
    confidence: float
    final: int = 0
    upto: int = 0
    """The sample up to which sound has been decoded."""
    complete: float = UNKNOWN
    """How likely the words end here (engine.contract.Heard)."""
    settled: int = 0
    """Of a pause's words: 0 where others may still come of them, since they mean nothing to who answers
    (`asr.reconsider`)."""
    began_ns: int = 0
    first_ns: int = 0
    ended_ns: int = 0


@_kind(31)
@dataclass(frozen=True, slots=True, kw_only=True)
class TextFailed(Message):
    """There will be no text; `text` says why."""

    text: str


# turns → llm, turns → floor


@_kind(40)
@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Message):
    """Answer `text`. `history` holds user and answer of past turns in turn, oldest first; `context` what the host gave
    to know. final: 1 if this is what was said; 0 if it only stands in for that, because the recogniser was late or may
    not have heard all yet: it is good enough to be answered, and never to do anything upon (to call a tool).
    calls: 1 if a host program is there to do what is called."""

    text: str
    language: str
    history: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    final: int = 1
    calls: int = 0


@_kind(41)
@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Message):
    """Of the answer with this tag no more was heard than `heard`: the model is not to remember more either."""

    heard: str


# llm → turns, floor → turns. stage: which of them


@_kind(50)
@dataclass(frozen=True, slots=True, kw_only=True)
class Piece(Message):
    """The next piece of the answer; pieces joined give its text."""

    text: str
    stage: str = "llm"


@_kind(51)
@dataclass(frozen=True, slots=True, kw_only=True)
class PiecesEnded(Message):
    """No more pieces. `reason`: done, cancelled or failed (then `text` says why)."""

    reason: str
    text: str = ""
    began_ns: int = 0
    first_ns: int = 0
    ended_ns: int = 0
    stage: str = "llm"


@_kind(52)
@dataclass(frozen=True, slots=True, kw_only=True)
class CallTool(Message):
    """The answer asks the host to do something (engine.contract.Called). arguments: a table, as JSON."""

    tool: str
    arguments: str


# turns → vocoder, turns → floor


@_kind(60)
@dataclass(frozen=True, slots=True, kw_only=True)
class Clause(Message):
    """Speak `text`, the clause number `number` of this answer (from 0)."""

    number: int
    text: str
    language: str


@_kind(61)
@dataclass(frozen=True, slots=True, kw_only=True)
class LastClause(Message):
    """The answer has `count` clauses: after the last one its sound is at its end."""

    count: int


# turns → floor


@_kind(65)
@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTurn(Message):
    """Hold the turn: play the phrase for that, ahead of the answer that is still to come."""


# vocoder → turns, floor → turns. stage: which of them


@_kind(70)
@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseVoiced(Message):
    """The sound of clause `number`, `samples` long, is in the speaker ring. Each of `words` begins so many samples into
    it as `starts` says; both are empty where the voice does not know."""

    number: int
    samples: int
    words: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    stage: str = "vocoder"


@_kind(71)
@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceEnded(Message):
    """All clauses are in the speaker ring, or will not come. `reason` as in PiecesEnded."""

    reason: str
    text: str = ""
    began_ns: int = 0
    first_ns: int = 0
    ended_ns: int = 0
    stage: str = "vocoder"


@_kind(72)
@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseBegan(Message):
    """The first sound of clause `number` is in the speaker ring."""

    number: int
    stage: str = "vocoder"


# vocoder → audio, floor → audio, in the ring of each: sound, and its end. These have no payload but samples.

SOUND = 80
SOUND_END = 81

# audio → turns. source: whose sound it is (engine/audible.py)


@_kind(90)
@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackBegan(Message):
    """Sample number `sample` of this answer is heard at `at_ns`: the first one, or where it goes on after a pause, or
    with another voice."""

    at_ns: int
    sample: int = 0
    source: int = VOCODER


@_kind(91)
@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackEnded(Message):
    """The last sample of this answer is heard at `at_ns`; `samples` were played in all."""

    at_ns: int
    samples: int
    source: int = VOCODER


@_kind(94)
@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackDry(Message):
    """After `samples` of this answer, at `at_ns`, there is none to be heard, and its end has not come either."""

    at_ns: int
    samples: int
    source: int = VOCODER


@_kind(92)
@dataclass(frozen=True, slots=True, kw_only=True)
class InputEnded(Message):
    """The device (a file) has no sound from `sample` on; silence follows."""

    sample: int


@_kind(93)
@dataclass(frozen=True, slots=True, kw_only=True)
class MicrophoneMuted(Message):
    """The microphone was closed (1) or opened again (0)."""

    on: int


# turns → engine: the story of the conversation (Happened), and its end.


@_kind(101)
@dataclass(frozen=True, slots=True, kw_only=True)
class Over(Message):
    """The input has ended and everything said has been answered."""


# engine → turns, engine → audio: commands of the host. Each is answered by a Done with its number.


@_kind(110)
@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Message):
    """Speak `text`. mode: queue (after what is going on) or interrupt (now). interruptible: 0 or 1."""

    number: int
    text: str
    mode: str
    interruptible: int


@_kind(111)
@dataclass(frozen=True, slots=True, kw_only=True)
class AskText(Message):
    """Answer `text` as if the visitor had said it."""

    number: int
    text: str


@_kind(112)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListenNow(Message):
    """Fall silent and listen."""

    number: int


@_kind(113)
@dataclass(frozen=True, slots=True, kw_only=True)
class StopSpeaking(Message):
    """Fall silent, and forget what was to be said."""

    number: int


@_kind(114)
@dataclass(frozen=True, slots=True, kw_only=True)
class AddContext(Message):
    """Something the language model shall know in this session; empty: forget what was given."""

    number: int
    text: str


@_kind(116)
@dataclass(frozen=True, slots=True, kw_only=True)
class FallAsleep(Message):
    """Listen to nobody until told to; what was said so far is answered."""

    number: int


@_kind(115)
@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession(Message):
    """The visitor has left."""

    number: int


@_kind(117)
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgress(Message):
    """The host is at work on `call`; text: what the visitor is told of that, if anything."""

    number: int
    call: str
    text: str


@_kind(118)
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult(Message):
    """The host has done `call`; text: what the visitor is told, else a short confirmation; nothing where speak is 0."""

    number: int
    call: str
    text: str
    speak: int


@_kind(119)
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFailed(Message):
    """The host could not do `call`; text: what the visitor is told, else that it did not work."""

    number: int
    call: str
    text: str


@_kind(120)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetMute(Message):
    """Close the microphone and scrub what it heard (1), or open it again (0)."""

    number: int
    on: int


@_kind(121)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetVolume(Message):
    """How loud the loudspeaker shall be, 0 to 100."""

    number: int
    percent: int


class _Header(Protocol):
    """The part of a ring's record that a message needs."""

    kind: int
    session: int
    turn: int
    attempt: int
    capture_ns: int
    deadline_ns: int

    @property
    def data(self) -> Any: ...


def _put_str(text: str) -> bytes:
    raw = text.encode(errors="replace")  # half a surrogate pair, from a library or a server, is no character
    return _INT.pack(len(raw)) + raw


def _put_strs(texts: tuple[str, ...]) -> bytes:
    return _INT.pack(len(texts)) + b"".join(_put_str(text) for text in texts)


def _put_ints(numbers: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(numbers) + 1}q", len(numbers), *numbers)


def _get_int(raw: bytes, at: int) -> tuple[int, int]:
    return _INT.unpack_from(raw, at)[0], at + 8


def _get_float(raw: bytes, at: int) -> tuple[float, int]:
    return _FLOAT.unpack_from(raw, at)[0], at + 8


def _get_str(raw: bytes, at: int) -> tuple[str, int]:
    size, at = _get_int(raw, at)
    if not 0 <= size <= len(raw) - at:
        raise ValueError(f"a text of {size} bytes where {len(raw) - at} are left")
    return raw[at : at + size].decode(), at + size


def _get_strs(raw: bytes, at: int) -> tuple[tuple[str, ...], int]:
    count, at = _get_int(raw, at)
    texts = []
    for _ in range(count):
        text, at = _get_str(raw, at)
        texts.append(text)
    return tuple(texts), at


def _get_ints(raw: bytes, at: int) -> tuple[tuple[int, ...], int]:
    count, at = _get_int(raw, at)
    if not 0 <= count <= (len(raw) - at) // 8:
        raise ValueError(f"{count} numbers where {len(raw) - at} bytes are left")
    return struct.unpack_from(f"<{count}q", raw, at), at + 8 * count


# Annotations are strings in this module (`from __future__ import annotations`).
_PUT: dict[str, Callable[[Any], bytes]] = {
    "int": _INT.pack,
    "float": _FLOAT.pack,
    "str": _put_str,
    "tuple[str, ...]": _put_strs,
    "tuple[int, ...]": _put_ints,
}
_GET: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "int": _get_int,
    "float": _get_float,
    "str": _get_str,
    "tuple[str, ...]": _get_strs,
    "tuple[int, ...]": _get_ints,
}
_IN_HEADER = {"tag", "capture_ns", "deadline_ns"}
_BODY = {cls: [(f.name, str(f.type)) for f in fields(cls) if f.name not in _IN_HEADER] for cls in KINDS.values()}


def encode(message: Message) -> bytes:
    """The body of a message as it stands in a record."""
    return b"".join(_PUT[kind](getattr(message, name)) for name, kind in _BODY[type(message)])


def decode(record: _Header) -> Message:
    """The message in a record.

    Raises ValueError if the record holds none: the ring is sound, but what wrote it was not this engine.
    """
    try:
        cls = KINDS[record.kind]
        raw, at = bytes(record.data), 0
        values: dict[str, Any] = {}
        for name, kind in _BODY[cls]:
            values[name], at = _GET[kind](raw, at)
    except (KeyError, struct.error, ValueError) as error:
        raise ValueError(f"record of kind {record.kind} holds no message: {error}") from error
    tag = Tag(record.session, record.turn, record.attempt)
    return cls(tag=tag, capture_ns=record.capture_ns, deadline_ns=record.deadline_ns, **values)
