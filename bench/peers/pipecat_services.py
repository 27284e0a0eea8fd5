"""Our stages as Pipecat's services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import fields
from typing import Any

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.eager_end_of_turn_mixin import EagerEndOfTurnSTTServiceMixin
from pipecat.utils.time import time_now_iso8601

from .sink import RATE
from .stages import Stages

PREROLL_S = 0.3
"""Sound from before voice activity began that the recogniser still gets, as in the engine."""
USER = "user"
NO_USE = [field.name for field in fields(LLMSettings) if field.name != "extra"]


class Recogniser(STTService):
    """Streams: it is fed every frame, tells the words so far, and the final ones at once when voice activity ends."""

    def __init__(self, stages: Stages, vad: VADParams, **options: Any) -> None:
        super().__init__(
            ttfs_p99_latency=vad.stop_secs + 0.2, settings=STTSettings(model=None, language=None), **options
        )
        self._recogniser = stages.recogniser(self._tell, vad.start_secs + PREROLL_S)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        self._recogniser.hear(np.frombuffer(audio, np.int16))
        yield None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._recogniser.listen()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._recogniser.finish()

    def _tell(self, text: str, final: bool) -> None:
        self.create_task(self._push_words(text, final))

    async def _push_words(self, text: str, final: bool) -> None:
        if text and final:
            await self.push_frame(TranscriptionFrame(text, USER, time_now_iso8601(), finalized=True))
        elif text:
            await self.push_frame(InterimTranscriptionFrame(text, USER, time_now_iso8601()))

    async def cleanup(self) -> None:
        await super().cleanup()
        self._recogniser.close()


class EarlyRecogniser(EagerEndOfTurnSTTServiceMixin, Recogniser):
    """Decides about turns itself, as Pipecat's services do that foresee them: predicts the end of a turn after a little
    silence, withdraws that when the user goes on, and commits it after more."""

    def __init__(self, stages: Stages, vad: VADParams, silence_s: float) -> None:
        super().__init__(stages, vad, enable_eager_end_of_turn=True)
        self._wait_s = silence_s - vad.stop_secs
        self._said: list[str] = []
        self._final = asyncio.Event()
        self._commit: asyncio.Task[None] | None = None

    @property
    def supports_ttfs(self) -> bool:
        return False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, VADUserStartedSpeakingFrame):
            if self._commit is None:
                await self.broadcast_frame(ProposedUserStartedSpeakingFrame)
            else:
                await self.cancel_task(self._commit)
                await self._cancel_eager_end_of_turn()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._final.clear()
            self._commit = self.create_task(self._commit_later())
        await super().process_frame(frame, direction)

    async def _push_words(self, text: str, final: bool) -> None:
        if not final:
            await super()._push_words(text, final)
            return
        if text:
            self._said.append(text)
            await self._push_eager_end_of_turn(" ".join(self._said), user_id=USER)
        self._final.set()

    async def _commit_later(self) -> None:
        await asyncio.sleep(self._wait_s)
        await self._final.wait()
        self._commit = None
        text = " ".join(self._said)
        self._said.clear()
        self._clear_eager_end_of_turn()
        await super()._push_words(text, True)
        await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)


class Answers(LLMService):
    def __init__(self, stages: Stages) -> None:
        # Pipecat wants every setting to be given, also those that there is no use for.
        super().__init__(settings=LLMSettings(**dict.fromkeys(NO_USE)))
        self._stages = stages

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        asked = [message["content"] for message in frame.context.get_messages() if message["role"] == "user"]
        await self.push_frame(LLMFullResponseStartFrame())
        await self.start_ttfb_metrics()
        async for piece in self._stages.answer(asked[-1]):
            await self.stop_ttfb_metrics()
            await self._push_llm_text(piece)
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    def __init__(self, stages: Stages) -> None:
        settings = TTSSettings(model=None, voice=None, language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, sample_rate=RATE, settings=settings)
        self._stages = stages

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await self.start_ttfb_metrics()
        async with aclosing(self._stages.voice.say(text)) as sound:
            async for piece in sound:
                await self.stop_ttfb_metrics()
                yield TTSAudioRawFrame(piece, RATE, 1, context_id=context_id)

    async def cleanup(self) -> None:
        await super().cleanup()
        self._stages.voice.close()
