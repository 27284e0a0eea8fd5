"""A stage's own interpreter (`python` in its section): how it is called, and whether it can join this engine.

CUDA's majors, torch and NumPy clash between model libraries, so a stage may run in an environment of its own that has
the project's wheel and its library. Nothing of the engine's own environment reaches it but the rings: not by the path
(`-I`: no PYTHON… variable, no present directory, no directory of the user's), and not by PATH.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ringbuf
from engine import NAME
from engine.channels import PROCESSES
from engine.config import Config
from engine.errors import BackendError, SharedMemoryError
from engine.wire import fingerprint

_NOT_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "VIRTUAL_ENV")
_MESSAGE_CHARS = 160

# Runs under any Python, with any version of the project or none: it is handed over as text.
_PROBE = """
import json, sys
said = {"python": sys.version.split()[0]}
try:
    from importlib.metadata import version
    said["version"] = version(sys.argv[1])
    import ringbuf, workers.join
    said["ring"] = bytes(ringbuf.LatestReader(sys.argv[2]).read()).decode()
    from engine.wire import fingerprint
    said["fingerprint"] = fingerprint()
except BaseException as error:
    said["error"] = type(error).__name__ + ": " + str(error)
print(json.dumps(said))
"""


def command(python: str, *arguments: str) -> list[str]:
    """The command line of an interpreter. python: the setting; empty is the engine's own."""
    return [os.path.expanduser(python), "-I", *arguments] if python else [sys.executable, *arguments]


def cleaned(environ: Mapping[str, str], python: str) -> dict[str, str]:
    """The environment for a stage's own interpreter: as if its virtual environment was the active one, so that it finds
    the programs there (ninja, which compiles kernels) and not ours."""
    env = {name: value for name, value in environ.items() if name not in _NOT_PASSED_ON}
    # Of a virtual environment of ours, that is: the system's programs are everybody's.
    ours = os.path.join(sys.prefix, "bin") if sys.prefix != sys.base_prefix else ""
    path = [part for part in env.get("PATH", os.defpath).split(os.pathsep) if part != ours]
    if home := os.path.dirname(os.path.abspath(os.path.expanduser(python))) if os.sep in python else "":
        path.insert(0, home)
    return env | {"PATH": os.pathsep.join(path), "PYTHONNOUSERSITE": "1"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """An interpreter that cannot join, and the sections that name it."""

    sections: tuple[str, ...]
    error: BackendError


def check(config: Config) -> None:
    """Find out, before anything starts, whether every stage's own interpreter can join. Takes a fraction of a second
    where there are any, all of them at once. Raises BackendError for the first that cannot, with the place of its
    setting; SharedMemoryError."""
    for trouble in troubles(config):
        key = f"{trouble.sections[0]}.python"
        raise BackendError(f"{config.origin(key)}: {key}: {trouble.error.what}", trouble.error.remedy)


def troubles(config: Config) -> list[Trouble]:
    """Which interpreters cannot join, and why. Raises SharedMemoryError."""
    wanted = _wanted(config)
    if not wanted:
        return []
    name = f"{NAME}.python.{os.getpid()}"
    try:
        ring = ringbuf.create_latest(name, 64)
    except ringbuf.RingError as error:
        raise SharedMemoryError(str(error)) from error
    try:
        ringbuf.LatestWriter(name).put(NAME.encode())
        asked = {python: _ask(python, name) for python in wanted}
        limit_s = config.engine.start_timeout_s
        wrong = {python: _wrong(python, answer, limit_s) for python, answer in asked.items()}
    finally:
        ring.close()
        ring.unlink()
    return [Trouble(wanted[python], error) for python, error in wrong.items() if error is not None]


def _wanted(config: Config) -> dict[str, tuple[str, ...]]:
    """Interpreter → sections, of all the processes that will be started with one of their own."""
    wanted: dict[str, tuple[str, ...]] = {}
    for process in PROCESSES:
        python = getattr(getattr(config, process.section), "python", "")
        if python and process.wanted(config):
            wanted[python] = (*wanted.get(python, ()), process.section)
    return wanted


def _ask(python: str, ring: str) -> subprocess.Popen[str] | OSError:
    """Start the probe."""
    try:
        return subprocess.Popen(
            command(python, "-c", _PROBE, NAME, ring),
            env=cleaned(os.environ, python),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return error


def _wrong(python: str, asked: subprocess.Popen[str] | OSError, limit_s: float) -> BackendError | None:
    """What is wrong with an interpreter, from the answer to the probe, which it gives within `limit_s`."""
    if isinstance(asked, OSError):
        where = f" (seen from {_here()})" if os.sep in python and not os.path.isabs(os.path.expanduser(python)) else ""
        return BackendError(
            f"{python}: cannot be started: {asked.strerror}{where}", "correct it, or make that environment"
        )
    try:
        out, err = asked.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        asked.kill()
        asked.communicate()
        return BackendError(f"{python}: does not answer within {limit_s:g} s", "start it by hand and see why")
    try:
        said = json.loads(out.strip().splitlines()[-1])
        here = str(said["python"])
    except (IndexError, ValueError, KeyError, TypeError):
        last = (err.strip() or out.strip() or f"exit code {asked.returncode}").splitlines()[-1][:_MESSAGE_CHARS]
        return BackendError(f"{python}: is no Python that works: {last}", "name the python of a virtual environment")
    return _differs(python, here, said)


def _differs(python: str, here: str, said: dict[str, Any]) -> BackendError | None:
    """Compare what the other side says of itself with what this one is. here: its Python's version."""
    from importlib.metadata import version

    ours, theirs = version(NAME), said.get("version")
    install = f"install there the wheel of this {NAME} {ours}: {python} -m pip install --force-reinstall WHEEL"
    error = str(said.get("error", ""))[:_MESSAGE_CHARS].replace("\n", " ")
    if theirs is None:
        return BackendError(f"{python}: {NAME} is not installed there (Python {here})", install)
    if theirs != ours:
        return BackendError(f"{python}: has {NAME} {theirs}, and this is {ours}", install)
    if "ring" not in said:
        return BackendError(f"{python}: cannot join: {error}", install)
    if said.get("fingerprint") != fingerprint():
        what = f"{python}: has another state of {NAME} {theirs}, with other messages or settings"
        return BackendError(what, install)
    return None


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "a directory that is gone"
