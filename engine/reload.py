"""`reload`: what of a changed configuration a running engine takes over at once, and what needs a restart.

A setting says so itself (`Live`, engine/rules.py). Workers get the live ones anew and everything else as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from engine.config import Config
from engine.conflicts import conflicts
from engine.rules import Live
from engine.schema import Key, build, child, dotted, is_named, is_table, kinds, unwrap
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Reload:
    """What becomes of a new configuration."""

    config: Config
    """The old one with what may change at once."""
    applied: tuple[str, ...]
    restart_needed: tuple[str, ...]


def merge(old: Config, new: Config) -> Reload:
    """Take over from `new` what may change while the engine runs."""
    before, after = dict(_values(old)), dict(_values(new))
    changed = {key: None for key in (*before, *after) if before.get(key, _ABSENT) != after.get(key, _ABSENT)}
    live = dict.fromkeys(key for key in changed if is_live(key))
    while True:
        mixed = {**before, **{key: after.get(key, _ABSENT) for key in live}}
        settings: Settings = build(Settings, {key: value for key, value in mixed.items() if value is not _ABSENT})
        clashing = {tuple(key.split(".")) for conflict in conflicts(settings) for key in conflict.keys}
        if not clashing:
            break
        # Good together in the new file, but not beside what has to stay: then they wait for the restart, too.
        for key in (clashing & live.keys()) or tuple(live):
            del live[key]
    config = Config(**{name: getattr(settings, name) for name in kinds(Settings)}, origins=new.origins)
    return Reload(config, tuple(map(dotted, live)), tuple(dotted(key) for key in changed if key not in live))


def is_live(key: Key) -> bool:
    """Whether a setting may change while the engine runs."""
    kind: Any = Settings
    for part in key:
        kind = child(kind, part)
    return _live(kind)


_ABSENT = object()


def _live(kind: Any) -> bool:
    """The mark is on the setting, or on what it is a list of."""
    base, rules = unwrap(kind)
    if any(isinstance(rule, Live) for rule in rules):
        return True
    return get_origin(base) is tuple and _live(get_args(base)[0])


def _values(table: Any, kind: Any = Settings, at: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every setting, flat."""
    names = table if is_named(kind) else kinds(kind)
    for name in names:
        inner, value = child(kind, name), table[name] if is_named(kind) else getattr(table, name)
        if is_table(inner):
            yield from _values(value, inner, (*at, name))
        else:
            yield (*at, name), value
