"""A thread that makes one answer after the other, for models that have the processor or the GPU to themselves.

An answer that was cancelled while it waits its turn is over at once; the one that is being made comes to its end by
itself, at its maker's next checkpoint.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from engine.errors import first_line
from workers.backends.background import Answer


class OneByOne:
    """name: the thread's. It is started with the first answer."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[tuple[Answer, Callable[[], None]] | None] = deque()
        """Answers, and what makes them; None ends the thread."""
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, answer: Answer, make: Callable[[], None]) -> None:
        """Let the thread call `make` when its turn comes; then the answer ends. What `make` raises fails it."""
        with self._change:
            self._waiting.append((answer, make))
            self._change.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def drop(self, answer: Answer) -> None:
        """End it now, if it has not had its turn yet. From any thread."""
        with self._change:
            found = next((each for each in self._waiting if each is not None and each[0] is answer), None)
            if found is None:
                return
            self._waiting.remove(found)
        answer.end()

    def close(self, timeout_s: float) -> None:
        """End the thread when it is through with what waits, and wait for that. It can be used anew."""
        if self._thread is not None:
            with self._change:
                self._waiting.append(None)
                self._change.notify()
            self._thread.join(timeout_s)
            self._thread = None

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting)
                taken = self._waiting.popleft()
            if taken is None:
                return
            answer, make = taken
            try:
                make()
            except Exception as error:  # RuntimeError: whatever a library's C++ throws
                answer.end("failed", first_line(error))
            else:
                answer.end()
