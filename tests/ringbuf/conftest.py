"""Rings under names of their own, so that tests run side by side, and a check that none of them is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import ringbuf
from tests.ringbuf.variants import Variants

Make: TypeAlias = Callable[..., str]
Spawn: TypeAlias = Callable[..., "subprocess.Popen[str]"]

SHM = Path("/dev/shm")
CREATE = {
    "stream": ringbuf.create_stream,
    "history": ringbuf.create_history,
    "latest": ringbuf.create_latest,
    "cells": ringbuf.create_cells,
    "bells": ringbuf.create_bells,
    "lease": ringbuf.create_lease,
}


@pytest.fixture
def prefix() -> Iterator[str]:
    """The beginning of this test's segment names."""
    name = f"ringtest{uuid.uuid4().hex[:12]}"
    yield name
    left = sorted(path.name for path in SHM.glob(f"{name}*"))
    for one in left:
        (SHM / one).unlink()
    assert left == []


@pytest.fixture
def make(prefix: str) -> Iterator[Make]:
    """make(kind, size, …) creates a ring and gives its name; it is unlinked after the test."""
    segments: list[ringbuf.Segment] = []

    def create(kind: str, *args: Any, **kwargs: Any) -> str:
        create_one: Callable[..., ringbuf.Segment] = CREATE[kind]  # type: ignore[assignment]
        segments.append(create_one(f"{prefix}.t.{os.getpid()}.{kind}{len(segments)}", *args, **kwargs))
        return segments[-1].name

    yield create
    for segment in segments:
        segment.unlink()


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """spawn(code, *arguments) runs Python code in another process; it is killed after the test if it still lives."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def soon() -> Callable[[], int]:
    """A deadline that is only reached when something is broken."""
    return lambda: time.monotonic_ns() + 60_000_000_000


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """Other builds of the package, one set for all workers of this test session."""
    folder = tmp_path_factory.getbasetemp()
    return Variants((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "variants")
