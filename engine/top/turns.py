"""The turns of a frame: where the time of each went, and what is being said now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine import story, waterfall
from engine.snapshot import Snapshot
from engine.top.pieces import BOLD, DIM, WARN, Line, joined
from engine.top.talk import Talk, forgotten

_PARTS = {"wait": "bright_black", "asr": "blue", "llm": "magenta", "voice": "green", "play": "cyan"}
"""The colour of each part of a response (engine/waterfall.py)."""
TURNS = 4
"""So many are shown, where there is room."""
_FORGOTTEN = "(whoever spoke has left, and what was said is forgotten)"
_NUMBERS = 46
"""Columns that a bar leaves to what is said beside it."""


def turns(talk: Talk, width: int, words: bool, *, drawn: bool, most: int = TURNS) -> Iterator[Line]:
    """The last turns, at most `most`, the newest first: the words, a bar of what took how long, and the same in ms.
    drawn: the newest as a whole waterfall."""
    recent = list(talk.turns)[-most:]
    longest = max((record["response_ms"] or 0.0 for record in recent), default=0.0)
    for record in reversed(recent):
        said, *rest = story.line(record, words).split("\n")
        yield ((f"turn {record['turn']}  {_FORGOTTEN}" if forgotten(record) else said, BOLD),)
        if record["source"] == "say":
            continue
        drawing = waterfall.draw(record, min(width, 100)) if drawn and record is recent[-1] else ""
        if record["response_ms"] is None:
            yield from (((line, WARN if record["outcome"] != "answered" else ""),) for line in rest)
        if drawing:
            yield from (((line, _PARTS.get(line.split(" ", 1)[0], "")),) for line in drawing.splitlines())
            if notes := story.notes(record, all_of_them=False):  # what was late stands in the drawing
                yield ((f"      {'   '.join(notes)}", WARN),)
            yield ((waterfall.LEGEND, DIM),)
        elif record["response_ms"] is not None:
            yield from _bar(record, longest, width)


def _bar(record: Mapping[str, Any], longest: float, width: int) -> Iterator[Line]:
    parts, response = waterfall.whole(waterfall.parts(record)), record["response_ms"]
    room = max(10, width - _NUMBERS) * min(1.0, response / longest) if longest else 0
    blocks = _blocks([ms for _, ms in parts], room)
    yield (
        ("   ", ""),
        *(("█" * count, _PARTS.get(part, "")) for (part, _), count in zip(parts, blocks, strict=True)),
        (f" {response:.0f} ms ", BOLD),
        *((f"  {note}", WARN) for note in story.notes(record)),
    )
    yield (("   ", ""), *joined([(f"{part} {ms}", _PARTS.get(part, "")) for part, ms in parts], " ─ "))


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
        yield (("no turn yet; the engine is ", DIM), (seen.state, ""))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _counted(text: str) -> str:
    count = len(text.split())
    return "1 word" if count == 1 else f"{count} words"
