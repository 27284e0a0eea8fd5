"""The door's clients, served one beside the other in the supervisor's event loop. Nothing of theirs can hold it up."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from engine import NAME
from engine.contract import Tag
from engine.door.commands import CommandError
from engine.door.connection import MOST_UNREAD, Client
from engine.door.dialogue import Dialogue
from engine.door.letting_in import Guests
from engine.door.orders import Orders
from engine.events import Error
from engine.hub import Happening, Hub, envelope

PROTOCOL = 1
MOST_CLIENTS = 64

Reload = Callable[[], Awaitable[dict[str, Any]]]
"""Reads the configuration anew; what the answer to `reload` says. Raises EngineError."""


class Door:
    """All clients. `open` it on a listening socket; `close` it when the last event has been told."""

    def __init__(self, hub: Hub, orders: Orders, reload: Reload, instance: str) -> None:
        self.hub, self.orders, self.reload = hub, orders, reload
        self._guests: Guests[Client] = Guests()
        self.clients = self._guests.all
        self.dialogue = Dialogue(hub, orders.send)
        self.reloading: asyncio.Task[None] | None = None
        self.on_handlers: Callable[[str, int], None] = lambda _what, _count: None
        """Called with how many clients do something for the engine, when that changes."""
        self.turns: Callable[[], list[dict[str, Any]]] = list
        """The records of the last turns."""
        self._own = {"engine": f"{NAME} {version(NAME)}", "instance": instance, "pid": os.getpid()}
        hub.subscribe(self._told)

    def open(self, listening: socket.socket) -> None:
        """Let clients in. listening: a Unix socket that listens."""
        self._guests.open(listening, lambda: Client(self))

    async def close(self) -> None:
        """Let nobody in any more, and send all away: who has read everything at once, the others a moment later."""
        if await self._guests.shut():
            self.hub.unsubscribe(self._told)
            await self._guests.send_away(Client.close)

    def enter(self, client: Client) -> CommandError | None:
        """A client has come; why it has to go again, if it has."""
        full = len(self.clients) >= MOST_CLIENTS
        self.clients.add(client)
        return CommandError("too_many", f"{MOST_CLIENTS} clients are here already; let one go") if full else None

    def leave(self, client: Client) -> None:
        """A client has gone."""
        self._guests.left(client)

    def handle(self, client: Client, what: str, *, on: bool) -> None:
        """A client does something for the engine from now on, or not any more. The last to say so is the one that
        answers; what is called is told to all."""
        (client.handles.add if on else client.handles.discard)(what)
        if what == "dialogue":
            answerers = self.dialogue.answerers
            answerers[:] = [each for each in answerers if each is not client] + [client] * on
            if not on:
                self.dialogue.left(client)
        self.on_handlers(what, sum(what in each.handles for each in self.clients))

    def present(self) -> dict[str, Any]:
        """The full state, as in the greeting and in the answer to `state`. seq: the number of the last event."""
        return {"seq": self.hub.sequence, "protocol": PROTOCOL, **self._own, **asdict(self.hub.now)}

    def greeting(self) -> bytes:
        """What a client is told first."""
        tag = Tag(self.hub.now.session or 0, self.hub.now.turn or 0)
        return Happening("hello", envelope("hello", 0, tag, time.monotonic_ns()) | self.present()).line

    def _told(self, happening: Happening) -> None:
        for client in tuple(self.clients):
            if happening.name in client.wanted:
                client.tell(happening.line)

    def dropped(self) -> None:
        """A client has not read what it was sent."""
        error = Error(
            "door", f"a client left {MOST_UNREAD >> 20} MiB unread and was dropped", "read events as they come"
        )
        asyncio.get_running_loop().call_soon(self.hub.tell, error)
