"""The turns of a frame: where the time of each went, and what is being said now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine import story
from engine.snapshot import Snapshot
from engine.top.pieces import BOLD, DIM, WARN, Line, joined
from engine.top.talk import Talk

_PARTS = {"wait": "bright_black", "asr": "blue", "llm": "magenta", "voice": "green", "play": "cyan"}
"""The colour of each part of a response (engine/story.py)."""
_TURNS = 4


def turns(talk: Talk, width: int, words: bool) -> Iterator[Line]:
    """The last turns, the newest first: the words, a bar of what took how long, and the same in ms."""
    recent = list(talk.turns)[-_TURNS:]
    longest = max((record["response_ms"] or 0.0 for record in recent), default=0.0)
    for record in reversed(recent):
        yield from _turn(record, longest, width, words)


def _turn(record: Mapping[str, Any], longest: float, width: int, words: bool) -> Iterator[Line]:
    said, *rest = story.line(record, words).split("\n")
    yield ((said, BOLD),)
    parts = story.whole(story.parts(record))
    if record["response_ms"] is None or not parts:
        if rest:
            yield ((rest[0], WARN if record["outcome"] != "answered" else ""),)
        return
    room = max(10, width - 46)
    blocks = _blocks([ms for _, ms in parts], room * min(1.0, record["response_ms"] / longest) if longest else 0)
    late = [*record["late"], *(f"floor: {step}" for step in record["floor"]), *(["held"] if record["held"] else [])]
    yield (
        ("   ", ""),
        *((f"{'█' * count}", _PARTS.get(part, "")) for (part, _), count in zip(parts, blocks, strict=True)),
        (f" {record['response_ms']:.0f} ms ", BOLD),
        *((f"  late: {', '.join(late)}", WARN) for _ in range(bool(late))),
    )
    yield (("   ", ""), *joined([(f"{label} {ms}", _PARTS.get(label, "")) for label, ms in parts], " ─ "))


def _blocks(durations: Sequence[float], room: float) -> list[int]:
    """How many blocks each of them gets, so that all take as much of `room` as their sum says."""
    whole, now, told, found = sum(durations) or 1.0, 0.0, 0, []
    for ms in durations:
        now += ms
        upto = round(room * now / whole)
        found.append(upto - told)
        told = upto
    return found


def now(seen: Snapshot, talk: Talk, words: bool) -> Iterator[Line]:
    """What is being said, as far as it is known."""
    shown = _plain if words else _counted
    if talk.user:
        yield (("visitor  ", DIM), (shown(talk.user), "italic"))
    if talk.answer:
        yield (("engine   ", DIM), (shown(talk.answer), ""))
    if not (talk.user or talk.answer or talk.turns):
        yield (("no turn since this was opened; the engine is ", DIM), (seen.state, DIM))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _counted(text: str) -> str:
    count = len(text.split())
    return "1 word" if count == 1 else f"{count} words"
