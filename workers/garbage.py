"""When a worker looks for garbage: while nobody waits for it.

What was loaded is no garbage, and is not looked at again. Python counts the objects that may be part of a cycle and
were made since the last look, less those that are gone; as most are gone by themselves, the count hardly grows, and a
look is rare. It happens in a pause between turns, or where there never is one, when there are so many of them that
memory would grow.
"""

from __future__ import annotations

import gc

from engine.telemetry import Telemetry

FEW, MANY = 2_000, 100_000
"""Objects that are worth a look in a pause; and at any time."""
_BUSY = ("vad.speaking", "turns.open_from", "audio.playing")
"""One of these is not 0: a turn is under way."""


class Garbage:
    """The garbage of this process. mode: as `realtime.collect`."""

    def __init__(self, telemetry: Telemetry, mode: str = "always") -> None:
        self._telemetry = telemetry
        self._by_ourselves = mode == "pauses"

    def begin(self) -> None:
        """Everything is loaded: what is on the heap now stays."""
        gc.collect()
        gc.freeze()
        if self._by_ourselves:
            gc.disable()

    def rest(self) -> None:
        """There is nothing to do for now."""
        if gc.get_count()[0] > FEW and not gc.isenabled() and not self._in_turn():
            gc.collect()

    def limit(self) -> None:
        """Once a round, turn or not: memory must not grow."""
        if gc.get_count()[0] > MANY and not gc.isenabled():
            gc.collect()

    def _in_turn(self) -> bool:
        return any(self._telemetry.get(name) for name in _BUSY)
