"""A lull: nobody speaks, nothing is played, and nobody is spoken with.

A worker that wakes finds its memory gone from the processor's caches, which is most of what a wake-up costs. So in a
lull, which is most of the time, sound is moved and judged in larger pieces.
"""

from __future__ import annotations

import time

from engine.metrics import STATES
from engine.telemetry import Telemetry

PIECE_MS = 20
"""So much sound is moved at a time in a lull, so a voice that ends it is known that much later at most."""
AFTER_NS = 1_000_000_000
"""It has begun when so long nothing was heard of anybody."""
_STATES = frozenset(STATES.index(state) for state in ("listening", "asleep", "muted"))
_VOICES = ("vad.voice", "vad.speaking", "audio.playing", "turns.yields")
"""Cells of which one is not 0 while there is a voice, the user's or ours."""


class Lull:
    """Follows whether there is one: to be asked all the time, since what was between is not known."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._heard_ns = time.monotonic_ns()

    def at(self, now_ns: int) -> bool:
        """Whether there is a lull now, CLOCK_MONOTONIC."""
        get = self._telemetry.get
        if get("turns.shown") not in _STATES or any(get(cell) for cell in _VOICES):
            self._heard_ns = now_ns
        return now_ns - self._heard_ns > AFTER_NS
