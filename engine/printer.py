"""Lines for a person, written by a thread of its own: a terminal that was stopped, or a pipe that nobody empties, may
keep that thread and nobody else."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import TextIO

_MOST_WAITING = 1000
"""Lines that wait for a slow reader; what comes then is dropped."""
_END = None
CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
"""What a terminal would obey instead of showing it: words come from models, and from servers that others run."""


class Printer:
    """Writes lines in the order in which they come, each to the stream it is for."""

    def __init__(self) -> None:
        self._lines: queue.Queue[tuple[int, bytes] | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def line(self, stream: TextIO, text: str) -> None:
        """Write `text` and a line break to `stream`, soon."""
        with contextlib.suppress(queue.Full):
            raw = f"{text.translate(CONTROLS)}\n".encode(stream.encoding or "utf-8", "backslashreplace")
            self._lines.put_nowait((stream.fileno(), raw))

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what is left, or as much of it as is taken within the time."""
        with contextlib.suppress(queue.Full):
            self._lines.put(_END, timeout=timeout_s)
            self._thread.join(timeout_s)

    def _write(self) -> None:
        while (item := self._lines.get()) is not _END:
            number, raw = item
            # When nobody reads any more (`engine run | head -1`), the conversation still goes on. Not through the
            # stream's own buffer: its lock would keep the interpreter from ending while this thread is stuck.
            with contextlib.suppress(OSError):
                while raw:
                    raw = raw[os.write(number, raw) :]
