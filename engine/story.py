"""What is told of a turn: the record for the report, and the line a person reads.

Times are in ms from the end of the user's speech as the engine heard it; before it they are negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from engine.waterfall import late, parts, whole

OUTCOMES = ("answered", "apologised", "abandoned", "stopped", "interrupted", "postponed", "resumed")
"""How a turn may end: see TurnRecord.outcome."""


class Times(TypedDict):
    """When a stage began its part of the turn, gave its first result and its last; None where it never did.

    vad: speech began (in the sound) · said so · said that it had paused. turns: pause heard of · - · decided that
    the user has finished. asr: began to listen · first words · final text. llm: asked · first piece · last piece.
    vocoder: first clause taken · first sound · last sound made. audio: - · first sample heard · last sample heard.
    What the floor took over stands under the stage that it was taken from. floor: asked to hold the turn · its phrase
    is heard · and is over.
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
    """Whose words are in `answer`: answer (to the visitor), floor (the same, from the floor, since the language model
    was late), phrase (the engine's own) or say (the host's)."""
    transcript: str
    language: str
    confidence: float
    answer: str
    """The words that were given to the voice."""
    heard: str
    """Those of them that were heard."""
    at_ns: int
    """The end of the user's speech, CLOCK_MONOTONIC: where the times of this record count from."""
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
    budgets: dict[str, float]
    """What each stage was allowed of the response when the turn began, ms, and as `response` the whole; what that is
    of each stage stands at `engine.turns.deadlines.budgets`."""
    late: list[str]
    """Steps that took longer than their budget, or were not waited for."""
    rungs: dict[str, int]
    """Which rung of its ladder each stage was on when the answer began to be heard; 0 is the best."""
    floor: list[str]
    """Steps that the floor took over: asr (it said that nothing was understood), llm (it answered, or apologised),
    vocoder (it spoke what was missing)."""
    held: bool
    """A phrase was heard that only held the turn. It is no answer: response_ms does not count it, heard does not hold
    it."""


def line(record: Mapping[str, Any], words: bool = True) -> str:
    """The turn in two lines: the words, and the waterfall from the end of speech to the first sound. What the host
    said is one line.

    words: False counts them instead of showing them.
    """
    shown = _quoted if words else _counted
    number = f"turn {record['turn']}"
    if record["source"] == "say":  # nobody waited for it
        outcome = "" if record["outcome"] == "answered" else f"   {record['outcome']}"
        return f"{number}  the host: {shown(record['answer'])}{outcome}"
    answer = shown(record["answer"]) if record["answer"] else "(nothing)"
    first = f"{number}  {shown(record['transcript'])} → {answer}"
    if record["response_ms"] is None:
        return f"{first}\n        {record['outcome']}"
    waterfall = " ─ ".join(f"{label} {ms:.0f}" for label, ms in whole(parts(record)))
    told = "".join(f"   {note}" for note in notes(record))
    return f"{first}\n        end of speech ├ {waterfall} ┤ heard after {record['response_ms']:.0f} ms{told}"


def notes(record: Mapping[str, Any], *, all_of_them: bool = True) -> list[str]:
    """What else became of a turn: how it ended, if not with an answer; what was late, unless only the rest is wanted;
    what the floor did."""
    found = [] if record["outcome"] == "answered" else [record["outcome"]]
    found += [f"late: {', '.join(slow)}"] if all_of_them and (slow := late(record)) else []
    found += [f"floor: {', '.join(record['floor'])}"] if record["floor"] else []
    return found + (["held"] if record["held"] else [])


def _quoted(text: str) -> str:
    return f"“{' '.join(text.split())}”"


def _counted(text: str) -> str:
    count = len(text.split())
    return "1 word" if count == 1 else f"{count or 'no'} words"
