"""What is told of a turn: the record for the report, and the line a person reads.

Times are in ms from the end of the user's speech as the engine heard it; before it they are negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict


class Times(TypedDict):
    """When a stage began its part of the turn, gave its first result and its last; None where it never did.

    vad: speech began (in the sound) · said so · said that it had paused. turns: pause heard of · - · decided that
    the user has finished. asr: began to listen · first words · final text. llm: asked · first piece · last piece.
    vocoder: first clause taken · first sound · last sound made. audio: - · first sample heard · last sample heard.
    """

    began: float | None
    first: float | None
    ended: float | None


class Interruption(TypedDict):
    """The voice that took the turn: when it began, on the mic's timeline, and how long after that it was known to be
    meant."""

    start_s: float
    after_ms: float


class TurnRecord(TypedDict):
    """One turn of the report."""

    session: int
    turn: int
    attempt: int
    outcome: str
    """answered (or said to its end), apologised (a phrase of the engine's own), abandoned (a stage gave nothing),
    stopped (the host wanted silence, or the session ended), interrupted (the user or the host spoke, or the engine
    ended), postponed (before it was heard the host spoke, or the user went on; the same words are in a later turn),
    resumed (turns was restarted meanwhile: only the end of the answer is known)."""
    source: str
    """Whose words are in `answer`: answer (to the visitor), phrase (the engine's own) or say (the host's)."""
    transcript: str
    language: str
    confidence: float
    answer: str
    """The words that were given to the voice."""
    heard: str
    """Those of them that were heard."""
    speech: dict[str, float]
    """start_s and end_s of the user's speech on the mic's timeline; of the host's words: when their turn came."""
    response_ms: float | None
    """From the end of the user's speech to the first sample of the answer at the loudspeaker. None: there was neither
    an answer nor a phrase, or it was not heard."""
    interruption: Interruption | None
    """By the user; None where they did not."""
    speculated: int
    """How often an answer was begun before the user had finished."""
    hit: bool
    """The last of these was right and is the answer. The others were thrown away, unheard."""
    stages: dict[str, Times]
    late: list[str]
    """Steps that missed their deadline."""
    rungs: dict[str, int]
    """Which rung of its ladder each stage was on when the answer began to be heard; 0 is the best."""


# The parts of a response: label, and the stage and mark at which the part ends. Each begins where the last ended.
_PARTS = (
    ("wait", "turns", "ended"),
    ("asr", "asr", "ended"),
    ("llm", "llm", "first"),
    ("voice", "vocoder", "first"),
    ("play", "audio", "first"),
)


def parts(record: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The response in its consecutive parts, ms each; they sum to `response_ms`."""
    now, found = 0.0, []
    for label, stage, mark in _PARTS:
        at = record["stages"].get(stage, {}).get(mark)
        if at is not None:
            at = max(at, now)  # what speculation has done by then costs nothing
            found.append((label, at - now))
            now = at
    return found


def whole(durations: list[tuple[str, float]]) -> list[tuple[str, int]]:
    """The same in whole ms, so that they sum to their rounded sum."""
    now, told, found = 0.0, 0, []
    for label, ms in durations:
        now += ms
        found.append((label, round(now) - told))
        told = round(now)
    return found


def line(record: Mapping[str, Any], words: bool = True) -> str:
    """The turn in two lines: the words, and the waterfall from the end of speech to the first sound. What the host
    said is one line.

    words: False counts them instead of showing them.
    """
    shown = "“{}”".format if words else _counted
    number, outcome = f"turn {record['turn']}", "" if record["outcome"] == "answered" else f"   {record['outcome']}"
    if record["source"] == "say":
        return f"{number}  the host: {shown(record['answer'])}{outcome}"
    answer = shown(record["answer"]) if record["answer"] else "(nothing)"
    first = f"{number}  {shown(record['transcript'])} → {answer}"
    if record["response_ms"] is None:
        return f"{first}\n        {record['outcome']}"
    waterfall = " ─ ".join(f"{label} {ms:.0f}" for label, ms in whole(parts(record)))
    late = f"   late: {', '.join(record['late'])}" if record["late"] else ""
    return f"{first}\n        end of speech ├ {waterfall} ┤ heard after {record['response_ms']:.0f} ms{outcome}{late}"


def _counted(text: str) -> str:
    count = len(text.split())
    return "1 word" if count == 1 else f"{count or 'no'} words"
