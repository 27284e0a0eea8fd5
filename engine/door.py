"""The host program's way in: a Unix socket that tells every event and takes commands, both as lines of JSON
(docs/door.md).

Clients are served one beside the other in the supervisor's event loop, and nothing of theirs can hold it up: each has
a bounded number of commands in a time, a bounded line, and a bounded amount of what it has not read yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, cast

from engine import NAME
from engine.commands import CommandError, Request, answer, read, refusal
from engine.contract import Tag
from engine.errors import EngineError
from engine.events import EVENTS, Error
from engine.hub import Happening, Hub, envelope
from engine.orders import Orders
from engine.schema import near

PROTOCOL = 1
MOST_CLIENTS = 64
LONGEST_LINE = 1 << 16
MOST_UNREAD = 1 << 20
"""Bytes that wait for a client to read them, beyond the kernel's own buffer. A client with more is dropped."""
CLIENTS_AT_ONCE, CLIENTS_PER_S = 100, 50
"""New ones that are let in."""
COMMANDS_AT_ONCE, COMMANDS_PER_S = 50, 50
"""Commands that a client may send in one go, and how fast it gets that right back."""
_REFUSED_AT_ONCE = 100
"""A client that goes on after so many refusals for being too fast is sent away."""
_LINGER_S, _LAST_S = 3.5, 0.2
"""How long a client that is sent away has to read its answers, and how long all have when the engine ends."""

Reload = Callable[[], Awaitable[dict[str, Any]]]
"""Reads the configuration anew; what the answer to `reload` says. Raises EngineError."""


class Door:
    """All clients. `open` it on a listening socket; `close` it when the last event has been told."""

    def __init__(self, hub: Hub, orders: Orders, reload: Reload, instance: str) -> None:
        self.hub, self.orders, self.reload = hub, orders, reload
        self.clients: set[Client] = set()
        self.reloading: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._own = {"engine": f"{NAME} {version(NAME)}", "instance": instance, "pid": os.getpid()}
        self._letting_in: asyncio.Task[None] | None = None
        hub.subscribe(self._told)

    def open(self, listening: socket.socket) -> None:
        """Let clients in. listening: a Unix socket that listens."""
        listening.setblocking(False)
        self._letting_in = asyncio.ensure_future(self._let_in(listening))

    async def _let_in(self, listening: socket.socket) -> None:
        """One after the other, and not too many in a time: whoever else comes waits in the kernel's line."""
        loop = asyncio.get_running_loop()
        bucket = Bucket(CLIENTS_AT_ONCE, CLIENTS_PER_S, time.monotonic())
        with listening:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listening)
                    await loop.connect_accepted_socket(lambda: Client(self), connection)
                except OSError:  # it has gone already, or this process has no more files
                    await asyncio.sleep(1 / CLIENTS_PER_S)
                if (left := bucket.take(time.monotonic())) < 0:
                    await asyncio.sleep(-left / CLIENTS_PER_S)

    async def close(self) -> None:
        """Let nobody in any more, and send all away: who has read everything at once, the others a moment later."""
        task, self._letting_in = self._letting_in, None
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self._empty.clear()
        self.hub.unsubscribe(self._told)
        for client in tuple(self.clients):
            client.leave()
        if self.clients:
            # Before Python 3.11 not the built-in TimeoutError.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._empty.wait(), _LAST_S)
        for client in tuple(self.clients):
            client.abort()

    def gone(self, client: Client) -> None:
        self.clients.discard(client)
        if not self.clients:
            self._empty.set()

    def present(self) -> dict[str, Any]:
        """The full state, as in the greeting and in the answer to `state`."""
        return {"protocol": PROTOCOL, **self._own, **asdict(self.hub.now)}

    def greeting(self) -> bytes:
        now = self.hub.now
        tag = Tag(now.session or 0, now.turn or 0)
        return Happening("hello", envelope("hello", self.hub.sequence, tag, time.monotonic_ns()) | self.present()).line

    def _told(self, happening: Happening) -> None:
        for client in tuple(self.clients):
            if happening.name in client.wanted:
                client.send(happening.line)

    def dropped(self) -> None:
        """A client has not read what it was sent."""
        error = Error(
            "door", f"a client left {MOST_UNREAD >> 20} MiB unread and was dropped", "read events as they come"
        )
        asyncio.get_running_loop().call_soon(self.hub.tell, error)


