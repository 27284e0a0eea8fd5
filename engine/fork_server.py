"""The supervisor's end of the fork server (workers/fork_server.py), which starts a worker in milliseconds.

It is a way to start workers and never the only one: where it cannot, or does not answer, or for a stage with a Python
of its own, the worker is started by executing an interpreter. Nobody waits for it: answers come by the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable

from engine.channels import FORKS
from engine.worker import GONE_S, OWN_GROUP, Worker, arguments, environment

_LOADS_S, _ANSWERS_S = 10.0, 2.0
"""It is taken for hanging when it takes longer to load, or to make a worker. A busy machine may be slow at both."""
_APART_S = 10.0
"""One that died is replaced at once, but no sooner than so long after it was started itself: it may be broken."""
_PR_SET_CHILD_SUBREAPER = 36
_GO = b"g"


class Forked:
    """A child that another process has made for us; like subprocess.Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self) -> int:
        """Its exit code, negative for a signal, once it has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def send_signal(self, number: int) -> None:
        """It is not taken leave of yet, so the number is its own."""
        os.kill(self.pid, number)


class ForkServer:
    """instance: the engine's. doorbell: the supervisor's eventfd, which workers inherit.

    forked: a worker that was asked for runs now. instead: one has to be started without it, now or a little later. Both
    are called in the event loop, and never after `close`. is_now: it is this process from now on, 0 for none.
    """

    def __init__(
        self,
        instance: str,
        doorbell: int,
        forked: Callable[[Worker], None],
        instead: Callable[[Worker], None],
        is_now: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        self._instance, self._doorbell = instance, doorbell
        self._forked, self._instead, self._is_now = forked, instead, is_now
        self._environ: dict[str, str] = {}
        self._popen: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._started_s = 0.0
        self._is_ready = False
        self._timer: asyncio.TimerHandle | None = None
        """Until when it has to answer, or until when the next one is not started."""
        self._ending: dict[subprocess.Popen[bytes], Callable[[], None]] = {}
        """Those that were killed, and what takes leave of them."""
        self._asked: dict[socket.socket, Worker] = {}
        """Workers that are being made, by our lines to them."""

    @property
    def pids(self) -> list[int]:
        """Its process, if there is one."""
        return [self._popen.pid] if self._popen else []

    def start(self) -> None:
        """Start it; it loads by itself. The kernel sends the parent's death to it through the thread that called this:
        call it from the main thread."""
        self._timer = None
        self._started_s, self._is_ready = time.monotonic(), False
        self._environ = environment(1)
        ours, theirs = _pair()
        with theirs:
            try:
                self._popen = subprocess.Popen(
                    [*arguments("", FORKS, self._instance, self._doorbell), "--requests", str(theirs.fileno())],
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    pass_fds=(self._doorbell, theirs.fileno()),
                    **OWN_GROUP,
                )
            except OSError:  # workers cannot be started either, and say so
                ours.close()
                return
        self._requests = ours
        self._is_now(self._popen.pid)
        asyncio.get_running_loop().add_reader(ours, self._told)
        self._expect(_LOADS_S)

    def fork(self, worker: Worker) -> None:
        """Start a worker, unless it is being started."""
        if worker in self._asked.values():
            return
        if self._requests is None or not worker.forkable or not self._ask(self._requests, worker):
            self._instead(worker)

    def _ask(self, requests: socket.socket, worker: Worker) -> bool:
        """False: it cannot be asked now."""
        try:
            ours, theirs = _pair()
        except OSError:  # too many open files
            return False
        _adopt(True)  # before it is asked: it may have made the worker before we run again
        with theirs:
            try:
                request = json.dumps({worker.process.title: self._changes(worker.environ)}).encode()
                socket.send_fds(requests, [request], [theirs.fileno()])
            except OSError:  # it has gone, or so much is asked of it that it has not read yet, or that is too long
                ours.close()
                _adopt(bool(self._asked))
                return False
        worker.begin()
        self._asked[ours] = worker
        asyncio.get_running_loop().add_reader(ours, self._answered, ours)
        if self._is_ready:
            self._expect(_ANSWERS_S)
        return True

    def _changes(self, environ: dict[str, str]) -> dict[str, str | None]:
        """What makes the fork server's environment this one."""
        gone: dict[str, str | None] = {name: None for name in self._environ if name not in environ}
        return gone | {name: value for name, value in environ.items() if self._environ.get(name) != value}

    def _told(self) -> None:
        """It says that it has loaded, or has gone."""
        assert self._requests is not None
        try:
            self._is_ready = bool(self._requests.recv(16))
        except OSError:
            self._is_ready = False
        if not self._is_ready:
            self._lose()
        elif self._asked:
            self._expect(_ANSWERS_S)
        else:
            self._forget_timer()

    def _answered(self, line: socket.socket) -> None:
        """A worker is ours, or could not be made."""
        if pid := _child(line):
            self._asked[line].adopt(Forked(pid))
        worker = self._hang_up(line, go=bool(pid))
        if pid:
            self._forked(worker)
        else:
            self._instead(worker)

    def _hang_up(self, line: socket.socket, go: bool) -> Worker:
        """End the talk with a worker. go: it may begin; else it ends."""
        asyncio.get_running_loop().remove_reader(line)
        with contextlib.suppress(OSError), line:  # it may have died meanwhile, which is seen elsewhere
            if go:
                line.send(_GO)
        worker = self._asked.pop(line)
        if not self._asked:
            _adopt(False)
            if self._is_ready:
                self._forget_timer()
        elif self._is_ready:
            self._expect(_ANSWERS_S)
        return worker

    def _expect(self, within_s: float) -> None:
        self._forget_timer()
        self._timer = asyncio.get_running_loop().call_later(within_s, self._lose)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lose(self) -> None:
        """It has died, or hangs. Nobody waits for it, and there will be another."""
        waiting = self._end()
        after_s = max(0.0, self._started_s + _APART_S - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(after_s, self.start)
        for worker in waiting:
            self._instead(worker)

    def _end(self) -> list[Worker]:
        """End it; the workers that were asked for in vain."""
        self._is_ready = False
        waiting = [self._hang_up(line, go=False) for line in list(self._asked)]
        self._forget_timer()
        if self._requests is not None:
            asyncio.get_running_loop().remove_reader(self._requests)
            self._requests.close()
            self._requests = None
        if self._popen is not None:
            self._popen.kill()
            self._take_leave(self._popen)
            self._popen = None
            self._is_now(0)
        return waiting

    def _take_leave(self, popen: subprocess.Popen[bytes]) -> None:
        """Of one that was killed, once it has ended. Without a thread: a machine that refuses processes refuses these,
        too."""
        loop, pidfd = asyncio.get_running_loop(), -1

        def ended() -> None:
            popen.wait()
            if pidfd >= 0:
                loop.remove_reader(pidfd)
                os.close(pidfd)
            del self._ending[popen]

        self._ending[popen] = ended
        with contextlib.suppress(OSError):  # too many open files: `close` does it
            pidfd = os.pidfd_open(popen.pid)
            loop.add_reader(pidfd, ended)

    def close(self) -> None:
        """Start no more workers: one that is being made ends by itself."""
        self._end()
        for popen, ended in tuple(self._ending.items()):
            with contextlib.suppress(subprocess.TimeoutExpired):  # in a call of a driver: the kernel keeps it
                popen.wait(GONE_S)
                ended()


def _pair() -> tuple[socket.socket, socket.socket]:
    """Our end of a line of packets, which never waits, and the other's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs


def _child(line: socket.socket) -> int:
    """The process id that a worker tells; 0: it has gone, or is not ours to take leave of."""
    try:
        pid = int(line.recv(16) or 0)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return pid
    except OSError:
        return 0


def _adopt(whether: bool) -> None:
    """Be the parent of orphans among our descendants, as a worker is whose maker has made it: only while one is being
    made, since others' orphans are for init to take leave of."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(whether), 0, 0, 0)
