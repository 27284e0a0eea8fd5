"""Plain values as TOML that can be read back. (The standard library reads TOML and does not write it.)"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.schema import Key

WIDTH = 100
"""Lists that are longer get a line for each element."""


def write(table: Mapping[str, Any], comment: Callable[[Key], str] = lambda key: "") -> str:
    """`table` as TOML, in its own order. comment: what to say after the value of a key, if anything."""
    return "\n".join(_lines(table, (), comment)).strip("\n") + "\n"


def _lines(table: Mapping[str, Any], at: Key, comment: Callable[[Key], str]) -> Iterator[str]:
    """A table's own values come before its tables: in TOML a header takes everything that follows it."""
    deeper = {name: value for name, value in table.items() if isinstance(value, Mapping) or _is_tables(value)}
    if at and (len(deeper) < len(table) or not table):
        yield f"\n[{_dotted(at)}]"
    for name, value in table.items():
        if name not in deeper:
            yield _with(f"{_name(name)} = {inline(value)}", comment((*at, name)))
    for name, value in deeper.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*at, name), comment)
            continue
        for element in value:
            yield "\n" + _with(f"[[{_dotted((*at, name))}]]", comment((*at, name)))
            for inner, item in element.items():
                yield f"{_name(inner)} = {inline(item)}"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _with(line: str, comment: str) -> str:
    return f"{line}  # {comment}" if comment else line


def inline(value: Any) -> str:
    """A value as it stands after a `=`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        items = [inline(item) for item in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= WIDTH else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    if isinstance(value, Mapping):  # in a list, where it cannot have a header
        return "{ " + ", ".join(f"{_name(name)} = {inline(item)}" for name, item in value.items()) + " }"
    return repr(value)


def _name(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)


def _dotted(key: Key) -> str:
    return ".".join(_name(str(part)) for part in key)
