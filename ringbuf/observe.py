"""The rings of this machine, seen from outside: no role is taken, nothing is written, no sound is fetched.

What is told of a running ring is a glimpse: writer and readers go on while it is taken.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ringbuf import _core
from ringbuf.errors import RingError

Ring: TypeAlias = dict[str, Any]
"""What `ringbuf.describe` tells, and: group and label (the name, cut at its last dot), age_s; of a role also the name
of its process; of a stream's or history's reader how far it is behind the writer, in bytes or samples."""

SHM = Path("/dev/shm")
_MAGIC = b"antring"  # without the last byte, a version: see core/layout.h
_WORDS = 1 << 64
_ONCE_MORE_S = 0.01


@dataclass(frozen=True)
class Sight:
    """All segments whose names begin alike. rings: those that are whole, in the order they were made; damaged: name →
    what is wrong; foreign: names of files that are no rings, or not ours to read."""

    rings: list[Ring] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)


def look(prefix: str = "") -> Sight:
    """What there is now. Segments that are removed meanwhile are left out; none of them can make this fail.

    Raises OSError when /dev/shm cannot be listed.
    """
    sight = Sight()
    names = sorted(name for name in os.listdir(SHM) if name.startswith(prefix))
    doubtful = list(_sort(names, sight))
    if doubtful:
        time.sleep(_ONCE_MORE_S)  # a ring that is just being made looks damaged, too
        for name, problem in list(_sort([name for name, _ in doubtful], sight)):
            if problem:
                sight.damaged[name] = problem
            else:
                sight.foreign.append(name)
    sight.rings.sort(key=lambda ring: (*whose(ring), ring["created_ns"], ring["name"]))
    return sight


def whose(ring: Ring) -> tuple[str, int]:
    """What the rings of one program have in common: the beginning of their names, and their creator."""
    return ring["group"], ring["creator"]["pid"] if ring["creator"] else 0


def _sort(names: list[str], sight: Sight) -> Iterator[tuple[str, str]]:
    """Put the rings into `sight`; gives the others, each with what is wrong, or nothing when it is no ring at all."""
    for name in names:
        try:
            ring = _one(name)
        except FileNotFoundError:
            continue
        except PermissionError:
            sight.foreign.append(name)
        except (RingError, OSError, ValueError) as error:
            yield name, str(error)
        else:
            if ring is None:
                yield name, ""
            else:
                sight.rings.append(ring)


def _one(name: str) -> Ring | None:
    """One ring, or None when the file is something else."""
    with contextlib.ExitStack() as stack:
        # Not a link to elsewhere; and opening a pipe shall not wait for its other end.
        try:
            fd = os.open(SHM / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise
        stack.callback(os.close, fd)
        if not stat.S_ISREG(os.fstat(fd).st_mode) or os.pread(fd, len(_MAGIC), 0) != _MAGIC:
            return None
        ring: Ring = _core.Mapping(fd, name, 0, _core.OBSERVE).describe()
    ring["group"], _, ring["label"] = name.rpartition(".")
    ring["age_s"] = max(0, time.monotonic_ns() - ring["created_ns"]) / 1e9
    readers = ring.get("readers", [])
    for holder in (ring["creator"], ring.get("writer"), *(reader["role"] for reader in readers)):
        if holder:
            holder["process"] = process_name(holder["pid"]) if holder["alive"] else ""
    for reader in readers:
        behind = (ring["position"] - reader["position"]) % _WORDS
        if behind >= _WORDS // 2:  # it read what was written after we had looked at the writer
            behind = 0
        if ring["kind"] == "stream":
            if behind > ring["capacity"]:
                raise RingError(f"ring {name} is damaged: its positions are further apart than it is long")
            ring["fill"] = behind
        reader["behind"] = behind
    return ring


def process_name(pid: int) -> str:
    """What `ps` and `top` call a process; empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_bytes().decode(errors="replace").rstrip("\n")
    return ""
