"""Killed while it takes a lease, holds it, makes way for others or gives it: the others get it, and its successor."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial

import ringbuf
from ringbuf import Lease

from .warden import Arm, Child, Steps, must, ring

SLOT, OTHER = 1, 2


def soon() -> int:
    """A time by which everything that happens at all has happened."""
    return time.monotonic_ns() + 15_000_000_000


def take(lease: Lease) -> None:
    must(lease.take(5, soon()), "the lease was not given")


def give(lease: Lease) -> None:
    take(lease)
    lease.give()


def hand_on(lease: Lease) -> None:
    lease.give()


def turn(lease: Lease) -> None:
    """Somebody due earlier waits: make way, and have it again afterwards."""
    must(lease.turn(5, soon()), "the lease did not come back")


def close(lease: Lease) -> None:
    take(lease)
    lease.close()


def free_again(name: str, what: str) -> None:
    """Whatever the dead one left: the lease is free, its slot can be taken, and nobody is in it."""
    with Lease(name) as warden:
        warden.reap()
    must(not left(name), f"{what}: the dead are left in it: {left(name)}")
    with Lease(name, SLOT) as successor, Lease(name, OTHER) as other:
        must(successor.take(1, soon()), f"{what}: the successor does not get it")
        must(not other.take(1, 0), f"{what}: two hold it")
        other.give()
        successor.give()
        must(other.take(1, soon()), f"{what}: it is lost")
    must(not left(name), f"{what}: somebody is left in it: {left(name)}")


def left(name: str) -> list[int]:
    """The slots that hold it or wait for it."""
    slots = ringbuf.describe(name)["slots"]
    return [i for i, slot in enumerate(slots) if slot["holds"] or slot["waits"]]


def alone(operate: Callable[[Lease], None]) -> None:
    """Killed while nobody else takes part."""
    for at in Steps(f"lease: {operate.__name__}"):
        with ring("lease", 4) as name:

            def work(arm: Arm, name: str = name) -> Lease:
                lease = Lease(name, SLOT)
                arm()
                operate(lease)
                return lease

            at.run(work)
            free_again(name, operate.__name__)


def attach_killed() -> None:
    """A successor is killed while it clears what its predecessor has left."""
    for at in Steps("lease: attach"):
        with ring("lease", 4) as name:
            Child(partial(die_holding, name)).ended(killed=True)

            def work(arm: Arm, name: str = name) -> Lease:
                arm()
                lease = Lease(name, SLOT)
                must(not left(name), "the successor holds what its predecessor held")
                return lease

            at.run(work)
            free_again(name, "attach")


def die_holding(name: str, _arm: Arm) -> None:
    lease = Lease(name, SLOT)
    take(lease)
    os.kill(os.getpid(), signal.SIGKILL)


def holder_killed(operate: Callable[[Lease], None]) -> None:
    """Killed in the middle of handing it on: whoever waits gets it, by the warden's reaping alone."""
    for at in Steps(f"lease: {operate.__name__}, while somebody waits"):
        with ring("lease", 4) as name, ring("cells", 1) as cells, ringbuf.Cells(cells) as gate:

            def work(arm: Arm, name: str = name, cells: str = cells) -> Lease:
                lease = Lease(name, SLOT)
                take(lease)
                _pass(cells, 1)
                _wait(cells, 2)
                arm()
                operate(lease)
                return lease

            def wait(arm: Arm, name: str = name) -> Lease:
                lease = Lease(name, OTHER)
                must(lease.take(1, soon()), "the waiter was not let in")
                lease.give()
                must(lease.missed == 0, "nobody woke the waiter but its own look")
                return lease

            child = at.start(work)
            _wait(cells, 1)
            waiter = Child(wait)
            while not ringbuf.describe(name)["slots"][OTHER]["waits"]:
                time.sleep(0.0005)
            gate.store(0, 2)
            if at.end(child):
                with Lease(name) as warden:
                    warden.reap()
            waiter.ended(killed=False)
            free_again(name, operate.__name__)


def waiter_killed() -> None:
    """Killed on its way to wait, asleep, or just let in: the next one gets it."""
    for at in Steps("lease: wait"):
        with ring("lease", 4) as name, Lease(name, 0) as holder:
            must(holder.take(9, soon()), "a new lease is not free")

            def work(arm: Arm, name: str = name) -> Lease:
                lease = Lease(name, SLOT)
                arm()
                take(lease)
                return lease

            child = at.start(work)
            while not ringbuf.describe(name)["slots"][SLOT]["waits"] and child_lives(child):
                time.sleep(0.0005)
            time.sleep(0.002)  # most likely asleep by now; right either way
            holder.give()
            at.end(child)
            free_again(name, "wait")


def child_lives(child: Child) -> bool:
    return ringbuf.process_start(child.pid) != 0


def _pass(cells: str, n: int) -> None:
    with ringbuf.Cells(cells) as gate:
        gate.store(0, n)


def _wait(cells: str, n: int) -> None:
    with ringbuf.Cells(cells) as gate:
        until = soon()
        while gate.load(0) < n:
            must(time.monotonic_ns() < until, f"nobody got to gate {n}")
            time.sleep(0.0002)


SCENARIOS: dict[str, Callable[[], None]] = {
    **{f"lease {operate.__name__}": partial(alone, operate) for operate in (take, give, close)},
    "lease attach": attach_killed,
    "lease give while somebody waits": partial(holder_killed, hand_on),
    "lease turn while somebody waits": partial(holder_killed, turn),
    "lease wait": waiter_killed,
}
