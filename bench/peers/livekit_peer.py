"""A LiveKit Agents session as a peer, without a server: its turns, speculation and playback around our stages.

Written against livekit-agents 1.8 (requirements.txt). Its voice activity and turn model are its own, compiled into its
package livekit-local-inference; nothing is fetched and nothing is asked of a service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, inference, llm, stt, tokenize, tts, vad
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice import io

from .peer import Session
from .settings import EARLY_S, Configuration
from .sink import BLOCK, RATE, Pcm
from .stages import Recogniser, Stages

KEPT_S = 0.4
"""Sound from before voice activity is told that the recogniser still gets: as in the engine, and what it takes LiveKit
to be sure of a voice."""
INTERRUPTION_S = 0.2
TUNED_FRAME_MS = 20


class Microphone(io.AudioInput):
    def __init__(self, session: Session) -> None:
        super().__init__(label="microphone")
        self._session = session
        self._blocks: AsyncGenerator[Pcm, None] | None = None

    async def __anext__(self) -> rtc.AudioFrame:
        if self._blocks is None:
            self._session.begin()
            self._blocks = self._session.microphone.blocks()
        block = await anext(self._blocks)
        return rtc.AudioFrame(block.tobytes(), RATE, 1, len(block))


class Loudspeaker(io.AudioOutput):
    """Takes sound as fast as it is made; tells what was heard of it as LiveKit's own outputs do."""

    def __init__(self, session: Session) -> None:
        super().__init__(label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=True), sample_rate=RATE)
        self._session = session
        self._samples = 0
        """Of the segment that is being played."""
        self._dropped = 0
        self._interrupted = asyncio.Event()
        self._playing: asyncio.Task[None] | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._playing is not None:
            await self._playing
        if self._interrupted.is_set():
            return
        if not self._samples:
            self.on_playback_started(created_at=time.time())
        self._samples += frame.samples_per_channel
        self._session.loudspeaker.put(np.frombuffer(frame.data, np.int16))

    def flush(self) -> None:
        super().flush()
        if self._samples and self._playing is None:
            self._playing = asyncio.create_task(self._play())

    def clear_buffer(self) -> None:
        if self._samples:
            self._dropped += self._session.loudspeaker.clear()
            self._interrupted.set()

    def pause(self) -> None:
        super().pause()
        self._session.loudspeaker.pause()

    def resume(self) -> None:
        super().resume()
        self._session.loudspeaker.resume()

    async def _play(self) -> None:
        """Until the segment has been heard or was interrupted; then say so."""
        loudspeaker = self._session.loudspeaker
        while not self._interrupted.is_set() and (left := loudspeaker.seconds_until_silent):
            try:
                await asyncio.wait_for(self._interrupted.wait(), max(left, 0.02))
            except asyncio.TimeoutError:
                continue
        interrupted, heard = self._interrupted.is_set(), self._samples - self._dropped
        self._samples = self._dropped = 0
        self._interrupted.clear()
        self._playing = None
        loudspeaker.resume()
        self.on_playback_finished(playback_position=heard / RATE, interrupted=interrupted)


class Recognition(stt.STT):
    """Streams: it is fed every frame and tells the words so far. LiveKit flushes it when voice activity ends; where
    speech begins it learns from the session."""

    def __init__(self, stages: Stages) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True, manual_flush=True))
        self._stages = stages
        self.recogniser: Recogniser | None = None

    def stream(self, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any) -> stt.RecognizeStream:
        return RecognitionStream(self, conn_options, self._stages)

    def listen(self) -> None:
        if self.recogniser is not None:
            self.recogniser.listen()

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        raise NotImplementedError("it streams")


class RecognitionStream(stt.RecognizeStream):
    def __init__(self, recognition: Recognition, conn_options: Any, stages: Stages) -> None:
        super().__init__(stt=recognition, conn_options=conn_options)
        self._recogniser = recognition.recogniser = stages.recogniser(self._tell, KEPT_S)

    async def _run(self) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._recogniser.hear(np.frombuffer(item.data, np.int16))
            else:
                self._recogniser.finish()

    def _tell(self, text: str, final: bool) -> None:
        if self._event_ch.closed:
            return
        kind = stt.SpeechEventType.FINAL_TRANSCRIPT if final else stt.SpeechEventType.INTERIM_TRANSCRIPT
        words = stt.SpeechData(language=LanguageCode("en"), text=text)
        self._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=[words]))

    async def aclose(self) -> None:
        await super().aclose()
        self._recogniser.close()


