"""Who takes part in the lease, and how many may hold it: a plan made once, when the engine starts.

The lease itself is `ringbuf.Lease`; a worker's part in it is `workers/lease.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.backend_settings import WITHOUT_MODEL
from engine.channels import PROCESSES
from engine.config import Config
from engine.ladders import ladder

SLOTS = 16
"""As many as a lease can have; a process's slot is its place among PROCESSES."""
_ELSEWHERE = frozenset({"openai", "host", "off"})
"""Backends that compute nothing here."""
_ON_GPU_ALWAYS = frozenset({"exllamav2", "exllamav3"})


@dataclass(frozen=True, slots=True)
class Plan:
    """units: how many may compute at a time; 0: there is no lease. stages: who takes part."""

    units: int = 0
    stages: tuple[str, ...] = ()
    what: str = "processor"

    @property
    def bits(self) -> int:
        """The stages, as the cell `engine.lease` has them."""
        return sum(1 << slot_of(stage) for stage in self.stages)

    def __str__(self) -> str:
        if not self.units:
            return "no lease"
        return f"{self.units} of {', '.join(self.stages)} may use the {self.what} at a time"


def slot_of(process: str) -> int:
    """The slot of a process in the lease."""
    return next(index for index, each in enumerate(PROCESSES) if each.name == process)


def plan(config: Config, cores: int) -> Plan:
    """What the settings mean on a machine with so many cores."""
    wanted, asked = config.lease, config.lease.stages
    on_gpu = tuple(stage for stage in asked if _runs_on_gpu(config, stage))
    computing = [stage for stage in asked if _computes(config, stage) and stage not in on_gpu]
    mode = wanted.mode
    if mode == "auto":
        mode = "gpu" if len(on_gpu) > 1 else "cpu" if cores <= len(computing) else "off"
    if mode == "gpu":
        return Plan(wanted.units or 1, on_gpu, "GPU") if on_gpu else Plan()
    if mode == "cpu" and asked:
        return Plan(min(wanted.units or cores, SLOTS), tuple(stage for stage in asked if stage not in on_gpu))
    return Plan()


def _runs_on_gpu(config: Config, stage: str) -> bool:
    """On one of its rungs at least."""
    sections = [getattr(step.config, stage) for step in ladder(config, stage)]
    tables: list[Any] = [getattr(section, section.backend, None) for section in sections]
    always = any(section.backend in _ON_GPU_ALWAYS for section in sections)
    return always or any(getattr(table, "device", "cpu") == "cuda" for table in tables)


def _computes(config: Config, stage: str) -> bool:
    """It has a model, and it is here: on one of its rungs at least."""
    backends = {getattr(step.config, stage).backend for step in ladder(config, stage)} - _ELSEWHERE
    return bool(backends - WITHOUT_MODEL if stage == "llm" else backends)
