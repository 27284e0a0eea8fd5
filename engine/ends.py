"""Why a worker's process ended, in words."""

from __future__ import annotations

import signal

from engine.errors import EngineError, WorkerError
from engine.worker import Worker


def cause(worker: Worker, code: int) -> str:
    """From its exit code, negative for a signal, and what it was killed for."""
    if worker.killed_for and code == -signal.SIGKILL:
        return f"hung for longer than {worker.killed_for} and was killed"
    return f"was killed by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with exit code {code}"


def while_loading(worker: Worker, code: int) -> EngineError:
    """What to say of a worker that ended before it was ready for the first time."""
    if code > 1:
        return SaidError(code)
    what = f"{cause(worker, code)} while loading"
    if code < 0:
        return WorkerError(what, "start again; the system's log says if memory ran out")
    # None of the engine's own errors: it is broken, or never was this engine's.
    return WorkerError(what, f"see its message above, and {worker.process.section}.python if it is set")


class SaidError(EngineError):
    """The engine ends with this exit code, and why has been said."""

    def __init__(self, code: int) -> None:
        super().__init__("")
        self.code = code
