"""The rings of this machine, seen from outside: no role is taken, nothing is written, no sound is fetched.

What is told of a running ring is a glimpse: writer and readers go on while it is taken.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ringbuf import _core
from ringbuf.errors import RingCorrupt, RingError

Ring: TypeAlias = dict[str, Any]
"""What `ringbuf.describe` tells, and: group and label (the name, cut at its last dot), age_s; of a role also the name
of its process; of a stream's or history's reader how far it is behind the writer, in bytes or samples."""

SHM = Path("/dev/shm")
_MAGIC = b"antring"  # without the last byte, a version: see core/layout.h
_WORDS = 1 << 64
_PATIENCE_S = (0.01, 0.03, 0.1)
"""A ring that is just being made looks damaged, too: it is looked at again."""


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
    doubtful = _sort(sorted(name for name in os.listdir(SHM) if name.startswith(prefix)), sight)
    for pause in _PATIENCE_S:
        if not doubtful:
            break
        time.sleep(pause)
        again = _sort([name for name, _ in doubtful], sight)
        # Under the same name there may be another one by now, just being made.
        doubtful = {segment: why for segment, why in again.items() if segment in doubtful}
    sight.damaged.update({name: why for (name, _), why in doubtful.items()})
    sight.rings.sort(key=lambda ring: (*whose(ring), ring["created_ns"], ring["name"]))
    sight.foreign.sort()
    return sight


class Watched:
    """One ring that is looked at over and over. It stays mapped, even when it is gone from /dev/shm by now.

    Raises FileNotFoundError where there is none, and RingCorrupt, or what the system says, when it cannot be told.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        fd = os.open(SHM / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            self._mapping = _core.Mapping(fd, name, 0, _core.OBSERVE)
        finally:
            os.close(fd)

    def look(self) -> Ring:
        """As it is now; without the names of processes, which take longer than all the rest. Raises RingCorrupt."""
        return _told(self._mapping.describe(), self._name)


def whose(ring: Ring) -> tuple[str, int]:
    """What the rings of one program have in common: the beginning of their names, and their creator."""
    return ring["group"], ring["creator"]["pid"] if ring["creator"] else 0


def _sort(names: list[str], sight: Sight) -> dict[tuple[str, int], str]:
    """Put rings and foreign files into `sight`; name and inode of the others, with what is wrong."""
    doubtful = {}
    for name in names:
        try:
            # Not a link to elsewhere; and opening a pipe shall not wait for its other end.
            fd = os.open(SHM / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        except OSError:
            sight.foreign.append(name)
            continue
        about = os.fstat(fd)
        try:
            if stat.S_ISREG(about.st_mode) and os.pread(fd, len(_MAGIC), 0) == _MAGIC:
                sight.rings.append(_ring(fd, name))
            else:
                sight.foreign.append(name)
        except (RingError, OSError, ValueError) as error:
            doubtful[name, about.st_ino] = str(error)
        finally:
            os.close(fd)
    return doubtful


def _ring(fd: int, name: str) -> Ring:
    """One ring as it is now. Raises RingCorrupt, or what the system says, when it cannot be told."""
    ring = _told(_core.Mapping(fd, name, 0, _core.OBSERVE).describe(), name)
    readers = ring.get("readers", [])
    for holder in (ring["creator"], ring.get("writer"), *(reader["role"] for reader in readers)):
        if holder:
            holder["process"] = process_name(holder["pid"]) if holder["alive"] else ""
    return ring


def _told(ring: Ring, name: str) -> Ring:
    """What `describe` tells, and what follows from that. Raises RingCorrupt."""
    ring["group"], _, ring["label"] = name.rpartition(".")
    ring["age_s"] = max(0, time.monotonic_ns() - ring["created_ns"]) / 1e9
    for reader in ring.get("readers", []):
        behind = (ring["position"] - reader["position"]) % _WORDS
        if behind >= _WORDS // 2:  # it read what was written after we had looked at the writer
            behind = 0
        if ring["kind"] == "stream":
            if behind > ring["capacity"]:
                raise RingCorrupt(
                    f"ring {name} is damaged: its positions are further apart than it is long; "
                    "have its creator make it anew"
                )
            ring["fill"] = behind
        reader["behind"] = behind
    return ring


def process_name(pid: int) -> str:
    """What `ps` and `top` call a process; empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_bytes().decode(errors="replace").rstrip("\n")
    return ""
