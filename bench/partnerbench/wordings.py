"""What generated fact sheets are made of, in sets that have hardly a thing or a wording in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.toml import tomllib

FOLDER = Path(__file__).with_name("wordings")
SETS = ("tune", "first", "second", "third", "fourth", "fifth", "sixth", "seventh")


@dataclass(frozen=True, slots=True)
class Attribute:
    """What may be known about a thing: sentences that say so, questions for it, and such as follow when the thing was
    just spoken of. values: each with one or two parts, which an answer must have."""

    facts: tuple[str, ...]
    questions: tuple[str, ...]
    follow: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Wordings:
    """One set. absent: things that no sheet knows; other: how the same is asked about another thing; off: what no sheet
    answers; requests: as the turns of a sheet."""

    things: tuple[str, ...]
    absent: tuple[str, ...]
    other: tuple[str, ...]
    off: tuple[str, ...]
    requests: tuple[Mapping[str, Any], ...]
    attributes: Mapping[str, Attribute]
    tools: tuple[Mapping[str, Any], ...]


def wordings(name: str) -> Wordings:
    """A set by its name."""
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    attributes = {
        kind: Attribute(
            tuple(each["facts"]), tuple(each["questions"]), tuple(each["follow"]), tuple(map(tuple, each["values"]))
        )
        for kind, each in table.pop("attributes").items()
    }
    return Wordings(attributes=attributes, **{key: tuple(value) for key, value in table.items()})
