"""Settings of a backend that has no table in config.toml, since no stage uses it yet: a dataclass with defaults, read
by the same rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from engine.errors import BackendError
from engine.schema import Reader, build, plain

T = TypeVar("T")


def settings_of(kind: type[T], given: Mapping[str, Any], backend: str) -> T:
    """The defaults of `kind` with what is given in their place. Raises BackendError for what is no such setting, or
    against its rules."""
    reader = Reader(kind)
    values = dict(reader.settings(plain(kind()))) | dict(reader.settings(given))
    for problem in reader.problems:
        remedy = problem.remedy or "mend it, or leave it out"
        raise BackendError(f"{backend}: {problem.what}", remedy)
    made: T = build(kind, values)
    return made
