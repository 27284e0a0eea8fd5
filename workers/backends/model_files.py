"""Looking at a model's files before a library does: what is missing or broken is told by name, with the remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import BackendError


def directory(configured: str, setting: str, source: str) -> Path:
    """The place that a setting names: a directory, or a file in one. Raises BackendError.

    setting: its name. source: where such a model is to be had.
    """
    if not configured:
        raise BackendError(f"{setting} is not set", source)
    path = Path(configured).expanduser()
    if not path.exists():
        raise BackendError(f"there is no {path}, which {setting} names", source)
    return path


def read_json(path: Path, source: str) -> dict[str, Any]:
    """A JSON file's table. Raises BackendError when it is not there, or is none."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BackendError(f"{path} is missing", source) from None
    except (OSError, ValueError) as error:
        raise BackendError(f"{path} cannot be read ({error})", f"fetch it again: {source}") from None
    if not isinstance(found, dict):
        raise BackendError(f"{path} is not a table of settings", f"fetch it again: {source}")
    return found
