"""Who comes to a listening socket is let in one after the other, and not too many in a time; all are sent away in the
end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

CLIENTS_AT_ONCE, CLIENTS_PER_S = 100, 50
"""New ones that are let in. Whoever else comes waits in the kernel's line."""

_LAST_S = 0.2
"""How long clients have to read what they were told last."""


class Guest(Protocol):
    """A client, as far as it comes and goes."""

    def close(self) -> Any: ...

    def abort(self) -> Any: ...


G = TypeVar("G", bound=Guest)


class Guests(Generic[G]):
    """All clients of one socket. Who serves them adds to `all` whoever enters, and says who `left`."""

    def __init__(self) -> None:
        self.all: set[G] = set()
        self._none = asyncio.Event()
        self._letting_in: asyncio.Task[None] | None = None

    def open(self, listening: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        """Let them in, each served by a protocol of its own. listening: a socket that listens."""
        listening.setblocking(False)
        self._letting_in = asyncio.ensure_future(let_in(listening, make))

    async def shut(self) -> bool:
        """Let nobody in any more. False: nobody was."""
        task, self._letting_in = self._letting_in, None
        if task is None:
            return False
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return True

    async def send_away(self, ask: Callable[[G], object]) -> None:
        """Who has read everything goes at once, the others a moment later. ask: asks one to go."""
        self._none.clear()
        for guest in tuple(self.all):
            ask(guest)
        if self.all:
            # Before Python 3.11 not the built-in TimeoutError.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._none.wait(), _LAST_S)
        for guest in tuple(self.all):
            guest.abort()

    def left(self, guest: G) -> None:
        """This one has gone."""
        self.all.discard(guest)
        if not self.all:
            self._none.set()


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
