"""Doorbells: one for each consumer process, rung by whoever has something for it.

waiter = Waiter(bell, [reader, other, cells.watch(3), writer.space(320)])
if waiter.wait(deadline_ns):                     # CLOCK_MONOTONIC; None is for ever
    …
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn, TypeAlias

from ringbuf import _core
from ringbuf._core import Bell, Watch
from ringbuf.attach import attach, cannot_pickle
from ringbuf.history import HistoryReader
from ringbuf.latest import LatestReader
from ringbuf.stream import StreamReader

Watchable: TypeAlias = Watch | StreamReader | HistoryReader | LatestReader
"""What a Waiter takes as an input."""


class Bells:
    """The doorbells of a segment: `bells[i]` is a Bell, always the same object for the same i."""

    def __init__(self, name: str) -> None:
        mapping = attach(name, _core.BELLS, _core.SHARE)
        self.name = name
        self._bells = [Bell(mapping, i) for i in range(mapping.capacity)]

    def __getitem__(self, i: int) -> Bell:
        return self._bells[i]

    def __len__(self) -> int:
        return len(self._bells)

    def __iter__(self) -> Iterator[Bell]:
        return iter(self._bells)

    def close(self) -> None:
        """Let go of the bells; those that rings and waiters hold go on working."""
        self._bells = []

    def __enter__(self) -> Bells:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise cannot_pickle(self)

    def __repr__(self) -> str:
        return f"<Bells {self.name}, {len(self)}>"
