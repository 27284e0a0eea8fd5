"""Latest: one writer, many readers, one value that the next one replaces. Readers take no slot and write nothing.

writer.put(b"…")                                 # small values, by copy
value = reader.read()

frame = writer.claim(640 * 480)                  # large ones in place
writer.commit(640 * 480, capture_ns=now)
frame = reader.acquire()
if frame is not None:
    use(frame)
    valid = reader.check()                       # False: replaced while in use
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ringbuf import _core
from ringbuf._core import Bell
from ringbuf.attach import Attached, arrays, attach


class LatestWriter(Attached, _core.LatestWriter):
    """The one writer. It never waits."""

    def __init__(self, name: str, bells: Sequence[Bell] = (), dtype: DTypeLike = np.uint8) -> None:
        mapping = attach(name, _core.LATEST, _core.WRITE)
        self._join(name)
        _core.LatestWriter.__init__(self, mapping, bells, arrays(mapping, dtype))

    def _summary(self) -> str:
        return f"writer, {self.sequence} values"


class LatestReader(Attached, _core.LatestReader):
    """A reader. `record` is the tag (kind, turn, capture_ns, …) of what was last read."""

    def __init__(self, name: str, dtype: DTypeLike = np.uint8) -> None:
        mapping = attach(name, _core.LATEST, _core.READ)
        self._join(name)
        _core.LatestReader.__init__(self, mapping, arrays(mapping, dtype))

    def _summary(self) -> str:
        return f"reader of {self.sequence} values{', fresh' if self.fresh else ''}"
