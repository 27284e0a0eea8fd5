"""The supervisor's place at the rings: what it tells the workers, what it hears of them, and by what they wake it."""

from __future__ import annotations

import os

import ringbuf
from engine import messages as m
from engine.channels import BELLS, channel, segment
from engine.config import Config
from engine.outlet import Outlet
from engine.segments import settings
from engine.telemetry import LAYOUT, Telemetry

_TOLD = ("story", "devices", "dialogue")
_TELLS = ("commands", "controls", "replies")


class Switchboard:
    """instance: the engine's, whose segments are there already. doorbell: an eventfd, which an event loop can sleep on,
    and which the workers inherit."""

    def __init__(self, instance: str, config: Config) -> None:
        self._instance = instance
        self.telemetry = Telemetry(ringbuf.Cells(segment(instance, "cells")))
        self.telemetry.set("engine.layout", LAYOUT)
        self._bells = ringbuf.Bells(segment(instance, "bells"))
        self.lease = ringbuf.Lease(segment(instance, "lease"))
        self._told = [self._reader(name) for name in _TOLD]
        self._written = {name: self._writer(name) for name in _TELLS}
        self._outlets = {name: Outlet(writer) for name, writer in self._written.items()}
        self._settings = ringbuf.LatestWriter(segment(instance, "settings"))
        self._settings.put(settings(config))
        self.doorbell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def _reader(self, name: str) -> ringbuf.StreamReader:
        bell = self._bells[BELLS.index(channel(name).writer)]
        return ringbuf.StreamReader(segment(self._instance, name), bells=[bell])

    def _writer(self, name: str) -> ringbuf.StreamWriter:
        bells = [self._bells[BELLS.index(reader)] for reader in channel(name).readers]
        return ringbuf.StreamWriter(segment(self._instance, name), bells=bells)

    def publish(self, config: Config) -> int:
        """Give all workers new settings; which version that is, as in the cell engine.settings. ValueError: they are
        larger than the room there is."""
        self._settings.put(settings(config))
        self.telemetry.count("engine.settings")
        self.wake_all()
        return self.telemetry.get("engine.settings")

    def send(self, channel: str, message: m.Message) -> bool:
        """Send a command of the host to a worker. False: its ring is full."""
        return self._outlets[channel].send(message)

    def heard(self) -> list[m.Message]:
        """What turns and audio have told since the last time."""
        return [m.decode(record) for ring in self._told for record in ring]

    def scrub(self) -> None:
        """Let nothing that was read lie in the rings: see `Seat.beat`."""
        for writer in self._written.values():
            writer.scrub()

    def wake(self, name: str) -> None:
        """Let a worker look at what is wanted of it."""
        self._bells[BELLS.index(name)].ring()

    def wake_all(self) -> None:
        """Let everybody look."""
        for index in range(len(BELLS)):
            self._bells[index].ring()

    def answer(self) -> None:
        """The doorbell was rung, and is heard."""
        os.eventfd_read(self.doorbell)

    def close(self) -> None:
        """Nobody rings any more."""
        os.close(self.doorbell)
