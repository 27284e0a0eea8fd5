"""Strict mode, for tests and development: what was given back can be seen to be gone.

In production a claimed or acquired array lies in the ring and can still be read after commit and release; what it then
shows is whatever comes next: mostly much later, mostly something plausible. With RINGBUF_STRICT=1 in the environment,
or with the classes imported from here, every claim and every acquire hands out a buffer of its own; commit copies it
into the ring; and commit, abort and release overwrite it with poison: a full-scale square wave in int16, NaN in floats,
0xA5 elsewhere. So this mistake is heard, or fails a test, at once, and not on the day the writer comes round:

    record = reader.acquire()
    reader.release()
    play(record.data)                                # in the ring: nearly always right. Strict: a square wave

All else is the same, but for speed and for `contains`: nothing lies in the ring. The end of use of a HistoryReader's
`view` cannot be seen: it stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringbuf import history, latest, stream
from ringbuf._core import Record

__all__ = ["HistoryReader", "HistoryWriter", "LatestReader", "LatestWriter", "StreamReader", "StreamWriter"]


class _Loan:
    """A private buffer in place of an array in the ring."""

    def __init__(self, place: NDArray[Any], readable: bool) -> None:
        self.place = place
        self.store = bytearray(place.tobytes() if readable else place.nbytes)
        if not readable:
            self.poison()
        # A reader's is read-only for good: its flag cannot be set back.
        self.array = np.frombuffer(memoryview(self.store).toreadonly() if readable else self.store, place.dtype)

    def poison(self) -> None:
        """Overwrite what is left with whoever still holds the array."""
        array = np.frombuffer(self.store, self.place.dtype)
        if array.dtype == np.int16:
            array[:] = np.where(np.arange(len(array)) & 16, -(2**15), 2**15 - 1)
        elif array.dtype.kind == "f":
            array[:] = np.nan
        else:
            self.store[:] = b"\xa5" * len(self.store)


class _Loans:
    """What one ring object lent and did not get back yet."""

    loans: tuple[_Loan, ...] = ()

    def lend(self, place: NDArray[Any], readable: bool) -> NDArray[Any]:
        for loan in self.loans:  # the same again until it is given back, as in the ring
            if readable and loan.place is place:
                return loan.array
        self.loans = (*self.loans, _Loan(place, readable))
        return self.loans[-1].array

    def take_back(self) -> None:
        for loan in self.loans:
            loan.poison()
        self.loans = ()


def _writer(base: Any) -> Any:
    class Strict(_Loans, base):  # type: ignore[misc]
        def claim(self, n: int) -> NDArray[Any] | None:
            self.take_back()
            place = super().claim(n)
            return None if place is None else self.lend(place, readable=False)

        def commit(self, n: int, **tag: int) -> None:
            for loan in self.loans:
                loan.place[: max(n, 0)] = loan.array[: max(n, 0)]
            super().commit(n, **tag)
            self.take_back()

        def abort(self) -> None:
            super().abort()
            self.take_back()

        def put(self, *args: Any, **tag: int) -> bool | None:
            done: bool | None = super().put(*args, **tag)
            self.take_back()
            return done

    return type(base.__name__, (Strict,), {"__doc__": base.__doc__})


def _reader(base: Any) -> Any:
    class Strict(_Loans, base):  # type: ignore[misc]
        def acquire(self, *n: int) -> Any:
            if base is latest.LatestReader:  # it has no release: `check` speaks of the newest value alone
                self.take_back()
            found = super().acquire(*n)
            if not isinstance(found, Record):
                return None if found is None else self.lend(found, readable=True)
            found.data = self.lend(found.data, readable=True)
            return found

        def release(self, *n: int) -> bool | None:
            whole: bool | None = super().release(*n)
            self.take_back()
            return whole

    return type(base.__name__, (Strict,), {"__doc__": base.__doc__})


StreamWriter: type[stream.StreamWriter] = _writer(stream.StreamWriter)
StreamReader: type[stream.StreamReader] = _reader(stream.StreamReader)
HistoryWriter: type[history.HistoryWriter] = _writer(history.HistoryWriter)
HistoryReader: type[history.HistoryReader] = _reader(history.HistoryReader)
LatestWriter: type[latest.LatestWriter] = _writer(latest.LatestWriter)
LatestReader: type[latest.LatestReader] = _reader(latest.LatestReader)
