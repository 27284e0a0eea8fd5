"""How loud the microphone and the loudspeaker are, for a waveform: read from their rings as an observer, whom nobody
wakes and nobody waits for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import ringbuf
from engine.channels import ENGINE, channel, segment
from engine.contract import Pcm

COLUMNS_PER_S = 80
"""Columns of the waveform, each from its lowest to its highest sample."""
_MOST_S = 1.0
"""What is older is left out: after a pause of ours the waveform goes on with the present."""
_SIDES = {"microphone": "mic", "loudspeaker": "played"}
_STEPS = 128
_FULL = 32768
_SILENT_DB = -96.0


class RingLevels:
    """Of a running engine. Nothing but levels ever leaves it."""

    def __init__(self, instance: str) -> None:
        self._rings = {side: _open(instance, name) for side, name in _SIDES.items()}
        self._at = min(ring.position for ring in self._rings.values())

    def read(self) -> dict[str, Any] | None:
        """For each side: `columns`, lowest and highest of each in turn, -128 to 127, and `db`, the RMS below full
        scale. None: nothing whole has come."""
        rate = next(iter(self._rings.values())).rate
        each = rate // COLUMNS_PER_S
        until = min(ring.position for ring in self._rings.values())
        self._at = max(self._at, until - round(_MOST_S * rate))
        count = (until - self._at) // each
        if count <= 0:
            return None
        start, self._at = self._at, self._at + count * each
        for ring in self._rings.values():
            ring.seek(self._at)  # so that nobody takes us for a reader that falls behind
        sounds = {side: ring.view(start, self._at) for side, ring in self._rings.items()}
        told = {side: _level(sound, count) for side, sound in sounds.items() if sound is not None}
        return told if len(told) == len(_SIDES) else None

    def close(self) -> None:
        """Give the seats up."""
        for ring in self._rings.values():
            ring.close()


def _open(instance: str, name: str) -> ringbuf.HistoryReader:
    return ringbuf.HistoryReader(segment(instance, name), slot=channel(name).seats.index(ENGINE))


def _level(sound: Pcm, count: int) -> dict[str, Any]:
    columns = sound.reshape(count, -1)
    ends = np.stack((columns.min(axis=1), columns.max(axis=1)), axis=1) // (_FULL // _STEPS)
    loud = math.sqrt(float(np.mean(np.square(sound, dtype=np.float32)))) / _FULL
    return {"columns": ends.ravel().tolist(), "db": round(20 * math.log10(loud), 1) if loud else _SILENT_DB}
