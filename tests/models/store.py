"""Where tiny models lie that the tests build themselves: each is built once in a run, whoever needs it first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def built(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """The directory of the model called `name`, which `build` fills; shared by the processes of a parallel run."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # each worker has its own below it
    folder, done = root / "models" / name, root / "models" / f"{name}.done"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir(exist_ok=True)
            build(folder)
            done.touch()
    return folder
