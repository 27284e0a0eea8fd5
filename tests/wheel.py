"""The project's wheel, built from the checkout without the network, and environments that have it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models.built import shared

ROOT = Path(__file__).parents[1]
NOT_SOURCE = (
    ".git",
    ".venv",
    ".venv-peers",
    ".venvs",
    "build",
    "dist",
    "run",
    "*.egg-info",
    "*.so",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)
_BUILD = "import sys, setuptools.build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
_STRICT = {"RINGBUF_CFLAGS": "-Werror"}
"""The C is built without warnings."""
_OTHER = Path(__file__).with_name("other-numpy.txt")
_FETCHED = Path(sys.prefix) / "other-numpy"
"""Where `make dev` has put what _OTHER names."""


def checked(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints on stdout; it must succeed."""
    done = subprocess.run(command, cwd=cwd, env=os.environ | _STRICT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(place: Path) -> Path:
    """The wheel, built in `place` from a source distribution."""
    # A copy, because setuptools writes beside the sources and takes what it finds in an old build directory.
    shutil.copytree(ROOT, place / "checkout", symlinks=True, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    checked(sys.executable, "-c", _BUILD, "build_sdist", place, cwd=place / "checkout")
    (sdist,) = place.glob("*.tar.gz")
    checked("tar", "xf", sdist, "-C", place)  # tarfile's safe way is not in Debian 12's Python
    unpacked = place / sdist.name.removesuffix(".tar.gz")
    checked(sys.executable, "-c", _BUILD, "build_wheel", place, cwd=unpacked)
    (wheel,) = place.glob("*.whl")
    shutil.rmtree(place / "checkout")
    shutil.rmtree(unpacked)
    return wheel


def install(python: Path, *what: str | Path) -> None:
    """Install into another environment, by our pip and without the network."""
    checked(sys.executable, "-m", "pip", "--quiet", "--python", python, "install", "--no-index", *what)


def make_environment(place: Path) -> Path:
    """The interpreter of a virtual environment with nothing in it, not even pip."""
    venv.create(place, symlinks=True)
    return place / "bin" / "python"


def site_packages(python: Path) -> Path:
    """Where an environment has its packages."""
    (found,) = python.parents[1].glob("lib/python*/site-packages")
    return found


def with_other_numpy(wheel: Path, place: Path) -> Path:
    """The interpreter of an environment with the wheel and another NumPy than ours."""
    python = make_environment(place / "environment")
    if _FETCHED.is_dir():
        install(python, "--find-links", _FETCHED, "--requirement", _OTHER)
    else:  # not by `make dev`
        checked(sys.executable, "-m", "pip", "--quiet", "--python", python, "install", "--requirement", _OTHER)
    install(python, "--no-deps", wheel)
    return python


def built(factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once for all tests of this session."""
    return once(factory, "wheel", build)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Path]) -> Path:
    """What `make` makes in a directory of this session, made by the first of xdist's workers who needs it."""
    place = shared(factory)
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = place / f"{name}.done"
        if not done.exists():
            (place / name).mkdir()
            done.write_text(str(make(place / name)))
        return Path(done.read_text())
