"""The one stream of events of a running engine: numbered, timed, and handed to whoever watches.

`turns` and `audio` tell what happens to them (`Happened` messages), the supervisor adds its own. The terminal's lines,
the report and the clients of the door are subscribers and nothing more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine import messages as m
from engine.contract import Tag
from engine.events import Event

_OWN_STATES = ("starting", "stopping")
"""States that the supervisor alone begins and ends: until all are ready, and from the end on, what `turns` tells of
its own state is not the engine's."""


class Happening:
    """An event with its envelope, as it goes to subscribers. `fields`: the whole of it, as on the wire."""

    __slots__ = ("_line", "fields", "name")

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        self.name, self.fields = name, fields
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        """The event as a line of JSON, made once for all who want it."""
        if self._line is None:
            self._line = json.dumps(self.fields, ensure_ascii=False).encode() + b"\n"
        return self._line


Subscriber: TypeAlias = Callable[[Happening], None]


@dataclass(slots=True)
class Now:
    """What a newcomer has to know: the present, as the events so far have made it."""

    state: str = "starting"
    session: int | None = None
    turn: int | None = None
    muted: bool = False
    volume: int = 0
    devices: dict[str, dict[str, Any] | None] = field(default_factory=lambda: {"microphone": None, "loudspeaker": None})
    user: dict[str, Any] | None = None
    """What the visitor says in this turn: text, and whether that is final."""
    answer: dict[str, Any] | None = None
    """What is being said: its source, the words that were heard so far, and whether it is silent for now."""


class Hub:
    """Takes events in the order in which they come. For one thread: the supervisor's event loop."""

    def __init__(self, volume: int, muted: bool = False) -> None:
        self.now = Now(volume=volume, muted=muted)
        self.sequence = 0
        """The number of the last event."""
        self.device_was_open = False
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.remove(subscriber)

    def happened(self, message: m.Happened) -> None:
        """Take an event from a worker."""
        fields = json.loads(message.event)
        name = fields.pop("event")
        if name != "state" or self.now.state not in _OWN_STATES:
            self._publish(name, fields, message.tag, message.at_ns)

    def tell(self, event: Event) -> None:
        """Take an event of the supervisor's own, which happens now."""
        self._publish(event.name, event.fields(), Tag(), time.monotonic_ns())

    def _publish(self, name: str, fields: dict[str, Any], tag: Tag, at_ns: int) -> None:
        if (known := _NO_NEWS.get(name)) and known(self.now, fields):
            return
        self._note(name, fields, tag)
        self.sequence += 1
        happening = Happening(name, envelope(name, self.sequence, tag, at_ns) | fields)
        for subscriber in tuple(self._subscribers):  # one may leave meanwhile
            subscriber(happening)

    def _note(self, name: str, fields: Mapping[str, Any], tag: Tag) -> None:
        """Bring the present up to date."""
        if tag.turn and name in _OF_A_TURN:
            self.now.turn = tag.turn
        if note := _NOTES.get(name):
            note(self.now, fields, tag)
        self.device_was_open |= name == "device" and fields["state"] == "open"


def envelope(name: str, sequence: int, tag: Tag, at_ns: int) -> dict[str, Any]:
    """What every event begins with. at_ns: when it happened, CLOCK_MONOTONIC."""
    return {
        "event": name,
        "session": tag.session or None,
        "turn": tag.turn or None,
        "attempt": tag.attempt or None,
        "seq": sequence,
        "mono_ns": at_ns,
        "time": round(time.time() - (time.monotonic_ns() - at_ns) / 1e9, 6),
    }


# How events change the present.

Fields: TypeAlias = Mapping[str, Any]


def _state(now: Now, fields: Fields, _tag: Tag) -> None:
    now.state = fields["state"]
    if now.state == "listening":
        _turn_over(now, fields, _tag)


def _session(now: Now, fields: Fields, tag: Tag) -> None:
    now.session = tag.session if fields["state"] == "began" else None
    if now.session is None:
        _turn_over(now, fields, tag)


def _turn_over(now: Now, _fields: Fields, _tag: Tag) -> None:
    now.turn = now.user = now.answer = None


def _partial(now: Now, fields: Fields, _tag: Tag) -> None:
    now.user = {"text": fields["text"], "final": False}


def _final(now: Now, fields: Fields, _tag: Tag) -> None:
    now.user = {"text": fields["text"], "final": True}


def _answer(now: Now, fields: Fields, _tag: Tag) -> None:
    now.answer = {"source": fields["source"], "text": "", "paused": False}


def _paused(now: Now, _fields: Fields, _tag: Tag) -> None:
    if now.answer is not None:
        now.answer["paused"] = True


def _resumed(now: Now, _fields: Fields, _tag: Tag) -> None:
    if now.answer is not None:
        now.answer["paused"] = False


def _word(now: Now, fields: Fields, _tag: Tag) -> None:
    if now.answer is not None:
        now.answer["text"] = f"{now.answer['text']} {fields['text']}".lstrip()


def _device(now: Now, fields: Fields, _tag: Tag) -> None:
    now.devices[fields["side"]] = {name: value for name, value in fields.items() if name != "side"}


def _mute(now: Now, fields: Fields, _tag: Tag) -> None:
    now.muted = fields["muted"]


def _volume(now: Now, fields: Fields, _tag: Tag) -> None:
    now.volume = fields["percent"]


_NO_NEWS: dict[str, Callable[[Now, Fields], bool]] = {
    "state": lambda now, fields: bool(fields["state"] == now.state),
    "mute": lambda now, fields: bool(fields["muted"] == now.muted),  # a restarted audio worker cannot know
}
"""Events that are none, where they tell what is so already."""
_OF_A_TURN = frozenset({"state", "user.partial", "user.final", "answer.started", "answer.word"})
_NOTES: dict[str, Callable[[Now, Fields, Tag], None]] = {
    "state": _state,
    "session": _session,
    "user.partial": _partial,
    "user.final": _final,
    "answer.started": _answer,
    "answer.word": _word,
    "answer.paused": _paused,
    "answer.resumed": _resumed,
    "answer.ended": _turn_over,
    "device": _device,
    "mute": _mute,
    "volume": _volume,
}
