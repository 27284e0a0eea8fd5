"""The sound of turns as WAV files, where their owner wants that: left the microphone, right the loudspeaker, from a
little before the user speaks to the end of the answer."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import ringbuf
from engine import wav
from engine.channels import LOG, channel, segment
from engine.contract import Pcm
from engine.errors import OutputError

_BEFORE_S = 0.3
_ENDING = ".wav"


def make(folder: Path) -> None:
    """A folder for them, for its owner alone. Raises OutputError."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise OutputError(f"log.audio: {wav.place(folder)}: {error.strerror}", "choose another log.turns") from error


class TurnSound:
    """folder: where they are kept; most: bytes of them all: the oldest go. `take` is for the thread that hears of
    turns, everything else for the one that writes."""

    def __init__(self, instance: str, rate: int, folder: Path, most: int) -> None:
        self._rate, self._folder, self._most = rate, folder, most
        self._sides = [_look(instance, name) for name in ("mic", "played")]

    def take(self, record: Mapping[str, Any]) -> Pcm | None:
        """The sound of a turn that has just ended, shape [n, 2], or as much of it as is still in the rings; None: there
        is none."""
        heard_ms = record["stages"].get("audio", {}).get("ended")
        begin_s, end_s = record["speech"]["start_s"] - _BEFORE_S, record["speech"]["end_s"]
        there = min(side.position for side in self._sides)
        stop = there if heard_ms is None else min(there, round((end_s + heard_ms / 1000) * self._rate))
        start = max(0, *(side.oldest for side in self._sides), round(begin_s * self._rate))
        if stop <= start:
            return None
        frames = np.zeros((stop - start, 2), np.int16)
        for place, side in enumerate(self._sides):
            view = side.view(start, stop)
            if view is not None:
                frames[:, place] = view
            if not side.holds(start):  # overwritten meanwhile
                frames[:, place] = 0
        return frames

    def name(self, record: Mapping[str, Any], at_s: float) -> str:
        """What the file of a turn is called: it sorts by time."""
        when = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at_s))
        return f"{when}Z-{record['session']}.{record['turn']}{_ENDING}"

    def write(self, name: str, frames: Pcm) -> None:
        """Raises OSError; then there is no such file."""
        path = self._folder / name
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        try:
            with contextlib.closing(wav.Recording(path, 2, self._rate)) as recording:
                recording.write(frames)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self._prune()

    def _prune(self) -> None:
        """Remove the oldest until they are not too large together; the newest stays."""
        sizes: list[tuple[Path, int]] = []
        for path in sorted(path for path in self._folder.iterdir() if path.name.endswith(_ENDING)):
            with contextlib.suppress(FileNotFoundError):  # its owner takes some away just now
                sizes.append((path, path.stat().st_size))
        total = sum(size for _, size in sizes)
        for path, size in sizes[:-1]:
            if total <= self._most:
                return
            path.unlink(missing_ok=True)
            total -= size


def _look(instance: str, name: str) -> ringbuf.HistoryReader:
    """A look at a ring of sound: no one is woken for it."""
    return ringbuf.HistoryReader(segment(instance, name), channel(name).seats.index(LOG), start="latest")
