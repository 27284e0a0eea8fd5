"""How much sound lies ready at a loudspeaker: more for a while where it was not enough, or nearly was not.

A worker that has no real-time priority waits for the processor like any other program. Where more lies ready, answers
begin that much later, and are whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Reserve:
    """usual: what lies ready where all is well. step: so much more each time that it is short, up to `most` in all.
    calm: so long without that takes one step back. Amounts and times are in whatever the caller counts."""

    usual: int
    step: int
    most: int
    calm: int
    now: int = field(init=False)
    """What lies ready."""
    _calm_at: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.now = self.usual

    def short(self, at: int) -> None:
        """It was not enough, or hardly."""
        self.now = min(self.now + self.step, self.most)
        self._calm_at = at + self.calm

    def well(self, at: int) -> None:
        """It was enough."""
        if self.now > self.usual and at >= self._calm_at:
            self.now -= self.step
            self._calm_at = at + self.calm
