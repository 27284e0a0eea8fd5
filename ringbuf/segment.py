"""Segments from outside: made, described and cleared away. Attaching is in `attach.py`."""

from __future__ import annotations

import contextlib
import errno
import os
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import posix_ipc
from numpy.typing import DTypeLike

from ringbuf import _core
from ringbuf.attach import NUMBERS, attach, cannot_pickle, check_name
from ringbuf.errors import NoSpace, RingError

SHM = Path("/dev/shm")


class Segment:
    """A ring's memory, held by whoever made it. `close` lets go of it, `unlink` removes the name as well; the pages
    live on until the last process that attached has let go too. It is removed when its creator and what that forked
    are dead, not before."""

    def __init__(self, memory: shared_memory.SharedMemory, size: int) -> None:
        self._memory = memory
        self._linked = True
        self._creator = os.getpid()
        self.name = memory.name
        self.size = size

    def close(self) -> None:
        """Let go of the memory; the name stays."""
        self._memory.close()

    def unlink(self) -> None:
        """Remove the name. Harmless when it is gone already, and in a forked child: the ring is its parent's."""
        self._memory.close()
        if not self._linked or os.getpid() != self._creator:
            return
        self._linked = False
        try:
            self._memory.unlink()
        except FileNotFoundError:
            # Somebody else removed it. SharedMemory then does not tell its tracker, which would complain at the end.
            resource_tracker.unregister(f"/{self.name}", "shared_memory")

    def __enter__(self) -> Segment:
        return self

    def __exit__(self, *_: object) -> None:
        self.unlink()

    def __reduce__(self) -> NoReturn:
        raise cannot_pickle(self)

    def __repr__(self) -> str:
        return f"<Segment {self.name}, {self.size} bytes>"


def create_stream(name: str, capacity: int, *, first: int = 0) -> Segment:
    """A stream of at least `capacity` bytes (rounded up to a power of two and whole pages), tags of 64 bytes included.
    One record takes at most a quarter of it. `first`: the position it begins at, for tests."""
    return _create(name, _core.STREAM, _power_of_two(capacity, _page()), readers=1, first=first)


