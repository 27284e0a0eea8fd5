"""What every ring object has alike: attaching by name, views, `contains`, context manager, `repr`."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import posix_ipc
from numpy.typing import DTypeLike, NDArray

from ringbuf import _core
from ringbuf.errors import NoRing, RingError

_Self = TypeVar("_Self", bound="Attached")

# Fixed-size frames lie at few places; a ring of odd sizes must not collect views without end.
MAX_VIEWS = 4096


def attach(name: str, kind: int, access: int, slot: int = 0) -> _core.Mapping:
    """Map an existing segment. It is never registered with the resource tracker: a dying worker takes nothing along."""
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


class Views:
    """NumPy views over a mapping, made once for each place. Writable only where the mapping is."""

    def __init__(self, mapping: _core.Mapping, dtype: DTypeLike) -> None:
        self._bytes = np.frombuffer(memoryview(mapping), np.uint8)
        self._dtype = np.dtype(dtype)
        self._item = self._dtype.itemsize
        self._items = self._bytes[: len(self._bytes) // self._item * self._item].view(self._dtype)
        self._made: dict[int, NDArray[Any]] = {}

    def at(self, offset: int, length: int) -> NDArray[Any]:
        """The view of `length` bytes from `offset`, as items of the dtype."""
        view = self._made.get(offset)
        if view is None or view.nbytes != length:
            first, odd = divmod(offset, self._item)
            if odd:  # a dtype whose size is no power of two
                view = self._bytes[offset : offset + length].view(self._dtype)
            else:
                view = self._items[first : first + length // self._item]
            if offset in self._made or len(self._made) < MAX_VIEWS:
                self._made[offset] = view
        return view


class Attached(_core.Ring):
    """A ring attached in some role. Attach after a fork, not before: a child does not inherit the role."""

    name: str
    _views: Views

    def _adopt(self, mapping: _core.Mapping, dtype: DTypeLike) -> None:
        self.name = mapping.name
        self._views = Views(mapping, dtype)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the role. Views that are still held stay valid memory; their content may change."""
        self.__dict__.pop("_views", None)
        super().close()

    def _summary(self) -> str:
        return ""

    def __repr__(self) -> str:
        state = "closed" if self.closed else self._summary()
        return f"<{type(self).__name__} {self.name}{', ' if state else ''}{state}>"
