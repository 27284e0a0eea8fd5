"""Errors for people: one line that says what, where and how to mend it, and a documented exit code.

| code | meaning                                                    |
|------|------------------------------------------------------------|
| 0    | done, or ended by SIGTERM                                  |
| 1    | a fault in the engine itself                               |
| 2    | the command line was wrong                                 |
| 3    | the configuration was wrong                                |
| 4    | the input could not be read                                |
| 5    | an output could not be written                             |
| 6    | a model or library is missing or broken                    |
| 7    | shared memory could not be had, or a ring is damaged       |
| 8    | a vital worker failed and could not be brought back        |
| 9    | a sound device is missing: ask `engine doctor`             |
| 10   | there is no engine to talk to, or it refused               |
| 129  | ended because its terminal was closed (SIGHUP)            |
| 130  | ended by Ctrl-C                                            |
"""

from __future__ import annotations

import traceback

_OURS = frozenset({"engine", "workers", "ringbuf", "importlib", ""})


class EngineError(Exception):
    """Something a person can mend. `str()` is one line: what is wrong, where, and the remedy.

    what: what is wrong and where, without a final full stop.
    remedy: what to do about it, in the imperative.
    """

    code = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}; {remedy}" if remedy else what)


class UsageError(EngineError):
    """The command line was wrong."""

    code = 2


class ConfigError(EngineError):
    """The configuration was wrong; `what` names file, line and key."""

    code = 3


class InputError(EngineError):
    """The input could not be read."""

    code = 4


class OutputError(EngineError):
    """An output could not be written."""

    code = 5


class BackendError(EngineError):
    """A model or library is missing, broken or not fit for what was asked."""

    code = 6


class SharedMemoryError(EngineError):
    """Shared memory could not be had."""

    code = 7


class WorkerError(EngineError):
    """A worker failed and could not be brought back."""

    code = 8


class DeviceError(EngineError):
    """A sound device is missing or cannot be used."""

    code = 9


class DoorError(EngineError):
    """No running engine was found at its socket, or it refused what was asked."""

    code = 10


def first_line(error: BaseException) -> str:
    """What an exception of a library says, in one line; its name where it says nothing."""
    return next(filter(str.strip, str(error).splitlines()), type(error).__name__)


def foreign(error: ImportError) -> BackendError | None:
    """What a person can do about a library that does not load; None: what does not load is a part of the engine."""
    frames = traceback.walk_tb(error.__traceback__)
    names = [frame.f_globals.get("__name__", "") for frame, _line in frames] + [error.name or ""]
    libraries = [name.partition(".")[0] for name in names if name.partition(".")[0] not in {*_OURS, "__main__"}]
    if not libraries or (error.name or "").partition(".")[0] in _OURS - {""}:
        return None
    what = f"the library {libraries[0]} cannot be loaded: {first_line(error)}"
    return BackendError(what, "install it anew; if PYTHONPATH is set, see what it puts before it")
