"""What may burden a Python interpreter beside its work: threads that compute, and calls that keep its lock.

Nothing of the engine is in here, so that others can be measured under the same burden.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

_KEEPING_THE_LOCK = ctypes.PyDLL(None)
_LONGEST_US = 999_999
"""As much as usleep takes everywhere."""
_ROUNDS = 2000


def stand_still(seconds: float) -> None:
    """Sleep and keep the interpreter's lock meanwhile, as a library does that was written without care."""
    left = round(seconds * 1e6)
    while left > 0:
        _KEEPING_THE_LOCK.usleep(min(left, _LONGEST_US))
        left -= _LONGEST_US


def hang(keep_lock: bool = False) -> None:
    """Never come back, whatever Python's signal handlers say."""
    while True:
        if keep_lock:
            _KEEPING_THE_LOCK.pause()
        else:
            time.sleep(3600)


def compute(until: Callable[[], bool]) -> None:
    """Compute in plain Python until that says so."""
    number = 1
    while not until():
        for _ in range(_ROUNDS):
            number = (number * 1103515245 + 12345) & 0x7FFFFFFF


class Burdens:
    """Threads beside an interpreter's work, from `from_s` seconds after now on, for `for_s` seconds (0: until `stop`).

    busy_threads: so many compute all the time. block_ms, block_every_ms: another one keeps the interpreter's lock for
    so long, so often.
    """

    def __init__(
        self, busy_threads: int, block_ms: int, block_every_ms: int, from_s: float = 0.0, for_s: float = 0.0
    ) -> None:
        self._from, self._end = time.monotonic() + from_s, time.monotonic() + from_s + for_s if for_s else None
        self._block_s, self._every_s = block_ms / 1000, block_every_ms / 1000
        self._stop = threading.Event()
        works = [lambda: compute(self._is_over)] * busy_threads + ([self._block] if block_ms else [])
        self._threads = [threading.Thread(target=self._begin, args=(work,), daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them, and wait for it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _begin(self, work: Callable[[], None]) -> None:
        if not self._stop.wait(max(0.0, self._from - time.monotonic())):
            work()

    def _is_over(self) -> bool:
        return self._stop.is_set() or (self._end is not None and time.monotonic() >= self._end)

    def _block(self) -> None:
        while not self._is_over():
            stand_still(self._block_s)
            self._stop.wait(max(0.0, self._every_s - self._block_s))
