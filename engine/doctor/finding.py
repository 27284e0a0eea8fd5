"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.config import Config
from engine.errors import EngineError

Level: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. remedy: what to do about it, in the imperative. code: of a problem, the engine's exit code for it."""

    level: Level
    what: str
    remedy: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """What is examined, and how. seconds: how long the microphone is listened to; 0: no sound is made or heard."""

    config: Config
    seconds: float


def ok(what: str) -> Finding:
    """All is well."""
    return Finding("ok", what)


def warning(what: str, remedy: str) -> Finding:
    """The engine runs, but not as well as it could."""
    return Finding("warning", what, remedy)


def problem(error: EngineError) -> Finding:
    """The engine cannot do its work."""
    return Finding("problem", error.what, error.remedy, error.code)
