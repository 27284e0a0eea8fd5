"""The one table of what flows between the processes, and the one table of the processes.

Each channel is a ring in shared memory; each process has one doorbell. Adding a stage is a line in PROCESSES, adding
a flow a line in CHANNELS; nothing else lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Process:
    """A worker: an operating-system process for one stage."""

    name: str
    module: str
    section: str
    """The table of config.toml with its interpreter, threads and priority."""
    wanted: Callable[[Settings], bool] = lambda _settings: True
    """Whether it is started at all."""
    vital: bool = False
    """Without it there is no conversation: nothing is heard, decided or played."""

    @property
    def title(self) -> str:
        """What `ps` and `top` show."""
        return f"engine:{self.name}"


@dataclass(frozen=True, slots=True)
class Channel:
    """A ring: who writes it, who reads it, how much it holds."""

    name: str
    kind: Literal["stream", "history", "latest", "cells", "lease"]
    writer: str
    readers: tuple[str, ...] = ()
    size: int = 1 << 16
    """Bytes (stream, latest). Sound rings take their size from the configuration."""
    observers: tuple[str, ...] = ()
    """Who looks into a history now and then: a seat as the readers have, but nobody wakes them."""

    @property
    def seats(self) -> tuple[str, ...]:
        """Whose is which slot of a reader."""
        return self.readers + self.observers


LOG = "log"
"""The supervisor, where it has turns written down with their sound (engine/turn_sound.py)."""

PROCESSES = (
    Process("audio", "workers.audio", "audio", vital=True),
    Process("vad", "workers.vad", "vad", vital=True),
    Process("asr", "workers.asr", "asr"),
    Process("ending", "workers.ending", "ending", wanted=lambda settings: settings.ending.backend != "off"),
    Process("turns", "workers.turns", "turns", vital=True),
    Process("llm", "workers.llm", "llm"),
    Process("vocoder", "workers.vocoder", "vocoder"),
    Process("floor", "workers.floor", "floor", wanted=lambda settings: settings.floor.enabled),
    Process("recorder", "workers.recorder", "audio", wanted=lambda settings: bool(settings.audio.output)),
)

FORKS = "engine:forks"
"""The title of the process that workers are forked from: no worker, and without a doorbell."""

ENGINE = "engine"
"""The supervisor: not a worker, but it has a doorbell too."""

CHANNELS = (
    Channel("settings", "latest", writer=ENGINE, readers=(), size=1 << 18),
    # Every worker reads its own cells and writes them; the names are in telemetry.py.
    Channel("cells", "cells", writer=ENGINE),
    # Who computes now; everyone has a slot in it (engine/lease.py).
    Channel("lease", "lease", writer=ENGINE),
    # What the microphone got and, on the same timeline, what the loudspeaker plays.
    Channel("mic", "history", writer="audio", readers=("vad", "asr", "ending", "recorder"), observers=(ENGINE, LOG)),
    Channel("played", "history", writer="audio", readers=("recorder", "audio"), observers=(ENGINE, LOG)),
    # Inside the audio worker, between what the devices call (it writes capture and marks, and reads playout) and the
    # rest: frames as the device has them, and a mark each time that the loudspeaker called.
    Channel("capture", "stream", writer="audio", readers=("audio",), size=1 << 20),
    Channel("playout", "stream", writer="audio", readers=("audio",), size=1 << 20),
    Channel("marks", "stream", writer="audio", readers=("audio",)),
    Channel("speech", "stream", writer="vad", readers=("turns",)),
    Channel("listen", "stream", writer="turns", readers=("asr",), size=1 << 18),
    Channel("texts", "stream", writer="asr", readers=("turns",), size=1 << 18),
    Channel("pauses", "stream", writer="turns", readers=("ending",)),
    Channel("endings", "stream", writer="ending", readers=("turns",)),
    Channel("asks", "stream", writer="turns", readers=("llm",), size=1 << 19),
    Channel("pieces", "stream", writer="llm", readers=("turns",), size=1 << 18),
    Channel("clauses", "stream", writer="turns", readers=("vocoder",), size=1 << 18),
    Channel("voiced", "stream", writer="vocoder", readers=("turns",)),
    Channel("speaker", "stream", writer="vocoder", readers=("audio",)),
    # The floor takes a step over when the stage that owns it is late: it answers, speaks clauses, or holds the turn.
    Channel("takeovers", "stream", writer="turns", readers=("floor",), size=1 << 19),
    Channel("taken", "stream", writer="floor", readers=("turns",), size=1 << 18),
    Channel("floor", "stream", writer="floor", readers=("audio",)),
    Channel("holding", "stream", writer="floor", readers=("audio",)),
    Channel("playback", "stream", writer="audio", readers=("turns",)),
    Channel("story", "stream", writer="turns", readers=(ENGINE,), size=1 << 20),
    # What the turns worker leaves to whoever is started in its place (engine/turns/memory.py).
    Channel("memory", "latest", writer="turns", readers=("turns",), size=1 << 20),
    # The host's commands, and what the sound devices tell.
    Channel("commands", "stream", writer=ENGINE, readers=("turns",), size=1 << 18),
    Channel("controls", "stream", writer=ENGINE, readers=("audio",)),
    Channel("devices", "stream", writer="audio", readers=(ENGINE,)),
    # The host's own dialogue program: what it is asked, and what it answers (workers/backends/host.py).
    Channel("dialogue", "stream", writer="llm", readers=(ENGINE,), size=1 << 18),
    Channel("replies", "stream", writer=ENGINE, readers=("llm",), size=1 << 18),
)

WATCHES = {name: f"{name}.watch" for name in ("vocoder", "floor")}
"""Second sleepers in the processes that speak, which give up what nobody wants any more while a voice works."""

BELLS = (ENGINE, *(process.name for process in PROCESSES), *WATCHES.values())
"""Whose doorbell is which line of the doorbell segment."""


def channel(name: str) -> Channel:
    """The channel called `name`."""
    return next(channel for channel in CHANNELS if channel.name == name)


def segment(instance: str, name: str) -> str:
    """The name in /dev/shm of a channel of a running engine."""
    return f"{instance}.{name}"
