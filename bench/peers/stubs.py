"""Stages that wait instead of working: what is left is what a peer adds by itself.

Waits, in ms: 100 for the final words, 150 for the first piece of an answer and 30 for each after it, 120 for the
first sound of a clause. They cost no processor time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np

from .sink import RATE, Pcm
from .stages import Stages, Tell

WORDS_S, FIRST_PIECE_S, PIECE_S, SOUND_S = 0.1, 0.15, 0.03, 0.12
HEARD = "what was said"
ANSWER = "This is a short sentence. It is followed by one that is somewhat longer."
TONE_HZ, TONE, CHARACTER_S = 200, 6000, 0.06
"""The voice is a tone: it is audible from its first sample on."""


class StubRecogniser:
    def __init__(self, tell: Tell, scale: float) -> None:
        self._tell, self._wait_s = tell, WORDS_S * scale
        self._listening = False

    def hear(self, pcm: Pcm) -> None:
        """It does not listen."""

    def listen(self) -> None:
        self._listening = True

    def finish(self) -> None:
        if self._listening:
            self._listening = False
            asyncio.get_running_loop().call_later(self._wait_s, self._tell, HEARD, True)

    def close(self) -> None:
        """It holds nothing."""


class StubAnswers:
    def __init__(self, scale: float) -> None:
        self._scale = scale

    async def answer(self, text: str) -> AsyncGenerator[str, None]:
        # By the clock, so that what a peer does with a piece does not make the next one later.
        loop = asyncio.get_running_loop()
        due = loop.time() + FIRST_PIECE_S * self._scale
        for word in ANSWER.split():
            await asyncio.sleep(due - loop.time())
            due += PIECE_S * self._scale
            yield f"{word} "


class StubVoice:
    def __init__(self, scale: float) -> None:
        self._wait_s = SOUND_S * scale

    async def say(self, text: str) -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(self._wait_s)
        time = np.arange(round(len(text) * CHARACTER_S * RATE)) / RATE
        yield np.round(TONE * np.sin(2 * np.pi * TONE_HZ * time)).astype(np.int16).tobytes()

    def close(self) -> None:
        """It holds nothing."""


def stub_stages(scale: float) -> Stages:
    """scale: by how much all waits are longer."""
    return Stages(
        recogniser=lambda tell, kept_s: StubRecogniser(tell, scale),
        answers=StubAnswers(scale),
        voice=StubVoice(scale),
    )
