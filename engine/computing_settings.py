"""The settings of the backends that really compute and know nothing: one table for each stage, as in
engine/backend_settings.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from engine.backend_settings import WITHOUT_MODEL, Flite, Units, Words
from engine.rules import Between, Live, OneOf

Heads: TypeAlias = Annotated[int, Between(1, 64), Live()]
Layers: TypeAlias = Annotated[int, Between(1, 64), Live()]


@dataclass(frozen=True, slots=True)
class ComputingAsr:
    heads: Heads
    layers: Layers
    audio_context_s: Annotated[float, Between(2, 30), Live()]
    interval_ms: Annotated[int, Between(100, 10_000), Live()]
    most_units: Units
    most_words: Words


@dataclass(frozen=True, slots=True)
class ComputingLlm:
    heads: Heads
    layers: Layers
    words: Annotated[str, OneOf(*sorted(WITHOUT_MODEL)), Live()]


@dataclass(frozen=True, slots=True)
class ComputingVocoder(Flite):
    heads: Heads
    layers: Layers
