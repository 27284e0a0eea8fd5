"""What of the engine's own numbers is new since the last look, and a record of a turn as the policy sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.config import Config
from engine.governor.policy import Part, Turn
from engine.telemetry import AT, BUCKETS, Telemetry, bucket_middle
from engine.turns import deadlines
from engine.waterfall import parts

_JUDGED = ("asr", "llm", "vocoder")
"""Stages whose part of a response is held against their budget: the wait for the user and the loudspeaker are nobody's
fault."""
FEWEST = 3
"""Durations; fewer say nothing."""


class Recent:
    """A histogram's newest durations."""

    def __init__(self, telemetry: Telemetry, name: str) -> None:
        self._cells, self._at = telemetry.cells, AT[name]
        self._before = self._counts()

    def _counts(self) -> Any:
        return np.array(self._cells.array[self._at : self._at + BUCKETS], np.int64)

    def median_ms(self) -> float | None:
        """Of those since the last call; None: there were too few."""
        now = self._counts()
        new, self._before = np.cumsum(now - self._before), now
        if new[-1] < FEWEST:
            return None
        return bucket_middle(int(np.searchsorted(new, new[-1] / 2))) / 1e6


def turn_of(
    record: Mapping[str, Any],
    config: Config,
    at_s: float,
    cpu_ms: Mapping[str, float],
    starved: bool,
) -> Turn:
    """A turn's record (engine/story.py) against its budgets. cpu_ms: what each stage's process took since the last
    turn. starved: an answer's sound had not been made in time."""
    budgets = {stage: ms for stage, ms in deadlines.budgets(config).items() if stage in _JUDGED}
    took = {part.stage: part.ms for part in parts(record) if part.stage in budgets}
    late = {*record["late"], *record.get("floor", ()), *(["vocoder"] if starved else [])}
    whole = None
    if record["response_ms"] is not None:
        # How long it waits for the user to go on is no stage's fault.
        waited = max(0.0, record["stages"].get("turns", {}).get("ended") or 0.0)
        allowed = max(1, config.turns.response_budget_ms - config.turns.end_of_speech_floor_ms)
        whole = Part(max(0.0, record["response_ms"] - waited), allowed)
    return Turn(
        at_s,
        {stage: Part(ms, budgets[stage], cpu_ms.get(stage, 0.0)) for stage, ms in took.items()},
        frozenset(late),
        whole,
        record.get("rungs", {}),
    )
