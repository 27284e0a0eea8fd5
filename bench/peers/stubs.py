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
from .waits import ANSWER, CHARACTER_S, FIRST_PIECE_S, PIECE_S, SOUND_S, TONE, TONE_HZ, WORDS_S

HEARD = "what was said"


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
