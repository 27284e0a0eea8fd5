"""Leases among processes: whoever is due first goes first, nobody is forgotten, and the dead hold nothing.

The protocol's steps are looked at in c/test_lease.c, kill -9 at each of them in test_kill.py, its orderings by
ThreadSanitizer and in the ARM code."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import ringbuf
from ringbuf import NEVER_DUE, Cells, Lease
from tests.ringbuf.test_no_system_calls import SEAL

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]
Soon = Callable[[], int]


def slots(name: str) -> list[dict[str, Any]]:
    """What each slot does."""
    found: list[dict[str, Any]] = ringbuf.describe(name)["slots"]
    return found


def waiting(name: str) -> int:
    return sum(slot["waits"] for slot in slots(name))


WAITER = """
import sys, time, ringbuf
name, slot, due = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lease = ringbuf.Lease(name, slot)
assert lease.take(due, time.monotonic_ns() + 60_000_000_000)
print(slot, flush=True)
sys.stdin.readline()
lease.give()
"""


def test_processes_are_let_in_in_the_order_in_which_they_are_due(make: Make, spawn: Spawn, soon: Soon) -> None:
    name = make("lease", 5)
    with Lease(name, 0) as lease:
        assert lease.take(0, soon())
        waiters = {}
        for slot, due in ((1, 30), (2, 10), (3, NEVER_DUE), (4, 20)):
            waiters[slot] = spawn(WAITER, name, str(slot), str(due))
        while waiting(name) < 4:
            time.sleep(0.001)
        assert not lease.wanted  # it is due first itself
        lease.give()
        for slot in (2, 4, 1, 3):
            assert waiters[slot].stdout.readline().split() == [str(slot)]  # type: ignore[union-attr]
            assert [place for place, each in enumerate(slots(name)) if each["holds"]] == [slot]
            waiters[slot].communicate("done\n")
    assert [slot["takes"] for slot in slots(name)] == [1] * 5


def test_a_holder_makes_way_between_two_steps_and_has_it_again(make: Make, spawn: Spawn, soon: Soon) -> None:
    name = make("lease", 2)
    with Lease(name, 0) as lease:
        assert lease.take(NEVER_DUE, soon())
        assert lease.turn(NEVER_DUE, soon())
        assert lease.takes == 1
        other = spawn(WAITER, name, "1", "5")
        while not lease.wanted:
            time.sleep(0.001)
        other.stdin.write("done\n")  # type: ignore[union-attr]
        other.stdin.flush()  # type: ignore[union-attr]
        assert lease.turn(NEVER_DUE, soon())
        assert (lease.takes, lease.held, lease.wanted) == (2, True, False)
        assert other.communicate()[0].split() == ["1"]


def test_nobody_waits_beyond_its_time(make: Make, soon: Soon) -> None:
    name = make("lease", 3)
    with Lease(name, 0) as first, Lease(name, 1) as second:
        assert first.take(10, soon())
        assert not second.take(5, time.monotonic_ns() + 2_000_000)
        assert second.held
        assert (second.waited, second.overdrafts) == (1, 1)
        assert first.wanted
        assert not second.wanted
        assert not first.turn(10, 0)  # it made way, and had no time either: both go on
        second.give()
        assert not first.wanted


def test_units_are_held_side_by_side(make: Make, soon: Soon) -> None:
    name = make("lease", 3, units=2)
    with Lease(name, 0) as first, Lease(name, 1) as second, Lease(name, 2) as third:
        assert first.take(1, soon())
        assert second.take(1, soon())
        assert not third.take(1, 0)


def test_misuse_is_told(make: Make, soon: Soon) -> None:
    name = make("lease", 2)
    with Lease(name, 0) as lease, Lease(name) as warden:
        with pytest.raises(ringbuf.RoleTaken):
            Lease(name, 0)
        with pytest.raises(ringbuf.RingError, match="2 slots, there is no slot 2"):
            Lease(name, 2)
        with pytest.raises(ringbuf.RingError, match="attached without a slot"):
            warden.take(1, 1)
        with pytest.raises(ringbuf.RingError, match="not held; take it first"):
            lease.turn(1, 1)
        with pytest.raises(TypeError):
            lease.take(1)  # type: ignore[call-arg]
        assert lease.take(1, soon())
        with pytest.raises(ringbuf.RingError, match="held already"):
            lease.take(1, soon())
        lease.give()
        lease.give()
    with pytest.raises(ringbuf.RingError, match="closed"):
        lease.take(1, 1)
    assert not lease.wanted
    assert "closed" in repr(lease)
    for units, count in ((0, 1), (17, 1), (1, 0), (1, 17)):
        with pytest.raises(ValueError, match="cannot be made"):
            ringbuf.create_lease(f"{name}.bad", count, units=units)


def test_a_lease_that_is_closed_is_given_up_and_a_child_does_not_do_that(make: Make, soon: Soon) -> None:
    name = make("lease", 2)
    lease = Lease(name, 0)
    assert lease.take(1, soon())
    child = os.fork()
    if child == 0:
        os._exit(0 if lease.closed else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert slots(name)[0]["holds"]
    lease.close()
    assert not slots(name)[0]["holds"]
    with Lease(name, 0) as again:
        assert again.epoch == 2


def test_closing_while_a_thread_waits_lets_it_go_and_leaves_nothing(make: Make, soon: Soon) -> None:
    name = make("lease", 2)
    told = []
    with Lease(name, 0) as holder:
        assert holder.take(1, soon())
        lease = Lease(name, 1)

        def wait() -> None:
            with pytest.raises(ringbuf.RingError, match="closed") as error:
                lease.take(1, soon())
            told.append(str(error.value))

        thread = threading.Thread(target=wait)
        thread.start()
        while not slots(name)[1]["waits"]:
            time.sleep(0.001)
        with pytest.raises(ringbuf.RingError, match="another thread waits"):
            lease.take(1, soon())
        lease.close()
        holder.give()
        thread.join()
        assert len(told) == 1
        with Lease(name, 1) as again:
            assert again.take(1, soon())


def test_without_others_nobody_asks_the_kernel_for_anything(make: Make, spawn: Spawn) -> None:
    """Taking it, keeping it between two steps and giving it: a process that the kernel ends at its first call."""
    code = f"""
