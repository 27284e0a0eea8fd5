"""The settings of the backends: a table of config.toml for each that has any, as in engine/settings.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from engine.rules import Between, Live, Matches, NotEmpty, OnDisk, OneOf

LLM_BACKENDS = (
    *("facts", "reword", "phrasebook", "repeat", "ctranslate2"),
    *("openai", "host", "exllamav2", "exllamav3", "computing"),
)
BESIDE = tuple(name for name in LLM_BACKENDS if name not in ("openai", "host", "computing", "reword"))
"""Those that answer on this machine, by themselves: for where another one does not."""
WITHOUT_MODEL = frozenset({"facts", "phrasebook", "repeat"})
"""Those that answer by a rule: from phrases, not from a prompt."""

ModelPath: TypeAlias = Annotated[str, OnDisk()]
"""A file or directory, or `models:NAME`; once it is read, always a path."""
Phrase: TypeAlias = Annotated[str, NotEmpty(), Live()]
Phrases: TypeAlias = tuple[Phrase, ...]
Device: TypeAlias = Annotated[str, OneOf("cpu", "cuda")]
ComputeType: TypeAlias = Annotated[
    str,
    OneOf(
        *("default", "auto", "int8", "int8_float32", "int8_float16", "int8_bfloat16"),
        *("int16", "float16", "bfloat16", "float32"),
    ),
]
"""What CTranslate2 can compute with; which of them a device can, it says itself."""
ContextTokens: TypeAlias = Annotated[int, Between(64, 262_144), Live()]
Temperature: TypeAlias = Annotated[float, Between(0, 2), Live()]
TopK: TypeAlias = Annotated[int, Between(0, 1000), Live()]
TopP: TypeAlias = Annotated[float, Between(0.01, 1), Live()]
Penalty: TypeAlias = Annotated[float, Between(0.5, 2), Live()]
Speed: TypeAlias = Annotated[float, Between(0.5, 2), Live()]
Pause: TypeAlias = Annotated[int, Between(0, 2000), Live()]
Noise: TypeAlias = Annotated[float, Between(-1, 2), Live()]
"""Of a voice; -1 is its own."""
Units: TypeAlias = Annotated[int, Between(100, 30_000)]
Words: TypeAlias = Annotated[int, Between(1, 1000)]
Phonemes: TypeAlias = Annotated[str, OneOf("flite", "espeak")]


@dataclass(frozen=True, slots=True)
class Silero:
    model: ModelPath


@dataclass(frozen=True, slots=True)
class Pocketsphinx:
    model: ModelPath
    bias: Annotated[float, Between(0, 1), Live()]
    denoise: bool
    most_units: Units
    most_words: Words


@dataclass(frozen=True, slots=True)
class Whisper:
    model: ModelPath
    device: Device
    device_index: Annotated[int, Between(0, 63)]
    require_device: bool
    compute_type: ComputeType
    beam_size: Annotated[int, Between(1, 10), Live()]
    audio_context_s: Annotated[float, Between(2, 30), Live()]
    interval_ms: Annotated[int, Between(100, 10_000), Live()]
    no_speech: Annotated[float, Between(0, 1), Live()]
    expected_tokens: Annotated[int, Between(0, 200), Live()]


@dataclass(frozen=True, slots=True)
class Sherpa:
    model: ModelPath
    int8: bool
    device: Device
    device_index: Annotated[int, Between(0, 63)]
    require_device: bool
    decoding: Annotated[str, OneOf("greedy_search", "modified_beam_search"), Live()]
    hotwords_score: Annotated[float, Between(0, 10), Live()]
    endpoint_s: Annotated[float, Between(0, 10), Live()]


@dataclass(frozen=True, slots=True)
class SmartTurn:
    model: ModelPath


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of the phrasebook, in its wordings, and its answers."""

    patterns: Annotated[Phrases, NotEmpty()]
    answers: Annotated[Phrases, NotEmpty()]


@dataclass(frozen=True, slots=True)
class Phrasebook:
    entries: Annotated[tuple[Entry, ...], Live()]


@dataclass(frozen=True, slots=True)
class Reword:
    """A small model that words what the facts answer."""

    model: ModelPath
    chooses: Annotated[bool, Live()]


@dataclass(frozen=True, slots=True)
class Ctranslate2:
    model: ModelPath
    device: Annotated[str, OneOf("cpu", "cuda", "auto")]
    require_device: bool
    compute_type: ComputeType
    context_tokens: ContextTokens
    temperature: Temperature
    top_k: TopK
    top_p: TopP
    repetition_penalty: Penalty


@dataclass(frozen=True, slots=True)
class Openai:
    base_url: Annotated[str, NotEmpty(), Live()]
    model: Annotated[str, Live()]
    api_key_env: Annotated[str, Matches(r"[A-Za-z_]\w*|", "be the name of an environment variable, or empty"), Live()]
    connect_s: Annotated[float, Between(0.05, 60), Live()]
    first_token_s: Annotated[float, Between(0.1, 600), Live()]
    between_tokens_s: Annotated[float, Between(0.1, 600), Live()]
    context_tokens: ContextTokens
    tokenizer: Annotated[str, OnDisk(), Live()]
    temperature: Temperature
    fallback: Annotated[str, OneOf("", *BESIDE), Live()]


@dataclass(frozen=True, slots=True)
class Host:
    """The host's own dialogue program."""

    fallback: Annotated[str, OneOf("", *BESIDE), Live()]


@dataclass(frozen=True, slots=True)
class Exllama:
    """exllamav2 and exllamav3 alike."""

    model: ModelPath
    cache: Annotated[str, OneOf("fp16", "q8", "q6", "q4")]
    cache_tokens: Annotated[int, Between(256, 262_144)]
    prefill_tokens: Annotated[int, Between(256, 2048)]
    draft_model: ModelPath
    draft_tokens: Annotated[int, Between(1, 8)]
    ngram: bool
    context_tokens: ContextTokens
    temperature: Temperature
    top_k: TopK
    top_p: TopP
    repetition_penalty: Penalty


@dataclass(frozen=True, slots=True)
class Flite:
    voice: Annotated[str, NotEmpty(), Live()]
    speed: Speed
    pitch_hz: Annotated[int, Between(0, 400), Live()]
    pause_ms: Pause


@dataclass(frozen=True, slots=True)
class Espeak:
    voice: Annotated[str, NotEmpty(), Live()]
    speed: Speed
    pitch: Annotated[int, Between(0, 100), Live()]
    pause_ms: Pause


@dataclass(frozen=True, slots=True)
class Kokoro:
    model: ModelPath
    voice: Annotated[str, Matches("[a-z]{2}_[a-z0-9_]+", 'be a voice, such as "af_heart"'), Live()]
    speed: Speed
    pause_ms: Pause
    phonemes: Phonemes
    device: Device
    require_device: bool


@dataclass(frozen=True, slots=True)
class Piper:
    model: ModelPath
    speaker: Annotated[str, Live()]
    speed: Speed
    noise: Noise
    noise_w: Noise
    pause_ms: Pause
    phonemes: Phonemes
    device: Device
    require_device: bool