class Bucket:
    """So many at once, and so many a second. `take` says what is left; less than nothing is too many."""

    def __init__(self, most: float, per_s: float, now: float) -> None:
        self._most, self._per_s = most, per_s
        self._left, self._at = most, now

    def take(self, now: float) -> float:
        self._left = min(self._most, self._left + (now - self._at) * self._per_s) - 1
        self._at = now
        return self._left


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, door: Door) -> None:
        self.wanted = frozenset(EVENTS)
        """The events it is told."""
        self._door = door
        self._rest = b""
        """The beginning of a line."""
        self._unanswered = 0
        self._leaving = False
        self._bucket = Bucket(COMMANDS_AT_ONCE, COMMANDS_PER_S, time.monotonic())

    # Coming and going.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        full = len(self._door.clients) >= MOST_CLIENTS
        self._door.clients.add(self)
        if full:
            self._send_away("too_many", f"{MOST_CLIENTS} clients are here already; let one of them go")
        else:
            self.send(self._door.greeting())

    def connection_lost(self, _error: Exception | None) -> None:
        self._leaving = True
        self._door.gone(self)

    def eof_received(self) -> bool:
        """It will send nothing more: what it asked for is still answered."""
        self.wanted = frozenset()
        self._leaving = True
        self._leave_when_answered()
        return True

    def leave(self) -> None:
        """Close it once it has read everything."""
        self._leaving = True
        self._transport.close()

    def abort(self) -> None:
        """Close it now."""
        self._leaving = True
        self._transport.abort()

    def _leave_when_answered(self) -> None:
        if self._leaving and not self._unanswered:
            self.leave()
            asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def _send_away(self, code: str, message: str) -> None:
        self.send(refusal(None, None, code, message))
        self._leaving = True
        self._leave_when_answered()
        asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def send(self, line: bytes) -> None:
        """Send a line; a client that leaves too much unread is dropped."""
        if self._transport.is_closing():
            return
        self._transport.write(line)
        if self._transport.get_write_buffer_size() > MOST_UNREAD:
            self.abort()
            self._door.dropped()

    # Commands.

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._leaving:
                return
            self._line(line)
        if len(self._rest) > LONGEST_LINE and not self._leaving:
            self._too_long()

    def _line(self, line: bytes) -> None:
        left = self._bucket.take(time.monotonic())
        if left < -_REFUSED_AT_ONCE:
            self._send_away("too_many", f"more than {COMMANDS_PER_S} commands a second; send fewer")
        elif len(line) > LONGEST_LINE:
            self._too_long()
        elif left < 0:
            self.send(refusal(None, None, "too_many", f"more than {COMMANDS_PER_S} commands a second; wait a moment"))
        elif line.strip():
            self._command(line)

    def _too_long(self) -> None:
        self._rest = b""
        self._send_away("bad_line", f"a line of more than {LONGEST_LINE >> 10} KiB; send shorter ones")

    def _command(self, line: bytes) -> None:
        try:
            request = read(line)
        except CommandError as error:
            self.send(refusal(error.name, error.ident, error.code, str(error)))
            return
        self._unanswered += 1
        if request.command.channel:
            self._door.orders.place(request, lambda refused: self._answered(request, refused))
        else:
            _ANSWERED_HERE[request.command.name](self, request)

    def _answered(self, request: Request, refused: CommandError | None, fields: Mapping[str, Any] = {}) -> None:
        name, ident = request.command.name, request.ident
        self.send(refusal(name, ident, refused.code, str(refused)) if refused else answer(name, ident, **fields))
        self._unanswered -= 1
        self._leave_when_answered()

    def _state(self, request: Request) -> None:
        now = self._door.hub.sequence
        self._answered(request, None, {"seq": now, **self._door.present()})

    def _subscribe(self, request: Request) -> None:
        try:
            self.wanted = frozenset(name for wanted in request.arguments["events"] for name in _names(wanted))
            self._answered(request, None, {"events": sorted(self.wanted)})
        except ValueError as error:
            self._answered(request, CommandError("bad_argument", str(error)))

    def _reload(self, request: Request) -> None:
        async def reload() -> None:
            try:
                self._answered(request, None, await self._door.reload())
            except EngineError as error:
                self._answered(request, CommandError("configuration", str(error)))

        if self._door.reloading is None or self._door.reloading.done():
            self._door.reloading = asyncio.ensure_future(reload())
        else:
            self._answered(request, CommandError("unavailable", "a reload is going on; try again in a moment"))


def _names(wanted: str) -> list[str]:
    """The events that a name or the part of a name before a dot means. ValueError: none."""
    if names := [name for name in EVENTS if name == wanted or name.startswith(f"{wanted}.")]:
        return names
    meant = near(wanted, list(EVENTS))
    remedy = f"did you mean {meant}?" if meant else f"the events are {', '.join(EVENTS)}"
    raise ValueError(f"there is no event {wanted[:40]}; {remedy}")


_ANSWERED_HERE: Mapping[str, Callable[[Client, Request], None]] = {
    "state": Client._state,
    "subscribe": Client._subscribe,
    "reload": Client._reload,
}