def create_history(
    name: str,
    capacity: int,
    rate: int,
    *,
    readers: int = 8,
    dtype: DTypeLike = np.int16,
    blocks: int | None = None,
    first: int = 0,
) -> Segment:
    """The last `capacity` samples or more (rounded up to a power of two and whole pages), `rate` a second.

    readers: how many may attach, each to a slot of its own.
    blocks: entries of the block table, one a commit; by default enough for blocks of 5 ms.
    """
    kind = np.dtype(dtype)
    if kind.kind not in NUMBERS or kind.itemsize not in (1, 2, 4, 8):
        raise ValueError(f"a history of {kind} cannot be made; its samples must be plain numbers of 1, 2, 4 or 8 bytes")
    samples = _power_of_two(capacity, -(-_page() // kind.itemsize))
    entries = _power_of_two(blocks or min(samples * 200 // max(rate, 1), samples), 16)
    return _create(
        name,
        _core.HISTORY,
        samples,
        item=kind.itemsize,
        rate=rate,
        readers=readers,
        blocks=entries,
        first=first,
        dtype=kind.str,
    )


def create_latest(name: str, capacity: int, *, slots: int = 4) -> Segment:
    """One value of at most `capacity` bytes, replaced by the next. A reader in place has as long as the writer takes
    for `slots` - 1 more."""
    return _create(name, _core.LATEST, capacity, slots=slots)


def create_cells(name: str, count: int) -> Segment:
    """`count` 64-bit words, all 0."""
    return _create(name, _core.CELLS, count)


def create_bells(name: str, count: int) -> Segment:
    """`count` doorbells, one for each consumer process."""
    return _create(name, _core.BELLS, count)


def create_lease(name: str, slots: int, *, units: int = 1) -> Segment:
    """A lease that `slots` processes take part in (16 at most), and that `units` of them may hold at a time."""
    return _create(name, _core.LEASE, units, slots=slots)


def describe(name: str) -> dict[str, Any]:
    """What the ring looks like now: kind, size, geometry, positions, fill, and who writes and reads and is alive.
    Attaches read-only and takes no role."""
    return attach(name, 0, _core.OBSERVE).describe()


def reap(prefix: str) -> list[str]:
    """Remove the segments whose names begin with `prefix` and whose creator is dead; their names.

    A segment without a whole header goes by its name: `<prefix>.<instance>.<creator's pid>.<what>`. Processes are
    those this process sees: do not share /dev/shm between containers that do not share their processes.
    """
    if not prefix:
        raise ValueError("reap needs a prefix; without one it would look at the segments of other programs")
    reaped = []
    for path in sorted(SHM.glob(f"{prefix}*") if not set(prefix) & set("*?[/") else ()):
        with contextlib.suppress(OSError, posix_ipc.Error):
            if not _creator_alive(path):
                posix_ipc.unlink_shared_memory(f"/{path.name}")
                reaped.append(path.name)
    return reaped


def _creator_alive(path: Path) -> bool:
    with path.open("rb") as file:
        alive = _core.creator_alive(file.read(_core.HEADER), os.fstat(file.fileno()).st_size)
    if alive is not None:
        return alive
    pid = path.name.rsplit(".", 2)[-2:-1]
    return not (pid and pid[0].isdecimal()) or _core.process_start(int(pid[0])) != 0


def _page() -> int:
    return os.sysconf("SC_PAGESIZE")


def _power_of_two(n: int, least: int) -> int:
    if n < 0:
        raise ValueError(f"a ring of {n} cannot be made; its size must be above 0")
    return 1 << (max(n, least, 1) - 1).bit_length()


def _create(name: str, kind: int, capacity: int, **geometry: Any) -> Segment:
    check_name(name)
    for what, value in geometry.items():
        if isinstance(value, int) and what != "first" and not 0 <= value < 1 << 32:
            raise ValueError(f"ring {name}: {what}={value} is out of range")
    size = _core.measure(kind, capacity, **geometry)
    free = _free()
    if size > free:
        raise _no_space(name, size, free)
    try:
        memory = shared_memory.SharedMemory(name, create=True, size=size)
    except FileExistsError:
        raise RingError(f"ring {name} exists already; unlink it, or reap it if its creator is dead") from None
    except OSError as error:
        raise _no_space(name, size, free, error) from None
    segment = Segment(memory, size)
    try:
        file = posix_ipc.SharedMemory(f"/{name}")
        try:
            # Without this a page that cannot be had is a SIGBUS, much later, in whoever touches it first.
            os.posix_fallocate(file.fd, 0, size)
            _core.format(kind, capacity, **geometry, fd=file.fd)
        finally:
            file.close_fd()
    except OSError as error:
        segment.unlink()
        raise _no_space(name, size, _free(), error) from None
    except BaseException:
        segment.unlink()
        raise
    return segment


def _free() -> int:
    status = os.statvfs(SHM)
    return status.f_bavail * status.f_frsize


def _no_space(name: str, size: int, free: int, error: OSError | None = None) -> RingError:
    if error and error.errno not in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EFBIG):
        mend = (
            "; mount /dev/shm writable for this user (mode 1777)" if error.errno in (errno.EACCES, errno.EROFS) else ""
        )
        return RingError(f"ring {name} cannot be made: {error.strerror}{mend}")
    why = f" ({error.strerror})" if error and error.errno != errno.ENOSPC else ""
    return NoSpace(
        f"ring {name} needs {size} bytes of shared memory, /dev/shm has {free} free{why}; "
        "make the ring smaller, remove what is left in /dev/shm, or enlarge it (mount -o remount,size=… /dev/shm)"
    )
