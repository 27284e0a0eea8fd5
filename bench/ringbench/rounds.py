"""Playing: two processes for each system, all systems in turn, round after round."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ringbench.frames import PING, PONG, SIZES
from ringbench.process import Child
from ringbench.report import Row
from ringbench.system import Scratch, Side, System

Rows: TypeAlias = dict[tuple[str, int], Row]

TRIAL_HOPS = 100
GAMES = 5


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    slice_s: float
    """For one system with one size of frame in one round."""
    hops: int
    """Over which allocations are counted."""
    limit_s: float = 0.0
    """On a busy machine no further round is begun after this, once there were three."""


class Match:
    """The two processes of a system."""

    def __init__(self, scratch: Scratch, system: System, pair: Sequence[int | None]) -> None:
        self.key = system.key
        self.sizes = system.sizes or SIZES
        # Kept: what is a semaphore or a pipe lives as long as the object here.
        self._links = {size: system.link(scratch, size) for size in self.sizes}
        self._sides = []
        for role in (PING, PONG):
            child = Child(f"{system.title}, {('ping', 'pong')[role]}", pair[role], Side, system.end, role, self._links)
            scratch.stack.callback(child.close)
            self._sides.append(child)
        self._hops = dict.fromkeys(self.sizes, TRIAL_HOPS)

    def ready(self) -> None:
        """Wait until both processes are there."""
        for side in self._sides:
            side.answer()

    def rehearse(self, slice_s: float) -> None:
        """Find out how many hops make a game: a slice has several, so that it ends in time on a busy machine too."""
        for size in self.sizes:
            hops = int(slice_s * 1e6 / median(self._play(size)) / 2 / GAMES)
            self._hops[size] = max(hops, TRIAL_HOPS)

    def round(self, size: int, slice_s: float, row: Row) -> None:
        """Play for so long."""
        until = time.monotonic() + slice_s
        games = [self._play(size)]
        while time.monotonic() < until:
            games.append(self._play(size))
        times = np.concatenate(games)
        row.p50.append(float(np.median(times)))
        row.p99.append(float(np.percentile(times, 99)))

    def _play(self, size: int) -> NDArray[np.float64]:
        """One way in us, of each round trip."""
        ping, pong = self._sides
        pong.tell("play", size, self._hops[size])
        stamps = np.frombuffer(ping.ask("play", size, self._hops[size]), np.int64)
        pong.answer()
        return np.diff(stamps) / 2000


def gather(scratch: Scratch, systems: Sequence[System], pair: Sequence[int | None]) -> list[Match]:
    """The matches of all systems, ready to be played."""
    matches = [Match(scratch, system, pair) for system in systems]
    for match in matches:
        match.ready()
    return matches


def play(matches: Sequence[Match], slice_s: float, rows: Rows, backwards: bool) -> None:
    """One round: every system with every size. The order changes, so that none always comes after the same one."""
    for size in (0, *SIZES):
        for match in reversed(matches) if backwards else matches:
            if size in match.sizes:
                match.round(size, slice_s, rows.setdefault((match.key, size), Row()))