class Answers(llm.LLM):
    def __init__(self, stages: Stages) -> None:
        super().__init__()
        self._stages = stages

    def chat(self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = None, **_: Any) -> llm.LLMStream:
        options = conn_options or DEFAULT_API_CONNECT_OPTIONS
        return AnswerStream(self, self._stages, chat_ctx=chat_ctx, tools=tools or [], conn_options=options)


class AnswerStream(llm.LLMStream):
    def __init__(self, answers: Answers, stages: Stages, **options: Any) -> None:
        super().__init__(answers, **options)
        self._stages = stages

    async def _run(self) -> None:
        asked = [item for item in self._chat_ctx.items if item.type == "message" and item.role == "user"]
        async with aclosing(self._stages.answer(asked[-1].text_content or "")) as pieces:
            async for piece in pieces:
                delta = llm.ChoiceDelta(role="assistant", content=piece)
                self._event_ch.send_nowait(llm.ChatChunk(id="answer", delta=delta))


class Voice(tts.TTS):
    def __init__(self, stages: Stages, frame_ms: int | None) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1)
        self.stages, self.frames = stages, {} if frame_ms is None else {"frame_size_ms": frame_ms}

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> tts.ChunkedStream:
        return Utterance(tts=self, input_text=text, conn_options=conn_options)

    async def aclose(self) -> None:
        self.stages.voice.close()


class Utterance(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="utterance", sample_rate=RATE, num_channels=1, mime_type="audio/pcm", **self._tts.frames
        )
        async with aclosing(self._tts.stages.voice.say(self._input_text)) as sound:
            async for piece in sound:
                output_emitter.push(piece)


def turn_handling(configuration: Configuration) -> dict[str, Any]:
    """LiveKit's own settings; whatever is not in it is at its default."""
    kind, silence_s = configuration.kind, configuration.silence_s
    if kind == "default":
        return {}
    handling: dict[str, Any] = {
        "interruption": {"mode": "vad", "min_duration": INTERRUPTION_S},
        "preemptive_generation": {"enabled": True, "preemptive_tts": True},
    }
    if kind == "model":
        return {**handling, "endpointing": {"min_delay": 0.0, "max_delay": silence_s}}
    # In `stop` voice activity has waited already; in `early` it has waited for a part of it.
    delay_s = silence_s if kind == "early" else 0.0
    return {**handling, "turn_detection": "vad", "endpointing": {"min_delay": delay_s, "max_delay": delay_s}}


def voice_activity(configuration: Configuration) -> inference.VAD:
    silence_s = {"stop": configuration.silence_s, "early": EARLY_S}.get(configuration.kind)
    return inference.VAD(model="silero", **({} if silence_s is None else {"min_silence_duration": silence_s}))


async def decisions(track: Pcm, configuration: Configuration) -> list[float]:
    """When its voice activity says that speech has ended, in seconds of the track: worked out block by block."""
    stream = voice_activity(configuration).stream()
    for start in range(0, len(track) - BLOCK + 1, BLOCK):
        stream.push_frame(rtc.AudioFrame(track[start : start + BLOCK].tobytes(), RATE, 1, BLOCK))
    stream.end_input()
    ended = [each.samples_index async for each in stream if each.type is vad.VADEventType.END_OF_SPEECH]
    await stream.aclose()
    return [-(-sample // BLOCK) * BLOCK / RATE for sample in ended]


async def converse(session: Session) -> None:
    """Run the conversation in real time, to the end of the track."""
    configuration, stages = session.configuration, session.stages
    tuned = configuration.kind != "default"
    recognition = Recognition(stages)
    voice: tts.TTS = Voice(stages, TUNED_FRAME_MS if tuned else None)
    options: dict[str, Any] = {}
    if tuned:
        # Short sentences are not waited behind, and text passes as it is.
        sentences = tokenize.blingfire.SentenceTokenizer(min_sentence_len=1, stream_context_len=1)
        voice = tts.StreamAdapter(tts=voice, sentence_tokenizer=sentences)
        options = {"tts_text_transforms": None}
    agent = AgentSession(
        stt=recognition,
        vad=voice_activity(configuration),
        llm=Answers(stages),
        tts=voice,
        turn_handling=turn_handling(configuration),
        aec_warmup_duration=None,
        user_away_timeout=None,
        **options,
    )

    @agent.on("user_state_changed")
    def state(event: Any) -> None:
        if event.new_state == "speaking":
            recognition.listen()

    @agent.on("conversation_item_added")
    def added(event: Any) -> None:
        if event.item.type == "message" and "e2e_latency" in event.item.metrics:
            session.own_latency_s.append(event.item.metrics["e2e_latency"])

    agent.input.audio, agent.output.audio = Microphone(session), Loudspeaker(session)
    await agent.start(Agent(instructions="Answer."), record=False)
    await session.over()
    await agent.aclose()
    stages.voice.close()
