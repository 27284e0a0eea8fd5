"""The history and the latest value against models of a few lines: any sequence of calls, re-attaching included."""

from __future__ import annotations

import itertools
import os
import uuid
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray

import ringbuf
from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

RATE, BLOCKS, SLOTS, VALUE = 16000, 16, 3, 100
WORD = 1 << 64
# Where a mutant is to fail, it fails each time alike, and the smallest case is not wanted.
MUTANT = "RINGTEST_MUTANT" in os.environ
PHASES = [Phase.generate] if MUTANT else list(Phase)
CASES = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    phases=PHASES,
    derandomize=MUTANT,
    suppress_health_check=list(HealthCheck),
)
_names = itertools.count()


def name_of(kind: str) -> str:
    return f"ringtest{uuid.uuid4().hex[:8]}.{os.getpid()}.{kind}{next(_names)}"


class HistoryModel(RuleBasedStateMachine):
    """Indices are Python's integers here, modulo 2^64 there. Sample i has the value i, 16 bits."""

    segment: ringbuf.Segment | None = None

    @initialize(first=st.sampled_from([0, 2**32 - 1000, 2**63 - 1000, 2**64 - 1000]))
    def start(self, first: int) -> None:
        name = name_of("history")
        self.segment = ringbuf.create_history(name, 2048, RATE, readers=2, blocks=BLOCKS, first=first)
        self.writer, self.reader = ringbuf.HistoryWriter(name), ringbuf.HistoryReader(name, 1)
        self.capacity = self.writer.capacity
        self.first = self.published = self.announced = self.cursor = first
        self.lost, self.want = 0, 1
        self.claimed: NDArray[Any] | None = None
        self.blocks: list[tuple[int, int, int]] = []  # where it begins, capture time, flags

    @property
    def oldest(self) -> int:
        return max(self.first, self.announced - self.capacity)

    def samples(self, start: int, n: int) -> NDArray[np.int16]:
        return np.arange(start % 2**16, start % 2**16 + n).astype(np.int16)

    def commit_one(self, n: int, flags: int) -> None:
        if n:
            self.blocks.append((self.published, self.published * 3 % 10**15, flags))
        self.published += n
        self.claimed = None

    def block_of(self, index: int) -> int | None:
        """Which block holds it; None: the table does not say (any more)."""
        known = range(max(0, len(self.blocks) - BLOCKS), len(self.blocks))
        return max((k for k in known if self.blocks[k][0] <= index), default=None)

    @rule(n=st.integers(0, 1024), flags=st.sampled_from([0, ringbuf.LOST, ringbuf.DISCONTINUITY]))
    def put(self, n: int, flags: int) -> None:
        self.writer.put(self.samples(self.published, n), self.published * 3 % 10**15, flags)
        self.announced = max(self.announced, self.published + n)
        self.commit_one(n, flags)

    @rule(times=st.integers(1, 5))
    def put_much(self, times: int) -> None:
        for _ in range(times):
            self.put(self.capacity // 3, 0)

    @rule(n=st.integers(0, 1024))
    def claim(self, n: int) -> None:
        self.claimed = self.writer.claim(n)
        self.claimed[:] = self.samples(self.published, n)
        self.announced = max(self.announced, self.published + n)

    @precondition(lambda self: self.claimed is not None)
    @rule(part=st.floats(0, 1), flags=st.sampled_from([0, ringbuf.LOST]))
    def commit(self, part: float, flags: int) -> None:
        assert self.claimed is not None
        n = int(part * len(self.claimed))
        self.writer.commit(n, capture_ns=self.published * 3 % 10**15, flags=flags)
        self.commit_one(n, flags)

    @rule()
    def abort(self) -> None:
        self.writer.abort()
        self.claimed = None

    @rule()
    def writer_is_replaced(self) -> None:
        self.writer.close()
        assert self.segment is not None
        self.writer = ringbuf.HistoryWriter(self.segment.name)
        self.claimed = None

    @rule(n=st.integers(0, 1024))
    def acquire(self, n: int) -> None:
        window = self.reader.acquire(n)
        if self.cursor < self.oldest:
            self.lost += self.oldest - self.cursor
            self.cursor = self.oldest
        assert (window is not None) is (self.published - self.cursor >= n)
        if window is not None:
            assert np.array_equal(window, self.samples(self.cursor, n))

    @rule(n=st.integers(0, 1024))
    def release(self, n: int) -> None:
        if self.published - self.cursor < n:
            with pytest.raises(ValueError, match="acquire"):
                self.reader.release(n)
        else:
            assert self.reader.release(n) is (self.cursor >= self.oldest)
            self.cursor += n

    @rule(back=st.integers(-100, 5000), n=st.integers(0, 2500))
    def view(self, back: int, n: int) -> None:
        start = self.published - back
        window = self.reader.view(start, start + n)
        there = self.oldest <= start and start + n <= self.published and n <= self.capacity
        assert (window is not None) is there
        if window is not None:
            assert np.array_equal(window, self.samples(start, n))
        assert self.reader.holds(start) is (start >= self.oldest)

    @rule(back=st.integers(-1000, 4000))
    def seek(self, back: int) -> None:
        self.cursor = self.published - back
        self.reader.seek(self.cursor)

    @rule(n=st.integers(0, 1024))
    def wait_for_more(self, n: int) -> None:
        self.reader.want(n)
        self.want = max(n, 1)

    @rule(back=st.integers(-10, 5000))
    def ask_for_the_capture_time(self, back: int) -> None:
        index = self.published - back
        k = self.block_of(index) if index < self.published else None
        expected = None
        if k is not None:
            begin, captured, _ = self.blocks[k]
            expected = captured + (index - begin) * 10**9 // RATE
        assert self.reader.capture_ns(index) == expected

    @rule(back=st.integers(1, 5000), n=st.integers(0, 3000))
    def ask_for_flags(self, back: int, n: int) -> None:
        start = self.published - back
        expected, k = 0, self.block_of(start)
        if n and k is None:
            expected = ringbuf.UNKNOWN
        elif n and k is not None:
            for begin, _, flags in self.blocks[k:]:
                expected |= flags if begin < start + n else 0
        assert self.reader.flags(start, start + n) == expected

    @rule(start=st.sampled_from(["latest", "oldest", 700]))
    def reader_is_replaced(self, start: Literal["latest", "oldest"] | int) -> None:
        self.reader.close()
        assert self.segment is not None
        begin = {"latest": self.published, "oldest": self.oldest}.get(str(start), self.published - 700)
        self.reader = ringbuf.HistoryReader(self.segment.name, 1, begin if isinstance(start, int) else start)
        self.cursor, self.lost, self.want = begin, 0, 1

    @invariant()
    def both_ends_know_where_they_are(self) -> None:
        if self.segment is not None:
            assert self.writer.position == self.reader.position == self.published % WORD
            assert (self.reader.cursor, self.reader.lost) == (self.cursor % WORD, self.lost)
            assert self.reader.oldest == self.oldest % WORD
            assert self.reader.watch.ready is (self.published - self.cursor >= self.want)

    def teardown(self) -> None:
        if self.segment is not None:
            self.claimed = None
            self.writer.close()
            self.reader.close()
            self.segment.unlink()


class LatestModel(RuleBasedStateMachine):
    segment: ringbuf.Segment | None = None

    @initialize()
    def start(self) -> None:
        name = name_of("latest")
        self.segment = ringbuf.create_latest(name, VALUE, slots=SLOTS)
        self.writer, self.reader = ringbuf.LatestWriter(name), ringbuf.LatestReader(name)
        self.values: list[bytes] = [b""]  # number 0 is nothing
        self.taken = 0
        self.claimed: NDArray[Any] | None = None
        self.spoilt = 0  # up to which value the slots may have been written over

    @property
    def newest(self) -> int:
        return len(self.values) - 1

    @rule(value=st.binary(max_size=VALUE))
    def put(self, value: bytes) -> None:
        self.writer.put(value, turn=len(self.values))
        self.values.append(value)
        self.claimed = None

    @rule(n=st.integers(0, VALUE))
    def claim(self, n: int) -> None:
        self.claimed = self.writer.claim(n)
        self.claimed[:] = 255
        self.spoilt = len(self.values) - SLOTS

    @precondition(lambda self: self.claimed is not None)
    @rule(part=st.floats(0, 1))
    def commit(self, part: float) -> None:
        assert self.claimed is not None
        n = int(part * len(self.claimed))
        self.claimed[:n] = len(self.values) % 256
        self.writer.commit(n, turn=len(self.values))
        self.values.append(bytes([len(self.values) % 256]) * n)
        self.claimed = None

    @rule()
    def abort(self) -> None:
        self.writer.abort()
        self.claimed = None

    @rule()
    def writer_is_replaced(self) -> None:
        self.writer.close()
        assert self.segment is not None
        self.writer = ringbuf.LatestWriter(self.segment.name)
        self.claimed = None

    @rule()
    def reader_is_replaced(self) -> None:
        self.reader.close()
        assert self.segment is not None
        self.reader = ringbuf.LatestReader(self.segment.name)
        self.taken = 0

    def took(self, value: bytes | None) -> None:
        assert value == (self.values[-1] if self.newest else None)
        if self.newest:
            self.taken = self.newest
            assert (self.reader.record.turn, self.reader.record.length) == (self.newest, len(self.values[-1]))

    @rule()
    def read(self) -> None:
        self.took(self.reader.read())

    @rule()
    def acquire(self) -> None:
        value = self.reader.acquire()
        self.took(None if value is None else value.tobytes())

    @invariant()
    def the_reader_knows_what_it_has(self) -> None:
        if self.segment is not None:
            assert self.writer.sequence == self.reader.sequence == self.newest
            assert self.reader.fresh is self.reader.watch.ready is (self.newest != self.taken)
            gone = max(self.spoilt, self.newest - SLOTS)
            assert self.reader.check() is (self.taken > 0 and self.taken > gone)

    def teardown(self) -> None:
        if self.segment is not None:
            self.claimed = None
            self.writer.close()
            self.reader.close()
            self.segment.unlink()


TestHistoryModel = HistoryModel.TestCase
TestLatestModel = LatestModel.TestCase
TestHistoryModel.settings = TestLatestModel.settings = CASES

MUTANTS = {
    "samples are judged by what is published": Mutant(
        Mutation("core/history_reader.c", "writer->intent, memory_order_relaxed)", "writer->position, 0)"),
        "test_history_model.py::TestHistoryModel",
        "AssertionError",
    ),
    "a value that is being replaced counts as whole": Mutant(
        Mutation("core/latest.c", "memory_order_relaxed) == 2 * k + 2;", "memory_order_relaxed) >= 2 * k + 2;"),
        "test_history_model.py::TestLatestModel",
        "AssertionError",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_is_seen(variants: Variants, mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGTEST_MUTANT", "1")
    is_seen(variants, mutant, MUTANTS[mutant])
