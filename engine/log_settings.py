"""The settings of what is written down of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engine.rules import Between


@dataclass(frozen=True, slots=True)
class Log:
    """What outlives a session, where its owner wants that."""

    turns: str
    turns_mb: Annotated[int, Between(1, 100_000)]
    keep: Annotated[int, Between(0, 1000)]
    audio: bool
    audio_mb: Annotated[int, Between(1, 100_000)]
