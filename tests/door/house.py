"""A door with nothing behind it: the real socket, stream and orders in an event loop of their own, with the test in
the place of the engine. And a client that knows nothing of the project."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from engine import messages as m
from engine.door import place
from engine.door.orders import Orders
from engine.door.server import Door
from engine.events import Event, StateChanged
from engine.hub import Hub

T = TypeVar("T")
WATCHDOG_S = 60
"""Reached only when something is broken."""


class Client:
    """Lines out, lines in."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WATCHDOG_S)
        self.socket.connect(str(path))
        self._file = self.socket.makefile("rb")
        self._numbers = itertools.count()

    def send(self, *commands: Any) -> None:
        """Each a table, or a line as it is."""
        for command in commands:
            line = command if isinstance(command, bytes) else json.dumps(command).encode()
            self.socket.sendall(line + b"\n")

    def line(self) -> bytes:
        """The next line; empty at the end."""
        try:
            return self._file.readline()
        except ConnectionError:  # the engine went before it had read everything
            return b""

    def get(self) -> dict[str, Any]:
        line = self.line()
        assert line, "the engine closed the connection"
        table: dict[str, Any] = json.loads(line)
        return table

    def until(self, true: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The next line of which something is true."""
        while not true(table := self.get()):
            pass
        return table

    def ask(self, command: Any) -> dict[str, Any]:
        """Send a command and get its answer: the one with its `id`, which it is given if it has none."""
        if not isinstance(command, dict):
            self.send(command)
            return self.until(lambda table: "reply" in table)
        numbered = {"id": f"asked-{next(self._numbers)}", **command}
        self.send(numbered)
        return self.until(lambda table: "reply" in table and table["id"] == numbered["id"])

    def rest(self) -> list[dict[str, Any]]:
        """Everything up to the end of the connection."""
        lines = []
        while line := self.line():
            lines.append(json.loads(line))
        return lines

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class House:
    """Use: `with House(folder) as house`. `send` stands for the rings; it gets (channel, message)."""

    def __init__(self, folder: Path, send: Callable[[str, m.Message], bool] = lambda *_: True) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._clients: list[Client] = []
        self.place = place.take(str(folder / "door.sock"), "", "house")
        self.reloads: list[dict[str, Any] | Exception] = []
        """What the next reloads answer."""
        self.call(self._make, send)

    def _make(self, send: Callable[[str, m.Message], bool]) -> None:
        self.hub, self.orders = Hub(100), Orders(send)
        self.door = Door(self.hub, self.orders, self._reload, "house")

    def __enter__(self) -> House:
        self.call(self.door.open, self.place.socket)
        self.tell(StateChanged("listening"))
        self.orders.open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        for client in self._clients:
            client.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WATCHDOG_S)
        self._loop.close()

    def close(self) -> None:
        """As an engine that ends."""
        self.call(self.orders.close)
        asyncio.run_coroutine_threadsafe(self.door.close(), self._loop).result(WATCHDOG_S)
        self.place.remove()

    async def _reload(self) -> dict[str, Any]:
        what = self.reloads.pop(0)
        if isinstance(what, Exception):
            raise what
        return what

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call something in the event loop."""

        async def called() -> T:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(WATCHDOG_S)

    def tell(self, event: Event) -> None:
        self.call(self.hub.tell, event)

    def connect(self) -> Client:
        """A client that has not read its greeting yet."""
        self._clients.append(Client(self.place.path))
        return self._clients[-1]

    def client(self) -> Client:
        """A client that has read its greeting."""
        client = self.connect()
        assert client.get()["event"] == "hello"
        return client
