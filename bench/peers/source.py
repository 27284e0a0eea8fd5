"""The microphone of every peer: a track in the engine's blocks of 10 ms, each when its last sample has been spoken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import numpy as np

from .sink import BLOCK, BLOCK_NS, Pcm


class Microphone:
    """sound: mono. start_ns: when its first sample is spoken, CLOCK_MONOTONIC.

    A reader that was held up gets what it missed at once, as from the buffer of a sound card; `late_ms` keeps how long
    after its time each block was taken.
    """

    def __init__(
        self,
        sound: Pcm,
        start_ns: int,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sound, self._start_ns, self._clock, self._sleep = sound, start_ns, clock, sleep
        self.late_ms: list[float] = []

    async def blocks(self) -> AsyncGenerator[Pcm, None]:
        """All blocks of the sound; the last one is filled up with silence."""
        for index in range(-(-len(self._sound) // BLOCK)):
            due_ns = self._start_ns + (index + 1) * BLOCK_NS
            while (early_ns := due_ns - self._clock()) > 0:
                await self._sleep(early_ns / 1e9)
            self.late_ms.append((self._clock() - due_ns) / 1e6)
            block = self._sound[index * BLOCK : (index + 1) * BLOCK]
            yield block if len(block) == BLOCK else np.pad(block, (0, BLOCK - len(block)))
