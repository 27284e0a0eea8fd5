"""Stream: one writer, one reader, records of any length. When it is full the writer sees that it is full.

writer.put(b"hello", kind=1, turn=7)             # copied in, one call

frame = writer.claim(320)                        # or written in place
if frame is not None:
    frame[:] = pcm
    writer.commit(320, capture_ns=now)

for record in reader:                            # what is there now; each is released after its turn
    play(record.data)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ringbuf import _core
from ringbuf._core import Bell, Record
from ringbuf.attach import Attached, attach


class StreamWriter(Attached, _core.StreamWriter):
    """The one writer. Items are of `dtype`; `bells` are rung when something was committed.

    Raises NoRing, WrongKind, RoleTaken, RingCorrupt.
    """

    def __init__(self, name: str, bells: Sequence[Bell] = (), dtype: DTypeLike = np.uint8) -> None:
        mapping = attach(name, _core.STREAM, _core.WRITE)
        self._item = np.dtype(dtype).itemsize
        _core.StreamWriter.__init__(self, mapping, bells, self._item)
        self._adopt(mapping, dtype)

    def claim(self, items: int) -> NDArray[Any] | None:
        """Space for so many items, to be written and committed; None when the ring is full. A claim replaces the
        one before it. After the commit the view must not be written any more."""
        offset = self.claim_at(items)
        return None if offset < 0 else self._views.at(offset, items * self._item)

    def _summary(self) -> str:
        return f"writer, found it full {self.full_count} times"


class StreamReader(Attached, _core.StreamReader):
    """The one reader. Its `bells` are the writer's, rung when space was given back.

    start: "resume" goes on with the first record that was not released, "latest" skips all that is there.
    """

    def __init__(
        self,
        name: str,
        bells: Sequence[Bell] = (),
        dtype: DTypeLike = np.uint8,
        start: Literal["resume", "latest"] = "resume",
    ) -> None:
        if start not in ("resume", "latest"):
            raise ValueError(f'start is "resume" or "latest", not {start!r}')
        mapping = attach(name, _core.STREAM, _core.READ)
        _core.StreamReader.__init__(self, mapping, bells, np.dtype(dtype).itemsize, start)
        self._adopt(mapping, dtype)
        self._record = self.record

    def acquire(self) -> Record | None:
        """The next record, or None. It is one object, used again by every acquire, and its `data` lies in the ring:
        both hold until `release`. Without a release in between it is the same record again."""
        offset = self.acquire_at()
        if offset < 0:
            return None
        record = self._record
        record.data = self._views.at(offset, record.length)
        return record

    def __iter__(self) -> Iterator[Record]:
        """What is there now, one by one; each is released when the next is asked for. One that was left by `break`
        or an exception is not released: it comes again."""
        while (record := self.acquire()) is not None:
            yield record
            self.release()

    def _summary(self) -> str:
        return "reader, something to read" if self.watch.ready else "reader, empty"
