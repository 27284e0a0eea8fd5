"""Killed on the way to a bell, or while waiting at one: a sleeper is woken, at the latest by the successor.

The build that this runs with never looks by itself (LOOK_NS in core/wait.c): whoever wakes here was woken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ringbuf import (
    Bell,
    Bells,
    Cells,
    HistoryReader,
    HistoryWriter,
    LatestReader,
    LatestWriter,
    StreamReader,
    StreamWriter,
    Waiter,
    Watchable,
)

from .warden import PAGE, Arm, Child, Steps, Work, must, ring, until, word


@dataclass(frozen=True)
class Side:
    """What one process sleeps on, and what the other does to wake it."""

    make: Callable[[], AbstractContextManager[str]]
    sleeper: Callable[[str], tuple[Any, Watchable]]  # the role, and what to wait on
    waker: Callable[[str, Bell], Any]
    wake: Callable[[Any], object]
    page: int = 1  # where the position lies whose moving ends the wait


def full(name: str) -> tuple[StreamWriter, Watchable]:
    writer = StreamWriter(name)
    while writer.put(bytes(960)):
        pass
    return writer, writer.space(960)


def make_room(reader: StreamReader) -> None:
    must(reader.acquire() is not None, "nothing to read")
    reader.release()


def short(name: str) -> tuple[HistoryReader, Watchable]:
    reader = HistoryReader(name, 0)
    reader.want(160)
    return reader, reader


SIDES = {
    "a stream is empty": Side(
        make=lambda: ring("stream", 4096),
        sleeper=lambda name: (reader := StreamReader(name, start="latest"), reader),
        waker=lambda name, bell: StreamWriter(name, bells=[bell]),
        wake=lambda writer: writer.put(b"wake up"),
    ),
    "a stream is full": Side(
        make=lambda: ring("stream", 4096),
        sleeper=full,
        waker=lambda name, bell: StreamReader(name, bells=[bell]),
        wake=make_room,
        page=2,
    ),
    "a history is short": Side(
        make=lambda: ring("history", 2048, 16000),
        sleeper=short,
        waker=lambda name, bell: HistoryWriter(name, bells=[bell]),
        wake=lambda writer: writer.put(np.zeros(160, np.int16), capture_ns=0),
    ),
    "a latest is old": Side(
        make=lambda: ring("latest", 64),
        sleeper=lambda name: (reader := LatestReader(name), reader),
        waker=lambda name, bell: LatestWriter(name, bells=[bell]),
        wake=lambda writer: writer.put(b"wake up"),
    ),
}


class Gate:
    """Says how far a process has got. Every process attaches for itself: what it inherits is closed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def open(self, n: int) -> None:
        with Cells(self._name) as cells:
            cells.store(0, n)

    def wait(self, n: int) -> None:
        with Cells(self._name) as cells:
            until(lambda: cells.load(0) >= n, f"nobody got to gate {n}")


def sleeps(sleeper: Callable[[], tuple[Any, list[Watchable]]], bells: str, gate: Gate, n: int) -> Work:
    """A child's work: sleep until woken, without a deadline."""

    def work(arm: Arm) -> object:
        role, inputs = sleeper()
        waiter = Waiter(Bells(bells)[0], inputs, any_ring=not inputs)
        gate.open(n)
        arm()
        must(waiter.wait(None), "a wait without a deadline ended")
        must(waiter.missed == 0, "nobody woke the sleeper but its own look")
        return role

    return work


def asleep(child: Child, gate: Gate, n: int) -> None:
    """Wait until it sleeps, or is dead."""
    gate.wait(n)
    stat = Path(f"/proc/{child.pid}/stat")
    until(lambda: stat.read_text().rpartition(")")[2].split()[0] in "SZ", "nobody fell asleep")


def waker_killed(name: str) -> None:
    """Between publishing and ringing, for instance: then the successor rings when it attaches."""
    side = SIDES[name]
    for at in Steps(f"waker, {name}"):
        with side.make() as segment, ring("bells", 1) as bells, ring("cells", 1) as cells:
            gate, bell = Gate(cells), Bells(bells)[0]

            def work(arm: Arm, segment: str = segment, gate: Gate = gate, bell: Bell = bell) -> Any:
                waker = side.waker(segment, bell)
                gate.open(1)
                gate.wait(3)
                arm()
                side.wake(waker)
                return waker

            child = at.start(work)
            gate.wait(1)
            sleeper = Child(sleeps(partial(_inputs, side, segment), bells, gate, 2))
            asleep(sleeper, gate, 2)
            gate.open(3)
            if at.end(child):
                published = word(segment, side.page * PAGE + 128) > 0
                with side.waker(segment, bell) as successor:
                    if not published:
                        side.wake(successor)
                    sleeper.ended(killed=False)
            else:
                sleeper.ended(killed=False)


def _inputs(side: Side, segment: str) -> tuple[Any, list[Watchable]]:
    role, watch = side.sleeper(segment)
    return role, [watch]


def sleeper_killed(name: str) -> None:
    """On its way to sleep, asleep, and on its way back: its successor sleeps at the same bell and is woken."""
    side = SIDES[name]
    for outside in (False, True):
        for at in Steps(f"sleeper, {name}"):
            with side.make() as segment, ring("bells", 1) as bells, ring("cells", 1) as cells:
                gate, bell = Gate(cells), Bells(bells)[0]
                work = sleeps(partial(_inputs, side, segment), bells, gate, 1)
                with side.waker(segment, bell) as waker:
                    child = Child(work) if outside else at.start(work)
                    asleep(child, gate, 1)
                    if outside:
                        child.kill()
                        at.survived = True
                    else:
                        side.wake(waker)
                        at.end(child)
                    successor = Child(sleeps(partial(_inputs, side, segment), bells, gate, 2))
                    asleep(successor, gate, 2)
                    side.wake(waker)
                    successor.ended(killed=False)


def ringer_killed() -> None:
    """Whoever rings next wakes the sleeper."""
    for at in Steps("bell: ring"):
        with ring("bells", 1) as bells, ring("cells", 1) as cells:
            gate, bell = Gate(cells), Bells(bells)[0]
            sleeper = Child(sleeps(lambda: (None, []), bells, gate, 1))
            asleep(sleeper, gate, 1)

            def work(arm: Arm, bell: Bell = bell) -> None:
                arm()
                bell.ring()

            if at.run(work):
                bell.ring()
            sleeper.ended(killed=False)


SCENARIOS: dict[str, Callable[[], None]] = {
    "bell ring": ringer_killed,
    **{f"waker, {name}": partial(waker_killed, name) for name in SIDES},
    **{f"sleeper, {name}": partial(sleeper_killed, name) for name in SIDES},
}
