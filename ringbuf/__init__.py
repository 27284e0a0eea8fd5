"""Lock-free rings in shared memory, for processes that must not wait for each other.

Four kinds: stream, history, latest, cells; bells to wake whoever sleeps; and leases, the right to compute. One process
creates them by name (`create_…`) and outlives the rest; every process attaches by name, each in a role of its own.
Deadlines and capture times are CLOCK_MONOTONIC in ns. `core/layout.h` says what lies where in a segment.
RINGBUF_STRICT=1 in the environment is for tests: see `strict.py`.
"""

import os

from ringbuf._core import Bell, Record, Waiter, Watch, process_start
from ringbuf.bells import Bells, Watchable
from ringbuf.cells import Cells
from ringbuf.errors import NoRing, NoSpace, RingCorrupt, RingError, RoleTaken, WrongKind
from ringbuf.history import DISCONTINUITY, LOST, UNKNOWN, HistoryReader, HistoryWriter
from ringbuf.latest import LatestReader, LatestWriter
from ringbuf.lease import NEVER_DUE, Lease
from ringbuf.segment import (
    Segment,
    create_bells,
    create_cells,
    create_history,
    create_latest,
    create_lease,
    create_stream,
    describe,
    reap,
)
from ringbuf.stream import StreamReader, StreamWriter

if os.environ.get("RINGBUF_STRICT") == "1":
    from ringbuf import strict

    globals().update({name: getattr(strict, name) for name in strict.__all__})

__all__ = [
    "DISCONTINUITY",
    "LOST",
    "NEVER_DUE",
    "UNKNOWN",
    "Bell",
    "Bells",
    "Cells",
    "HistoryReader",
    "HistoryWriter",
    "LatestReader",
    "LatestWriter",
    "Lease",
    "NoRing",
    "NoSpace",
    "Record",
    "RingCorrupt",
    "RingError",
    "RoleTaken",
    "Segment",
    "StreamReader",
    "StreamWriter",
    "Waiter",
    "Watch",
    "Watchable",
    "WrongKind",
    "create_bells",
    "create_cells",
    "create_history",
    "create_latest",
    "create_lease",
    "create_stream",
    "describe",
    "process_start",
    "reap",
]
