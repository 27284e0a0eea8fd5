"""The table of systems: adding one is a row here and a class with `send` and `receive`."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec

from ringbench import floors, ours, packages, standard
from ringbench.system import SLEEPS, SPINS, Missing, System

SYSTEMS = (
    System("floor_line", "C: two cache lines, no frame", "floor", SPINS, floors.floor_link, floors.Spin, sizes=(0,)),
    System("floor_spin", "C: cache lines", "floor", SPINS, floors.floor_link, floors.Spin),
    System("ring_spin", "ringbuf stream", "ring", SPINS, ours.stream_link, ours.Stream),
    System("ring_untagged", "ringbuf stream, no tag", "ring", SPINS, ours.stream_link, ours.UntaggedStream),
    System("ring_history", "ringbuf history", "ring", SPINS, ours.history_link, ours.History),
    System("ring_waiter", "ringbuf stream, Waiter spins", "ring", SPINS, ours.stream_link, ours.SpinningWaiter),
    System("iceoryx2", "iceoryx2, payload()", "iceoryx2", SPINS, packages.iceoryx2_link, packages.Iceoryx2, "iceoryx2"),
    System(
        "iceoryx2_address",
        "iceoryx2, raw address",
        "iceoryx2",
        SPINS,
        packages.iceoryx2_link,
        packages.Iceoryx2Address,
        "iceoryx2",
    ),
    System("floor_futex", "C: futex", "floor", SLEEPS, floors.floor_link, floors.Futex),
    System("ring_sleep", "ringbuf stream, asleep", "ring", SLEEPS, ours.stream_link, ours.SleepingStream),
    System("pipe", "Pipe, bytes", "pipe", SLEEPS, standard.pipe_link, standard.PipeBytes),
    System("pipe_into", "Pipe, bytes into", "pipe", SLEEPS, standard.pipe_link, standard.PipeBytesInto),
    System("pipe_object", "Pipe, arrays", "pipe", SLEEPS, standard.pipe_link, standard.PipeObject),
    System("simplequeue", "SimpleQueue", "simplequeue", SLEEPS, standard.simple_queue_link, standard.Queued),
    System("queue", "Queue", "queue", SLEEPS, standard.queue_link, standard.Queued),
    System(
        "faster_fifo", "faster-fifo", "faster-fifo", SLEEPS, packages.faster_fifo_link, standard.Queued, "faster_fifo"
    ),
    System("zmq", "pyzmq, ipc", "zmq", SLEEPS, packages.zmq_link, packages.Zmq, "zmq"),
)

PEERS = tuple(dict.fromkeys(system.peer for system in SYSTEMS))


def absent() -> tuple[str, ...]:
    """The peers that are not installed: not every one has a wheel for every machine."""
    return tuple(dict.fromkeys(s.peer for s in SYSTEMS if s.module and find_spec(s.module) is None))


def choose(peers: Collection[str]) -> list[System]:
    """The systems of the peers; the rings are always among them. Raises Missing when one is not installed."""
    chosen = [system for system in SYSTEMS if system.peer == "ring" or system.peer in peers]
    missing = [peer for peer in absent() if peer in peers]
    if missing:
        left = ",".join(peer for peer in PEERS if peer not in missing)
        raise Missing(
            f"{' and '.join(missing)} not installed: pip install --group bench, or leave out with --peers {left}"
        )
    return chosen
