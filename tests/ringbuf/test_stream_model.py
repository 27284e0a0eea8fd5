"""The stream against a deque: any sequence of calls, re-attaching included."""

from __future__ import annotations

import itertools
import os
import uuid
from collections import deque
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import ringbuf

CAPACITY = 4096
_names = itertools.count()


def stride(length: int) -> int:
    return 64 + -(-length // 64) * 64


class StreamModel(RuleBasedStateMachine):
    segment: ringbuf.Segment | None = None

    @initialize(first=st.sampled_from([0, 2**32 - 1024, 2**64 - 1024]))
    def start(self, first: int) -> None:
        name = f"ringtest{uuid.uuid4().hex[:8]}.{os.getpid()}.model{next(_names)}"
        self.segment = ringbuf.create_stream(name, CAPACITY, first=first)
        self.writer, self.reader = ringbuf.StreamWriter(name), ringbuf.StreamReader(name)
        self.at = first % CAPACITY  # where the next record goes
        self.used = 0
        self.queue: deque[tuple[bytes, int, int]] = deque()  # payload, turn, bytes it takes with its padding
        self.claimed: Any = None
        self.acquired = False
        self.turn = 0

    def room_for(self, length: int) -> int:
        """Bytes the record would take, padding included."""
        rest = CAPACITY - self.at
        return stride(length) + (rest if stride(length) > rest else 0)

    def published(self, payload: bytes, claimed: int) -> None:
        rest = CAPACITY - self.at
        padding = rest if stride(claimed) > rest else 0
        took = padding + stride(len(payload))
        self.queue.append((payload, self.turn, took))
        self.at = (self.at + took) % CAPACITY
        self.used += took
        self.turn += 1

    @rule(payload=st.binary(max_size=960))
    def put(self, payload: bytes) -> None:
        fits = self.room_for(len(payload)) <= CAPACITY - self.used
        assert self.writer.put(payload, turn=self.turn) is fits
        self.claimed = None
        if fits:
            self.published(payload, len(payload))

    @rule(n=st.integers(0, 960))
    def claim(self, n: int) -> None:
        fits = self.room_for(n) <= CAPACITY - self.used
        self.claimed = self.writer.claim(n)
        assert (self.claimed is not None) is fits

    @precondition(lambda self: self.claimed is not None)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        n = data.draw(st.integers(0, len(self.claimed)))
        self.claimed[:n] = self.turn % 256
        self.writer.commit(n, turn=self.turn)
        self.published(bytes([self.turn % 256]) * n, len(self.claimed))
        self.claimed = None

    @rule()
    def abort(self) -> None:
        self.writer.abort()
        self.claimed = None

    @rule()
    def scrub(self) -> None:
        self.writer.scrub()
        if self.segment is not None and not self.queue and self.claimed is None:
            assert not any(Path("/dev/shm", self.segment.name).read_bytes()[-CAPACITY:])

    @rule()
    def acquire(self) -> None:
        record = self.reader.acquire()
        if not self.queue:
            assert record is None
            return
        assert record is not None
        assert (record.data.tobytes(), record.turn) == self.queue[0][:2]
        self.acquired = True

    @precondition(lambda self: self.acquired)
    @rule()
    def release(self) -> None:
        self.reader.release()
        self.used -= self.queue.popleft()[2]
        self.acquired = False

    @rule()
    def writer_is_replaced(self) -> None:
        self.writer.close()
        assert self.segment is not None
        self.writer = ringbuf.StreamWriter(self.segment.name)
        self.claimed = None

    @rule(start=st.sampled_from(["resume", "latest"]))
    def reader_is_replaced(self, start: Any) -> None:
        self.reader.close()
        assert self.segment is not None
        self.reader = ringbuf.StreamReader(self.segment.name, start=start)
        self.acquired = False
        if start == "latest":
            self.queue.clear()
            self.used = 0

    @invariant()
    def the_reader_knows_whether_there_is_something(self) -> None:
        if self.segment is not None:
            assert self.reader.watch.ready is bool(self.queue)

    def teardown(self) -> None:
        if self.segment is not None:
            self.writer.close()
            self.reader.close()
            self.segment.unlink()


TestStreamModel = StreamModel.TestCase
TestStreamModel.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