import sys, ringbuf
lease = ringbuf.Lease(sys.argv[1], 0)
{SEAL}
def hop():
    lease.take(5, 1)
    lease.turn(7, 1)
    lease.give()
for _ in range(100):
    hop()
seal(LEAVE)
for _ in range(10_000):
    hop()
os._exit(7)
"""
    process = spawn(code, make("lease", 2))
    _, errors = process.communicate()
    assert process.returncode == 7, errors


ENDLESS = """
import os, random, sys, time, ringbuf
me = os.getpid()
name, cells, slot = sys.argv[1], sys.argv[2], int(sys.argv[3])
lease, done, chance = ringbuf.Lease(name, slot), ringbuf.Cells(cells), random.Random(slot)
def inside():
    holder = done.load(0)
    assert not holder or ringbuf.process_start(holder) == 0, "two hold it at a time"
    done.store(0, me)
    assert done.load(0) == me, "somebody came while it was held"
    done.store(0, 0)
    done.add(1 + slot, 1)
while True:
    now = time.monotonic_ns()
    due, until = now + chance.randrange(10**7), now + 20_000_000_000
    assert lease.take(due, until)
    inside()
    for _ in range(3):
        assert lease.turn(due + chance.randrange(10**6), until)
        inside()
    lease.give()
"""


def test_whoever_is_killed_at_any_time_holds_up_nobody(make: Make, spawn: Spawn) -> None:
    """Four processes hand it on as fast as they can; one after the other is killed and another takes its slot. The
    others find the dead by themselves, but for every second one, whom a warden takes out."""
    name, cells = make("lease", 4), make("cells", 5)
    chance = random.Random(5)
    running = {slot: spawn(ENDLESS, name, cells, str(slot)) for slot in range(4)}
    with Cells(cells) as done, Lease(name) as warden:

        def go_on(who: set[int]) -> None:
            before = {slot: done.load(1 + slot) for slot in who}
            while any(done.load(1 + slot) == before[slot] for slot in who):
                assert all(running[slot].poll() is None for slot in who), "somebody has failed"
                time.sleep(0.001)

        for death in range(12):
            go_on({0, 1, 2, 3})
            time.sleep(chance.random() / 200)
            victim = chance.randrange(4)
            running[victim].send_signal(signal.SIGKILL)
            running[victim].communicate()
            if death % 2:
                warden.reap()
            go_on({0, 1, 2, 3} - {victim})
            running[victim] = spawn(ENDLESS, name, cells, str(victim))
        go_on({0, 1, 2, 3})
        for process in running.values():
            process.send_signal(signal.SIGKILL)
            assert process.communicate()[1] == ""
        warden.reap()
    assert not any(slot["holds"] or slot["waits"] for slot in slots(name))
    assert sum(slot["overdrafts"] for slot in slots(name)) == 0
