"""What a conversation under load comes to: which utterances were answered, and how; when the rungs moved."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .ride import Ride

BEFORE_S = 0.5
"""A turn belongs to the utterance in whose time its speech began, or by so much before."""
WORDS_OF_ITS_OWN = ("answer", "floor")
"""Sources of a turn's words that are an answer: the language model's, or the floor's in its place."""
PHASES = ("before", "under", "after")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an utterance. at_s: when it ended, on the track. response_ms: by turns.py; None: nothing was heard
    before the next one. degraded: what was heard was a phrase that only holds the turn, or says that there is no
    answer. held: such a phrase came before the answer. floor: the steps that the floor took over. rungs: of each stage,
    0 is the best. known: the one who answered tells of itself at all."""

    at_s: float
    response_ms: float | None
    cut_in: bool = False
    degraded: bool = False
    held: bool = False
    floor: tuple[str, ...] = ()
    rungs: dict[str, int] = field(default_factory=dict)
    known: bool = False


def answers(ride: Ride) -> list[Answer]:
    """One for each utterance, in their order."""
    starts = [label["start"] - BEFORE_S for label in ride.utterances] + [float("inf")]
    found = []
    for label, row, (begin, end) in zip(ride.utterances, ride.rows, itertools.pairwise(starts), strict=True):
        turns = [turn for turn in ride.turns if begin <= turn["speech"]["start_s"] < end]
        heard = [turn for turn in turns if turn["response_ms"] is not None]
        answered = [turn for turn in heard if turn["source"] in WORDS_OF_ITS_OWN and turn["heard"]]
        newest: Mapping[str, Any] = (answered or heard or turns or [{}])[-1]
        found.append(
            Answer(
                label["end"],
                row["response_ms"],
                row["cut_in"],
                bool(ride.turns) and row["response_ms"] is not None and not answered,
                any(turn.get("held", False) for turn in turns),
                tuple(dict.fromkeys(step for turn in turns for step in turn.get("floor", ()))),
                dict(newest.get("rungs", {})),
                bool(turns),
            )
        )
    return found


def phase(ride: Ride, at_s: float) -> str:
    """Which of PHASES a second of the track is in; all of it is "under" where the load was there all the time."""
    if ride.load is None:
        return "under"
    return PHASES[(at_s >= ride.load[0]) + (at_s >= ride.load[1])]


def under(ride: Ride, found: Sequence[Answer]) -> list[Answer]:
    """Those to utterances that ended under load."""
    return [each for each in found if phase(ride, each.at_s) == "under"]


def responses(found: Iterable[Answer]) -> list[float]:
    return [each.response_ms for each in found if each.response_ms is not None]


def turns_until_down(ride: Ride) -> int | None:
    """How many utterances had ended under load when the first stage went down. None: none did."""
    if ride.load is None:
        return None
    begin, end = ride.load
    levels: dict[str, int] = {}
    for move in ride.moves:
        down = move.rung > levels.get(move.stage, 0)
        levels[move.stage] = move.rung
        if down and begin <= move.at_s < end:
            return _ended(ride, begin, move.at_s)
    return None


def turns_until_top(ride: Ride) -> int | None:
    """How many utterances had ended since the load's end when every stage was at its best again. None: they never
    were."""
    if ride.load is None:
        return None
    end, levels = ride.load[1], dict[str, int]()
    for move in ride.moves:
        if move.at_s >= end and not any(levels.values()):
            break
        levels[move.stage] = move.rung
        if move.at_s >= end and not any(levels.values()):
            return _ended(ride, end, move.at_s)
    return None if any(levels.values()) else 0


def _ended(ride: Ride, begin_s: float, end_s: float) -> int:
    return sum(begin_s <= label["end"] < end_s for label in ride.utterances)
