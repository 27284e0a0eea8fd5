"""Tells when sound devices come or go, or another one becomes the default."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Any

from engine.devices.nodes import SoundNodes
from engine.devices.sound_server import Connection, NoServerError

_RETRY_S = 1.0
"""How often a sound server that is away is looked for."""
_EVENTS = {"sink": ("new", "remove"), "source": ("new", "remove"), "server": ("change",)}
"""Which events of what count. A server changes when another device becomes its default."""


class Watch:
    """A thread that sleeps until devices have changed and then calls `on_change`.

    `on_change` is called in that thread, also when the sound server itself comes or goes; it should do no more than
    wake somebody. What has changed is found out with `find`.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._nodes = SoundNodes()
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._others = [fd for fd in (self._stop, self._nodes.fd) if fd >= 0]
        self._told = False
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        os.close(self._stop)
        self._nodes.close()

    def _run(self) -> None:
        while not self._stopping():
            try:
                with Connection(others=self._others) as server:
                    self._listen(server)
            except NoServerError:
                self._sleep()

    def _listen(self, server: Connection) -> None:
        """Until we stop, or the server is gone, which raises NoServerError."""
        from pulsectl import PulseLoopStop  # the connection has loaded it

        def happened(event: Any) -> None:
            if event.t in _EVENTS.get(event.facility, ()):
                self._told = True
                raise PulseLoopStop

        try:
            server.pulse.event_callback_set(happened)
            with server.errors():
                server.pulse.event_mask_set(*_EVENTS)
            self._told = True
            server.deadline = None
            while not self._stopping():
                if self._nodes.changed() or self._told:
                    self._told = False
                    self._on_change()
                with server.errors():
                    server.pulse.event_listen()
        except NoServerError:
            self._on_change()
            raise

    def _sleep(self) -> None:
        """Without a server: until it may be back, we stop, or a card came or went."""
        poll = select.poll()
        for fd in self._others:
            poll.register(fd, select.POLLIN)
        poll.poll(_RETRY_S * 1000)
        if self._nodes.changed():
            self._on_change()

    def _stopping(self) -> bool:
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        return bool(poll.poll(0))
