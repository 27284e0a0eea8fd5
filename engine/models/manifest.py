"""The models the engine knows by name: `engine/data/models.toml`, and a file of the user's own of the same form."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from engine.config_layers import read_toml
from engine.errors import ConfigError
from engine.rules import MODEL_NAME, Between, Matches, NotEmpty, OneOf
from engine.schema import Key, Reader, dotted

PACKAGED = Path(__file__).parents[1] / "data" / "models.toml"
STAGES = ("vad", "asr", "ending", "llm", "vocoder", "duplex")
"""duplex: speech to speech, which takes the place of three stages."""

_FILE = Matches(r"(?!/)(?!.*(^|/)\.\.?(/|$))[^\\\x00]+", "be a file's path inside the repository")
_SHA256 = Matches(r"[0-9a-f]{64}", "be 64 hexadecimal digits")
_COMMIT = Matches(r"([0-9a-f]{40})?", "be a commit, 40 hexadecimal digits, or empty where it is not known")
_URL = Matches(r"https://\S+", "be an address, https://...")


@dataclass(frozen=True, slots=True)
class File:
    """A file whose content is known. size: bytes; 0 in a manifest: not known."""

    name: Annotated[str, _FILE]
    size: Annotated[int, Between(0, 1e12)]
    sha256: Annotated[str, _SHA256]


@dataclass(frozen=True, slots=True)
class Model:
    """One model. What has a default may be left out of the file; of a hash, a size or a commit it means: not known."""

    name: Annotated[str, Matches(MODEL_NAME, "be small letters, digits, - _ and .")]
    stage: Annotated[str, OneOf(*STAGES)]
    about: Annotated[str, NotEmpty()]
    repo: Annotated[str, Matches(r"[\w.-]+/[\w.-]+", "be owner/name")]
    files: Annotated[tuple[Annotated[str, _FILE], ...], NotEmpty("name at least one file")]
    """What of the repository is needed: names, or patterns such as `*.safetensors`."""
    licence: Annotated[str, NotEmpty()]
    licence_url: Annotated[str, _URL]
    setting: str = ""
    """The setting of config.toml that names this model; empty: no backend takes it yet."""
    path: str = ""
    """What the setting is to name inside the model's directory; empty: the directory itself."""
    branch: str = "main"
    revision: Annotated[str, _COMMIT] = ""
    known: tuple[File, ...] = ()
    languages: tuple[str, ...] = ()
    """Empty: many, or not said."""
    attribution: str = ""
    gated: bool = False
    """The hub gives it only to those who have accepted its terms there."""
    memory_mb: Annotated[int, Between(0, 1e6)] = 0
    """About, computed and not measured; 0: not known."""
    used_by: tuple[str, ...] = ()
    """Which of the examples in docs/models.md use it."""
    confirmed: str = ""
    """Where it was seen that the repository is called so; empty: it was not."""

    def wants(self, file: str) -> bool:
        """Whether a file of the repository is part of the model."""
        return any(fits(file, wanted) for wanted in self.files)

    @property
    def page(self) -> str:
        """Where a person reads about it."""
        return f"https://huggingface.co/{self.repo}"


@dataclass(frozen=True, slots=True)
class _Manifest:
    model: tuple[Model, ...]


_NEEDED = tuple(field.name for field in fields(Model) if field.default is MISSING)


def read(path: Path, label: str = "") -> dict[str, Model]:
    """The models of a manifest by their names. ConfigError: the first thing wrong with it."""
    label = label or str(path)
    try:
        table, lines = read_toml(path, label)
    except OSError as error:
        raise ConfigError(f"{label}: cannot be read: {error.strerror}", "correct models.manifest") from error
    reader = Reader(_Manifest)
    found: dict[str, Model] = {}

    def wrong(key: Key, what: str, remedy: str = "") -> ConfigError:
        while key and key not in lines:
            key = key[:-1]
        return ConfigError(f"{label}:{lines.get(key, 1)}: {what}", remedy)

    entries = table.pop("model", [])
    if table or not isinstance(entries, list):
        raise wrong((next(iter(table), "model"),), "there is nothing but [[model]] in a manifest")
    for place, entry in enumerate(entries):
        at: Key = ("model", place)
        if not isinstance(entry, Mapping):
            raise wrong(at, "a model is a table, [[model]]")
        values = {str(key[-1]): value for key, value in reader.settings(entry, Model, at)}
        if reader.problems:
            raise wrong(reader.problems[0].key, reader.problems[0].what, reader.problems[0].remedy)
        for name in _NEEDED:
            if name not in values:
                raise wrong(at, f"{dotted(at)} has no {name}", f"add {name} = ...")
        model = Model(**values)
        if model.name in found:
            raise wrong((*at, "name"), f"there are two models {model.name}", "give one another name")
        if stray := [file.name for file in model.known if not model.wants(file.name)]:
            raise wrong((*at, "known"), f"{stray[0]} is known, and not among the files", "add it to files")
        found[model.name] = model
    return found


def fits(file: str, wanted: str) -> bool:
    """Whether a file's name is what one of `Model.files` means."""
    return fnmatch.fnmatchcase(file, wanted)


def is_inside(file: str) -> bool:
    """Whether a file's name leads nowhere but into the directory it is put into."""
    return _FILE.accepts(file)


def models(own: str) -> dict[str, Model]:
    """The packaged models, and those of the file `own` (empty: none), which count more. ConfigError."""
    return read(PACKAGED, "models.toml") | (read(Path(own).expanduser(), own) if own else {})


def by_stage(found: Iterable[Model]) -> list[Model]:
    """In the order of the stages, else as they were."""
    return sorted(found, key=lambda model: STAGES.index(model.stage))


def as_json(model: Model) -> dict[str, Any]:
    """What the manifest says of a model, as JSON knows it."""
    said = {field.name: getattr(model, field.name) for field in fields(Model)}
    said["known"] = [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in model.known]
    return said
