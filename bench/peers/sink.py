"""The virtual loudspeaker that every peer plays through, and the recording of what it played.

It is the loudspeaker of the engine's own virtual card (workers/drivers/virtual.py): blocks of 10 ms, two of which lie
ahead of the one that is heard, fetched 4 ms after each block of the microphone. So sound that is handed over now is
heard after 16 to 26 ms; a test holds the two side by side. Nothing runs by itself: what time has done is worked out
whenever somebody asks. So it takes no processor time from a peer and is never late itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
"""Mono samples, shape [n]."""

RATE = 16000
BLOCK_MS = 10
BLOCK = RATE * BLOCK_MS // 1000
BLOCK_NS = BLOCK_MS * 1_000_000
QUEUED = 2
"""Blocks that lie ready ahead of the one that is heard. Block and queue are the engine's `audio.block_ms` and
`audio.queued_blocks`."""
AFTER_NS = 4_000_000
"""So long after a block of the microphone the next one is fetched."""


class Loudspeaker:
    """start_ns: when the timeline begins, CLOCK_MONOTONIC. samples: how long the recording is."""

    def __init__(self, start_ns: int, samples: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._start_ns, self._clock = start_ns, clock
        self._recording: Pcm = np.zeros(samples, np.int16)
        self._waiting: deque[Pcm] = deque()
        self._level = 0
        self._taken = QUEUED
        """Blocks the device has taken, silence included; the first lie ready before anything begins."""
        self._heard_ns = start_ns
        """When the last sample that the device has taken will have been heard."""
        self._paused = False
        self.accepted = 0
        """Samples the device has taken since the beginning: they are heard, whatever happens."""

    def put(self, pcm: Pcm) -> None:
        """Hand over sound, any length: it is copied, and waits behind what waits already."""
        self._pass_time()
        if len(pcm):
            self._waiting.append(pcm.astype(np.int16, copy=True))
            self._level += len(pcm)

    def clear(self) -> int:
        """Drop what the device has not taken; how many samples that was."""
        self._pass_time()
        dropped, self._level = self._level, 0
        self._waiting.clear()
        return dropped

    def pause(self) -> None:
        """Be silent and keep what waits."""
        self._pass_time()
        self._paused = True

    def resume(self) -> None:
        self._pass_time()
        self._paused = False

    @property
    def level(self) -> int:
        """Samples that wait for the device."""
        self._pass_time()
        return self._level

    def seconds_until(self, level: int) -> float:
        """How long it takes until no more than so many samples wait, if nothing is added; 0 if it is so now."""
        self._pass_time()
        excess = self._level - level
        if excess <= 0:
            return 0.0
        blocks = -(-excess // BLOCK)
        return max(0.0, (self._take_ns(self._taken + blocks - 1) - self._clock()) / 1e9)

    @property
    def seconds_until_silent(self) -> float:
        """How long it takes until all that was put has been heard."""
        if self.level:
            return self.seconds_until(0) + ((QUEUED + 1) * BLOCK_NS - AFTER_NS) / 1e9
        return max(0.0, (self._heard_ns - self._clock()) / 1e9)

    def recording(self) -> Pcm:
        """What was heard, from the beginning of the timeline; zeros where nothing was put."""
        self._pass_time()
        return self._recording

    def _take_ns(self, block: int) -> int:
        """When the device takes a block."""
        return self._start_ns + (block - QUEUED) * BLOCK_NS + AFTER_NS

    def _pass_time(self) -> None:
        now = self._clock()
        while self._take_ns(self._taken) <= now:
            at = self._taken * BLOCK
            self._taken += 1
            room = BLOCK if not self._paused else 0
            while room and self._waiting:
                part = self._waiting.popleft()
                if len(part) > room:
                    self._waiting.appendleft(part[room:])
                    part = part[:room]
                heard = self._recording[at : at + len(part)]
                heard[:] = part[: len(heard)]
                at, room = at + len(part), room - len(part)
                self._level -= len(part)
                self.accepted += len(part)
                self._heard_ns = self._start_ns + at * 1_000_000_000 // RATE
