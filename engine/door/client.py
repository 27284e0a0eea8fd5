"""A client of a running engine's door: plain, blocking, the standard library only. `engine say` and its like use it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.door import place
from engine.errors import DoorError

_ANSWER_S = 10.0
"""The engine answers every command well within this time."""
_PROTOCOL = 1
_PEER = struct.Struct("3i")
"""struct ucred: process, user and group."""


class DoorClient:
    """One connection. `hello`: the full state as it was when it came. Raises DoorError for whatever goes wrong."""

    def __init__(self, path: Path) -> None:
        self._events: deque[bytes] = deque()
        """Lines that came while an answer was waited for."""
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._enter(path)
        except BaseException:
            self._socket.close()
            raise

    def _enter(self, path: Path) -> None:
        try:
            self._socket.connect(str(path))
        except OSError as error:
            raise _not_in(path, error) from error
        if not place.is_trusted(path, uid := self._peer()):
            what = f"{path} belongs to a process of user {uid}, and its folder does not"
            raise DoorError(what, "put the door where only the engine's user can write (door.socket)")
        self.first = self._answer(time.monotonic() + _ANSWER_S)
        self.hello: dict[str, Any] = json.loads(self.first)
        if self.hello.get("reply", "") is None:  # there are too many clients
            raise DoorError(f"the engine refused: {self.hello['error']['message']}")
        if self.hello["protocol"] != _PROTOCOL:
            raise DoorError(f"{path} speaks protocol {self.hello['protocol']}, not {_PROTOCOL}", "use its own `engine`")

    def _peer(self) -> int:
        """The user whose process listens."""
        return int(_PEER.unpack(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[1])

    def command(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Ask for something; its answer. Raises DoorError when it was refused."""
        try:
            self._socket.sendall(json.dumps({"command": name, **arguments}).encode() + b"\n")
        except OSError as error:
            raise DoorError("the engine has ended", "start it again with `engine run`") from error
        limit = time.monotonic() + _ANSWER_S
        while True:
            line = self._answer(limit)
            answer: dict[str, Any] = json.loads(line)
            if "reply" not in answer:
                self._events.append(line)
            elif answer["ok"]:
                return answer
            else:
                raise DoorError(answer["error"]["message"])

    def event(self, quiet_s: float | None = None) -> dict[str, Any] | None:
        """The next event; None when the engine has ended, or told nothing for so long."""
        try:
            event: dict[str, Any] = json.loads(self._events.popleft() if self._events else self._line(quiet_s))
        except (EOFError, TimeoutError):
            return None
        return event

    def within(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Events as they come, for so long. EOFError: the engine has ended."""
        limit = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while True:
                yield json.loads(self._events.popleft() if self._events else self._line(limit - time.monotonic()))

    def lines(self) -> Iterator[bytes]:
        """Events as they are on the wire, until the engine ends."""
        while True:
            try:
                yield self._events.popleft() if self._events else self._line(None)
            except EOFError:
                return

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def until_started(self) -> None:
        """Wait while the engine starts."""
        if self.hello["state"] == "starting":
            self.command("subscribe", events=["state"])
            self.hello["state"] = (self.event() or self.hello)["state"]

    def _answer(self, limit: float) -> bytes:
        """A line that the engine owes us."""
        try:
            return self._line(limit - time.monotonic())
        except TimeoutError:
            raise DoorError("the engine does not answer", "look at its messages, and restart it if it hangs") from None
        except EOFError:
            raise DoorError("the engine has ended", "start it again with `engine run`") from None

    def _line(self, timeout_s: float | None) -> bytes:
        """The next line. TimeoutError, EOFError: there is none."""
        self._socket.settimeout(None if timeout_s is None else max(timeout_s, 0.001))
        while b"\n" not in self._rest:
            try:
                more = self._socket.recv(1 << 16)
            except ConnectionError:
                more = b""
            if not more:
                raise EOFError
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line + b"\n"


def _not_in(path: Path, error: OSError) -> DoorError:
    """Why one did not come in."""
    if isinstance(error, PermissionError):
        remedy = "be the user that the engine runs as, or of its door.group"
        return DoorError(f"this user may not come in at {path}", remedy)
    return DoorError(f"no engine listens at {path}: {error.strerror or error}", "start one with `engine run`")
