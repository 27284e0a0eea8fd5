"""What a process asks of the kernel: priority, niceness, cores, memory that stays in place. What is refused it does
without; that is said once for the whole engine, with the line that mends it.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from engine.levels import WARNING, say
from engine.processor_settings import Realtime, numbers, of
from engine.telemetry import AT, Telemetry

CAP_SYS_NICE, CAP_IPC_LOCK = 1 << 23, 1 << 14
LIMITS = "/etc/security/limits.d/antiphon.conf"
_SPIN_US = 2_000_000
"""How long a real-time thread may run without sleeping."""
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


class Refusal(NamedTuple):
    """A thing that a machine may refuse, and what mends it."""

    bit: int
    what: str
    remedy: str


def _limit(unit: str, limit: str) -> str:
    return f'{unit} in the systemd unit, or echo "@audio - {limit}" >>{LIMITS} and log in anew'


PRIORITY = Refusal(1, "real-time priority", _limit("LimitRTPRIO=80", "rtprio 80"))
MEMORY = Refusal(2, "memory that stays in place", _limit("LimitMEMLOCK=infinity", "memlock unlimited"))
NICE = Refusal(4, "more of the processor than other programs get", _limit("LimitNICE=-20", "nice -20"))
CORES = Refusal(8, "the cores of realtime.cores", "name cores that there are (nproc --all)")


def settle(process: str, settings: Realtime, refused: Callable[[Refusal], None]) -> None:
    """Take the niceness and the cores of this process, before it has any thread: those it starts have them, too."""
    if change := int(of(settings.nice, process) or 0):
        try:
            os.nice(change)
        except OSError:
            refused(NICE)
    if cores := numbers(of(settings.cores, process)):
        try:
            os.sched_setaffinity(0, cores)
        except OSError:
            refused(CORES)


def be_realtime(priority: int, lock_memory: bool, refused: Callable[[Refusal], None]) -> None:
    """Real-time scheduling for this thread, and memory that stays in place, where a priority is asked for."""
    if not priority:
        return
    if lock_memory and not _lock_memory():
        refused(MEMORY)
    try:
        _limit_spinning()
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError:
        refused(PRIORITY)


def _lock_memory() -> bool:
    """Whether it was granted. Where there is a limit, what comes later is left alone: the kernel would refuse not to
    lock it but to give it, and a device could not be opened."""
    endless = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY or has_capability(CAP_IPC_LOCK)
    flags = _MCL_CURRENT | _MCL_ONFAULT | (_MCL_FUTURE if endless else 0)
    return not ctypes.CDLL(None).mlockall(flags)


def has_capability(bit: int) -> bool:
    """This process may do what others may not."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & bit)
    return False


def _limit_spinning() -> None:
    """A real-time thread of this process that never sleeps would keep everybody else from its core, whoever could end
    it too: the kernel does, by SIGXCPU, and should that be blocked by SIGKILL."""
    soft, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, (_narrower(_SPIN_US, soft), _narrower(2 * _SPIN_US, hard)))


def _narrower(limit: int, present: int) -> int:
    """The narrower of two limits, of which the second may be none."""
    return limit if present == resource.RLIM_INFINITY else min(limit, present)


class SayOnce:
    """Tells the owner what was refused, on stderr, unless another process of this engine has said the same."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._cells = telemetry.cells

    def __call__(self, refusal: Refusal) -> None:
        said = 0
        while not said & refusal.bit:
            if self._cells.cas(AT["engine.refused"], said, said | refusal.bit):
                what = f"this machine refuses {refusal.what}; the engine does without"
                say(f"engine: {what} ({refusal.remedy}; `engine doctor` tells more)", WARNING)
                return
            said = self._cells.load(AT["engine.refused"])
