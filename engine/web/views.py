"""What the page is shown of what happens: a table with each event that it is shown, and what of it.

What visitors say is in it only where `http.transcript` allows that; otherwise its words are counted. An event that is
not in the table is not shown, so that none can tell by accident what it must not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from engine import waterfall
from engine.hub import Now

Fields: TypeAlias = Mapping[str, Any]
View: TypeAlias = Callable[[Fields, bool], dict[str, Any]]


def said(text: str, words: bool) -> dict[str, Any]:
    """Something that was said: its words, or how many they are."""
    counted = {"words": len(text.split())}
    return counted | {"text": text} if words else counted


def _only(*names: str) -> View:
    return lambda fields, _words: {name: fields[name] for name in names}


def turn(record: Fields, words: bool) -> dict[str, Any]:
    """A turn that is over, from its record."""
    own = ("session", "turn", "outcome", "source", "response_ms", "late", "floor", "held", "hit", "rungs")
    return {
        **{name: record[name] for name in own},
        "budget_ms": record.get("budgets", {}).get(waterfall.WHOLE),
        "spans": [asdict(span) for span in waterfall.spans(record)],
        "user": said(record["transcript"], words),
        "answer": said(record["answer"], words),
        "heard": said(record["heard"], words),
    }


VIEWS: dict[str, View] = {
    "state": _only("state"),
    "session": _only("state", "reason"),
    "user.partial": lambda fields, words: said(fields["text"], words),
    "user.final": lambda fields, words: {"confidence": fields["confidence"], **said(fields["text"], words)},
    "answer.started": _only("source"),
    "answer.holding": lambda fields, words: said(fields["text"], words),
    "answer.word": lambda fields, words: {"number": fields["number"], **said(fields["text"], words)},
    "answer.paused": _only(),
    "answer.resumed": _only(),
    "answer.ended": lambda fields, words: {"of": turn(fields["record"], words) if fields["record"] else None},
    "device": _only("side", "state", "text"),
    "mute": _only("muted"),
    "volume": _only("percent"),
    "rung": _only("stage", "from", "to", "name", "reason"),
    "stage": _only("stage", "state"),
    "error": _only("where", "what", "remedy"),
    "tool": lambda fields, words: {"tool": fields["tool"], **({"arguments": fields["arguments"]} if words else {})},
    "tool.ended": _only("tool", "outcome"),
}
NOTES = frozenset({"device", "rung", "stage", "error", "tool", "tool.ended"})
"""Those of them that the page lists."""


def view(name: str, fields: Fields, words: bool) -> dict[str, Any]:
    """What the page is shown of an event in VIEWS. fields: the whole of it."""
    own = {"event": name, "time": fields["time"], "session": fields["session"], "turn": fields["turn"]}
    return own | VIEWS[name](fields, words)


def present(now: Now, words: bool) -> dict[str, Any]:
    """What a newcomer is shown of the present."""
    user, answer = now.user, now.answer
    told = ("state", "text")
    devices = {side: device and {name: device[name] for name in told} for side, device in now.devices.items()}
    return {
        "state": now.state,
        "session": now.session,
        "turn": now.turn,
        "muted": now.muted,
        "volume": now.volume,
        "devices": devices,
        "user": user and {"final": user["final"], **said(user["text"], words)},
        "answer": answer and {"source": answer["source"], "paused": answer["paused"], **said(answer["text"], words)},
    }
