"""Models by name in the settings: `model = "models:distil-small.en"` is the place where `engine models pull` puts it.

Done once, when the configuration is read: a worker gets paths, and needs neither the manifest nor TOML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from engine.errors import BackendError
from engine.models import disk, manifest
from engine.models.manifest import Model
from engine.rules import MODEL_PREFIX, OnDisk
from engine.schema import Key, Overlay, child, kinds, near, unwrap

if TYPE_CHECKING:
    from engine.config import Config  # which asks us


class UnknownModelError(Exception):
    """There is no model of that name. `str()`: what is wrong; remedy: what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


class Names:
    """What names mean with these settings: `directory` and `manifest` of `[models]`."""

    def __init__(self, directory: str, own: str) -> None:
        self._directory, self._own = disk.directory(directory), own
        self._models: dict[str, Model] | None = None

    def resolved(self, value: Any, kind: Any) -> Any:
        """A setting's value with paths for names. Raises UnknownModelError, and ConfigError for a bad manifest."""
        base, rules = unwrap(kind)
        if isinstance(value, str):
            is_name = value.startswith(MODEL_PREFIX) and any(isinstance(rule, OnDisk) for rule in rules)
            return self._path(value.removeprefix(MODEL_PREFIX)) if is_name else value
        if isinstance(value, tuple) and get_origin(base) is tuple:
            return tuple(self.resolved(item, get_args(base)[0]) for item in value)
        if isinstance(value, Overlay):
            section = get_args(base)[0]
            return replace(
                value, values=tuple((key, self.resolved(item, _at(section, key))) for key, item in value.values)
            )
        if is_dataclass(value) and not isinstance(value, type):
            inner = kinds(type(value)).items()
            return replace(value, **{name: self.resolved(getattr(value, name), of) for name, of in inner})
        return value

    def _path(self, named: str) -> str:
        name, _, file = named.partition("/")
        if self._models is None:
            self._models = manifest.models(self._own)
        if name not in self._models:
            meant = near(name, list(self._models))
            raise UnknownModelError(
                f"there is no model {name}", f"did you mean {meant}?" if meant else "see engine models list"
            )
        return str(self._directory / name / (file or self._models[name].path))


def resolve(values: Mapping[Key, Any], root: type) -> tuple[dict[Key, Any], dict[Key, UnknownModelError]]:
    """All settings, flat, with paths for names; and what is wrong with which. ConfigError: a manifest is."""
    names = Names(values.get(("models", "directory"), ""), values.get(("models", "manifest"), ""))
    found, wrong = dict(values), {}
    for key, value in values.items():
        try:
            found[key] = names.resolved(value, _at(root, key))
        except UnknownModelError as error:
            wrong[key] = error
    return found, wrong


def _at(kind: Any, key: Key) -> Any:
    for part in key:
        kind = child(kind, part)
    return kind


@dataclass(frozen=True, slots=True)
class Use:
    """A model in the settings: `setting` is a path below the models' directory."""

    setting: str
    name: str
    path: Path


def used(config: Config) -> Iterator[Use]:
    """The models that the chosen backends are set to use from the models' directory."""
    from engine.ladders import sections  # which knows the configuration, which asks us

    place = disk.directory(config.models.directory)
    for stage, section in sections(config):
        table = getattr(section, section.backend, None)
        for name, value in _paths(table, f"{stage}.{section.backend}"):
            path = Path(value)
            if path.is_absolute() and path != place and path.is_relative_to(place):
                yield Use(name, path.relative_to(place).parts[0], path)


def _paths(table: Any, at: str) -> Iterator[tuple[str, str]]:
    """(setting, value) of all that names something on disk in a backend's table."""
    if isinstance(table, tuple):
        for item in table:
            yield from _paths(item, at)
    elif is_dataclass(table) and not isinstance(table, type):
        for name, kind in kinds(type(table)).items():
            value = getattr(table, name)
            if isinstance(value, str) and any(isinstance(rule, OnDisk) for rule in unwrap(kind)[1]):
                yield f"{at}.{name}", value
            else:
                yield from _paths(value, f"{at}.{name}")


def missing(config: Config, stages: tuple[str, ...] | None = None) -> Iterator[tuple[str, BackendError]]:
    """(stage, error) of each model that the settings name and nobody has pulled."""
    for use in used(config):
        stage = use.setting.split(".")[0]
        if (stages is None or stage in stages) and not use.path.exists():
            what = f"{use.setting}: model {use.name} is not on this disk ({use.path})"
            yield stage, BackendError(what, f"engine models pull {use.name}")
