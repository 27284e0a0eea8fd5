"""How plain values become typed settings.

A section is a frozen dataclass; a field is another section, a `Mapping` of names to sections, a scalar, a tuple of
scalars or a tuple of sections. An `Overlay` of a section has only those of its settings that differ.
`Annotated[int, Between(1, 9)]` puts rules on it (`engine/rules.py`). Nothing is raised while reading: what is wrong is
collected as `Problem`s, so that all of them can be told at once.
"""

from __future__ import annotations

import difflib
import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from engine.rules import Matches, OneOf, Rule, Whole, shown

Key: TypeAlias = tuple[str | int, ...]
"""Where a value stands: names of tables and settings; a number is a place in a list, from 0."""

ANY = "*"
"""Stands for a name that users choose in the keys that `setting_keys` gives."""


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Overlay(Generic[S]):
    """Some settings of a section, to be laid over it: what a rung of a ladder has of its own."""

    name: str
    resident: bool
    """It stays in memory while another one is used."""
    values: tuple[tuple[Key, Any], ...]
    """Each with its key within the section."""

    def over(self, section: S) -> S:
        """The section with these settings in the place of its own."""
        for key, value in self.values:
            section = _with(section, key, value)
        return section


def _with(section: Any, key: Key, value: Any) -> Any:
    name = str(key[0])
    return replace(section, **{name: _with(getattr(section, name), key[1:], value) if key[1:] else value})


class Own(ABC):
    """A kind of value that reads and writes itself: for what fields and rules cannot say. It is no dataclass."""

    __slots__ = ()

    @classmethod
    @abstractmethod
    def read(cls, value: Any, key: Key, reader: Reader) -> Any:
        """The value, of this class. What is wrong with it goes to `reader.refuse`; then the result does not count."""

    @abstractmethod
    def plain(self) -> Any:
        """The opposite: as JSON and TOML know it."""


_NAME = Matches("[a-z0-9_-]{1,24}", "be at most 24 small letters, digits, - or _")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at `key`; the reader's caller knows the file and the line."""

    key: Key
    what: str
    remedy: str = ""


def dotted(key: Key) -> str:
    """A key as people write it: `llm.phrasebook.entries[0].answers`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part)
            text += ("." if text else "") + (part if bare else shown(part))
    return text


def near(name: str, names: Sequence[str], cutoff: float = 0.6) -> str:
    """The one of `names` that was probably meant, or nothing."""
    found = difflib.get_close_matches(name.lower(), names, 1, cutoff)
    return found[0] if found else ""


@functools.cache
def kinds(section: type) -> Mapping[str, Any]:
    """The fields of a section and what each is, in the order they are declared."""
    hints = get_type_hints(section, include_extras=True)
    return MappingProxyType({field.name: hints[field.name] for field in fields(section)})


@functools.cache
def optional(section: type) -> frozenset[str]:
    """The fields of a section that need not be written: those with a default."""
    return frozenset(field.name for field in fields(section) if field.default is not MISSING)


def unwrap(kind: Any) -> tuple[Any, tuple[Rule, ...]]:
    """A field's type and the rules beside it."""
    if get_origin(kind) is Annotated:
        base, *rules = get_args(kind)
        return base, tuple(rules)
    return kind, ()


def is_named(kind: Any) -> bool:
    """A table whose names the user chooses."""
    return get_origin(kind) is Mapping


def is_table(kind: Any) -> bool:
    return is_dataclass(kind) or is_named(kind)


def child(table: Any, name: str | int) -> Any:
    """What `name` is in a table of this kind; None if it has no such thing."""
    if is_named(table):
        names, value = get_args(table)
        return value if isinstance(name, str) and all(rule.accepts(name) for rule in unwrap(names)[1]) else None
    return kinds(table).get(str(name)) if is_table(table) else None


def setting_keys(table: Any, at: Key = ()) -> Iterator[Key]:
    """The key of every setting below a table; `ANY` where users choose the name."""
    inside = {ANY: get_args(table)[1]} if is_named(table) else kinds(table)
    for name, kind in inside.items():
        if is_table(kind):
            yield from setting_keys(kind, (*at, name))
        else:
            yield (*at, name)


