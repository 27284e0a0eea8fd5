"""Looking at a model's files before a library does: what is missing or broken is told by name, with the remedy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import BackendError, first_line

AGAIN = "fetch the model's files again"


def place(configured: str, setting: str, source: str) -> Path:
    """What a setting names: a directory, or a file. Raises BackendError.

    setting: its name. source: where such a model is to be had.
    """
    if not configured:
        raise BackendError(f"{setting} is not set", source)
    path = Path(configured).expanduser()
    if not path.exists():
        raise BackendError(f"{setting}: there is no {path}", source)
    return path


def directory(configured: str, setting: str, needed: Sequence[str], source: str) -> Path:
    """The model's directory that a setting names, with all files there that are needed and none of them empty.
    Raises BackendError.

    needed: file names or patterns; with alternatives "a|b".
    """
    folder = place(configured, setting, source)
    if not folder.is_dir():
        raise BackendError(f"{setting}: {folder} is no directory", source)
    for names in needed:
        found = [file for name in names.split("|") for file in folder.glob(name)]
        if not found:
            raise BackendError(f"{setting}: {folder} has no {names.replace('|', ' or ')}", source)
        for file in found:
            if not file.is_file():
                raise BackendError(f"{setting}: {file} is no file", source)
            if not file.stat().st_size:
                raise BackendError(f"{setting}: {file} is empty", AGAIN)
    return folder


def read_json(path: Path, source: str = "") -> dict[str, Any]:
    """A JSON file's table. Raises BackendError when it is not there, or is none."""
    remedy = f"{AGAIN}: {source}" if source else AGAIN
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BackendError(f"{path} is missing", source or AGAIN) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BackendError(f"{path} cannot be read ({first_line(error)})", remedy) from None
    if not isinstance(found, dict):
        raise BackendError(f"{path} is no table of settings", remedy)
    return found
