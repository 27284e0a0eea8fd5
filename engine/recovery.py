"""What becomes of a worker that died of a fault: it is started again, left out for a while, or the engine ends.

One of these for each worker. No process and no clock in here: who asks says what time it is, in seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

WORST_BACKOFF_S = 5.0
LOADS = 3
"""So often in a row it may fail to load before that is taken for what will not pass by itself."""
FIRST_REST_S, LONGEST_REST_S = 60.0, 900.0
"""How long it is left out, and how long at most: doubled each time that it has not come back for good."""
SETTLED_S = 60.0
"""Who has been at work for so long has come back for good."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """again: start it after `after_s`. rest: leave it out, and start it after `after_s`. end: the engine cannot go on.
    why: what is said of that beside what it died of; nothing where it is just started again. first: it was not left out
    before, or had come back for good since."""

    what: Literal["again", "rest", "end"]
    after_s: float = 0.0
    why: str = ""
    first: bool = False


class Recovery:
    """The faults of one worker. vital: the engine cannot do without it. resting: it is left out, or was and has not
    come back yet."""

    def __init__(self, vital: bool) -> None:
        self.vital, self.resting = vital, False
        self._deaths: deque[float] = deque()
        self._failed_loads = self._rests = 0
        self._ready_s: float | None = None
        """Since when it is at work."""

    def ready(self, now_s: float) -> None:
        """It is loaded and at work."""
        self._failed_loads, self._ready_s, self.resting = 0, now_s, False

    @property
    def is_at_work(self) -> bool:
        """It is known to be loaded."""
        return self._ready_s is not None

    def settled(self, now_s: float) -> bool:
        """It has been at work for so long that what was before is forgotten."""
        return self._ready_s is not None and now_s - self._ready_s >= SETTLED_S

    def died(self, now_s: float, allowed: int, backoff_s: float) -> Verdict:
        """It died of a fault. allowed: so many deaths in a minute are. backoff_s: before it is started again the second
        time within that; the first time it is at once, since somebody may be speaking."""
        if self.settled(now_s):
            self._rests = 0
        self._failed_loads += self._ready_s is None
        self._ready_s = None
        self._deaths.append(now_s)
        while self._deaths[0] < now_s - 60:
            self._deaths.popleft()
        deaths = len(self._deaths)
        if deaths > allowed:
            return self._without(f"deaths in the last minute: {deaths}, allowed: {allowed}")
        # Loading may take so long that no minute has so many deaths.
        if self._failed_loads > (allowed if self.vital else LOADS - 1):
            return self._without(f"it could not be loaded {self._failed_loads} times in a row")
        if self._rests:
            return self._without("it had only just come back")
        return Verdict("again", min(backoff_s * 2 ** (deaths - 2), WORST_BACKOFF_S) if deaths > 1 else 0.0)

    def _without(self, why: str) -> Verdict:
        if self.vital:
            return Verdict("end", why=why)
        rest_s = min(FIRST_REST_S * 2 ** min(self._rests, 10), LONGEST_REST_S)  # a float has an end
        self._rests, self.resting = self._rests + 1, True
        return Verdict("rest", rest_s, why, first=self._rests == 1)
