"""The machine: memory that is shared, what the kernel grants, processors."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from engine import NAME
from engine.channels import PROCESSES
from engine.doctor.finding import Finding, Visit, ok, problem, warning
from engine.errors import SharedMemoryError
from engine.governor.sensors import Sensors
from engine.ladders import sections
from engine.lease import plan
from engine.processor_settings import numbers, of
from engine.realtime import CAP_SYS_NICE, CORES, MEMORY, NICE, PRIORITY, Refusal, has_capability
from engine.segments import Segments

_SHM = Path("/dev/shm")
_MIB = 1 << 20
_GOVERNORS = "cpu[0-9]*/cpufreq/scaling_governor"
_LOCK_ALL = "import ctypes, sys; sys.exit(ctypes.CDLL(None).mlockall(7) != 0)"
"""As the workers do it: what is mapped now and later, as soon as it is used."""
_CPUS = Path("/sys/devices/system/cpu")


def shared_memory(visit: Visit) -> Iterator[Finding]:
    """Room for the rings that these settings ask for, by making them."""
    name = f"{NAME}.doctor.{os.getpid()}"
    try:
        segments = Segments(name, visit.config)
    except SharedMemoryError as error:
        yield problem(SharedMemoryError(error.what, f"{error.remedy}; in a container: --shm-size=256m"))
        return
    try:
        needed = sum(path.stat().st_size for path in _SHM.glob(f"{name}.*"))
        free = os.statvfs(_SHM)
    finally:
        segments.remove()
    whole = free.f_blocks * free.f_frsize
    yield ok(f"the rings take {needed / _MIB:.0f} of the {whole / _MIB:.0f} MiB of {_SHM}")


def real_time(visit: Visit) -> Iterator[Finding]:
    """Real-time scheduling, memory that stays in place, niceness, cores."""
    wanted = max(getattr(visit.config, process.section).realtime_priority for process in PROCESSES)
    if not wanted:
        yield ok("not asked for (realtime_priority = 0)")
    else:
        yield ok(f"SCHED_FIFO with priority {wanted}") if _may_be_realtime(wanted) else _why_not_realtime(wanted)
        if visit.config.realtime.lock_memory:
            yield _granted(
                _LOCK_ALL, "memory can be locked", "memory cannot be locked, and swapping may hold sound up", MEMORY
            )
    settings = visit.config.realtime
    if (least := min((int(of(settings.nice, process.name) or 0) for process in PROCESSES), default=0)) < 0:
        yield _granted(
            f"import os; os.nice({least})",
            f"niceness {least} is granted",
            f"niceness {least} is refused: on a busy machine the stages get no more of it than other programs",
            NICE,
        )
    for process in PROCESSES:
        if cores := of(settings.cores, process.name):
            yield _granted(
                f"import os; os.sched_setaffinity(0, {numbers(cores)})",
                f"{process.name} may have cores {cores}",
                f"{process.name} cannot have cores {cores}",
                CORES,
            )


def _granted(attempt: str, granted: str, refused: str, refusal: Refusal) -> Finding:
    """Tried in a process of its own, with which it ends."""
    done = subprocess.run([sys.executable, "-c", attempt], stderr=subprocess.DEVNULL, check=False)
    return ok(granted) if done.returncode == 0 else warning(refused, refusal.remedy)


def _may_be_realtime(priority: int) -> bool:
    """Tried in a thread of its own, with which it ends."""
    allowed = []

    def attempt() -> None:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
            allowed.append(priority)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(allowed)


def _why_not_realtime(priority: int) -> Finding:
    limit, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if limit >= priority or has_capability(CAP_SYS_NICE):
        return warning(
            "SCHED_FIFO is refused though this user may have it: the kernel keeps it from this control group",
            "sysctl -w kernel.sched_rt_runtime_us=-1, or run the engine outside of the container or slice",
        )
    return warning(f"SCHED_FIFO with priority {priority} is refused (RLIMIT_RTPRIO is {limit})", PRIORITY.remedy)


def processor(visit: Visit) -> Iterator[Finding]:
    """Enough cores, free and awake."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    sections = {process.section: getattr(visit.config, process.section) for process in PROCESSES}
    for name, section in sections.items():
        if getattr(section, "threads", 1) > cores:
            yield warning(f"{name}.threads is {section.threads}, and there are {cores} cores", f"set {name}.threads")
    if load > cores:
        yield warning(f"{cores} cores have work for {load:.1f} (load average)", "end what else runs: see top")
    else:
        yield ok(f"{cores} cores, load average {load:.1f}; lease: {plan(visit.config, cores)}")
    yield from _governors()


def sensors(visit: Visit) -> Iterator[Finding]:
    """What the governor can see of this machine."""
    if visit.config.governor.mode == "off":
        yield ok("not needed (governor.mode is off)")
        return
    present = list(Sensors().present())
    seen = ", ".join(f"{what} ({how})" for what, how in present if how)
    absent = ", ".join(what for what, how in present if not how)
    if not dict(present)["processor"]:
        yield warning("nothing tells how busy the processor is", "mount /proc, or set governor.mode = off")
    tables = [getattr(section, section.backend, None) for _, section in sections(visit.config)]
    if any(getattr(table, "device", "") == "cuda" for table in tables) and not dict(present)["NVIDIA GPU"]:
        yield warning("nothing tells how busy and how hot the GPU is", 'pip install "antiphon[nvml]"')
    yield ok(f"sees {seen}" + (f"; not here: {absent}" if absent else ""))


def _governors() -> Iterator[Finding]:
    """Cores that are clocked down until they have had work for a while are late for short work."""
    slow = set()
    for governor in _CPUS.glob(_GOVERNORS):
        with contextlib.suppress(OSError):
            # Drivers of the newer kind decide in hardware, and quickly, whatever this is called.
            if not (governor.parent / "energy_performance_preference").exists():
                slow |= {governor.read_text().strip()} & {"powersave", "ondemand", "conservative"}
    if slow:
        yield warning(
            f"the processor saves power (governor {', '.join(sorted(slow))})", "cpupower frequency-set -g performance"
        )
