"""Leases: the right to compute, or to do anything else that only a few may do at a time. Whoever has to be ready first
goes first.

lease = Lease(name, slot=2)
lease.take(due_ns, until_ns)                     # CLOCK_MONOTONIC; held afterwards, in any case
for step in work:
    step()
    lease.turn(due_ns, until_ns)                 # between two steps: makes way for who is due earlier
lease.give()
"""

from __future__ import annotations

from ringbuf import _core
from ringbuf.attach import Attached, attach

NEVER_DUE = (1 << 63) - 1
"""The due time of what nobody waits for: it comes after everything else."""
NO_SLOT = -1


class Lease(Attached, _core.Lease):
    """A process's part in a lease. Each takes part in a slot of its own, one thread at a time; without a slot a lease
    is only looked after (`reap`).

    Nobody waits beyond its `until_ns`: it then goes on without having been let in (`take` and `turn` say False, and it
    is counted in `overdrafts`), and those that are due later make way as soon as they ask. What a process held or
    waited for when it died is free again: at once where somebody `reap`s, else within a tenth of a second.
    """

    def __init__(self, name: str, slot: int | None = None) -> None:
        mapping = attach(name, _core.LEASE, _core.SHARE)
        self._join(name)
        _core.Lease.__init__(self, mapping, NO_SLOT if slot is None else slot)

    def _summary(self) -> str:
        return f"held, {self.takes} takes" if self.held else f"{self.takes} takes"
