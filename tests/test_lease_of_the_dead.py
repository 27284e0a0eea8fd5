"""What a worker held of the lease when it died is free as soon as the supervisor knows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import uvloop

import ringbuf
from engine.channels import segment
from engine.lease import slot_of
from tests.test_restarts import Ends, Scene

HOLD_AND_DIE = """
import os, sys, ringbuf
lease = ringbuf.Lease(sys.argv[1], int(sys.argv[2]))
assert lease.take(1, 1 << 60)
print(flush=True)
os._exit(3)
"""


class Holds(Ends):
    """A worker that dies with the lease, once."""

    def start(self, doorbell: int) -> None:
        self._started_ns = time.monotonic_ns()
        self.starts.append(self._started_ns / 1e9)
        name, slot = segment(self._instance, "lease"), str(slot_of(self.process.name))
        code = HOLD_AND_DIE if len(self.starts) == 1 else "import time; time.sleep(60)"
        self._popen = subprocess.Popen([sys.executable, "-c", code, name, slot], stdout=subprocess.PIPE)
        assert self._popen.stdout is not None
        with self._popen.stdout as told:
            if len(self.starts) == 1:
                assert told.readline() == b"\n"  # it has it
        self.pidfd = os.pidfd_open(self._popen.pid)


def test_the_lease_of_a_dead_worker_is_free_before_anything_else_is_done() -> None:
    seen: list[list[dict[str, Any]]] = []

    async def scene() -> None:
        scene = Scene("llm", 3, 1, "lease.mode=cpu", "lease.units=1")
        supervisor = scene.supervisor
        worker = Holds(scene.worker.process, supervisor.instance, supervisor.config, supervisor.telemetry)
        worker.become(3, 1)
        scene.worker, supervisor.workers = worker, [worker]
        name = segment(supervisor.instance, "lease")
        supervisor.on_death = lambda _: seen.append(ringbuf.describe(name)["slots"])
        assert await scene.run(lambda: len(worker.starts) == 2) is None

    uvloop.run(scene())
    (slots,) = seen
    assert slots[slot_of("llm")]["takes"] == 1
    assert not any(slot["holds"] for slot in slots)
