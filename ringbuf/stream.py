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
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from ringbuf import _core
from ringbuf._core import Bell, Record
from ringbuf.attach import Attached, arrays, attach


class StreamWriter(Attached, _core.StreamWriter):
    """The one writer. Items are of `dtype`; `bells` are rung when something was committed.

    Raises NoRing, WrongKind, RoleTaken, RingCorrupt.
    """

    def __init__(self, name: str, bells: Sequence[Bell] = (), dtype: DTypeLike = np.uint8) -> None:
        mapping = attach(name, _core.STREAM, _core.WRITE)
        self._join(name)
        _core.StreamWriter.__init__(self, mapping, bells, arrays(mapping, dtype))

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
        self._join(name)
        _core.StreamReader.__init__(self, mapping, bells, arrays(mapping, dtype), start)

    def __iter__(self) -> Iterator[Record]:
        """What is there now, one by one; each is released when the next is asked for. One that was left by `break`
        or an exception is not released: it comes again."""
        while (record := self.acquire()) is not None:
            yield record
            self.release()

    def _summary(self) -> str:
        return "reader, something to read" if self.watch.ready else "reader, empty"
