"""What can go wrong with a ring. `str()` of each is one line: what, where, and how to mend it.

Named for what is the matter (N818 wants "Error" at the end): each is caught as what it is, or all as RingError.
"""

from __future__ import annotations

import os


class RingError(Exception):
    """Anything a ring refuses to do."""


class RingCorrupt(RingError):  # noqa: N818
    """What lies in shared memory cannot be a ring, a position or a record. Only its creator can make it anew."""


class WrongKind(RingError):  # noqa: N818
    """The ring exists but is of another kind."""


class NoRing(RingError):  # noqa: N818
    """There is no ring of this name."""


class NoSpace(RingError):  # noqa: N818
    """/dev/shm has not enough room for a new ring."""


class RoleTaken(RingError):  # noqa: N818
    """A ring has one writer and one reader a slot, and a live process holds the role. `pid`: which one."""

    def __init__(self, name: str, role: str, pid: int) -> None:
        self.name, self.role, self.pid = name, role, pid
        who = f"process {pid}; close it there or end that process first"
        if pid == os.getpid():
            who = f"this process, {pid}, already; close it first (what runs before an exec must)"
        super().__init__(f"{role} of ring {name} is {who}")

    def __reduce__(self) -> tuple[type[RoleTaken], tuple[str, str, int]]:
        return type(self), (self.name, self.role, self.pid)
