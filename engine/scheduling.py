"""How soon a thread runs that has just been woken: by the kernel, and in Python."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_SHORTEST_NS, _USUAL = 100_000, 0
_SETATTR = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES = struct.Struct("<IIQiIQQQ")
"""struct sched_attr of sched_setattr(2): size, policy, flags, nice, priority, runtime, deadline, period."""
_SWITCH_S = 0.0005
"""How long another thread of this process may keep the interpreter from the one that works. With the usual 5 ms each of
them takes that much at every call that lets go of the interpreter's lock for a moment."""


def cores() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0))


def be_brief() -> None:
    """Ask for short turns on the processor for this thread and what it starts: it works for a moment at a time, and
    whoever computes is interrupted for it at once, not at the end of their own slice. It gets no more of the processor
    by that, and needs no rights. From Linux 6.12 on; before, the kernel takes no notice.
    """
    _slice(_SHORTEST_NS)


def be_usual() -> None:
    """Take turns as long as everybody's again."""
    _slice(_USUAL)


def share_interpreter() -> None:
    """Let the threads of this process have the interpreter for short turns, whatever they compute."""
    sys.setswitchinterval(_SWITCH_S)


def _slice(ns: int) -> None:
    number = _SETATTR.get(platform.machine())
    if number is not None and os.sched_getscheduler(0) == os.SCHED_OTHER:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wanted = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, ns, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)
