"""The fork server: it has imported what all workers import, and makes a worker of itself as often as it is asked to.

    python -m workers engine:forks --instance NAME --parent PID --doorbell FD --requests FD

A request is one packet: which worker, how its environment differs from ours, and the supervisor's line to it. The
worker is a grandchild whose parent ends at once: the supervisor, which adopts orphans meanwhile, is its parent then,
like that of one that it started itself. It says so on its line, and goes on when it is told to. If it is not told, the
supervisor has given it up and may have started another. There is one thread here, no backend, no ring and no model.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from importlib import import_module
from pathlib import Path

from engine.channels import FORKS, PROCESSES
from engine.scheduling import be_usual
from workers.join import die_with, name_thread, parser, run

LARGEST = 1 << 18
"""Bytes of a request: an environment may be long."""
READY = b"ready"


def serve() -> None:
    """Be the fork server until the supervisor hangs up, or dies."""
    arguments = parser().parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor alone to understand
    if not die_with(arguments.parent):
        os._exit(8)
    be_usual()  # the supervisor is not
    name_thread(FORKS)
    for process in PROCESSES:
        with contextlib.suppress(Exception):  # the worker meets it too, and tells it
            import_module(process.module)
    gc.collect()
    gc.freeze()  # what is shared with the workers stays shared: no collector of theirs writes to it
    requests = socket.socket(fileno=arguments.requests)
    try:
        requests.send(READY)
        while True:
            request, lines, _, _ = socket.recv_fds(requests, LARGEST, 1)
            if not request:
                break
            with socket.socket(fileno=lines[0]) as line:
                _fork(requests, line, json.loads(request))
    except OSError:
        pass  # it has gone
    os._exit(0)


def _fork(requests: socket.socket, line: socket.socket, request: dict[str, dict[str, str | None]]) -> None:
    """Make a worker. Without a process for it its line is closed, and the supervisor starts it in its own way."""
    try:
        between = os.fork()
        if between:
            os.waitpid(between, 0)
            return
    except OSError:
        return
    try:
        between = os.getpid()
        if os.fork() == 0:
            requests.close()
            _become(between, line, request)
    except OSError:  # no process for it either: the end of this one tells the supervisor
        pass
    except BaseException:  # nothing of this may go on as a second fork server
        traceback.print_exc()
    finally:
        os._exit(1)


def _become(between: int, line: socket.socket, request: dict[str, dict[str, str | None]]) -> None:
    """Be the worker. between: the process that stands between it and its parent."""
    os.setpgid(0, 0)
    ((title, environ),) = request.items()
    _change(environ)
    sys.argv[1:] = _arguments(sys.argv[1:], title)
    _show(title)
    if (numbers := sys.modules.get("numpy.random")) is not None:
        numbers.seed()  # its generator, if somebody has loaded it, is a copy; Python's own is sown anew by Python
    with contextlib.suppress(ProcessLookupError):
        ending = os.pidfd_open(between)
        select.select([ending], [], [])
        os.close(ending)
    with contextlib.suppress(OSError):  # it has hung up
        line.send(b"%d" % os.getpid())
        if line.recv(1):
            line.close()
            run()
    os._exit(0)


def _arguments(ours: list[str], title: str) -> list[str]:
    """A worker's, from ours: it has another title, and no requests."""
    return [title, *ours[1:-2]]


def _change(environ: dict[str, str | None]) -> None:
    """Variables, for C libraries too (putenv); None takes one away."""
    for name, value in environ.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _show(title: str) -> None:
    """Let `ps` and `pkill -f` see a worker's command line, in the place of ours, which is longer. The kernel reads it
    where it has put it (proc(5): arg_start and arg_end); what is left of the place stays empty."""
    words = [os.fsdecode(word) for word in Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]]
    at = words.index(FORKS)
    line = "".join(f"{word}\0" for word in [*words[:at], *_arguments(words[at:], title)])
    start, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45:47])
    if 0 < len(text := os.fsencode(line)) <= end - start:
        ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)
