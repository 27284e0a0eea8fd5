"""A service manager's socket, of the test's own."""

from __future__ import annotations

import socket
from pathlib import Path


class Manager:
    """Use: `with Manager(path)`. Started with `environ`, an engine tells it how it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self._so_far: list[dict[str, str]] = []

    def environ(self, *, watchdog_s: float = 0.0, pid: int = 0) -> dict[str, str]:
        """What it says to whom it starts."""
        environ = {"NOTIFY_SOCKET": str(self._path)}
        if watchdog_s:
            environ["WATCHDOG_USEC"] = str(round(watchdog_s * 1e6))
        if pid:
            environ["WATCHDOG_PID"] = str(pid)
        return environ

    def told(self) -> list[dict[str, str]]:
        """Everything that it was told so far, a table for each message."""
        while True:
            try:
                lines = self._socket.recv(1 << 16).decode().splitlines()
            except BlockingIOError:
                return self._so_far
            self._so_far.append(dict(line.split("=", 1) for line in lines))

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
