"""The rings of an engine, real ones, with the test in the seats of its workers."""

from __future__ import annotations

import ringbuf
from engine import messages as m
from engine.channels import BELLS, PROCESSES, segment
from engine.config import Config
from engine.segments import Segments, instance_name, settings
from engine.telemetry import LAYOUT, Telemetry
from workers.join import Seat


class Rings:
    """All segments of one engine. `seat` gives a worker's place; `close` removes the segments."""

    def __init__(self, config: Config) -> None:
        self.config, self.instance = config, instance_name(config)
        self._segments = Segments(self.instance, config)
        self._settings = ringbuf.LatestWriter(segment(self.instance, "settings"))
        self._settings.put(settings(config))
        self.telemetry = Telemetry(ringbuf.Cells(segment(self.instance, "cells")))
        self.telemetry.set("engine.layout", LAYOUT)
        self._bells = ringbuf.Bells(segment(self.instance, "bells"))

    def seat(self, name: str, kind: type[Seat] = Seat) -> Seat:
        """The place of the worker called `name`."""
        return kind(next(process for process in PROCESSES if process.name == name), self.instance)

    def reload(self, config: Config) -> None:
        """Publish other settings."""
        self.config = config
        self._settings.put(settings(config))
        self.telemetry.count("engine.settings")

    def ring(self, name: str) -> None:
        """Ring a process's doorbell."""
        self._bells[BELLS.index(name)].ring()

    def stop(self) -> None:
        """Tell all workers to end."""
        self.telemetry.set("engine.stop", 1)
        for index in range(len(BELLS)):
            self._bells[index].ring()

    def close(self) -> None:
        self._segments.remove()


def messages(reader: ringbuf.StreamReader) -> list[m.Message]:
    """What has come."""
    return [m.decode(record) for record in reader]
