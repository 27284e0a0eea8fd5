"""A running engine that is looked at through its shared memory, and whose processes are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from talkbench.runs import settings

import ringbuf
from engine import NAME
from engine.channels import FORKS, PROCESSES, segment
from engine.door.client import DoorClient
from engine.footprint import pss
from engine.telemetry import READY, Telemetry

SHM = Path("/dev/shm")
PATIENCE_S = 120.0
"""Whoever has not done something by then never will."""
_TICK_S = 0.002


class Target:
    """Use: `with Target(folder, "--input", …)`. It is ready then."""

    def __init__(self, folder: Path, *options: str, sets: Mapping[str, object] | None = None) -> None:
        self.name = f"b{uuid.uuid4().hex[:10]}"
        self.door = folder / f"{self.name}.sock"
        own = {"engine.instance": self.name, "door.socket": str(self.door), **(sets or {})}
        command = [sys.executable, "-m", "engine", "run", *options, *settings(own)]
        self.ready_s: dict[str, float] = {}
        """How long after the command each worker was loaded and warm, the first time."""
        self._began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.instance = f"{NAME}.{self.name}.{self.process.pid}"
        self.until(lambda: (SHM / f"{self.instance}.cells").exists(), "its memory")
        time.sleep(0.1)
        self.telemetry = Telemetry(ringbuf.Cells(segment(self.instance, "cells"), writable=False))
        self.until(self._ready, "it to be ready")
        self.ready_s["all"] = time.monotonic() - self._began

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _ready(self) -> bool:
        for process in PROCESSES:
            if process.name not in self.ready_s and self.get(f"{process.name}.state") == READY:
                self.ready_s[process.name] = time.monotonic() - self._began
        return bool(self.get("engine.go"))

    def get(self, metric: str) -> int:
        return self.telemetry.get(metric)

    def until(self, true: Callable[[], Any], what: str) -> None:
        """Wait for something. SystemExit: the engine has ended before, or it never comes."""
        limit = time.monotonic() + PATIENCE_S
        while not true():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise SystemExit(f"waited in vain for {what}; exit code {self.process.poll()}")
            time.sleep(_TICK_S)

    def until_second(self, second: float) -> None:
        """Until the microphone has heard so much."""
        self.until(lambda: self.get("audio.start_ns"), "the timeline")
        at = self.get("audio.start_ns") + round(second * 1e9)
        while (left_s := (at - time.monotonic_ns()) / 1e9) > 0:  # asleep: who measures shall not take the engine's time
            if self.process.poll() is not None:
                raise SystemExit(f"waited in vain for second {second:g}; exit code {self.process.poll()}")
            time.sleep(min(left_s, 1))

    def pids(self) -> dict[str, int]:
        """The workers that run."""
        found = self.processes()
        found.pop(FORKS, None)
        return {title.removeprefix("engine:"): pid for title, pid in found.items()}

    def processes(self) -> dict[str, int]:
        """The workers that run, and what they are forked from, by their titles."""
        found = {}
        for line in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            try:
                words = Path(f"/proc/{line}/cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "--instance" in words:
                found[words[words.index("--instance") - 1]] = int(line)
        return found

    def kill(self, worker: str) -> float:
        """Kill it, and wait until it is back: so many seconds it took."""
        restarts, began = self.get(f"{worker}.restarts"), time.monotonic()
        os.kill(self.pids()[worker], signal.SIGKILL)
        self.until(
            lambda: self.get(f"{worker}.restarts") > restarts and self.get(f"{worker}.state") == READY, f"{worker}"
        )
        return time.monotonic() - began

    def is_left(self, pid: int) -> bool:
        """Whether a process still lives. One that nobody has asked after yet has ended all the same."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def client(self) -> DoorClient:
        return DoorClient(self.door)

    def segments(self) -> list[Path]:
        """What it has in /dev/shm."""
        return sorted(SHM.glob(f"{NAME}.{self.name}.*"))

    def cpu_s(self) -> float:
        """CPU time that its living processes have taken, and those that they have waited for, in seconds."""
        return sum(map(_cpu_s, [self.process.pid, *self.processes().values()]))

    def memory(self) -> dict[str, dict[str, float]]:
        """PSS of each process in MB, by kind: anon (its own), file (programs and libraries), shmem (the rings)."""
        named = {"supervisor": self.process.pid, **self.processes()}
        return {title.removeprefix("engine:"): _pss_by_kind(pid) for title, pid in named.items()}

    def footprint(self) -> dict[str, float]:
        """What it takes: the memory of the supervisor and of all processes, in MB, its files, processes, segments."""
        pid, others = self.process.pid, self.processes()
        return {
            "supervisor MB": pss(pid) / 1e6,
            "all MB": sum(map(pss, [pid, *others.values()])) / 1e6,
            "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
            "processes": len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()),
            "segments": len(self.segments()),
        }


def _pss_by_kind(pid: int) -> dict[str, float]:
    """Of smaps_rollup, proc(5). Nothing if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return {}
    kinds = (line.removeprefix("Pss_").split() for line in lines if line.startswith("Pss_"))
    return {kind.rstrip(":").lower(): int(kb) * 1024 / 1e6 for kind, kb, _ in kinds if kind != "Dirty:"}


def _cpu_s(pid: int) -> float:
    """proc(5): utime, stime, cutime, cstime. 0 if it is gone."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")
