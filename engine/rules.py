"""Limits on one value, declared beside a setting: `Annotated[int, Between(1, 9)]`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol


class Rule(Protocol):
    """A limit on one value."""

    @property
    def wanted(self) -> str:
        """What holds for a good value, after the word "must"."""

    def accepts(self, value: Any) -> bool:
        """Whether `value`, which has the right type, is a good one."""


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` to `high`, both included."""

    low: float
    high: float

    @property
    def wanted(self) -> str:
        return f"be between {self.low:g} and {self.high:g}"

    def accepts(self, value: Any) -> bool:
        return bool(self.low <= value <= self.high)


class OneOf:
    """One of these and no other."""

    def __init__(self, *choices: str | int) -> None:
        self.choices = choices

    @property
    def wanted(self) -> str:
        return ("be one of " if len(self.choices) > 1 else "be ") + ", ".join(map(shown, self.choices))

    def accepts(self, value: Any) -> bool:
        return value in self.choices


class Backend(OneOf):
    """One of these, or a class of the user's own: `package.module:Class`."""

    @property
    def wanted(self) -> str:
        return f'{super().wanted}, or "package.module:Class" of your own'

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) or re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value) is not None


@dataclass(frozen=True, slots=True)
class Matches:
    """Text that fits the whole of a regular expression; `wanted` says the same to a person."""

    pattern: str
    wanted: str

    def accepts(self, value: Any) -> bool:
        return re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True, slots=True)
class NotEmpty:
    """Text that is more than blanks, or a list with something in it."""

    wanted: str = "not be empty"

    def accepts(self, value: Any) -> bool:
        return bool(value.strip() if isinstance(value, str) else value)


@dataclass(frozen=True, slots=True)
class Template:
    """Text with a place to fill in, `{name}`, and no other braces."""

    name: str

    @property
    def wanted(self) -> str:
        return f"contain {{{self.name}}} and no other braces"

    def accepts(self, value: Any) -> bool:
        bare = value.replace(f"{{{self.name}}}", "")
        return bare != value and "{" not in bare and "}" not in bare


MODEL_NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
MODEL_PREFIX = "models:"


class OnDisk:
    """A path, or a model by its name, which becomes the path where `engine models pull` has put it: `models:NAME`, or
    `models:NAME/FILE` for one of its files (engine/models/names.py)."""

    wanted = 'be a path, or "models:NAME" with a name from `engine models list`'

    def accepts(self, value: Any) -> bool:
        named = re.fullmatch(rf"{MODEL_PREFIX}{MODEL_NAME}(/(?!\.\.)[\w.-]+)*", value)
        return not value.startswith(MODEL_PREFIX) or named is not None


class Live:
    """No limit: marks a setting that `engine reload` applies while the engine runs."""

    wanted = ""

    def accepts(self, _value: Any) -> bool:
        return True


class Whole:
    """No limit: marks a setting that is the same on every rung of its stage's ladder."""

    wanted = ""

    def accepts(self, _value: Any) -> bool:
        return True


def shown(value: Any) -> str:
    """A value in an error message: one short line, whatever it is."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value if len(value) <= 60 else value[:57] + "...", ensure_ascii=not value.isprintable())
        case int() | float():
            # Not str() of a huge whole number: Python refuses to write one of more than 4300 digits.
            return str(value) if -1e18 < value < 1e18 or value != value else "a number that large"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
    return f"the date or time {value}"
