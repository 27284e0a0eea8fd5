"""A service manager's socket, of the test's own."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

_MARK = b"MARK"


class Manager:
    """Use: `with Manager(path)`. Started with `environ`, an engine tells it how it is. It takes in what it is told at
    once, as a real one does: the kernel keeps ten messages and no more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._so_far: list[dict[str, str]] = []
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

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
        self._caught_up.clear()
        self._send(_MARK)
        self._caught_up.wait()
        return list(self._so_far)

    def _send(self, message: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, str(self._path))

    def _take(self) -> None:
        while message := self._socket.recv(1 << 16):
            if message == _MARK:
                self._caught_up.set()
            else:
                self._so_far.append(dict(line.split("=", 1) for line in message.decode().splitlines()))

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self._send(b"")  # ends the thread
        self._thread.join()
        self._socket.close()
