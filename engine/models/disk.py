"""Where models lie, and whether they are what was pulled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from engine import NAME
from engine.models.lock import Locked
from engine.models.manifest import File, Model

State: TypeAlias = Literal["whole", "incomplete", "unlocked", "absent"]
"""incomplete: files are missing, or of another size. unlocked: there is such a directory, and nobody has pulled it."""
_BLOCK = 1 << 20


def directory(configured: str, environ: Mapping[str, str] | None = None) -> Path:
    """Where the models of `models.directory` lie, absolute."""
    environ = os.environ if environ is None else environ
    if configured:
        return Path(configured).expanduser().absolute()
    if os.path.isabs(data := environ.get("XDG_DATA_HOME", "")):
        return Path(data) / NAME / "models"
    if home := environ.get("HOME", ""):
        return Path(home) / ".local" / "share" / NAME / "models"
    return Path("/var/lib") / NAME / "models"  # a service of the system


def state(model: Model, place: Path, locked: Locked | None) -> State:
    """What there is of a model in its place, by names and sizes alone."""
    if not place.is_dir():
        return "absent"
    if locked is None:
        return "unlocked"
    return "whole" if all(size_of(place / file.name) == file.size for file in locked.files) else "incomplete"


def size_of(path: Path) -> int:
    """Bytes of a file; -1: there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def sha256(path: Path) -> str:
    """Of a file's content. OSError."""
    return _digest(path, hashlib.sha256())


def git_id(path: Path) -> str:
    """What git calls a file of this content, which is what the hub knows of small files. OSError."""
    return _digest(path, hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False))


def _digest(path: Path, digest: hashlib._Hash) -> str:
    block = bytearray(_BLOCK)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(memoryview(block)[:count])
    return digest.hexdigest()


def faults(place: Path, files: Iterable[File]) -> Iterator[tuple[File, str]]:
    """What is wrong with which files, after reading them all; nothing where all is well."""
    for file in files:
        path = place / file.name
        size = size_of(path)
        if size < 0:
            yield file, "is missing"
        elif size != file.size:
            yield file, f"has {size} bytes, not {file.size}"
        else:
            try:
                if sha256(path) != file.sha256:
                    yield file, "has another SHA-256"
            except OSError as error:
                yield file, f"cannot be read: {error.strerror}"
