"""Where settings come from, one layer each: a file, the environment, `--set`. Each is checked by itself, so that what
is wrong is told with the place where a person wrote it.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import NAME
from engine.errors import ConfigError, UsageError
from engine.rules import shown
from engine.schema import ANY, Key, Problem, Reader, child, dotted, is_table, near, setting_keys, unwrap
from engine.settings import Settings

PREFIX = f"{NAME.upper()}_"
SYSTEM_CONFIG = f"{PREFIX}SYSTEM_CONFIG"
"""Environment variable: the system-wide file, instead of the one in /etc; empty is none."""
RESERVED = frozenset({SYSTEM_CONFIG, f"{PREFIX}TRACEBACK"})
"""Environment variables with the project's prefix that are not settings."""
MAX_BYTES = 1 << 20
PACKAGED = Path(__file__).with_name("config.toml")


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and who gave it, as in `kiosk.toml:12`."""

    value: Any
    origin: str


@dataclass(slots=True)
class Layer:
    """The settings of one source, the profiles it defines, and what is wrong with it."""

    settings: dict[Key, Setting] = field(default_factory=dict)
    profiles: dict[str, dict[Key, Setting]] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)


def files(config: Path | None, environ: Mapping[str, str]) -> list[tuple[Path, str, bool]]:
    """The files that count, weakest first: (path, name for people, whether it must exist)."""
    found = [(PACKAGED, "config.toml", True)]
    if system := environ.get(SYSTEM_CONFIG, f"/etc/{NAME}/config.toml"):
        found.append((Path(system), system, False))
    home = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(home):  # the XDG rules: a relative path there does not count
        home = os.path.join(environ["HOME"], ".config") if environ.get("HOME") else ""
    if home:
        user = Path(home) / NAME / "config.toml"
        found.append((user, str(user), False))
    if config is not None:
        label = str(config)
        found.append((config, label if label.isprintable() else shown(label), True))
    return found


def read_file(path: Path, label: str, must_exist: bool) -> Layer | None:
    """One file as a layer; None if there is no such file and there need not be one."""
    layer = Layer()
    try:
        table, lines = read_toml(path, label)
    except ConfigError as error:
        layer.errors.append(error)
        return layer
    except (FileNotFoundError, NotADirectoryError) as error:
        if not must_exist:
            return None
        layer.errors.append(_unreadable(label, error))
        return layer
    except OSError as error:
        layer.errors.append(_unreadable(label, error))
        return layer

    wrong: list[tuple[int, ConfigError]] = []

    def read(values: Mapping[str, Any], prefix: Key) -> dict[Key, Setting]:
        reader = Reader(Settings)
        found = {key: Setting(value, f"{label}:{_line(lines, prefix + key)}") for key, value in reader.settings(values)}
        problems = [*reader.problems]
        if prefix and ("profile",) in found:
            problems.append(Problem(("profile",), "a profile cannot choose a profile", "remove this line"))
        for problem in problems:
            line = _line(lines, prefix + problem.key)
            wrong.append((line, ConfigError(f"{label}:{line}: {problem.what}", problem.remedy)))
        return found

    for name, values in _profiles(table, label, lines, wrong):
        layer.profiles[name] = read(values, ("profiles", name))
    layer.settings = read(table, ())
    layer.errors = [error for _, error in sorted(wrong, key=lambda item: item[0])]
    return layer


def read_environment(environ: Mapping[str, str]) -> Layer:
    """`ANTIPHON_<SECTION>_<KEY>=value`."""
    layer = Layer()
    keys = {"_".join(map(str, key)).upper(): key for key in setting_keys(Settings)}
    for name in sorted(name for name in environ if name.startswith(PREFIX) and name not in RESERVED):
        key = _environment_key(name.removeprefix(PREFIX), keys)
        if key is None:
            meant = near(name.removeprefix(PREFIX).lower(), [fixed.lower() for fixed in keys if ANY not in fixed])
            remedy = f"did you mean {PREFIX}{meant.upper()}?" if meant else "unset it"
            layer.errors.append(ConfigError(f"environment: {shown(name)[1:-1]} is not a setting", remedy))
        else:
            _override(layer, key, environ[name], f"environment {shown(name)[1:-1]}")
    return layer


def read_sets(sets: Sequence[str]) -> Layer:
    """`--set section.key=value`; a later one wins over an earlier one. UsageError: one without a `=`."""
    layer = Layer()
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {shown(text)} has no value", "write --set section.key=value")
        _override(layer, tuple(part.strip() for part in name.split(".")), value.strip(), "--set")
    return layer


def read_toml(path: Path, label: str) -> tuple[dict[str, Any], dict[Key, int]]:
    """A file's content, and the line of each key. label: its name for people. ConfigError: it is no TOML; OSError."""
    return _parse(_text(path, label), label)


