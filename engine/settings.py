"""The settings, typed: one frozen dataclass for each table of config.toml, limits beside each field.

A new setting is one line here and one in config.toml, which holds the default and says what it does. Units stand in
the names: `_ms`, `_s`, `_hz`, `_db`. What one field's limits cannot say is in `Settings.conflicts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from engine.rules import Between, Matches, NotEmpty, OneOf, Template

LANGUAGE = Matches(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}", 'be a language in small letters, such as "en" or "pt-br"')

Budget: TypeAlias = Annotated[int, Between(1, 10_000)]
"""ms until what was asked for is late."""
Threads: TypeAlias = Annotated[int, Between(1, 64)]
Priority: TypeAlias = Annotated[int, Between(0, 80)]
"""SCHED_FIFO; 0 is off."""
Phrase: TypeAlias = Annotated[str, NotEmpty()]
Phrases: TypeAlias = tuple[Phrase, ...]
Speed: TypeAlias = Annotated[float, Between(0.5, 2)]
Pause: TypeAlias = Annotated[int, Between(0, 2000)]


@dataclass(frozen=True, slots=True)
class Engine:
    instance: Annotated[str, Matches("[a-z0-9_-]{0,24}", "be at most 24 small letters, digits, - or _")]
    start_timeout_s: Annotated[float, Between(1, 600)]
    stop_timeout_s: Annotated[float, Between(0.1, 60)]
    heartbeat_timeout_s: Annotated[float, Between(0, 600)]
    restart_backoff_ms: Annotated[int, Between(10, 10_000)]
    restarts_per_minute: Annotated[int, Between(0, 600)]


@dataclass(frozen=True, slots=True)
class Audio:
    driver: Annotated[str, OneOf("virtual")]
    input: str
    output: str
    rate_hz: Annotated[int, OneOf(16000)]
    block_ms: Annotated[int, Between(10, 40)]
    queued_blocks: Annotated[int, Between(1, 8)]
    history_s: Annotated[int, Between(20, 600)]
    realtime_priority: Priority


@dataclass(frozen=True, slots=True)
class Silero:
    model: str


@dataclass(frozen=True, slots=True)
class Vad:
    backend: Annotated[str, OneOf("silero")]
    threshold: Annotated[float, Between(0.01, 0.99)]
    release: Annotated[float, Between(0.01, 0.99)]
    min_speech_ms: Annotated[int, Between(0, 1000)]
    preroll_ms: Annotated[int, Between(0, 2000)]
    hop_budget_ms: Budget
    threads: Threads
    python: str
    realtime_priority: Priority
    silero: Silero


@dataclass(frozen=True, slots=True)
class Pocketsphinx:
    model: str
    bias: Annotated[float, Between(0, 1)]


@dataclass(frozen=True, slots=True)
class Asr:
    backend: Annotated[str, OneOf("pocketsphinx")]
    partial_ms: Annotated[int, Between(20, 500)]
    partial_budget_ms: Budget
    final_budget_ms: Budget
    min_confidence: Annotated[float, Between(0, 1)]
    expect: Phrases
    threads: Threads
    python: str
    realtime_priority: Priority
    pocketsphinx: Pocketsphinx


@dataclass(frozen=True, slots=True)
class Turns:
    end_of_speech_ms: Annotated[int, Between(100, 3000)]
    shortest_utterance_ms: Annotated[int, Between(0, 3000)]
    max_utterance_s: Annotated[float, Between(1, 300)]
    response_budget_ms: Budget
    hard_limit_s: Annotated[float, Between(0.5, 60)]
    python: str
    realtime_priority: Priority


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of the phrasebook, in its wordings, and its answers."""

    patterns: Annotated[Phrases, NotEmpty()]
    answers: Annotated[Phrases, NotEmpty()]


@dataclass(frozen=True, slots=True)
class Phrasebook:
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Llm:
    backend: Annotated[str, OneOf("phrasebook", "repeat")]
    first_token_budget_ms: Budget
    first_clause_budget_ms: Budget
    max_tokens: Annotated[int, Between(1, 4096)]
    history_turns: Annotated[int, Between(0, 100)]
    threads: Threads
    python: str
    realtime_priority: Priority
    phrasebook: Phrasebook


@dataclass(frozen=True, slots=True)
class Flite:
    voice: Annotated[str, NotEmpty()]
    speed: Speed
    pitch_hz: Annotated[int, Between(0, 400)]
    pause_ms: Pause


@dataclass(frozen=True, slots=True)
class Espeak:
    voice: Annotated[str, NotEmpty()]
    speed: Speed
    pitch: Annotated[int, Between(0, 100)]
    pause_ms: Pause


@dataclass(frozen=True, slots=True)
class Vocoder:
    backend: Annotated[str, OneOf("flite", "espeak")]
    first_audio_budget_ms: Budget
    speaker_s: Annotated[int, Between(1, 120)]
    threads: Threads
    python: str
    realtime_priority: Priority
    flite: Flite
    espeak: Espeak


@dataclass(frozen=True, slots=True)
class OwnPhrases:
    """What the engine says by itself, in one language."""

    unknown: Phrase
    not_heard: Phrase
    failed: Phrase
    repeat: Annotated[str, Template("text")]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Settings that do not go together, and what would mend it."""

    keys: tuple[str, ...]
    what: str
    remedy: str = "change one of them"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything. `profile` names the profile that was laid over it."""

    profile: str
    language: Annotated[str, LANGUAGE]
    engine: Engine
    audio: Audio
    vad: Vad
    asr: Asr
    turns: Turns
    llm: Llm
    vocoder: Vocoder
    phrases: Mapping[Annotated[str, LANGUAGE], OwnPhrases]

    def conflicts(self) -> Iterator[Conflict]:
        """Settings that are good alone and not together."""
        checks = (
            (
                self.vad.release < self.vad.threshold,
                Conflict(("vad.release", "vad.threshold"), "vad.release must be below vad.threshold"),
            ),
            (
                self.llm.first_token_budget_ms <= self.llm.first_clause_budget_ms,
                Conflict(
                    ("llm.first_token_budget_ms", "llm.first_clause_budget_ms"),
                    "the first token must not have more time than the first clause",
                ),
            ),
            (
                self.turns.response_budget_ms <= self.turns.hard_limit_s * 1000,
                Conflict(
                    ("turns.response_budget_ms", "turns.hard_limit_s"),
                    "turns.response_budget_ms must not be longer than turns.hard_limit_s",
                ),
            ),
            (
                self.turns.max_utterance_s + self.vad.preroll_ms / 1000 < self.audio.history_s,
                Conflict(
                    ("turns.max_utterance_s", "vad.preroll_ms", "audio.history_s"),
                    "the longest utterance with its preroll must fit into audio.history_s",
                ),
            ),
            (
                self.language in self.phrases,
                Conflict(
                    ("language",),
                    "the language must have its phrases",
                    f"add [phrases.{self.language}] or choose from {', '.join(self.phrases)}",
                ),
            ),
        )
        return (conflict for good, conflict in checks if not good)
