"""The table [governor] of config.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from engine.rules import Between, Live, Matches, OneOf

FEW = 4
"""Turns in which misses are counted."""

Percent: TypeAlias = Annotated[int, Between(1, 100), Live()]


@dataclass(frozen=True, slots=True)
class Governor:
    mode: Annotated[str, OneOf("on", "off"), Live()]
    rung: Annotated[str, Matches("top|bottom|[0-9]", 'be "top", "bottom", or a number from "0" on'), Live()]
    misses: Annotated[int, Between(1, FEW), Live()]
    calm_turns: Annotated[int, Between(1, 50), Live()]
    spare_percent: Percent
    pressure_s: Annotated[float, Between(1, 60), Live()]
    cpu_percent: Percent
    others_percent: Percent
    stall_percent: Percent
    memory_percent: Percent
    hot_c: Annotated[int, Between(40, 120), Live()]
    gpu_percent: Percent
    gpu_memory_percent: Percent
