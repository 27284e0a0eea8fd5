"""The supervisor's side of the audio worker: commands in, answers and events out."""

from __future__ import annotations

import json
from typing import Any

import ringbuf
from engine import messages as m
from engine.channels import BELLS, segment
from engine.outlet import Outlet
from tests.rings import Rings


class Host:
    """Sends commands to the audio worker and reads what it tells."""

    def __init__(self, rings: Rings) -> None:
        bell = ringbuf.Bells(segment(rings.instance, "bells"))[BELLS.index("audio")]
        self._controls = Outlet(ringbuf.StreamWriter(segment(rings.instance, "controls"), bells=[bell]))
        self._devices = ringbuf.StreamReader(segment(rings.instance, "devices"))

    def mute(self, number: int, on: bool) -> None:
        assert self._controls.send(m.SetMute(number=number, on=int(on)))

    def volume(self, number: int, percent: int, deadline_ns: int = 0) -> None:
        assert self._controls.send(m.SetVolume(number=number, percent=percent, deadline_ns=deadline_ns))

    def told(self) -> list[Any]:
        """What was told since the last time: the number of each command that was done, and each event as a dict."""
        found: list[Any] = []
        for record in self._devices:
            message = m.decode(record)
            if isinstance(message, m.Done):
                assert message.ok
                found.append(message.number)
            else:
                assert isinstance(message, m.Happened)
                found.append(json.loads(message.event))
        return found
