"""The settings, typed: one frozen dataclass for each table of config.toml, limits beside each field.

A new setting is one line here, or, for a backend's own, in engine/backend_settings.py, and one in config.toml, which
holds the default and says what it does. Units stand in the names: `_ms`, `_s`, `_hz`, `_db`. `Live()` marks what
`engine reload` applies at once, `Whole()` what no rung of a ladder may change; the file says the same. What one field's
limits cannot say is in engine/conflicts.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from engine.backend_settings import (
    LLM_BACKENDS,
    Ctranslate2,
    Espeak,
    Exllama,
    Flite,
    Host,
    Kokoro,
    Openai,
    Phrase,
    Phrasebook,
    Phrases,
    Piper,
    Pocketsphinx,
    Reword,
    Sherpa,
    Silero,
    SmartTurn,
    Whisper,
)
from engine.computing_settings import ComputingAsr, ComputingLlm, ComputingVocoder
from engine.fault_settings import FAULTY_STAGES, Fault
from engine.governor.settings import Governor
from engine.log_settings import Log
from engine.partner_settings import Fact, Persona, Tool
from engine.processor_settings import Lease, Mps, Realtime
from engine.rules import Backend, Between, Live, Matches, NotEmpty, OneOf, Template, Whole
from engine.schema import Overlay

LANGUAGE = Matches(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}", 'be a language in small letters, such as "en" or "pt-br"')
ECHO = Matches(
    r"(?:(-?\d{1,2}(?:\.\d+)?)dB,(\d{1,3}(?:\.\d+)?)ms)?", 'be a level and a delay, such as "-12dB,40ms", or empty'
)
ADDRESS = Matches(
    r"((localhost|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})?",
    'be an address of this machine and a port, such as "127.0.0.1:8765", or empty',
)
HOST = Matches(
    r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?|\[[0-9a-f:.]+\]",
    'be the name of a host in small letters, such as "kiosk.local"',
)

VOICES = ("flite", "espeak", "kokoro", "piper")

Budget: TypeAlias = Annotated[int, Between(1, 10_000), Live(), Whole()]
"""ms until what was asked for is late."""
Threads: TypeAlias = Annotated[int, Between(1, 64)]
Priority: TypeAlias = Annotated[int, Between(0, 80), Whole()]
"""SCHED_FIFO; 0 is off."""
Interpreter: TypeAlias = Annotated[str, Whole()]
HardLimit: TypeAlias = Annotated[float, Between(0.5, 600), Live(), Whole()]
"""s that a call which cannot be interrupted may take; a stage that takes longer hangs. Not less than the supervisor's
watch interval, so that it sees each of them in time."""
Said: TypeAlias = Annotated[str, NotEmpty(), Live()]
"""How a word is said: other words, or phonemes in slashes."""
Parts: TypeAlias = Annotated[int, Between(-1000, 1000)]
"""Parts per million that a simulated clock is fast."""


@dataclass(frozen=True, slots=True)
class Engine:
    instance: Annotated[str, Matches("[a-z0-9_-]{0,24}", "be at most 24 small letters, digits, - or _")]
    start_timeout_s: Annotated[float, Between(1, 600)]
    stop_timeout_s: Annotated[float, Between(0.1, 60)]
    heartbeat_timeout_s: Annotated[float, Between(0, 600)]
    restart_backoff_ms: Annotated[int, Between(10, 10_000)]
    restarts_per_minute: Annotated[int, Between(0, 600)]
    telemetry: bool


@dataclass(frozen=True, slots=True)
class Door:
    socket: str
    group: str


@dataclass(frozen=True, slots=True)
class Http:
    address: Annotated[str, ADDRESS]
    hosts: tuple[Annotated[str, HOST], ...]
    transcript: bool


@dataclass(frozen=True, slots=True)
class Models:
    directory: str
    manifest: str


@dataclass(frozen=True, slots=True)
class Virtual:
    """Faults of the virtual sound card."""

    rate_hz: Annotated[int, Between(8000, 96_000)]
    microphone_ppm: Parts
    loudspeaker_ppm: Parts
    absent_s: Annotated[float, Between(0, 600)]
    unplug_s: tuple[Annotated[float, Between(0, 100_000)], ...]
    lost_s: tuple[Annotated[float, Between(0, 100_000)], ...]
    echo: Annotated[str, ECHO]

    @property
    def echo_db_ms(self) -> tuple[float, float] | None:
        """How loud the loudspeaker is at the microphone, in dB, and how late, in ms; None: it is not heard there."""
        found = re.fullmatch(ECHO.pattern, self.echo)
        return (float(found[1]), float(found[2])) if found and self.echo else None

    @property
    def faultless(self) -> bool:
        """It runs on our clock, at the rate of the rings, and never fails."""
        faults = (self.microphone_ppm, self.loudspeaker_ppm, self.absent_s, self.unplug_s, self.lost_s)
        return self.rate_hz == 16000 and not any(faults)


@dataclass(frozen=True, slots=True)
class Audio:
    driver: Annotated[str, OneOf("auto", "portaudio", "virtual")]
    microphone: str
    loudspeaker: str
    channel: Annotated[int, Between(0, 64)]
    aec: Annotated[str, OneOf("own", "hardware", "off")]
    noise_suppression: bool
    gain_control: bool
    wait_s: Annotated[float, Between(0, 86_400)]
    gain_db: Annotated[float, Between(-40, 40), Live()]
    volume: Annotated[int, Between(0, 100), Live()]
    muted: bool
    limit_db: Annotated[float, Between(-20, 0), Live()]
    input: str
    output: str
    rate_hz: Annotated[int, OneOf(16000)]
    block_ms: Annotated[int, Between(10, 40)]
    queued_blocks: Annotated[int, Between(1, 8)]
    device_ms: Annotated[int, Between(5, 200)]
    history_s: Annotated[int, Between(20, 600)]
    library_messages: bool
    realtime_priority: Priority
    virtual: Virtual

    @property
    def cleans(self) -> bool:
        """The engine itself does something to what the microphone hears, which takes a library."""
        return self.aec == "own" or self.noise_suppression or self.gain_control

    @property
    def is_virtual(self) -> bool:
        """The sound card is the virtual one."""
        return self.driver == "virtual" or (self.driver == "auto" and bool(self.input))


@dataclass(frozen=True, slots=True)
class Vad:
    backend: Annotated[str, Backend("silero")]
    threshold: Annotated[float, Between(0.01, 0.99), Live()]
    release: Annotated[float, Between(0.01, 0.99), Live()]
    min_speech_ms: Annotated[int, Between(0, 1000), Live()]
    above_hall_db: Annotated[float, Between(0, 30), Live()]
    preroll_ms: Annotated[int, Between(0, 2000), Live()]
    hop_budget_ms: Budget
    hard_limit_s: HardLimit
    threads: Threads
    python: Interpreter
    realtime_priority: Priority
    silero: Silero


@dataclass(frozen=True, slots=True)
class Asr:
    backend: Annotated[str, Backend("pocketsphinx", "whisper", "sherpa", "computing")]
    partial_ms: Annotated[int, Between(20, 500), Live()]
    partial_budget_ms: Budget
    final_budget_ms: Budget
    min_confidence: Annotated[float, Between(0, 1), Live(), Whole()]
    expect: Annotated[Phrases, Live(), Whole()]
    reconsider: Annotated[bool, Live(), Whole()]
    hard_limit_s: HardLimit
    threads: Threads
    python: Interpreter
    realtime_priority: Priority
    pocketsphinx: Pocketsphinx
    whisper: Whisper
    sherpa: Sherpa
    computing: ComputingAsr
    rungs: Annotated[tuple[Overlay[Asr], ...], Whole()]


@dataclass(frozen=True, slots=True)
class Ending:
    backend: Annotated[str, OneOf("prosody", "smart_turn", "off")]
    hard_limit_s: HardLimit
    threads: Threads
    python: Interpreter
    realtime_priority: Priority
    smart_turn: SmartTurn
    rungs: Annotated[tuple[Overlay[Ending], ...], Whole()]


@dataclass(frozen=True, slots=True)
class Turns:
    end_of_speech_floor_ms: Annotated[int, Between(60, 3000), Live()]
    end_of_speech_ceiling_ms: Annotated[int, Between(100, 3000), Live()]
    patience_s: Annotated[float, Between(0.1, 100), Live()]
    shortest_utterance_ms: Annotated[int, Between(0, 3000), Live()]
    speculations: Annotated[int, Between(0, 100), Live()]
    max_utterance_s: Annotated[float, Between(1, 300), Live()]
    barge_in: Annotated[str, OneOf("on", "strict", "off"), Live()]
    barge_in_ms: Annotated[int, Between(0, 2000), Live()]
    barge_in_unclear_ms: Annotated[int, Between(0, 10_000), Live()]
    resume: Annotated[bool, Live()]
    resume_ms: Annotated[int, Between(0, 5000), Live()]
    response_budget_ms: Budget
    hard_limit_s: Annotated[float, Between(0.5, 60), Live()]
    session_end_s: Annotated[float, Between(0, 86_400), Live()]
    python: Interpreter
    realtime_priority: Priority


@dataclass(frozen=True, slots=True)
class Attention:
    mode: Annotated[str, OneOf("open", "push_to_talk", "external", "wake_word"), Live()]
    reprompt_s: Annotated[float, Between(0, 86_400), Live()]


@dataclass(frozen=True, slots=True)
class Llm:
    backend: Annotated[str, Backend(*LLM_BACKENDS)]
    first_token_budget_ms: Budget
    first_clause_budget_ms: Budget
    system_prompt: Annotated[str, Live()]
    max_tokens: Annotated[int, Between(1, 4096), Live()]
    history_turns: Annotated[int, Between(0, 100), Live()]
    first_clause_words: Annotated[int, Between(1, 25), Live()]
    longest_clause_words: Annotated[int, Between(3, 60), Live()]
    hard_limit_s: HardLimit
    threads: Threads
    python: Interpreter
    realtime_priority: Priority
    phrasebook: Phrasebook
    reword: Reword
    ctranslate2: Ctranslate2
    openai: Openai
    host: Host
    exllamav2: Exllama
    exllamav3: Exllama
    computing: ComputingLlm
    rungs: Annotated[tuple[Overlay[Llm], ...], Whole()]


@dataclass(frozen=True, slots=True)
class Vocoder:
    backend: Annotated[str, Backend(*VOICES, "computing")]
    first_audio_budget_ms: Budget
    normalise: Annotated[bool, Live(), Whole()]
    speaker_s: Annotated[int, Between(1, 120), Whole()]
    hard_limit_s: HardLimit
    threads: Threads
    python: Interpreter
    realtime_priority: Priority
    flite: Flite
    espeak: Espeak
    kokoro: Kokoro
    piper: Piper
    computing: ComputingVocoder
    rungs: Annotated[tuple[Overlay[Vocoder], ...], Whole()]


@dataclass(frozen=True, slots=True)
class Floor:
    enabled: bool
    answers: Annotated[str, Backend(*(name for name in LLM_BACKENDS if name not in ("computing", "host", "reword")))]
    voice: Annotated[str, Backend(*VOICES)]
    hard_limit_s: HardLimit
    threads: Threads
    python: str
    realtime_priority: Priority


@dataclass(frozen=True, slots=True)
class OwnPhrases:
    """What the engine says by itself, in one language."""

    unknown: Phrase
    not_heard: Phrase
    failed: Phrase
    hold: Phrase
    reprompt: Phrase
    impaired: Phrase
    call_begun: Phrase
    call_done: Phrase
    call_failed: Phrase
    call_refused: Phrase
    repeat: Annotated[str, Template("text"), Live()]
    murmurs: Annotated[Phrases, Live()]
    commands: Annotated[Phrases, Live()]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything. `profile` names the profile that was laid over it."""

    profile: str
    language: Annotated[str, LANGUAGE]
    facts: Annotated[tuple[Fact, ...], Live()]
    tools: Annotated[tuple[Tool, ...], Live()]
    persona: Persona
    engine: Engine
    door: Door
    http: Http
    models: Models
    log: Log
    audio: Audio
    vad: Vad
    asr: Asr
    ending: Ending
    turns: Turns
    attention: Attention
    llm: Llm
    vocoder: Vocoder
    lease: Lease
    realtime: Realtime
    mps: Mps
    governor: Governor
    floor: Floor
    lexicon: Mapping[Annotated[str, NotEmpty()], Said]
    phrases: Mapping[Annotated[str, LANGUAGE], OwnPhrases]
    faults: Mapping[Annotated[str, OneOf(*FAULTY_STAGES)], Fault]
