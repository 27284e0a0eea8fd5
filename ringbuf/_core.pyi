"""The C core. `arrays` are all of the data as bytes and as items, which views are made of (attach.py)."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from _typeshed import ReadableBuffer
from numpy.typing import NDArray

# NumPy's own types do not tell before Python 3.12 that an array is a buffer.
Payload: TypeAlias = ReadableBuffer | NDArray[Any]
Arrays: TypeAlias = tuple[NDArray[Any], NDArray[Any]]

STREAM: int
HISTORY: int
LATEST: int
CELLS: int
BELLS: int
LEASE: int
OBSERVE: int
WRITE: int
READ: int
SHARE: int
HEADER: int

def measure(
    kind: int,
    capacity: int,
    *,
    item: int = 1,
    rate: int = 0,
    slots: int = 0,
    readers: int = 0,
    blocks: int = 0,
    first: int = 0,
    dtype: str = "",
) -> int: ...
def format(  # noqa: A001
    kind: int,
    capacity: int,
    *,
    item: int = 1,
    rate: int = 0,
    slots: int = 0,
    readers: int = 0,
    blocks: int = 0,
    first: int = 0,
    dtype: str = "",
    fd: int,
) -> None: ...
def process_start(pid: int, /) -> int: ...
def creator_alive(header: bytes, size: int, /) -> bool | None: ...

class Mapping:
    name: str
    size: int
    capacity: int
    first: int
    item: int
    rate: int
    slots: int
    dtype: str
    def __new__(cls, fd: int, name: str, kind: int, access: int, slot: int = 0, /) -> Mapping: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def describe(self) -> dict[str, Any]: ...

class Watch:
    @property
    def ready(self) -> bool: ...
    def take(self) -> int: ...

class Bell:
    index: int
    def __new__(cls, mapping: Mapping, index: int, /) -> Bell: ...
    def ring(self) -> None: ...

class Record:
    length: int
    kind: int
    flags: int
    session: int
    turn: int
    attempt: int
    capture_ns: int
    deadline_ns: int
    a: int
    b: int
    data: NDArray[Any]

class HasWatch(Protocol):
    @property
    def watch(self) -> Watch: ...

class Waiter:
    @property
    def missed(self) -> int: ...
    def __new__(
        cls,
        bell: Bell,
        inputs: Sequence[Watch | HasWatch] = (),
        *,
        spin_ns: int = 0,
        any_ring: bool = False,
    ) -> Waiter: ...
    def wait(self, deadline_ns: int | None, /) -> bool: ...

class Ring:
    closed: bool
    epoch: int
    def close(self) -> None: ...
    def contains(self, array: Payload, /) -> bool: ...

class StreamWriter(Ring):
    full_count: int
    max_items: int
    def __init__(self, mapping: Mapping, bells: Sequence[Bell], arrays: Arrays) -> None: ...
    def claim(self, items: int, /) -> NDArray[Any] | None: ...
    def commit(
        self,
        items: int,
        /,
        *,
        kind: int = 0,
        flags: int = 0,
        session: int = 0,
        turn: int = 0,
        attempt: int = 0,
        capture_ns: int = 0,
        deadline_ns: int = 0,
        a: int = 0,
        b: int = 0,
    ) -> None: ...
    def abort(self) -> None: ...
    def scrub(self) -> None: ...
    def put(
        self,
        payload: Payload,
        /,
        *,
        kind: int = 0,
        flags: int = 0,
        session: int = 0,
        turn: int = 0,
        attempt: int = 0,
        capture_ns: int = 0,
        deadline_ns: int = 0,
        a: int = 0,
        b: int = 0,
    ) -> bool: ...
    def space(self, items: int, /) -> Watch: ...
    def handle(self) -> object: ...

class StreamReader(Ring):
    @property
    def watch(self) -> Watch: ...
    record: Record
    def __init__(self, mapping: Mapping, bells: Sequence[Bell], arrays: Arrays, start: str = "resume") -> None: ...
    def acquire(self) -> Record | None: ...
    def release(self) -> None: ...
    def handle(self) -> object: ...

class HistoryWriter(Ring):
    position: int
    def __init__(self, mapping: Mapping, bells: Sequence[Bell], arrays: Arrays) -> None: ...
    def claim(self, n: int, /) -> NDArray[Any]: ...
    def commit(self, n: int, *, capture_ns: int, flags: int = 0) -> None: ...
    def put(self, samples: Payload, capture_ns: int, flags: int = 0) -> None: ...
    def abort(self) -> None: ...
    def scrub(self, start: int, stop: int, /) -> None: ...

class HistoryReader(Ring):
    @property
    def watch(self) -> Watch: ...
    cursor: int
    lost: int
    position: int
    oldest: int
    def __init__(self, mapping: Mapping, bells: Sequence[Bell], arrays: Arrays, start: str | int) -> None: ...
    def acquire(self, n: int, /) -> NDArray[Any] | None: ...
    def release(self, n: int, /) -> bool: ...
    def view(self, start: int, stop: int, /) -> NDArray[Any] | None: ...
    def holds(self, start: int, /) -> bool: ...
    def seek(self, index: int, /) -> None: ...
    def want(self, n: int, /) -> None: ...
    def capture_ns(self, index: int, /) -> int | None: ...
    def flags(self, start: int, stop: int, /) -> int: ...

class LatestWriter(Ring):
    sequence: int
    def __init__(self, mapping: Mapping, bells: Sequence[Bell], arrays: Arrays) -> None: ...
    def claim(self, items: int, /) -> NDArray[Any]: ...
    def commit(
        self,
        items: int,
        /,
        *,
        kind: int = 0,
        flags: int = 0,
        session: int = 0,
        turn: int = 0,
        attempt: int = 0,
        capture_ns: int = 0,
        deadline_ns: int = 0,
        a: int = 0,
        b: int = 0,
    ) -> None: ...
    def put(
        self,
        payload: Payload,
        /,
        *,
        kind: int = 0,
        flags: int = 0,
        session: int = 0,
        turn: int = 0,
        attempt: int = 0,
        capture_ns: int = 0,
        deadline_ns: int = 0,
        a: int = 0,
        b: int = 0,
    ) -> None: ...
    def abort(self) -> None: ...

class LatestReader(Ring):
    @property
    def watch(self) -> Watch: ...
    record: Record
    sequence: int
    fresh: bool
    def __init__(self, mapping: Mapping, arrays: Arrays) -> None: ...
    def read(self) -> bytes | None: ...
    def acquire(self) -> NDArray[Any] | None: ...
    def check(self) -> bool: ...

class Lease(Ring):
    @property
    def held(self) -> bool: ...
    @property
    def wanted(self) -> bool: ...
    @property
    def takes(self) -> int: ...
    @property
    def waited(self) -> int: ...
    @property
    def overdrafts(self) -> int: ...
    @property
    def missed(self) -> int: ...
    def __init__(self, mapping: Mapping, slot: int) -> None: ...
    def take(self, due_ns: int, until_ns: int, /) -> bool: ...
    def turn(self, due_ns: int, until_ns: int, /) -> bool: ...
    def give(self) -> None: ...
    def reap(self) -> None: ...

class Cells(Ring):
    count: int
    def __init__(self, mapping: Mapping, writable: bool) -> None: ...
    def load(self, i: int, /) -> int: ...
    def store(self, i: int, v: int, /) -> None: ...
    def add(self, i: int, d: int, /) -> int: ...
    def observe(self, i: int, n: int, /) -> None: ...
    def cas(self, i: int, expected: int, new: int, /) -> bool: ...
    def maximum(self, i: int, v: int, /) -> int: ...
    def watch(self, i: int, /) -> Watch: ...
