"""Cells: 64-bit unsigned words that everyone may read and change: counters, heartbeats, positions, small states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ringbuf import _core
from ringbuf.attach import Attached, arrays, attach


class Cells(Attached, _core.Cells):
    """All cells of a segment. What was written before a `store` is seen by whoever loads the new value.

    writable=False maps them read-only. To wake a process that waits for a cell, ring its bell after the change.
    """

    def __init__(self, name: str, writable: bool = True) -> None:
        mapping = attach(name, _core.CELLS, _core.SHARE if writable else _core.OBSERVE)
        self._join(name)
        _core.Cells.__init__(self, mapping, writable)
        self._array: NDArray[np.uint64] = arrays(mapping, np.uint64)[1][: self.count]
        self._array.flags.writeable = False

    @property
    def array(self) -> NDArray[np.uint64]:
        """All cells, read-only, for reading in bulk; each one for itself is whole, with no order among them."""
        return self._array

    def close(self) -> None:
        """Let go of the cells."""
        self.__dict__.pop("_array", None)
        super().close()

    def _summary(self) -> str:
        return f"{self.count} words"
