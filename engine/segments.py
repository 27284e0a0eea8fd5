"""The engine's shared memory: one segment for each channel, all of them the supervisor's."""

from __future__ import annotations

import json
import os

import ringbuf
from engine import NAME, audible
from engine.channels import BELLS, CHANNELS, Channel, segment
from engine.config import Config
from engine.errors import SharedMemoryError
from engine.lease import SLOTS, plan
from engine.scheduling import cores
from engine.telemetry import CELLS


def instance_name(config: Config) -> str:
    """What this running engine's segments are called: project, name, process."""
    return f"{NAME}.{config.engine.instance or 'engine'}.{os.getpid()}"


def settings(config: Config) -> bytes:
    """The configuration as the workers read it."""
    return json.dumps(config.as_dict()).encode()


class Segments:
    """All segments of one engine, from creation to removal.

    Raises SharedMemoryError when /dev/shm has no room for them; then none is left.
    """

    def __init__(self, instance: str, config: Config) -> None:
        ringbuf.reap(f"{NAME}.")
        self._segments: list[ringbuf.Segment] = []
        try:
            for channel in CHANNELS:
                self._segments.append(_create(segment(instance, channel.name), channel, config))
            self._segments.append(ringbuf.create_bells(segment(instance, "bells"), len(BELLS)))
        except ringbuf.RingError as error:
            self.remove()
            raise SharedMemoryError(str(error)) from error

    def remove(self) -> None:
        """Take them out of /dev/shm. Whoever still has them mapped keeps the memory until it ends."""
        while self._segments:
            one = self._segments.pop()
            one.close()
            one.unlink()


def _create(name: str, channel: Channel, config: Config) -> ringbuf.Segment:
    rate = config.audio.rate_hz
    match channel.kind:
        case "history":
            return ringbuf.create_history(name, config.audio.history_s * rate, rate=rate, readers=len(channel.seats))
        case "latest":
            return ringbuf.create_latest(name, max(channel.size, len(settings(config))))
        case "cells":
            return ringbuf.create_cells(name, CELLS)
        case "lease":
            return ringbuf.create_lease(name, SLOTS, units=max(1, plan(config, cores()).units))
        case "stream":
            sound = channel.name in audible.RINGS.values()
            size = config.vocoder.speaker_s * rate * 2 if sound else channel.size
            return ringbuf.create_stream(name, size)
