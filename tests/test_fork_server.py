"""The process that workers are forked from: what comes of it is a worker like any other, and it may fail."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from engine import fork_server
from engine.channels import PROCESSES
from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.fork_server import ForkServer
from engine.telemetry import READY
from engine.worker import Worker, arguments
from tests.rings import Rings

LIMIT_S = 60
_PR_GET_CHILD_SUBREAPER = 37

# What a worker runs in place of its work: it writes down how it finds itself, and waits to be killed.
LOOKS = """
import ctypes, gc, json, os, random, signal, sys, time
import numpy.random
import workers.fork_server as server

def look():
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    found = {
        "environ": {n: getenv(n.encode()).decode() for n in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NEW")},
        "python": dict(os.environ), "old": getenv(b"OLD") is None, "random": random.random(),
        "numpy": numpy.random.random(), "frozen": gc.get_freeze_count() > 1000, "argv": sys.argv[1:],
        "numbers": [n for n in range(1000) if os.path.lexists(f"/proc/self/fd/{n}")],
    }
    with open(os.environ["FOUND"] + "/" + sys.argv[1], "w") as file:
        file.write(json.dumps(found))
    time.sleep(600)

server.run = look
server.serve()
"""


class Scene:
    """A fork server, and the workers that are asked for. `forked` and `instead` are their names, in order."""

    def __init__(self, rings: Rings) -> None:
        self.rings, self.doorbell = rings, os.eventfd(0)
        self.forked: list[str] = []
        self.instead: list[str] = []
        self._workers: list[Worker] = []
        note = self.forked.append, self.instead.append
        self.server = ForkServer(
            rings.instance,
            self.doorbell,
            lambda worker: note[0](worker.process.name),
            lambda worker: note[1](worker.process.name),
        )

    def worker(self, name: str) -> Worker:
        process = next(process for process in PROCESSES if process.name == name)
        self._workers.append(Worker(process, self.rings.instance, self.rings.config, self.rings.telemetry))
        return self._workers[-1]

    def end(self) -> None:
        self.server.close()
        for worker in self._workers:
            if worker.pid:
                worker.kill()
                worker.reap()
        os.close(self.doorbell)


async def until(true: Callable[[], Any]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < limit
        await asyncio.sleep(0.005)


def scene(rings: Rings, play: Callable[[Scene], Awaitable[None]]) -> None:
    """Play it in an event loop like the supervisor's, and clear away."""

    @contextlib.asynccontextmanager
    async def stage() -> AsyncIterator[Scene]:
        made = Scene(rings)
        try:
            yield made
        finally:
            made.end()

    async def run() -> None:
        async with stage() as made:
            await play(made)

    uvloop.run(run())


def adopts() -> bool:
    """This process becomes the parent of orphans."""
    answer = ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return bool(answer.value)


def facts(pid: int, instance: str) -> dict[str, Any]:
    """How the kernel sees a worker."""
    folder = Path(f"/proc/{pid}")
    stat = folder.joinpath("stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":\t", 1) for line in folder.joinpath("status").read_text().splitlines())
    files = {int(one.name): os.readlink(one) for one in folder.joinpath("fd").iterdir()}
    return {
        "command": folder.joinpath("cmdline").read_bytes().decode().rstrip("\0").replace(instance, "INSTANCE"),
        "parent": int(stat[1]) == os.getpid(),
        "group": int(stat[2]) == pid,
        "session": int(stat[3]),
        "nice": stat[16],
        "class": os.sched_getscheduler(pid),
        "cores": os.sched_getaffinity(pid),
        "stdin": files[0],
        "files": sorted(one for number, one in files.items() if number > 2),
        **{name: status[name] for name in ("Name", "Threads", "VmLck", "SigBlk", "SigIgn", "SigCgt")},
    }


def test_a_forked_worker_is_to_the_kernel_what_an_executed_one_is(rings_with: Callable[..., Rings]) -> None:
    """Parent, group, command line, files, signals: all of it."""
    rings, others = rings_with(), rings_with()

    async def play(scene: Scene) -> None:
        scene.server.start()
        worker = scene.worker("turns")
        scene.server.fork(worker)
        scene.server.fork(worker)  # it is being started
        assert adopts()
        await until(lambda: rings.telemetry.get("turns.state") == READY)
        assert (scene.forked, scene.instead, adopts()) == (["turns"], [], False)
        found = facts(worker.pid, rings.instance)
        other = Worker(worker.process, others.instance, others.config, others.telemetry)
        other.start(scene.doorbell)
        try:
            await until(lambda: others.telemetry.get("turns.state") == READY)
            assert facts(other.pid, others.instance) == found
        finally:
            other.kill()
            other.reap()
        assert found["parent"]
        assert found["group"]
        (server,) = scene.server.pids
        assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1  # or it could not be forked
        os.kill(worker.pid, signal.SIGTERM)
        await until(lambda: select.select([worker.pidfd], [], [], 0)[0])
        assert worker.reap() == -signal.SIGTERM

    scene(rings, play)


def test_a_worker_has_an_environment_and_chances_of_its_own(
    rings_with: Callable[..., Rings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As many threads as its stage may have, for C libraries too, and no copy of somebody else's random numbers."""
    rings = rings_with("asr.threads=3", "llm.threads=2", "mps.directory=/run/mps")

    def looking(*told: Any) -> list[str]:
        interpreter, _, _, *rest = arguments(*told)
        return [interpreter, "-c", LOOKS, *rest]

    monkeypatch.setattr(fork_server, "arguments", looking)
    monkeypatch.setenv("OLD", "1")
    monkeypatch.setenv("FOUND", str(tmp_path))

    async def play(scene: Scene) -> None:
        scene.server.start()
        monkeypatch.delenv("OLD")
        monkeypatch.setenv("NEW", "2")
        workers = {name: scene.worker(name) for name in ("asr", "llm")}
        for worker in workers.values():
            scene.server.fork(worker)
        await until(lambda: len(scene.forked) == 2)
        files = {name: tmp_path / worker.process.title for name, worker in workers.items()}
        await until(lambda: all(file.exists() and file.read_text().endswith("}") for file in files.values()))
        found = {name: json.loads(file.read_text()) for name, file in files.items()}
        for name, threads in (("asr", "3"), ("llm", "2")):
            mine = found[name]
            assert mine["environ"] == {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "NEW": "2"}
            assert mine["python"] == workers[name].environ
            assert mine["old"]
            assert mine["frozen"]
            assert mine["argv"] == arguments("", f"engine:{name}", rings.instance, scene.doorbell)[3:]
            assert mine["numbers"] == [0, 1, 2, scene.doorbell]
        assert found["asr"]["python"]["CUDA_MPS_PIPE_DIRECTORY"] == "/run/mps"
        for generator in ("random", "numpy"):
            assert found["asr"][generator] != found["llm"][generator]

    scene(rings, play)


@pytest.mark.parametrize("how", ["it was killed", "it hangs"])
def test_without_an_answer_a_worker_is_started_in_another_way_and_the_next_is_forked_again(
    rings: Rings, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(fork_server, "_APART_S", 0.0)

    async def play(scene: Scene) -> None:
        scene.server.start()
        await until(lambda: scene.server._is_ready)
        (first,) = scene.server.pids
        os.kill(first, signal.SIGSTOP)
        if how == "it hangs":
            monkeypatch.setattr(fork_server, "_ANSWERS_S", 0.05)
        scene.server.fork(scene.worker("vad"))
        if how == "it was killed":
            os.kill(first, signal.SIGKILL)
        await until(lambda: scene.instead == ["vad"])
        assert not adopts()
        monkeypatch.setattr(fork_server, "_ANSWERS_S", LIMIT_S)
        await until(lambda: scene.server._is_ready)
        assert scene.server.pids != [first]
        scene.server.fork(scene.worker("turns"))
        await until(lambda: scene.forked == ["turns"])
        assert scene.instead == ["vad"]

    scene(rings, play)


def test_a_worker_that_is_made_before_its_asker_runs_again_is_a_child_all_the_same(
    rings: Rings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine whoever is asked may run at once, and the asker only when all is done."""
    send = socket.send_fds

    def send_and_be_held_up(*arguments: Any) -> int:
        sent = send(*arguments)
        line = arguments[2][0]  # the other end of the one that the worker tells its number on
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline and not select.select([peer_of[line]], [], [], 0.01)[0]:
            pass
        return sent

    peer_of: dict[int, socket.socket] = {}
    pair = fork_server._pair

    def paired() -> tuple[socket.socket, socket.socket]:
        ours, theirs = pair()
        peer_of[theirs.fileno()] = ours
        return ours, theirs

    async def play(scene: Scene) -> None:
        scene.server.start()
        await until(lambda: scene.server._is_ready)
        monkeypatch.setattr(fork_server, "_pair", paired)
        monkeypatch.setattr(socket, "send_fds", send_and_be_held_up)
        worker = scene.worker("turns")
        scene.server.fork(worker)
        await until(lambda: scene.forked or scene.instead)
        assert (scene.forked, scene.instead) == (["turns"], [])
        assert facts(worker.pid, rings.instance)["parent"]

    scene(rings, play)


def test_where_no_thread_can_be_had_nobody_waits_in_vain(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that refuses processes refuses threads, too."""

    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)

    async def play(scene: Scene) -> None:
        scene.server.start()
        scene.server.fork(scene.worker("vad"))
        (server,) = scene.server.pids
        os.kill(server, signal.SIGKILL)
        await until(lambda: scene.instead == ["vad"])
        await until(lambda: not Path(f"/proc/{server}").exists())

    scene(rings, play)


def test_one_that_dies_over_and_over_is_not_started_over_and_over(
    rings: Rings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker that is asked for meanwhile does not wait for it."""
    count = tmp_path / "count"
    code = f"open({str(count)!r}, 'a').write('.')"
    monkeypatch.setattr(fork_server, "arguments", lambda *_: [sys.executable, "-S", "-c", code])

    async def play(scene: Scene) -> None:
        scene.server.start()
        scene.server.fork(scene.worker("vad"))
        await until(lambda: scene.instead == ["vad"])
        scene.server.fork(scene.worker("asr"))
        assert scene.instead == ["vad", "asr"]  # at once
        await asyncio.sleep(0.3)
        assert count.read_text() == "."

    scene(rings, play)


def test_a_worker_that_was_given_up_does_not_begin(rings: Rings) -> None:
    """Its fork server answers after all, when nobody waits for it any more: there would be two of it."""

    async def play(scene: Scene) -> None:
        scene.server.start()
        await until(lambda: scene.server._is_ready)
        (server,) = scene.server.pids
        worker = scene.worker("turns")
        scene.server.fork(worker)
        (line,) = scene.server._asked
        # Not in the loop, which would tell it to go on.
        assert select.select([line], [], [], LIMIT_S)[0]
        pid = int(line.recv(16, socket.MSG_PEEK))
        scene.server.close()
        assert os.waitpid(pid, 0) == (pid, 0)  # by itself
        assert (rings.telemetry.get("turns.beat_ns"), worker.pid) == (0, 0)
        await until(lambda: not Path(f"/proc/{server}").exists())

    scene(rings, play)


def test_a_stage_with_a_python_of_its_own_is_not_forked() -> None:
    config = load(sets=[f"llm.python={sys.executable}"], environ={SYSTEM_CONFIG: ""})
    made = [Worker(process, "none", config, None) for process in PROCESSES]  # type: ignore[arg-type]
    assert [worker.process.name for worker in made if not worker.forkable] == ["llm"]
