"""One request to a server that speaks OpenAI's protocol, in the thread that makes it: sent, streamed, cut off.

Only Python's own HTTP client: no proxy, no redirect, no other address than the one that is configured.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from engine.errors import BackendError
from workers.backends.sse import Events

AT_ONCE = 65536
"""Bytes that are taken from the connection at most; what is there is taken at once."""
LONGEST = 1 << 20
"""Bytes of an answer that is no stream."""
_SAID = 200
"""Characters of a server's complaint that are passed on."""


class ServerError(Exception):
    """The server could not be reached, complained, or broke off. `str()` is one line of our own words.

    status: HTTP's, 0 where it did not come so far. said: what the server said of it; as that may quote what a visitor
    said, it is shown only where nobody has said anything yet.
    """

    def __init__(self, what: str, status: int = 0, said: str = "") -> None:
        super().__init__(what)
        self.status, self.said = status, " ".join(said.split())[:_SAID]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds: for the connection, for the first token, for each further one."""

    connect_s: float
    first_s: float
    between_s: float


class Address:
    """Where the server is: `http://host:8000/v1`, or https. Raises BackendError where that is no such address."""

    def __init__(self, base_url: str, setting: str) -> None:
        parts = urlsplit(base_url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.query or parts.username:
            raise BackendError(f'{setting} is "{base_url}"', 'write it like "http://127.0.0.1:8000/v1"')
        self.url, self.path = base_url, parts.path.rstrip("/")
        self._host, self._port, self._secure = parts.hostname, port, parts.scheme == "https"

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Not open yet."""
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)


class Response(http.client.HTTPResponse):
    """Whose every byte, the head's too, comes by `receive`."""

    def __init__(self, receive: Callable[[Any], int], sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self._kept = self.fp  # keeps the connection open until it is closed
        self.fp = io.BufferedReader(_Raw(receive))

    def close(self) -> None:
        super().close()
        self._kept.close()


class _Raw(io.RawIOBase):
    def __init__(self, receive: Callable[[Any], int]) -> None:
        super().__init__()
        self._receive = receive

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._receive(buffer)


class Characters:
    """Text of pieces whose characters are whole: JSON can write half of one, and some servers send the other half with
    the next piece."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, text: str) -> str:
        """What has become whole. What never does is U+FFFD."""
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        text = text[: len(text) - len(self._half)]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Request:
    """One call. `close` ends it from any thread; whoever waits in it gets a ServerError."""

    def __init__(self, address: Address, key: str, patience: Patience) -> None:
        self._address, self._key, self._patience = address, key, patience
        self._lock = threading.Lock()
        self._closed = False
        self._socket: socket.socket | None = None
        self._limit = 0.0
        """When, on the monotonic clock, the next that matters must have come."""

    def get(self, path: str) -> tuple[Mapping[str, str], Any]:
        """Headers and JSON that a GET of `path` gives. Raises ServerError."""
        with self._answer("GET", path, None) as response:
            return dict(response.headers), _parsed(self._all(response))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that a POST of `body` gives. Raises ServerError."""
        with self._answer("POST", path, body) as response:
            return _parsed(self._all(response))

    def stream(self, path: str, body: Mapping[str, Any]) -> Generator[str, None, None]:
        """Pieces of the answer as they come. Raises ServerError, also where it ends before it is whole."""
        with self._answer("POST", path, body) as response:
            kind = response.headers.get_content_type()
            if kind != "text/event-stream":
                raise ServerError(f"it answers with {kind} instead of a stream of events", response.status)
            events, characters, finished = Events(), Characters(), False
            while True:
                received = response.read1(AT_ONCE)
                for data in events.feed(received) if received else events.end():
                    if data.strip() == "[DONE]":
                        return
                    text, over = _piece(data)
                    finished = finished or over
                    if piece := characters.add(text):
                        yield piece
                        self._limit = time.monotonic() + self._patience.between_s
                if not received:
                    if finished:
                        return  # all that was missing is the farewell
                    raise ServerError("it broke off in the middle of an answer")

    def close(self) -> None:
        """Cut it off, at once: the server sees the connection end, which is how it learns that nobody listens."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Not the method of an SSLSocket, which would be in the way of the thread that reads from it.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> Iterator[http.client.HTTPResponse]:
        connection, response = self._address.connection(self._patience.connect_s), None
        headers = {"Accept": "application/json, text/event-stream", "User-Agent": "antiphon"}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            connection.connect()
            with self._lock:
                self._socket = connection.sock
                if self._closed:
                    raise ServerError("it was cut off")
            # A header and a small body in two segments would wait for each other's acknowledgement.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.settimeout(self._patience.first_s)
            self._limit = time.monotonic() + self._patience.first_s
            sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
            connection.request(method, f"{self._address.path}{path}", sent, headers)
            connection.response_class = partial(Response, self._receive)  # type: ignore[assignment]
            response = connection.getresponse()
            if response.status != 200:
                raise _complaint(response.status, self._all(response))
            yield response
        except TimeoutError as error:
            raise ServerError("it does not answer in time") from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: read after it was cut off
            raise ServerError(str(error) or type(error).__name__) from error
        finally:
            with self._lock:
                self._closed, self._socket = True, None
            if response is not None:
                response.close()
            connection.close()

    def _receive(self, buffer: Any) -> int:
        """What has come, into a buffer; how many bytes, 0 at the end. However much comes that is no token, or however
        little at a time, the limit stands."""
        left = self._limit - time.monotonic()
        if left <= 0:
            raise TimeoutError
        with self._lock:
            if self._closed or self._socket is None:
                raise ServerError("it was cut off")
            self._socket.settimeout(left)
            receiving = self._socket
        return receiving.recv_into(buffer)

    def _all(self, response: http.client.HTTPResponse) -> bytes:
        found = b""
        while received := response.read1(AT_ONCE):
            found += received
            if len(found) > LONGEST:
                raise ServerError("it answers with more than can be right")
        return found


def _piece(data: str) -> tuple[str, bool]:
    """The text in a chunk of an answer, and whether the answer is over with it. Raises ServerError."""
    try:
        chunk = json.loads(data)
        if "error" in chunk:  # vLLM and llama.cpp tell so what went wrong after the first token
            raise ServerError("it failed in the middle of an answer", said=_told(chunk["error"]))
        choices = chunk.get("choices") or [{}]  # the chunk that counts the tokens has none
        text = (choices[0].get("delta") or {}).get("content") or ""
        over = choices[0].get("finish_reason") is not None
    except (ValueError, AttributeError, IndexError, TypeError, RecursionError) as error:
        raise ServerError("it sends what is no chunk of an answer", said=data) from error
    if not isinstance(text, str):
        raise ServerError("it sends an answer that is no text")
    return text, over


def _parsed(raw: bytes | str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:  # deeper than anybody means it
        raise ServerError("it answers with what is no JSON") from error


def _complaint(status: int, raw: bytes) -> ServerError:
    try:
        said = _told(_parsed(raw)["error"])
    except (ServerError, KeyError, TypeError):
        said = ""
    return ServerError(f"it answers {status} {http.client.responses.get(status, '')}".strip(), status, said)


def _told(error: Any) -> str:
    return str(error.get("message") if isinstance(error, dict) else error)
