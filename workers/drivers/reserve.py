"""How many blocks lie ready at the virtual loudspeaker: more for a while where its worker is called late.

A worker that has no real-time priority waits for the processor like any other program. Before it is so late that there
is a hole, the reserve grows: answers begin that much later, and are whole.
"""

from __future__ import annotations

MOST = 6
"""So many blocks more than usual at most."""
CALM_NS = 10_000_000_000
"""So long without being late takes one of them back."""


class Reserve:
    """usual: blocks that lie ready where nobody is late. block_ns: how long one is heard."""

    def __init__(self, usual: int, block_ns: int) -> None:
        self.blocks = self._usual = usual
        self._block_ns = block_ns
        self._late_at = 0

    def called(self, late_ns: int, now_ns: int) -> None:
        """The worker was called so much after it was to hand over a block. Who was so late that half of the reserve
        was gone may be later still the next time."""
        if 2 * late_ns > self.blocks * self._block_ns:
            self.blocks = min(self.blocks + 1, self._usual + MOST)
            self._late_at = now_ns
        elif self.blocks > self._usual and now_ns - self._late_at >= CALM_NS:
            self.blocks -= 1
            self._late_at = now_ns
