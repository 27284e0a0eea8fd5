"""The configurations of a peer, by name. Each peer turns one into its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SILENCES_S = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
LONGEST_WAITS_S = (0.6, 1.0)
EARLY_S = 0.1
"""Silence after which the early configurations begin to answer."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """How a peer decides that the user has finished.

    default: everything as it comes, its own turn model included.
    stop: so much silence, and nothing else.
    model: the peer's own turn model; where that says that the user goes on, so much silence.
    early: as stop, and it begins to answer after 0.1 s of silence, unheard until the turn is over.
    """

    kind: Literal["default", "stop", "model", "early"]
    silence_s: float = 0.0


CONFIGURATIONS = {
    "default": Configuration("default"),
    **{f"model-{s:g}": Configuration("model", s) for s in LONGEST_WAITS_S},
    **{f"stop-{s:g}": Configuration("stop", s) for s in SILENCES_S},
    **{f"early-{s:g}": Configuration("early", s) for s in SILENCES_S if s > EARLY_S},
}
