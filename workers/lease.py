"""A worker's part in the lease: how long it waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import ringbuf
from engine.channels import segment
from engine.config import Config
from engine.contract import NEVER_DUE, NO_LEASE, Lease
from engine.lease import slot_of
from engine.telemetry import Telemetry

_WAITED_NS = 20_000
"""What takes less was no wait."""


class Share:
    """The lease as this worker has it. It is the process's: of two of its threads that compute at a time (a model that
    is being left, and the next one), the second has it with the first."""

    def __init__(self, lease: ringbuf.Lease, longest_ns: int, telemetry: Telemetry, stage: str) -> None:
        self._lease, self._longest_ns = lease, longest_ns
        self._telemetry, self._stage = telemetry, stage
        self._lock, self._threads = threading.Lock(), 0

    def take(self, due_ns: int) -> None:
        with self._lock:
            self._threads += 1
            if self._threads > 1:
                return
        now, due_ns = time.monotonic_ns(), self._due(due_ns)
        self._note(now, self._lease.take(due_ns, until(now, due_ns, self._longest_ns)))

    def turn(self, due_ns: int) -> None:
        if self._threads != 1:
            return
        now, due_ns = time.monotonic_ns(), self._due(due_ns)
        self._note(now, self._lease.turn(due_ns, until(now, due_ns, self._longest_ns)))

    def give(self) -> bool:
        with self._lock:
            if not self._threads:
                return False
            self._threads -= 1
            if not self._threads:
                self._lease.give()
            return True

    def _due(self, due_ns: int) -> int:
        """An answer that was begun on a guess is due never. When the guess has come true turns says when it is, and
        there is no other such answer but those that are being given up."""
        if due_ns == NEVER_DUE:
            return self._telemetry.get("turns.due_ns") or NEVER_DUE
        return due_ns or NEVER_DUE

    def _note(self, began_ns: int, in_time: bool) -> None:
        if not in_time:
            self._telemetry.count(f"{self._stage}.overdrafts")
        if (took := time.monotonic_ns() - began_ns) > _WAITED_NS:
            self._telemetry.count(f"{self._stage}.lease_ns", took)


class Apart:
    """The lease for threads of a backend's own. They take it before their first call into a library, come by between
    two and give it after the last: so until when each call may take is published, for whoever watches the worker. Its
    own loop, which goes round beside them, would prove nothing. limit_s: how long one may take."""

    def __init__(self, lease: Lease, telemetry: Telemetry, stage: str, limit_s: Callable[[], float]) -> None:
        self._lease, self._telemetry, self._cell, self._limit_s = lease, telemetry, f"{stage}.apart_ns", limit_s
        self._lock = threading.Lock()
        self._until: dict[int, int] = {}
        """Thread → until when its call may take."""

    def take(self, due_ns: int) -> None:
        self._lease.take(due_ns)
        self._begins()

    def turn(self, due_ns: int) -> None:
        self._begins()  # the last one is over, and now it may have to wait
        self._lease.turn(due_ns)
        self._begins()

    def give(self) -> bool:
        given = self._lease.give()
        with self._lock:
            self._until.pop(threading.get_ident(), None)
            self._publish()
        return given

    def _begins(self) -> None:
        with self._lock:
            self._until[threading.get_ident()] = time.monotonic_ns() + round(self._limit_s() * 1e9)
            self._publish()

    def _publish(self) -> None:
        self._telemetry.set(self._cell, min(self._until.values(), default=0))


def until(now: int, due_ns: int, longest_ns: int) -> int:
    """How long to wait at most: half of the time that is left, since the work takes some, too. What is late already
    does not wait: it goes on, and the others make way for it."""
    return now + min(longest_ns, max(0, due_ns - now) // 2)


def share(instance: str, stage: str, config: Config, telemetry: Telemetry) -> Lease:
    """This worker's part in the lease, if it takes part."""
    slot = slot_of(stage)
    if not telemetry.get("engine.lease") >> slot & 1:
        return NO_LEASE
    lease = ringbuf.Lease(segment(instance, "lease"), slot)
    return Share(lease, config.lease.longest_ms * 1_000_000, telemetry, stage)
