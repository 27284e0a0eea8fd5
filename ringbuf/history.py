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
from typing import Any, Literal

from numpy.typing import NDArray

from ringbuf import _core
from ringbuf._core import Bell
from ringbuf.attach import Attached, attach

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
        _core.HistoryWriter.__init__(self, mapping, bells)
        self._adopt(mapping, mapping.dtype)
        self._item, self.rate, self.capacity = mapping.item, mapping.rate, mapping.capacity

    def claim(self, n: int) -> NDArray[Any]:
        """The place of the next n samples, in one piece; at most half the ring. Readers are told before it returns
        that what lay there is going."""
        return self._views.at(self.claim_at(n) * self._item, n * self._item)

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
        _core.HistoryReader.__init__(self, mapping, bells, start)
        self._adopt(mapping, mapping.dtype)
        self._item, self.rate, self.capacity = mapping.item, mapping.rate, mapping.capacity

    def acquire(self, n: int) -> NDArray[Any] | None:
        """The next n samples from the cursor, in place and read-only; None when there are not so many yet. n is at
        most half the ring. When the writer lapped the cursor, `lost` grows and it goes on at the oldest sample."""
        return self._view(self.acquire_at(n), n)

    def view(self, start: int, stop: int) -> NDArray[Any] | None:
        """Samples start to stop, in place and read-only; None when they are not all there. The cursor stays."""
        return self._view(self.view_at(start, stop), stop - start)

    def _view(self, place: int, n: int) -> NDArray[Any] | None:
        return None if place < 0 else self._views.at(place * self._item, n * self._item)

    def _summary(self) -> str:
        return f"reader at {self.cursor} of {self.position} samples, lost {self.lost}"
