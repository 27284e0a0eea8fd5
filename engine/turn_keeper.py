"""Has the turns of a running engine written down, by a thread of its own: a disk that is slow or full keeps nobody."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from engine import NAME
from engine.config import Config
from engine.contract import Pcm
from engine.events import Error
from engine.hub import Happening
from engine.last_turns import placed
from engine.turn_log import TurnLog, entry
from engine.turn_sound import TurnSound, make

_MOST_WAITING = 16
"""Turns and calls that wait for the disk; what comes then is dropped, and that is told."""
_END = None
_Item: TypeAlias = "tuple[dict[str, Any], str, Pcm | None]"


def open_log(config: Config) -> TurnLog | None:
    """The log that the configuration wants, if it wants one; and the folder for sound beside it. Raises OutputError."""
    if not config.log.turns:
        return None
    log = TurnLog(Path(config.log.turns), config.log.turns_mb * 10**6, config.log.keep)
    if config.log.audio:
        make(_folder(config))
    return log


def open_sound(config: Config, instance: str) -> TurnSound | None:
    """The same of sound, of an engine whose rings are there."""
    if not config.log.audio:
        return None
    return TurnSound(instance, config.audio.rate_hz, _folder(config), config.log.audio_mb * 10**6)


def _folder(config: Config) -> Path:
    path = Path(config.log.turns)
    return path.with_name(f"{path.name}.audio")


class Keeper:
    """A subscriber. pids: the workers that run; troubled: told, in the thread that writes, once what cannot be written,
    until something is again."""

    def __init__(
        self,
        log: TurnLog,
        sound: TurnSound | None,
        pids: Callable[[], Mapping[str, int]],
        troubled: Callable[[Error], None],
    ) -> None:
        self._log, self._sound, self._pids, self._troubled = log, sound, pids, troubled
        self._engine = f"{NAME} {version(NAME)}"
        self._calls: dict[str, dict[str, Any]] = {}
        """Those that are open. At its end a session has none; what is left then was lost with a process."""
        self._items: queue.Queue[_Item | None] = queue.Queue(_MOST_WAITING)
        self._in_trouble = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __call__(self, happening: Happening) -> None:
        fields = happening.fields
        if happening.name == "answer.ended" and fields["record"]:
            self._turn(fields["record"], fields["time"])
        elif happening.name == "tool":
            self._calls[fields["call"]] = fields
        elif happening.name == "tool.ended" and (call := self._calls.pop(fields["call"], None)) is not None:
            told = {name: call[name] for name in ("session", "turn", "attempt", "call", "tool", "arguments")}
            ms = round((fields["mono_ns"] - call["mono_ns"]) / 1e6, 1)
            told |= {"outcome": fields["outcome"], "text": fields["text"], "ms": ms}
            self._put({"time": fields["time"], "engine": self._engine, **told}, "call")
        elif happening.name == "session" and fields["state"] == "ended":
            self._calls.clear()

    def _turn(self, record: Mapping[str, Any], at_s: float) -> None:
        told = {"time": at_s, "engine": self._engine, **placed(record, self._pids())}
        frames = None
        if self._sound is not None and (frames := self._sound.take(record)) is not None:
            told["sound"] = self._sound.name(record, at_s)
        self._put(told, "turn", frames)

    def _put(self, fields: dict[str, Any], kind: str, frames: Pcm | None = None) -> None:
        try:
            self._items.put_nowait((fields, kind, frames))
        except queue.Full:
            self._trouble("the disk does not take turns as fast as they come: some are not written down")

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what is left, or as much of it as is taken within the time."""
        with contextlib.suppress(queue.Full):
            self._items.put(_END, timeout=timeout_s)
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while (item := self._items.get()) is not _END:
            fields, kind, frames = item
            silent = self._write_sound(fields, frames)
            if why := self._write_line(kind, fields) or silent:
                self._trouble(why)
            else:
                self._in_trouble = False
        self._log.close()

    def _write_sound(self, fields: dict[str, Any], frames: Pcm | None) -> str:
        """Why there is none; empty: there is, or there shall be none. The turn itself is written down all the same."""
        if frames is None or self._sound is None:
            return ""
        try:
            self._sound.write(fields["sound"], frames)
        except OSError as error:
            del fields["sound"]
            return f"the sound of a turn is not kept: {error.strerror or error}"
        return ""

    def _write_line(self, kind: str, fields: dict[str, Any]) -> str:
        """Why it is not there; empty: it is."""
        try:
            self._log.write(entry(kind, fields))
        except OSError as error:
            return f"a turn is not written down: {error.strerror or error}"
        return ""

    def _trouble(self, what: str) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            self._troubled(Error("log", what, "make room there, or choose another log.turns"))
