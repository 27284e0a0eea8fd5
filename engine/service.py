"""What a service manager is told: that the engine is ready, that it is alive, that it reloads and that it ends.

The protocol is systemd's sd_notify(3): lines `NAME=value` in one datagram to the socket that $NOTIFY_SOCKET names.
Where nobody asked for it, nothing is sent. Only the supervisor tells, for all stages.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, MutableMapping

_KICKS = 4
"""So many in the time after which the service manager loses patience: one may come late, another not at all."""
_SPARE_S = 10.0
"""More time than the engine allows itself, before the service manager does something about it."""


class Service:
    """The service manager's end of the engine, if one started it. environ: what it said is taken out of it, so that no
    worker believes that it was meant.

    watched: the service manager expects to be told every so often that the engine is alive.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        every_us, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", str(os.getpid()))
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if address[:1] in ("@", "/"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        ours = self._socket is not None and every_us.isdecimal() and pid == str(os.getpid())
        self._every_s = int(every_us) / 1e6 / _KICKS if ours else 0.0
        self._kicking: asyncio.TimerHandle | None = None

    @property
    def watched(self) -> bool:
        return self._every_s > 0

    def starting(self, timeout_s: float) -> None:
        """It loads, and will be ready within `timeout_s` or have ended."""
        self._tell(STATUS="loading", EXTEND_TIMEOUT_USEC=_microseconds(timeout_s + _SPARE_S))

    def ready(self, status: str) -> None:
        """Every stage is loaded and warm; or a reload is done."""
        self._tell(READY=1, STATUS=status)

    def status(self, status: str) -> None:
        """How it is doing, one line for people."""
        self._tell(STATUS=status)

    def reloading(self) -> None:
        """It reads its configuration anew; `ready` follows."""
        self._tell(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)

    def stopping(self, timeout_s: float) -> None:
        """It ends within `timeout_s`."""
        if self._kicking is not None:
            self._kicking.cancel()
        self._tell(STOPPING=1, STATUS="stopping", EXTEND_TIMEOUT_USEC=_microseconds(timeout_s + _SPARE_S))

    def watch(self, is_fresh: Callable[[], bool]) -> None:
        """From now on say every so often that all is alive, as long as `is_fresh` says so. In the event loop: one that
        hangs says nothing."""
        if not self.watched:
            return
        if is_fresh():
            self._tell(WATCHDOG=1)
        self._kicking = asyncio.get_running_loop().call_later(self._every_s, self.watch, is_fresh)

    def _tell(self, **fields: object) -> None:
        if self._socket is not None:
            # A service manager that has gone, or does not read, is not for us to mend.
            with contextlib.suppress(OSError):
                lines = "\n".join(f"{name}={value}" for name, value in fields.items())
                self._socket.sendto(lines.encode(), self._address)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
