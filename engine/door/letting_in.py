"""Who comes to a listening socket is let in one after the other, and not too many in a time."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

CLIENTS_AT_ONCE, CLIENTS_PER_S = 100, 50
"""New ones that are let in. Whoever else comes waits in the kernel's line."""


class Bucket:
    """So many at once, and so many a second. `take` says what is left; less than nothing is too many."""

    def __init__(self, most: float, per_s: float, now: float) -> None:
        self._most, self._per_s = most, per_s
        self._left, self._at = most, now

    def widen(self, most: float, per_s: float) -> None:
        """From now on it holds so many; saying so again fills it no further."""
        self._left += most - self._most
        self._most, self._per_s = most, per_s

    def take(self, now: float) -> float:
        self._left = min(self._most, self._left + (now - self._at) * self._per_s) - 1
        self._at = now
        return self._left

    def put_back(self) -> None:
        """What was taken last was not used."""
        self._left += 1


async def let_in(listening: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
    """Serve each by a protocol of its own, until cancelled; then the socket is closed. listening: does not block."""
    loop = asyncio.get_running_loop()
    bucket = Bucket(CLIENTS_AT_ONCE, CLIENTS_PER_S, time.monotonic())
    with listening:
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
                await loop.connect_accepted_socket(make, connection)
            except OSError:  # it has gone already, or this process has no more files
                await asyncio.sleep(1 / CLIENTS_PER_S)
            if (left := bucket.take(time.monotonic())) < 0:
                await asyncio.sleep(-left / CLIENTS_PER_S)