def _text(path: Path, label: str) -> str:
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            f"{label}: is larger than {MAX_BYTES >> 20} MiB, so it is not a configuration", "check --config"
        )
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{label}:{line}: is not UTF-8 text", "save the file as UTF-8") from None


def _parse(text: str, label: str) -> tuple[dict[str, Any], dict[Key, int]]:
    from engine.toml import tomllib  # not at the top: a worker's Python may not have it, and reads no files
    from engine.toml_lines import key_lines

    try:
        return tomllib.loads(text), key_lines(text)
    except RecursionError:
        raise ConfigError(f"{label}: is nested too deeply", "use fewer brackets inside each other") from None
    except ValueError as error:
        what = str(error)
        if not isinstance(error, tomllib.TOMLDecodeError):  # Python refuses numbers of more than 4300 digits
            what = "it has a number that is too long"
        place = ""
        if match := re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", what):
            what = what[: match.start()]
            last = text.count("\n") + (0 if text.endswith("\n") else 1)
            place = f":{match[1]}:{match[2]}" if match[1] else f":{last}"
        what = what.replace("\n", " ")
        raise ConfigError(f"{label}{place}: this is not TOML: {what[:1].lower()}{what[1:]}", "see toml.io") from None


def _profiles(
    table: dict[str, Any], label: str, lines: dict[Key, int], wrong: list[tuple[int, ConfigError]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Take the profiles out of a file's table."""
    profiles = table.pop("profiles", {})
    if isinstance(table.get("profile"), dict):
        # The likeliest slip: the key that chooses a profile for the table that defines one.
        line = _line(lines, ("profile",))
        del table["profile"]
        what = f"{label}:{line}: profile names the profile to use"
        wrong.append((line, ConfigError(what, "write [profiles.NAME.section] to define one")))
    for name, values in profiles.items() if isinstance(profiles, dict) else [("", profiles)]:
        if isinstance(values, dict):
            yield name, values
        else:
            key: Key = ("profiles", name) if name else ("profiles",)
            line = _line(lines, key)
            what = f"{label}:{line}: {dotted(key)} must be a table, not {shown(values)}"
            wrong.append((line, ConfigError(what, "write [profiles.NAME.section]")))


def _line(lines: Mapping[Key, int], key: Key) -> int:
    """The line of a key, or of the nearest thing around it."""
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key, 1)


def _unreadable(label: str, error: OSError) -> ConfigError:
    why = os.strerror(error.errno or errno.EIO)
    return ConfigError(f"{label}: cannot be read: {why[:1].lower()}{why[1:]}", "check the path and its permissions")


def _environment_key(name: str, keys: Mapping[str, Key]) -> Key | None:
    for pattern, key in keys.items():
        if match := re.fullmatch(re.escape(pattern).replace(re.escape(ANY), "(.+)"), name):
            # Names that users choose are in small letters, and a variable's name cannot have a hyphen.
            chosen = [part.lower().replace("_", "-") for part in match.groups()]
            return tuple(chosen.pop(0) if part == ANY else part for part in key)
    return None


def _override(layer: Layer, key: Key, text: str, origin: str) -> None:
    """A value from outside the files: TOML, or, for a setting that is text, just the text."""
    reader = Reader(Settings)
    kind: Any = Settings
    table: Any = Settings
    for depth, part in enumerate(key):
        table, kind = kind, child(kind, part)
        if kind is None:
            remedy = reader.suggest(table, key[:depth], str(part)) if is_table(table) else ""
            layer.errors.append(ConfigError(f"{origin}: {dotted(key)} is not a setting", remedy))
            return
    if is_table(kind):
        known = ", ".join(dotted((*key, *rest)) for rest in list(setting_keys(kind))[:3])
        layer.errors.append(
            ConfigError(f"{origin}: {dotted(key)} is a table of settings", f"name one, such as {known}")
        )
        return
    value = reader.value(kind, _value(text, unwrap(kind)[0]), key)
    if reader.problems:
        problem = reader.problems[0]
        layer.errors.append(ConfigError(f"{origin}: {problem.what}", problem.remedy))
    else:
        layer.settings[key] = Setting(value, origin)


def _value(text: str, base: Any) -> Any:
    from engine.toml import tomllib

    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    # "1\nother = 2" is not one value. A text such as 007 or true is text, though TOML takes it for something else.
    single = len(table) == 1
    return table["value"] if single and (base is not str or isinstance(table["value"], str)) else text
