"""The clients of the page, served in the supervisor's event loop. Nothing of theirs can hold it up: they are few, and
what they ask for is made at most a few times a second."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import h11

from engine.door.letting_in import Bucket, Guests
from engine.web.access import Access, url
from engine.web.answer import JSON, PROMETHEUS, Answer, sorry
from engine.web.connection import Connection
from engine.web.feed import Feed

MOST_CLIENTS = 16
REQUESTS_AT_ONCE, REQUESTS_PER_S = 60, 20
"""Of all clients together."""
FRESH_S = 0.25
"""Numbers are not made anew sooner than that, however many ask."""
PAGE = Path(__file__).parents[1] / "page"
_LATER = ("Retry-After", "1")
_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class Web:
    """All clients. feed: what followers are told; metrics: makes what Prometheus gets; health: (whether all is well,
    what is told of it). `open` it on a listening socket; `close` it when the last event has been told."""

    def __init__(
        self,
        feed: Feed,
        metrics: Callable[[], bytes],
        health: Callable[[], tuple[bool, Mapping[str, Any]]],
        hosts: Iterable[str],
    ) -> None:
        self._guests: Guests[Connection] = Guests()
        self.clients = self._guests.all
        self._feed, self._metrics, self._health = feed, metrics, health
        self._access = Access(hosts)
        self._files = {f"/{path.name}": _file(path) for path in sorted(PAGE.iterdir()) if path.suffix[1:] in _KINDS}
        self._files["/"] = self._files.pop("/index.html")
        self._bucket = Bucket(REQUESTS_AT_ONCE, REQUESTS_PER_S, time.monotonic())
        self._made: dict[str, tuple[float, Answer]] = {}
        self._makers = {"/metrics": self._numbers, "/health": self._healthy}

    def open(self, listening: socket.socket) -> str:
        """Let clients in; the address to type into a browser. listening: a socket that listens."""
        self._guests.open(listening, lambda: Connection(self))
        return url(listening)

    async def close(self) -> None:
        """Let nobody in any more, and send all away: who has read everything at once, the others a moment later."""
        if await self._guests.shut():
            self._feed.close()
            await self._guests.send_away(lambda one: one.end() if one in self._feed.followers else one.close())

    def enter(self, client: Connection) -> Answer | None:
        """A client has come; why it has to go again, if it has."""
        full = len(self.clients) >= MOST_CLIENTS
        self.clients.add(client)
        return sorry(503, f"{MOST_CLIENTS} clients are here already; close a page", _LATER) if full else None

    def leave(self, client: Connection) -> None:
        """A client has gone."""
        self._feed.unfollow(client)
        self._guests.left(client)

    def follow(self, client: Connection) -> None:
        """A client is told everything from now on."""
        client.tell(self._feed.greeting())
        self._feed.follow(client)

    def answer(self, client: Connection, request: h11.Request) -> Answer:
        """What a client gets."""
        if self._bucket.take(time.monotonic()) < 0:
            self._bucket.put_back()  # who is refused does not keep the others waiting
            return sorry(429, f"more than {REQUESTS_PER_S} requests a second; ask less often", _LATER)
        if why := self._access.refusal(dict(request.headers), client.local):
            return sorry(403, why)
        if request.method not in (b"GET", b"HEAD"):
            return sorry(405, "there is nothing to be changed here", ("Allow", "GET, HEAD"))
        path = request.target.split(b"?")[0].decode("latin-1")
        if path in self._files:
            return self._files[path]
        if path == "/events":
            return Answer(kind="text/event-stream", streams=True)
        if path not in self._makers:
            return sorry(404, "there is /, /metrics, /health and /events here")
        return self._fresh(path)

    def _fresh(self, path: str) -> Answer:
        """Made anew, or a moment ago."""
        now = time.monotonic()
        made = self._made.get(path)
        if made is None or now - made[0] >= FRESH_S:
            made = self._made[path] = now, self._makers[path]()
        return made[1]

    def _numbers(self) -> Answer:
        return Answer(self._metrics(), PROMETHEUS)

    def _healthy(self) -> Answer:
        well, told = self._health()
        return Answer(json.dumps(told).encode() + b"\n", JSON, 200 if well else 503)


def _file(path: Path) -> Answer:
    return Answer(path.read_bytes(), _KINDS[path.suffix[1:]])
