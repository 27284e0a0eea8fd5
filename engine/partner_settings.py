"""What a partner is told: who it is, what it knows, what it may ask the host to do. Tables of config.toml, as in
engine/settings.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from engine.rules import Between, Live, Matches, NotEmpty, shown
from engine.schema import Key, Own, Reader, near

TYPES = ("string", "number", "integer", "boolean")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LIMITED = ("type", "minimum", "maximum", "unit", "required")


@dataclass(frozen=True, slots=True)
class Persona:
    """Who speaks."""

    name: Annotated[str, Live()]
    role: Annotated[str, Live()]
    manner: Annotated[str, Live()]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a tool. choices: the words that it may be; none: anything of its type, which is string, number,
    integer or boolean. unit: of a number, such as meters."""

    name: str
    type: str = "string"
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    required: bool = True

    @property
    def spoken(self) -> str:
        return self.name.replace("_", " ")

    @classmethod
    def of(cls, name: str, value: Any) -> Parameter:
        """The opposite of `plain`."""
        if isinstance(value, str):
            return cls(name, value)
        return cls(name, choices=tuple(value)) if isinstance(value, list) else cls(name, **value)

    def plain(self) -> Any:
        """As it is written: a type, a list of words, or a table."""
        if self.choices:
            return list(self.choices)
        more = {"minimum": self.minimum, "maximum": self.maximum, "unit": self.unit or None}
        table = {key: value for key, value in more.items() if value is not None}
        if not self.required:
            table["required"] = False
        return {"type": self.type, **table} if table else self.type


class Parameters(Own, tuple[Parameter, ...]):
    """The parameters of a tool: a table of name = type, name = [words], or name = { type, minimum, maximum, unit,
    required }."""

    __slots__ = ()

    def plain(self) -> dict[str, Any]:
        return {each.name: each.plain() for each in self}

    @classmethod
    def read(cls, value: Any, key: Key, reader: Reader) -> Parameters | None:
        if not isinstance(value, Mapping):
            reader.refuse(key, "must be a table, { name = type }", value)
            return None
        found = [_parameter(name, each, (*key, name), reader) for name, each in value.items()]
        return cls(each for each in found if each is not None)


MOST = 1e15
"""Limits are within so much: a number beyond it cannot be said, nor told from its neighbours."""


def _parameter(name: str, value: Any, key: Key, reader: Reader) -> Parameter | None:
    if not _NAME.fullmatch(name):
        reader.refuse(key, f"must have a name of small letters, digits and _, not {shown(name)}")
        return None
    if isinstance(value, str):
        return Parameter(name, value) if _is_type(value, key, reader) else None
    if isinstance(value, list):
        words = [word for word in value if isinstance(word, str) and any(map(str.isalnum, word))]
        if not value or len(words) < len(value):
            reader.refuse(key, "must be a list of words, and not an empty one")
            return None
        return Parameter(name, choices=tuple(words))
    if not isinstance(value, Mapping):
        reader.refuse(key, f"must be one of {', '.join(map(shown, TYPES))}, a list of words, or a table", value)
        return None
    return _limited(name, value, key, reader)


def _limited(name: str, table: Mapping[str, Any], key: Key, reader: Reader) -> Parameter | None:
    before = len(reader.problems)
    for each in table:
        if each not in _LIMITED:
            meant = near(each, _LIMITED)
            remedy = f"did you mean {meant}?" if meant else f"it may have {', '.join(_LIMITED)}"
            reader.refuse((*key, each), "is not part of a parameter", remedy=remedy)
    kind, unit, required = table.get("type", ""), table.get("unit", ""), table.get("required", True)
    _is_type(kind, (*key, "type"), reader)
    limits: list[float | None] = []
    for each in ("minimum", "maximum"):
        limit = table.get(each)
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, float))):
            reader.refuse((*key, each), "must be a number", limit)
        elif limit is not None and not -MOST <= limit <= MOST:  # nan, too
            reader.refuse((*key, each), f"must be a number between -{MOST:g} and {MOST:g}", limit)
        elif limit is not None and kind not in ("number", "integer"):
            reader.refuse((*key, each), "goes with a number or an integer")
        limits.append(limit)
    if not isinstance(unit, str):
        reader.refuse((*key, "unit"), 'must be a word, such as "meters"', unit)
    if not isinstance(required, bool):
        reader.refuse((*key, "required"), "must be true or false", required)
    if len(reader.problems) > before:
        return None
    low, high = limits
    if low is not None and high is not None and low > high:
        reader.refuse(key, "has a minimum above its maximum", remedy="swap them")
        return None
    return Parameter(name, kind, (), low, high, unit, required)


def _is_type(value: Any, key: Key, reader: Reader) -> bool:
    if value in TYPES:
        return True
    meant = near(value, TYPES) if isinstance(value, str) else ""
    remedy = f"did you mean {shown(meant)}?" if meant else 'allowed words are written as a list: ["left", "right"]'
    reader.refuse(key, f"must be one of {', '.join(map(shown, TYPES))}", value, remedy=remedy)
    return False


_NO_PARAMETERS = Parameters()


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that the host program can be asked to do."""

    name: Annotated[str, Matches(_NAME.pattern, "be at most 40 small letters, digits or _, a letter first")]
    description: Annotated[str, NotEmpty()]
    parameters: Parameters = _NO_PARAMETERS
    confirm: bool = False
    timeout_s: Annotated[float, Between(0.1, 600)] = 10.0


def unfit(tools: Sequence[Tool], name: str, arguments: Any) -> str:
    """Why nothing may be called so, one line; or nothing. Who answers may be a language model, and is not believed."""
    tool = next((each for each in tools if each.name == name), None)
    if tool is None:
        return f"{shown(name)} is not one of the tools"
    if not isinstance(arguments, Mapping):
        return f"{name} was called without a table of arguments"
    known = {each.name: each for each in tool.parameters}
    for given, value in arguments.items():
        if given not in known:
            return f"{name} has no parameter {shown(given)}"
        if not _fits(known[given], value):
            return f"{given} of {name} is not what it may be"  # its value may be what a visitor said
    missing = next((each.name for each in tool.parameters if each.required and each.name not in arguments), "")
    return f"{name} was called without {missing}" if missing else ""


def _fits(parameter: Parameter, value: Any) -> bool:
    """Whether a value is what a parameter may be."""
    if parameter.choices:
        return value in parameter.choices
    if parameter.type in ("string", "boolean"):
        return isinstance(value, str if parameter.type == "string" else bool)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    low, high = parameter.minimum, parameter.maximum
    if not -MOST <= value <= MOST or (parameter.type == "integer" and value != int(value)):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def grounded(prompt: str, persona: Persona, facts: Sequence[str]) -> str:
    """A language model's prompt with `{persona}`, who it is, and `{facts}`, what it knows, filled in."""
    name = f"{persona.name}, " if persona.name else ""
    manner = f" Your manner is {persona.manner.rstrip('.')}." if persona.manner else ""
    who = f"You are {name}{persona.role or 'a voice assistant'}.{manner}"
    known = "What you know:\n" + "\n".join(f"- {fact}" for fact in facts) if facts else ""
    return prompt.replace("{persona}", who).replace("{facts}", known).strip()


Fact: TypeAlias = Annotated[str, NotEmpty(), Live()]
