"""One speaker ring on its way to the loudspeaker: its records in their order, without those that are stale."""

from __future__ import annotations

import numpy as np

import ringbuf
from engine import audible
from engine.contract import Pcm, Tag
from workers.join import Seat


class Incoming:
    """The ring of one source. Places are those of engine/audible.py."""

    def __init__(self, seat: Seat, source: int) -> None:
        self._source = source
        self._ring = seat.stream_reader(audible.RINGS[source], np.int16, wake=False)
        self._record: ringbuf.Record | None = None
        self._offset = 0

    def next(self, place: int, newest: int) -> ringbuf.Record | None:
        """The record that comes next, if it is of this place. What stands before it is dropped, unless it may be wanted
        yet, which is what lies behind this place, and not before `newest`."""
        while True:
            if self._record is None:
                self._record, self._offset = self._ring.acquire(), 0
            record = self._record
            if record is None:
                return None
            whose = audible.pack(self._source, Tag(record.session, record.turn, record.attempt))
            if whose == place:
                return record
            if whose > place and whose >= newest:
                return None
            self.release()

    def copy(self, out: Pcm) -> int:
        """The rest of the present record, as much as `out` can hold. Returns how much that was."""
        assert self._record is not None
        data = self._record.data
        count = min(len(data) - self._offset, len(out))
        out[:count] = data[self._offset : self._offset + count]
        self._offset += count
        if self._offset == len(data):
            self.release()
        return count

    def release(self) -> None:
        """The present record is done with."""
        self._ring.release()
        self._record = None
