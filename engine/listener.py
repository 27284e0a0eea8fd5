"""The supervisor's ear: a thread that sleeps on its doorbell and calls it in the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import ringbuf

_TAKEN_S = 1.0
"""So long it waits until what came has been taken, before it sleeps again."""
_ENDS_S = 2.0


class Listener:
    """bell: the doorbell. rings: what is to be taken from. rung: called in the present event loop whenever it rings."""

    def __init__(self, bell: ringbuf.Bell, rings: Sequence[ringbuf.StreamReader], rung: Callable[[], None]) -> None:
        self._bell, self._rings, self._rung = bell, rings, rung
        self._loop = asyncio.get_running_loop()
        self._deaf = False
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """End it. Not waited for in the loop: it may be waiting for that."""
        self._deaf = True
        self._bell.ring()
        if self._thread.is_alive():
            await self._loop.run_in_executor(None, self._thread.join, _ENDS_S)

    def _listen(self) -> None:
        waiter = ringbuf.Waiter(self._bell, self._rings, any_ring=True)
        taken = threading.Event()
        while not self._deaf:
            if waiter.wait(None) and not self._deaf:
                taken.clear()
                self._loop.call_soon_threadsafe(self._take, taken)
                taken.wait(_TAKEN_S)

    def _take(self, taken: threading.Event) -> None:
        self._rung()
        taken.set()
