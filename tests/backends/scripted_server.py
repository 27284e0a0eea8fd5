"""A scripted server that speaks OpenAI's protocol, well or badly: for faults that no real one shows when asked to.

Not a model: it says what the script says. Sockets by hand, so that every byte and every silence is ours.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tests.models.llama import ENDLESS, SAID

WATCHDOG_S = 60


def chunk(delta: Any, finish: str | None = None) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


def events(said: str = SAID) -> list[bytes]:
    """A whole answer as vLLM or llama.cpp would stream it, with everything that is no text."""
    text = [chunk({"content": piece}) for piece in said]
    usage = b'data: {"choices": [], "usage": {"total_tokens": 9}}'
    first = chunk({"role": "assistant", "content": None})
    return [first, b": ping", *text, chunk({}, "stop"), usage, b"data: [DONE]"]


class Connection:
    """One request of a client, and the way back to it."""

    def __init__(self, server: ScriptedServer, raw: socket.socket) -> None:
        self.server, self.raw = server, raw
        file = raw.makefile("rb")
        self.line = file.readline().decode()
        self.headers: dict[str, str] = {}
        while (line := file.readline().strip()) and b":" in line:
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        body = file.read(int(self.headers.get("content-length", 0)))
        self.body: dict[str, Any] = json.loads(body) if body else {}

    def send(self, data: bytes) -> None:
        self.raw.sendall(data)

    def reply(self, status: str, body: bytes, kind: str = "application/json") -> None:
        head = f"HTTP/1.1 {status}\r\nServer: {self.server.software}\r\nContent-Type: {kind}\r\n"
        self.send(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    def begin(self, chunked: bool = True) -> None:
        """The head of a stream."""
        how = "Transfer-Encoding: chunked" if chunked else "Connection: close"
        self.send(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{how}\r\n\r\n".encode())

    def chunked(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def until_gone(self) -> None:
        """Wait until the client has closed its end."""
        with contextlib.suppress(OSError):
            while self.raw.recv(4096):
                pass


def good(connection: Connection) -> None:
    connection.begin()
    for event in events():
        connection.chunked(event + b"\n\n")
    connection.chunked(b"")


def in_bytes(connection: Connection) -> None:
    """Every byte in a chunk of its own, lines ended by CRLF: no character and no event comes whole."""
    connection.begin()
    for byte in b"".join(event + b"\r\n\r\n" for event in events()):
        connection.chunked(bytes([byte]))
    connection.chunked(b"")


def at_once(connection: Connection) -> None:
    """All in one piece, until the connection is closed; without a farewell."""
    connection.begin(chunked=False)
    connection.send(b"\n\n".join(events()[:-1]))


def endless(connection: Connection) -> None:
    """Until nobody listens."""
    connection.begin()
    with contextlib.suppress(OSError):
        while True:
            for piece in ENDLESS:
                connection.chunked(chunk({"content": piece}) + b"\n\n")
    connection.server.left.release()


def waits(connection: Connection) -> None:
    """Says a little, then nothing, until the client goes."""
    connection.begin()
    connection.chunked(chunk({"content": "Ask"}) + b"\n\n")
    connection.until_gone()
    connection.server.left.release()


def silent(connection: Connection) -> None:
    """Takes the question and never answers."""
    connection.until_gone()
    connection.server.left.release()


def pings(connection: Connection) -> None:
    """Keeps the connection busy and says nothing."""
    connection.begin()
    with contextlib.suppress(OSError):
        while not connection.server.closing.wait(0.01):
            connection.chunked(b": ping\n\n")


def cut_off(connection: Connection) -> None:
    connection.begin()
    connection.chunked(chunk({"content": "Ask"}) + b"\n\n")


def cut_off_early(connection: Connection) -> None:
    connection.begin()
    connection.chunked(chunk({"role": "assistant"}) + b"\n\n")


def fails(connection: Connection) -> None:
    connection.reply("500 Internal Server Error", b'{"error": {"message": "out of memory\\nat line 7"}}')


def refuses(connection: Connection) -> None:
    connection.reply("400 Bad Request", b'{"error": {"message": "you said: where is the lift"}}')


def forbidden(connection: Connection) -> None:
    connection.reply("401 Unauthorized", b"who are you")


def garbage(connection: Connection) -> None:
    connection.begin()
    connection.chunked(b'data: {"choices": [{"delta": {"cont\n\n')


def deep(connection: Connection) -> None:
    """JSON nested deeper than any parser likes."""
    connection.begin()
    connection.chunked(b"data: " + b"[" * 100_000 + b"\n\n")


def no_line(connection: Connection) -> None:
    """An event that never ends."""
    connection.begin()
    with contextlib.suppress(OSError):
        while not connection.server.closing.is_set():
            connection.chunked(b"data: " + b"x" * 65536)


def drips(connection: Connection) -> None:
    """Never silent for long, and never through with the head."""
    with contextlib.suppress(OSError):
        connection.send(b"HTTP/1.1 200 OK\r\nX: ")
        while not connection.server.closing.wait(0.01):
            connection.send(b"x")


def in_halves(connection: Connection) -> None:
    """A character outside the basic plane in two pieces, as JSON may write it, and half of one."""
    connection.begin()
    for escaped in (b"Hi \\ud83d", b"\\ude00!", b" \\ud83d", b"?"):
        connection.chunked(b'data: {"choices": [{"delta": {"content": "' + escaped + b'"}}]}\n\n')
    connection.chunked(b"data: [DONE]\n\n")
    connection.chunked(b"")


def no_http(connection: Connection) -> None:
    connection.send(b"\x00\x01\x02 hello\r\n\r\n")


def no_stream(connection: Connection) -> None:
    connection.reply("200 OK", b"<html>It works!</html>", "text/html")


def error_in_stream(connection: Connection) -> None:
    connection.begin()
    connection.chunked(b'data: {"error": {"message": "slot is gone"}}\n\n')
    connection.chunked(b"")


class ScriptedServer:
    """Listens on loopback. `script` is what becomes of a streamed question, `warmed` of one that is not streamed."""

    def __init__(self, script: Callable[[Connection], None] = good) -> None:
        self.script = script
        self.software, self.models = "scripted", ["tiny"]
        self.warm: Callable[[Connection], None] | None = None
        self.asked: list[Connection] = []
        """Every request, oldest first."""
        self.left = threading.Semaphore(0)
        """One for each client that went before it was answered."""
        self.closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The bodies of streamed questions."""
        return [each.body for each in self.asked if each.body.get("stream")]

    def wait_left(self) -> None:
        """Until a client went."""
        assert self.left.acquire(timeout=WATCHDOG_S), "no client has closed its connection"

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends accept
        self._listener.close()
        for raw in self._open:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self._listener.accept()
                self._open.append(raw)
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), raw:
            connection = Connection(self, raw)
            self.asked.append(connection)
            if connection.line.startswith("GET /v1/models "):
                listed = {"object": "list", "data": [{"id": name, "owned_by": "us"} for name in self.models]}
                connection.reply("200 OK", json.dumps(listed).encode())
            elif not connection.line.startswith("POST /v1/chat/completions "):
                connection.reply("404 Not Found", b"{}")
            elif connection.body.get("stream"):
                self.script(connection)
            elif self.warm is not None:
                self.warm(connection)
            else:
                connection.reply("200 OK", b'{"choices": [{"message": {"role": "assistant", "content": "A"}}]}')


@contextlib.contextmanager
def serving(script: Callable[[Connection], None] = good) -> Iterator[ScriptedServer]:
    server = ScriptedServer(script)
    try:
        yield server
    finally:
        server.close()
