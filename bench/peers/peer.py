"""What both peers are told, and what they give back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .settings import Configuration
from .sink import RATE, Loudspeaker, Pcm
from .source import Microphone
from .stages import Stages

LEAD_S = 1.0
"""From the moment a peer is ready until the track begins."""


@dataclass
class Session:
    """One conversation: what a peer hears, what it is built of, and what came of it."""

    track: Pcm
    configuration: Configuration
    stages: Stages
    told: Callable[[int], None] = lambda _start_ns: None
    """Takes when the timeline begins, CLOCK_MONOTONIC."""
    microphone: Microphone = field(init=False)
    loudspeaker: Loudspeaker = field(init=False)
    _begun: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    own_latency_s: list[float] = field(default_factory=list)
    """The latency of each answer as the peer itself measures it."""

    def begin(self) -> None:
        """The peer is ready: the timeline begins shortly."""
        start_ns = time.monotonic_ns() + round(LEAD_S * 1e9)
        self.microphone = Microphone(self.track, start_ns)
        self.loudspeaker = Loudspeaker(start_ns, len(self.track))
        self._begun.set()
        self.told(start_ns)

    async def over(self) -> None:
        """Until the whole track has been heard."""
        await self._begun.wait()
        await asyncio.sleep(LEAD_S + len(self.track) / RATE)
