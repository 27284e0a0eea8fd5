"""Ladders: a stage's section as each of its rungs has it, the best first (`[[llm.rungs]]` in config.toml)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.config import Config
from engine.schema import Overlay, is_table, kinds, plain


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of a stage's ladder. config: all settings, with those of this rung in the stage's section."""

    name: str
    resident: bool
    config: Config


def ladder(config: Config, stage: str) -> tuple[Step, ...]:
    """The rungs of a stage, the best first. Without any in its section there is one: the section as it is."""
    section = getattr(config, stage)
    rungs: tuple[Overlay[Any], ...] = getattr(section, "rungs", ()) or (Overlay(section.backend, True, ()),)
    return tuple(Step(rung.name, rung.resident, _laid(config, stage, rung)) for rung in rungs)


def distinct(config: Config, stage: str) -> tuple[int, ...]:
    """The numbers of the rungs that are worth a move: those that differ from the last such one above them in something
    that their backend makes use of. (The ladder of one backend may be left standing when another is chosen.)"""
    used = [_used(step.config, stage) for step in ladder(config, stage)]
    found = [0]
    for number in range(1, len(used)):
        if used[number] != used[found[-1]]:
            found.append(number)
    return tuple(found)


def at(config: Config, stage: str, rung: int) -> Config:
    """The configuration with this rung in the stage's section; the last one where there are not so many."""
    rungs = ladder(config, stage)
    return rungs[min(rung, len(rungs) - 1)].config


def sections(config: Config) -> Iterator[tuple[str, Any]]:
    """Every section that a backend may be loaded with: (stage, section) of each rung of each stage."""
    for stage in config.stages:
        for step in ladder(config, stage):
            yield stage, getattr(step.config, stage)


def _laid(config: Config, stage: str, rung: Overlay[Any]) -> Config:
    return replace(config, **{stage: rung.over(getattr(config, stage))}) if rung.values else config


def _used(config: Config, stage: str) -> Any:
    """All that matters of a section: its own settings, and what its backend is loaded with."""
    section: Any = getattr(config, stage)
    kind: Any = type(section)
    own = {name: getattr(section, name) for name, of in kinds(kind).items() if not is_table(of)}
    return own, plain(config.loaded_with(stage)["settings"])
