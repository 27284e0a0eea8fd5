"""Processes of the bench: fresh interpreters, pinned, set up as a worker of the engine is, and asked one thing at a
time."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from ringbench.system import BenchError

context = get_context("spawn")
"""As the engine starts its workers; nothing is inherited but what is handed over."""

ANSWER_S = 60.0
_PR_SET_PDEATHSIG = 1


class Failed(BenchError):  # noqa: N818
    """A process of the bench could not do what it was asked."""


class Child:
    """An object that lives in another process: `tell` it to run a method, later `answer`; or both at once, `ask`."""

    def __init__(self, what: str, core: int | None, make: Callable[..., Any], *arguments: Any) -> None:
        self.what = what
        self._line, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, os.getpid(), core, make, arguments), name=what, daemon=True
        )
        # Ctrl-C reaches the whole group: ignored from its first instruction on, since the parent alone decides.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._process.start()
        finally:
            signal.signal(signal.SIGINT, before)
        theirs.close()

    def tell(self, method: str, *arguments: Any) -> None:
        self._line.send((method, arguments))

    def answer(self) -> Any:
        """What the last method returned; the first answer of all is that the process is ready. Raises Failed."""
        try:
            if not self._line.poll(ANSWER_S):
                raise Failed(f"{self.what} did not answer within {ANSWER_S:.0f} s")
            ok, value = self._line.recv()
        except (EOFError, OSError):
            self._process.join(1)
            raise Failed(f"{self.what} died with exit code {self._process.exitcode}") from None
        if not ok:
            raise Failed(f"{self.what}: {value}")
        return value

    def ask(self, method: str, *arguments: Any) -> Any:
        self.tell(method, *arguments)
        return self.answer()

    def close(self) -> None:
        """Let it end by itself, so that what it holds is given back; not for ever."""
        with contextlib.suppress(OSError):
            self._line.send(None)
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._line.close()


def _serve(
    line: Connection, parent: int, core: int | None, make: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    if core is not None:
        os.sched_setaffinity(0, {core})  # before any library starts a thread: they all share the core
    try:
        thing = make(*arguments)
        gc.collect()
        gc.freeze()
        gc.disable()
        line.send((True, None))
        while (order := line.recv()) is not None:
            method, values = order
            line.send((True, getattr(thing, method)(*values)))
        thing.close()
    except (EOFError, BrokenPipeError):
        pass
    except Exception as error:
        with contextlib.suppress(OSError):
            line.send((False, f"{type(error).__name__}: {error}"))
