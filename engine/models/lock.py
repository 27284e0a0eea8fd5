"""`models.lock.toml`: what was pulled, as it came. The manifest does not know every hash: what is not known is taken on
trust at the first pull, written down here, and verified ever after."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.config_layers import read_toml
from engine.errors import BackendError, OutputError
from engine.models.manifest import File
from engine.schema import Reader, kinds
from engine.toml_write import write as toml

LOCK = "models.lock.toml"
_HEAD = (
    "# What `engine models pull` has fetched, and what `engine models verify` compares with. Written by the engine.\n\n"
)


@dataclass(frozen=True, slots=True)
class Locked:
    """A model as it was pulled. pulled: when, in UTC."""

    repo: str
    revision: str
    pulled: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class _Lock:
    model: Mapping[str, Locked]


def read(directory: Path) -> dict[str, Locked]:
    """What was pulled into a directory, by name. BackendError: the file is damaged."""
    path = directory / LOCK
    if not path.exists():
        return {}
    table, _ = read_toml(path, str(path))
    reader = Reader(_Lock)
    found = {}
    for name, entry in table.get("model", {}).items():
        values = {str(key[-1]): value for key, value in reader.settings(entry, Locked, (name,))}
        if reader.problems or set(values) != set(kinds(Locked)):
            what = reader.problems[0].what if reader.problems else f"{name} is not whole"
            raise BackendError(f"{path} is damaged: {what}", "move it away and pull the models again")
        found[name] = Locked(**values)
    return found


def write(directory: Path, locked: Mapping[str, Locked]) -> None:
    """Replace the lock, whole or not at all. OSError."""
    table = {
        "model": {name: asdict(one) | {"files": [asdict(file) for file in one.files]} for name, one in locked.items()}
    }
    path = directory / LOCK
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(_HEAD + toml(table))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Alone at work in a directory, which is made. OutputError: it cannot be made, or somebody else pulls into it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno != errno.EWOULDBLOCK:
                    raise
                raise OutputError(f"another `engine models pull` is at work in {directory}", "wait for it") from None
            yield
    except OSError as error:
        raise OutputError(f"{directory}: {error.strerror}", "set models.directory to one that you may write") from error
