"""The work of every hop, the same in every system: fill a frame, sum all its bytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]

SIZES = (640, 3840, 65536)
"""Bytes in a frame: 20 ms of speech at 16 kHz, 40 ms at 48 kHz, and a small tensor."""
PING, PONG = 0, 1
VARIETY = 16
"""Different frames that a side sends in turn: a frame that was read twice, or an old one, has the wrong sum."""

total: Callable[[Any], int] = zlib.adler32
"""The sum of all bytes of any buffer. It takes bytes, arrays, memory views and ctypes arrays as they are, at the same
price to within 10 ns, so it favours no system's way of handing out a frame; it is a loop in C and touches every byte.
"""


class Frames:
    """What one side sends, and the sums of what it must get back."""

    def __init__(self, role: int, size: int) -> None:
        sent = [_make(size, side) for side in (PING, PONG)]
        sums = [[total(frame) for frame in frames] for frames in sent]
        self.size, self.items = size, size // 2
        self.out: list[Any] = sent[role]
        # Pong reads one frame before its first reply, so it is a frame ahead in what it expects.
        self.expected = sums[PONG] if role == PING else sums[PING][1:] + sums[PING][:1]
        self.first = sums[PING][0]

    def pairs(self, n: int) -> Iterator[tuple[Any, int]]:
        """For n hops: the frame to send and the sum of the one to come."""
        return islice(cycle(list(zip(self.out, self.expected, strict=True))), n)


def _make(size: int, side: int) -> list[Samples]:
    rng = np.random.default_rng([size, side])
    return [rng.integers(-32768, 32767, size // 2, dtype=np.int16) for _ in range(VARIETY)]
