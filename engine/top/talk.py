"""The conversation as it goes, from the door's events: what is being said, and the turns that were."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.last_turns import WORDS

MOST_TURNS, MOST_NOTES = 20, 6

EVENTS = ("state", "user", "answer", "rung", "stage", "error", "device", "tool", "session")
"""What is to be subscribed to."""


class Talk:
    """Takes events one by one. Bounded, whatever comes."""

    def __init__(self, hello: Mapping[str, Any] | None = None) -> None:
        self.turns: deque[dict[str, Any]] = deque(maxlen=MOST_TURNS)
        """Records (engine/story.py), the newest last."""
        self.notes: deque[str] = deque(maxlen=MOST_NOTES)
        """What happened beside the conversation, one line each, the newest last. No words of anybody's are in there."""
        self.devices: dict[str, str] = {}
        """side → what its last event said."""
        self.user, self.answer = "", ""
        """What is being said now, as far as it is known; empty: nothing."""
        if hello is not None:
            self._begin(hello)

    def _begin(self, hello: Mapping[str, Any]) -> None:
        for side, device in hello["devices"].items():
            if device is not None:
                self.devices[side] = device["text"]
        self.user = (hello["user"] or {}).get("text", "")
        self.answer = (hello["answer"] or {}).get("text", "")

    def recall(self, records: Iterable[dict[str, Any]]) -> None:
        """Turns of before, as the engine remembers them. What an event tells of one of them later is known."""
        self.turns.extend(records)

    def take(self, event: Mapping[str, Any]) -> None:
        """One event, as it is on the wire."""
        if do := _TAKERS.get(event["event"]):
            do(self, event)


def _state(talk: Talk, event: Mapping[str, Any]) -> None:
    if event["state"] in ("listening", "asleep", "muted"):
        talk.user = talk.answer = ""


def _said(talk: Talk, event: Mapping[str, Any]) -> None:
    talk.user = event["text"]


def _started(talk: Talk, _event: Mapping[str, Any]) -> None:
    talk.answer = ""


def _word(talk: Talk, event: Mapping[str, Any]) -> None:
    talk.answer = f"{talk.answer} {event['text']}".lstrip()


def _ended(talk: Talk, event: Mapping[str, Any]) -> None:
    talk.user = talk.answer = ""
    record = event["record"]
    if record and _number(record) not in map(_number, talk.turns):
        talk.turns.append(record)


def _number(record: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(record[name] for name in ("session", "turn", "attempt"))


def forgotten(record: Mapping[str, Any]) -> bool:
    """Something was heard in it, and no word of that is left."""
    return record["response_ms"] is not None and not any(record[name] for name in WORDS)


def _session(talk: Talk, event: Mapping[str, Any]) -> None:
    """What was said goes with whoever said it."""
    if event["state"] == "ended":
        talk.user = talk.answer = ""
        for record in talk.turns:
            if record["session"] == event["session"]:
                record.update(dict.fromkeys(WORDS, ""))


def _device(talk: Talk, event: Mapping[str, Any]) -> None:
    talk.devices[event["side"]] = event["text"]


def _rung(talk: Talk, event: Mapping[str, Any]) -> None:
    way = "down" if event["to"] > event["from"] else "up"
    talk.notes.append(f"{event['stage']}: {way} to rung {event['name']}: {event['reason']}")


def _stage(talk: Talk, event: Mapping[str, Any]) -> None:
    talk.notes.append(f"{event['stage']}: {event['state']}")


def _error(talk: Talk, event: Mapping[str, Any]) -> None:
    remedy = f"; {event['remedy']}" if event["remedy"] else ""
    talk.notes.append(f"{event['where']}: {event['what']}{remedy}")


def _tool_ended(talk: Talk, event: Mapping[str, Any]) -> None:
    talk.notes.append(f"tool {event['tool']}: {event['outcome']}")


_TAKERS: dict[str, Callable[[Talk, Mapping[str, Any]], None]] = {
    "state": _state,
    "user.partial": _said,
    "user.final": _said,
    "answer.started": _started,
    "answer.word": _word,
    "answer.ended": _ended,
    "session": _session,
    "device": _device,
    "rung": _rung,
    "stage": _stage,
    "error": _error,
    "tool.ended": _tool_ended,
}
