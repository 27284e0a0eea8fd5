"""The settings that say how the stages share the machine: the lease, the kernel's scheduling, CUDA's MPS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from engine.rules import Between, Matches, OneOf

_PROCESSES = "audio|vad|asr|ending|turns|floor|llm|vocoder|recorder"
_STAGES = "asr|ending|llm|vocoder"
_RANGE = r"\d{1,4}(-\d{1,4})?"
NiceOf: TypeAlias = Annotated[
    str, Matches(rf"({_PROCESSES}): (-20|-?1?\d)", 'be a process and its niceness, such as "llm: 3"')
]
CoresOf: TypeAlias = Annotated[
    str,
    Matches(rf"({_PROCESSES}): {_RANGE}(,{_RANGE})*", 'be a process and its cores, such as "audio: 0" or "llm: 2-3"'),
]
PercentOf: TypeAlias = Annotated[
    str, Matches(rf"({_STAGES}): (100|[1-9]\d?)", 'be a stage and its percentage, such as "llm: 60"')
]
MemoryOf: TypeAlias = Annotated[
    str,
    Matches(rf"({_STAGES}): \d{{1,2}}=\d+[GM](,\d{{1,2}}=\d+[GM])*", 'be a stage and its memory, such as "llm: 0=4G"'),
]


@dataclass(frozen=True, slots=True)
class Lease:
    mode: Annotated[str, OneOf("auto", "off", "cpu", "gpu")]
    units: Annotated[int, Between(0, 16)]
    stages: tuple[Annotated[str, OneOf("asr", "ending", "llm", "vocoder")], ...]
    longest_ms: Annotated[int, Between(0, 10_000)]


@dataclass(frozen=True, slots=True)
class Realtime:
    lock_memory: bool
    collect: Annotated[str, OneOf("pauses", "always")]
    nice: tuple[NiceOf, ...]
    cores: tuple[CoresOf, ...]


@dataclass(frozen=True, slots=True)
class Mps:
    """CUDA's multi-process service."""

    directory: str
    percent: tuple[PercentOf, ...]
    memory: tuple[MemoryOf, ...]


def of(entries: Sequence[str], name: str) -> str:
    """What a list of `name: value` has for a process or stage, the last one if several; empty: nothing."""
    found = ""
    for entry in entries:
        process, _, value = entry.partition(": ")
        if process == name:
            found = value
    return found


def numbers(cores: str) -> set[int]:
    """The cores that "0,2-3" names."""
    found: set[int] = set()
    for part in filter(None, cores.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
