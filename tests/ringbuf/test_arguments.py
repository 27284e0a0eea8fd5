"""Arguments that are not what they should be, or that do something while they are looked at."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any, SupportsIndex

import numpy as np
import pytest
from numpy.typing import NDArray

import ringbuf
from ringbuf import HistoryReader, HistoryWriter, LatestWriter, StreamReader, StreamWriter

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

# In a process of its own: what this protects from is a crash.
CLOSING = """if True:
    import sys, ringbuf
    class Closing:
        def __init__(self, ring): self.ring = ring
        def __index__(self): self.ring.close(); return 1
    def commit(ring): ring.claim(8); ring.commit(8, capture_ns=Closing(ring))
    def put(ring): ring.put(b"12", capture_ns=Closing(ring))
    stream, history, latest, cells = sys.argv[1:]
    calls = [
        *[(make, call) for call in (commit, put) for make in (
            lambda: ringbuf.StreamWriter(stream),
            lambda: ringbuf.HistoryWriter(history),
            lambda: ringbuf.LatestWriter(latest),
        )],
        *[(lambda: ringbuf.HistoryReader(history, 0), call) for call in (
            lambda ring: ring.capture_ns(Closing(ring)), lambda ring: ring.holds(Closing(ring)),
            lambda ring: ring.seek(Closing(ring)), lambda ring: ring.view(0, Closing(ring)),
            lambda ring: ring.flags(Closing(ring), 3),
        )],
        (lambda: ringbuf.Cells(cells), lambda ring: ring.add(0, Closing(ring))),
    ]
    for make, call in calls:
        try: call(make())
        except ringbuf.RingError as error: assert "closed" in str(error), error
        else: raise AssertionError
    print(len(calls))
"""


def test_an_argument_that_closes_the_ring_while_it_is_looked_at_is_no_crash(make: Make, spawn: Spawn) -> None:
    names = make("stream", 4096), make("history", 4096, 16000), make("latest", 100), make("cells", 4)
    process = spawn(CLOSING, *names)
    assert process.communicate() == ("12\n", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "says"),
    [
        ((), {"capture_ns": 1}, TypeError, "n is needed"),
        ((8,), {}, TypeError, "capture_ns is needed"),
        ((8, 1), {}, TypeError, "1 positional"),
        ((8,), {"capture_ns": 1, "colour": 2}, TypeError, "colour"),
        ((8,), {"n": 8, "capture_ns": 1}, TypeError, "twice.*n"),
        ((8,), {"capture_ns": "now"}, TypeError, "integer"),
        ((8,), {"capture_ns": 2**63}, OverflowError, "too large"),
        ((8,), {"capture_ns": 1, "flags": -1}, ValueError, "32 bits"),
        ((8,), {"capture_ns": 1, "flags": 2**32}, ValueError, "32 bits"),
        ((8.0,), {"capture_ns": 1}, TypeError, "integer"),
        ((9,), {"capture_ns": 1}, ValueError, "0 to 8"),
    ],
)
def test_a_history_commit_says_what_is_wrong_with_its_arguments_and_keeps_the_claim(
    make: Make, arguments: tuple[int, ...], keywords: dict[str, int], error: type[Exception], says: str
) -> None:
    with HistoryWriter(make("history", 4096, 16000)) as writer:
        writer.claim(8)
        with pytest.raises(error, match=says):
            writer.commit(*arguments, **keywords)
        writer.commit(n=8, flags=2**32 - 1, capture_ns=-1)
        assert writer.position == 8


def test_numpy_numbers_are_numbers(make: Make) -> None:
    name = make("history", 4096, 16000)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        writer.put(np.zeros(8, np.int16), np.int64(5), np.uint32(1))
        assert reader.capture_ns(np.int64(0)) == 5
        assert reader.flags(0, 8) == 1


def test_a_subclass_may_override_what_the_core_does_and_its_subclasses_keep_that(make: Make) -> None:
    class Counting(StreamWriter):
        claims = 0

        def claim(self, items: SupportsIndex) -> NDArray[Any] | None:
            self.claims += 1
            return None

    class Further(Counting):
        pass

    with Further(make("stream", 4096)) as writer:
        assert writer.claim(8) is None
        assert writer.claims == 1
        assert writer.put(b"x")


def test_a_method_of_one_kind_is_not_called_on_another(make: Make) -> None:
    with LatestWriter(make("latest", 100)) as latest:
        for wrong in (StreamWriter.put, StreamReader.acquire):
            with pytest.raises(TypeError):
                wrong(latest)  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize("dtype", ["V0", "S0"])
def test_a_dtype_without_bytes_is_refused(make: Make, dtype: str) -> None:
    name = make("stream", 4096)
    with pytest.raises(ValueError, match="no bytes"):
        StreamWriter(name, dtype=dtype)
    assert ringbuf.describe(name)["writer"] is None
