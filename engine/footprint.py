"""How much memory the engine takes, all its processes together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path


class Footprint:
    """Measures when it is asked to, and keeps the most it found, `peak` in bytes. pids: the processes."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        self._pids = pids
        self.peak = 0
        self._measuring: set[asyncio.Future[int]] = set()

    def measure(self) -> None:
        """In a thread: it takes tens of milliseconds."""
        pids = self._pids()
        measuring = asyncio.get_running_loop().run_in_executor(None, lambda: sum(map(pss, pids)))
        self._measuring.add(measuring)
        measuring.add_done_callback(self._measured)

    def _measured(self, measuring: asyncio.Future[int]) -> None:
        self._measuring.discard(measuring)
        self.peak = max(self.peak, measuring.result())

    async def done(self) -> None:
        """Wait for what is being measured."""
        if self._measuring:
            await asyncio.wait(self._measuring)


def pss(pid: int) -> int:
    """Proportional set size of a process in bytes; 0 if it is gone or not ours to see."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