def build(kind: Any, values: Mapping[Key, Any], at: Key = ()) -> Any:
    """The typed whole of the values below `at`. KeyError: the setting that is missing."""
    if is_named(kind):
        names = dict.fromkeys(key[len(at)] for key in values if key[: len(at)] == at)
        return MappingProxyType({name: build(child(kind, name), values, (*at, name)) for name in names})
    if is_table(kind):
        left_out = {name for name in optional(kind) if (*at, name) not in values}
        given = {name: inner for name, inner in kinds(kind).items() if name not in left_out}
        return kind(**{name: build(inner, values, (*at, name)) for name, inner in given.items()})
    return values[at]


def plain(value: Any) -> Any:
    """The opposite of `build`: dicts, lists and scalars, as JSON and TOML know them."""
    if isinstance(value, Own):
        return value.plain()
    if isinstance(value, Overlay):
        return {"name": value.name, "resident": value.resident, **_nested(value.values)}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in kinds(type(value))}
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def _nested(values: tuple[tuple[Key, Any], ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values:
        table = found
        for name in key[:-1]:
            table = table.setdefault(str(name), {})
        table[str(key[-1])] = plain(value)
    return found


_SCALARS: dict[Any, tuple[str, tuple[type, ...]]] = {
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("text in quotes", (str,)),
}
_HUGE = 1e18
_REFUSED = object()
_UNSAYABLE = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters, and what Python makes of bytes in the environment that are no text."""


class Reader:
    """Reads tables against a schema and collects what is wrong with them."""

    def __init__(self, root: type) -> None:
        self.root = root
        self.problems: list[Problem] = []

    def settings(self, table: Mapping[str, Any], kind: Any = None, at: Key = ()) -> Iterator[tuple[Key, Any]]:
        """Every good setting in a table, flat: its key and its value in its own type."""
        kind = kind or self.root
        for name, value in table.items():
            key, inner = (*at, name), child(kind, name)
            if inner is None:
                self.problems.append(
                    Problem(key, f"{dotted(key)} is not a setting", self.suggest(kind, at, name, value))
                )
            elif not is_table(inner):
                read = self.value(inner, value, key)
                if read is not _REFUSED:
                    yield key, read
            elif isinstance(value, Mapping):
                yield from self.settings(value, inner, key)
            else:
                self._refuse(key, f"must be a table, [{dotted(key)}]", value)

    def value(self, kind: Any, value: Any, key: Key) -> Any:
        """One value as its type; `_REFUSED` after saying what is wrong with it."""
        base, rules = unwrap(kind)
        before = len(self.problems)
        if get_origin(base) is tuple:
            read = self._list(get_args(base)[0], value, key)
        elif get_origin(base) is Overlay:
            read = self._overlay(get_args(base)[0], value, key)
        elif isinstance(base, type) and issubclass(base, Own):
            read = base.read(value, key, self)
        elif is_dataclass(base):
            read = self._section(base, value, key)
        else:
            read = self._scalar(base, value, key)
        for rule in rules:
            if len(self.problems) == before and not rule.accepts(read):
                self._refuse(key, f"must {rule.wanted}", value, rule)
        return read if len(self.problems) == before else _REFUSED

    def _scalar(self, base: Any, value: Any, key: Key) -> Any:
        wanted, accepted = _SCALARS[base]
        # To Python True is the number 1; to a person it is not.
        right = isinstance(value, accepted) and (base is bool or not isinstance(value, bool))
        if not right or (base is float and not -_HUGE < value < _HUGE):
            return self._refuse(key, f"must be {wanted}", value)
        if base is str and _UNSAYABLE.search(value):
            return self._refuse(key, "must be clean UTF-8 text without control characters", value)
        return base(value)

    def _list(self, element: Any, value: Any, key: Key) -> Any:
        if not isinstance(value, list):
            return self._refuse(key, "must be a list, [ ... ]", value)
        return tuple(self.value(element, item, (*key, place)) for place, item in enumerate(value))

    def _section(self, section: Any, value: Any, key: Key) -> Any:
        if not isinstance(value, Mapping):
            return self._refuse(key, "must be a table", value)
        before = len(self.problems)
        read = {str(inner[-1]): item for inner, item in self.settings(value, section, key)}
        own = list(kinds(section))
        misspelt = {near(name, own) for name in value if name not in own}  # that has been said
        for name in own:
            if name not in value and name not in misspelt and name not in optional(section):
                self.problems.append(Problem(key, f"{dotted(key)} has no {name}", f"add {name} = ..."))
        return section(**read) if len(self.problems) == before else None

    def _overlay(self, section: type, value: Any, key: Key) -> Any:
        """Read by itself, so that what is wrong is told in the section's own terms, after the name of the overlay."""
        if not isinstance(value, Mapping):
            return self._refuse(key, "must be a table", value)
        inside = Reader(section)
        rest = {name: item for name, item in value.items() if name not in ("name", "resident")}
        if "name" not in value:
            inside.problems.append(Problem((), "it has no name", 'add name = "..."'))
        name = inside.value(Annotated[str, _NAME], value.get("name", "x"), ("name",))
        resident = inside.value(bool, value.get("resident", True), ("resident",))
        values = tuple(inside.settings(rest))
        for at, _ in values:
            kind: Any = section
            for part in at:
                kind = child(kind, part)
            if any(isinstance(rule, Whole) for rule in unwrap(kind)[1]):
                what = f"{dotted(at)} is the same on every rung"
                inside.problems.append(Problem(at, what, f"set {dotted((*key[:-2], *at))}"))
        given = value.get("name")
        called = f"{dotted(key)} {shown(given)}" if isinstance(given, str) else dotted(key)
        self.problems += [Problem((*key, *each.key), f"{called}: {each.what}", each.remedy) for each in inside.problems]
        return None if inside.problems else Overlay(name, resident, values)

    def _refuse(self, key: Key, must: str, value: Any, rule: Rule | None = None) -> Any:
        names = [str(choice) for choice in rule.choices] if isinstance(rule, OneOf) else []
        meant = near(value, names) if isinstance(value, str) else ""
        what = f"{dotted(key)} {must}" + ("" if must.startswith("must not") else f", not {shown(value)}")
        self.problems.append(Problem(key, what, f"did you mean {shown(meant)}?" if meant else ""))
        return _REFUSED

    def refuse(self, key: Key, what: str, value: Any = _REFUSED, remedy: str = "") -> None:
        """Say what is wrong with a value: `what` follows its key."""
        shown_value = "" if value is _REFUSED else f", not {shown(value)}"
        self.problems.append(Problem(key, f"{dotted(key)} {what}{shown_value}", remedy))

    def suggest(self, table: Any, at: Key, name: str, value: Any = None) -> str:
        """What was probably meant by a name, given this value, that the table at `at` does not have."""
        if is_named(table):
            return "; ".join(f"the name must {rule.wanted}" for rule in unwrap(get_args(table)[0])[1])
        own = list(kinds(table))
        if meant := near(name, own):
            return f"did you mean {dotted((*at, meant))}?"
        # The right word in the wrong table, before a word that merely looks alike.
        everywhere = list(setting_keys(self.root))
        last = near(name, [str(key[-1]) for key in everywhere], 0.85)
        if homes := [dotted(key) for key in everywhere if key[-1] == last and ANY not in key]:
            meant = near(dotted((*at, name)), homes, 0.0)
            above = "; write it above the first [table]" if at and "." not in meant else ""
            return f"did you mean {meant}?{above}"
        if meant := near(dotted((*at, name)), [dotted(key) for key in everywhere if ANY not in key], 0.75):
            return f"did you mean {meant}?"
        tables = [inner for inner, kind in kinds(table).items() if is_table(kind)]
        if isinstance(value, Mapping) and tables:
            return f"the tables there are {', '.join(dotted((*at, inner)) for inner in tables)}"
        return f"{f'[{dotted(at)}]' if at else 'the file'} may have {', '.join(own)}"
