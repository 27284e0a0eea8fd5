"""The settings of faults that are injected on purpose: `[faults.STAGE]` (workers/backends/faulty.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engine.rules import Between, OneOf

FAULTY_STAGES = ("vad", "asr", "ending", "llm", "vocoder")
FAULTS = ("none", "slow", "hang", "crash", "leak", "rubbish")


@dataclass(frozen=True, slots=True)
class Fault:
    """What one stage's backend shall suffer, and when. What is not written is as it says here."""

    kind: Annotated[str, OneOf(*FAULTS)] = "none"
    from_job: Annotated[int, Between(1, 1_000_000)] = 1
    every: Annotated[int, Between(1, 1_000_000)] = 1
    for_jobs: Annotated[int, Between(0, 1_000_000)] = 0
    """0: without end."""
    from_s: Annotated[float, Between(0, 100_000)] = 0.0
    for_s: Annotated[float, Between(0, 100_000)] = 0.0
    """0: without end."""
    factor: Annotated[float, Between(1, 1000)] = 10.0
    ms: Annotated[int, Between(0, 600_000)] = 0
    mb: Annotated[int, Between(1, 100_000)] = 10
    hold_lock: bool = False
    busy_threads: Annotated[int, Between(0, 64)] = 0
    block_ms: Annotated[int, Between(0, 10_000)] = 0
    block_every_ms: Annotated[int, Between(10, 100_000)] = 500
