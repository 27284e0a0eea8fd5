"""What every ring object has alike: attaching by name, views, `contains`, context manager, `repr`."""

from __future__ import annotations

import contextlib
import os
import weakref
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np
import posix_ipc
from numpy.typing import DTypeLike, NDArray

from ringbuf import _core
from ringbuf.errors import NoRing, RingCorrupt, RingError

_Self = TypeVar("_Self", bound="Attached")

# Kinds of NumPy dtypes that samples can be of.
NUMBERS = "biufc"


def check_name(name: str) -> None:
    """Raises ValueError when there can be no ring of this name."""
    if not 0 < len(name) <= 250 or not name.isascii() or not name.isprintable() or "/" in name or name in (".", ".."):
        raise ValueError(
            f"a ring cannot be called {name!r}; use 1 to 250 printable ASCII characters other than a slash"
        )


def attach(name: str, kind: int, access: int, slot: int = 0) -> _core.Mapping:
    """Map an existing segment. It is never registered with the resource tracker: a dying worker takes nothing along."""
    check_name(name)
    try:
        file = posix_ipc.SharedMemory(f"/{name}")
    except posix_ipc.ExistentialError:
        raise NoRing(f"there is no ring {name}; start its creator first, or mend the name") from None
    except posix_ipc.PermissionsError:
        raise RingError(f"ring {name} belongs to another user; run as the user that created it") from None
    try:
        return _core.Mapping(file.fd, name, kind, access, slot)
    finally:
        file.close_fd()


class Named(Protocol):
    """A part of a ring that knows the ring's name."""

    name: str


def cannot_pickle(ring: Named) -> TypeError:
    """A ring is not what crosses to another process: its name is."""
    return TypeError(f"{type(ring).__name__} {ring.name} cannot be pickled; send its name and attach there, by name")


def samples(mapping: _core.Mapping) -> np.dtype[Any]:
    """The dtype that a history's header names. Raises RingCorrupt when it is not that of its samples."""
    try:
        found = np.dtype(mapping.dtype)
    except (TypeError, ValueError):
        found = None
    if found is None or found.kind not in NUMBERS or found.itemsize != mapping.item:
        raise RingCorrupt(f"ring {mapping.name} is damaged: its dtype is impossible; have its creator make it anew")
    return found


def arrays(mapping: _core.Mapping, dtype: DTypeLike) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """All of the mapping's data, as bytes and as items of the dtype. Writable only where the mapping is. Each view
    that a ring hands out is a part of one of the two."""
    data = np.frombuffer(memoryview(mapping), np.uint8)
    item = np.dtype(dtype).itemsize
    if item == 0:
        raise ValueError(f"items of {np.dtype(dtype)} have no bytes; name a dtype that has")
    return data, data[: len(data) // item * item].view(dtype)


class Attached(_core.Ring):
    """A ring attached in some role. Attach after a fork, not before: in the child it is closed, the role stays with
    the parent."""

    name: str

    def _join(self, name: str) -> None:
        self.name = name
        _attached.add(self)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise cannot_pickle(self)

    def _summary(self) -> str:
        return ""

    def __repr__(self) -> str:
        state = "closed" if self.closed else self._summary()
        return f"<{type(self).__name__} {self.name}{', ' if state else ''}{state}>"


_attached: weakref.WeakSet[Attached] = weakref.WeakSet()


def _close_inherited() -> None:
    """Two processes in one role would write over each other; closing in the child gives nothing of the parent's up."""
    for ring in list(_attached):
        with contextlib.suppress(Exception):  # of a subclass's close: the others are to be closed all the same
            ring.close()


os.register_at_fork(after_in_child=_close_inherited)
