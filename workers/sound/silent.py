"""Devices that were opened and did not run: only a new process is rid of them, and it has to know."""

from __future__ import annotations

import zlib

from engine.devices import Side
from engine.telemetry import Telemetry

_HALF = (1 << 32) - 1


class SilentDevices:
    """The last two of one side, the wanted one and the default in its place: their names' CRC-32 in the halves of a
    cell, which outlives the worker. A name that is taken for another one costs a trial."""

    def __init__(self, telemetry: Telemetry, side: Side) -> None:
        self._telemetry, self._cell = telemetry, f"audio.{side}_silent"

    def __contains__(self, name: object) -> bool:
        return _mark(str(name)) in self._marks()

    def add(self, name: str) -> None:
        self._set([_mark(name), *(mark for mark in self._marks() if mark != _mark(name))][:2])

    def discard(self, name: str) -> None:
        self._set([mark for mark in self._marks() if mark != _mark(name)])

    def _marks(self) -> list[int]:
        value = self._telemetry.get(self._cell)
        return [mark for mark in (value & _HALF, value >> 32) if mark]

    def _set(self, marks: list[int]) -> None:
        newest, older = (*marks, 0, 0)[:2]
        self._telemetry.set(self._cell, older << 32 | newest)


def _mark(name: str) -> int:
    return zlib.crc32(name.encode()) or 1  # 0 is no name
