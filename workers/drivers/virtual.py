"""The virtual sound card: a WAV file is what the microphone gets, and time passes as at a real device.

A block becomes readable only once its last sample's time has passed. The loudspeaker plays block after block on the
same clock; each must have been handed over before its time comes, so `queued` blocks lie ahead of the one that is
heard, and more where the worker is called late (reserve.py). One that comes too late leaves a hole where it would have
been heard, and what comes next is heard that much later, as after an underrun of a real device. Nobody fetching the
input for longer than its buffer loses blocks.
"""

from __future__ import annotations

import time

import numpy as np

from engine.contract import Pcm
from workers.drivers import Port
from workers.drivers.reserve import Reserve
from workers.drivers.room import Room
from workers.lull import PIECE_MS

CAPTURE_BLOCKS = 16
"""Blocks that the device's own input buffer holds."""
MORE_BLOCKS, CALM_NS = 6, 10_000_000_000
"""So many blocks more lie ready at most where the worker is called late; so long without takes one of them back."""
_AFTER_NS = 4_000_000
"""So long after the input was handed over, the output is fetched: what a block of the microphone says of a voice is
known by then and counts at once, not a block later. In a lull nothing is said, and all is done at once."""


def usual(queued: int) -> Reserve:
    """The reserve of a loudspeaker, in blocks, its times in ns."""
    return Reserve(queued, 1, queued + MORE_BLOCKS, CALM_NS)


def called(reserve: Reserve, late_ns: int, block_ns: int, now_ns: int) -> None:
    """The worker was called so much after it was to hand over a block. Who was so late that half of the reserve was
    gone may be later still the next time."""
    (reserve.short if 2 * late_ns > reserve.now * block_ns else reserve.well)(now_ns)


class VirtualCard:
    """A device made of a recording. `sound`: mono at the ring's rate; after it comes silence.

    block: samples in a period. queued: output blocks that usually lie ahead of the one being heard. room: where it
    stands, if its microphone hears its loudspeaker.
    """

    def __init__(self, sound: Pcm, rate: int, block: int, queued: int, room: Room | None = None) -> None:
        self._sound, self._rate, self._block, self._queued, self._room = sound, rate, block, queued, room

    def open(self) -> None:
        """Nothing to get hold of: the file was read before."""

    def run(self, port: Port, start_ns: int) -> None:
        block = self._block
        block_ns = block * 1_000_000_000 // self._rate
        after_ns = min(_AFTER_NS, block_ns // 2)
        piece = max(1, PIECE_MS * 1_000_000 // block_ns)
        out = np.zeros(block, np.int16)
        taken = port.heard_samples // block  # input blocks handed over
        given = port.played_samples // block  # output blocks handed over
        ended = False
        reserve, next_out = usual(self._queued), None
        while True:
            elapsed = time.monotonic_ns() - start_ns
            if next_out is not None and elapsed >= next_out:
                called(reserve, elapsed - next_out, block_ns, elapsed)
            passed = elapsed // block_ns  # blocks whose time is over; block `passed` is heard now
            while taken < passed:
                lost = passed - taken > CAPTURE_BLOCKS
                self._copy(port.hear(block), taken * block, lost)
                port.heard(block, start_ns + taken * block_ns, lost=lost)
                taken += 1
            more = piece if port.lull else 0
            while given <= (elapsed - after_ns) // block_ns + reserve.now + more:
                port.fill(out)
                # The clock is read after the work: what is not ready when its time comes is late, whatever the cause.
                elapsed = time.monotonic_ns() - start_ns
                passed = elapsed // block_ns
                if given <= passed:
                    port.missed((passed + 1 - given) * block)
                    given = passed + 1
                port.played(out, start_ns + given * block_ns)
                if self._room:
                    self._room.play(given * block, out)
                given += 1
            if not ended and taken * block >= len(self._sound):
                ended = True
                port.ended()
            next_in = (taken + max(1, more)) * block_ns
            next_out = next_in if more else (given - reserve.now) * block_ns + after_ns
            if not port.wait(start_ns + min(next_in, next_out)):
                return

    def _copy(self, view: Pcm, start: int, lost: bool) -> None:
        part = self._sound[start : start + len(view)] if not lost else self._sound[:0]
        view[: len(part)] = part
        view[len(part) :] = 0
        if self._room and not lost:
            self._room.add_echo(start, view)
