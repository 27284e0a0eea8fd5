"""History: one writer, many readers, samples; the oldest are overwritten. A reader that is too slow learns how much it
lost, and after use checks that it was not lapped meanwhile.

    block = writer.claim(160)
    block[:] = pcm
    writer.commit(160, capture_ns=now)

    window = reader.acquire(512)                     # the next 512, in place, in one piece
    if window is not None:
        use(window)
        whole = reader.release(512)                  # False: overwritten while in use
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ringbuf import _core
from ringbuf._core import Bell
from ringbuf.attach import Attached, arrays, attach, samples

LOST = 1
"""Flag of a block: samples were lost in front of it."""
DISCONTINUITY = 2
"""Flag of a block: the capture time jumps in front of it."""
UNKNOWN = 4
"""Answer of `flags`: the block table no longer reaches back so far."""


class HistoryWriter(Attached, _core.HistoryWriter):
    """The one writer. It never waits. A successor goes on at the published position: indices never go back."""

    def __init__(self, name: str, bells: Sequence[Bell] = ()) -> None:
        mapping = attach(name, _core.HISTORY, _core.WRITE)
        self._join(name)
        self.rate, self.capacity = mapping.rate, mapping.capacity
        _core.HistoryWriter.__init__(self, mapping, bells, arrays(mapping, samples(mapping)))

    def _summary(self) -> str:
        return f"writer, {self.position} samples"


class HistoryReader(Attached, _core.HistoryReader):
    """One of the readers; `slot` is its own number, 0 and up.

    start: "latest" begins with what comes next, "oldest" with what is still there, a number with that sample.
    """

    def __init__(
        self,
        name: str,
        slot: int,
        start: Literal["latest", "oldest"] | int = "latest",
        bells: Sequence[Bell] = (),
    ) -> None:
        mapping = attach(name, _core.HISTORY, _core.READ, slot)
        self._join(name)
        self.rate, self.capacity = mapping.rate, mapping.capacity
        _core.HistoryReader.__init__(self, mapping, bells, arrays(mapping, samples(mapping)), start)

    def _summary(self) -> str:
        return f"reader at {self.cursor} of {self.position} samples, lost {self.lost}"
