"""The packages that people install for this: pyzmq, faster-fifo, iceoryx2.

They are imported where they are used, by name: a run without one of them needs it not, nor does a type checker.
"""

from __future__ import annotations

import ctypes
from array import array
from importlib import import_module
from typing import Any

import numpy as np

from ringbench.frames import Frames, total
from ringbench.system import Damaged, End, Scratch, clock


def zmq_link(scratch: Scratch, size: int) -> tuple[str, str]:
    """Two ipc addresses, of the kind that leaves no file."""
    return f"ipc://@{scratch.name('zmq')}", f"ipc://@{scratch.name('zmq')}"


class Zmq(End):
    """PUSH and PULL; for one writer and one reader they are no slower than PAIR. Frames are copied: below some hundred
    kilobytes that is faster than `copy=False`."""

    def __init__(self, link: tuple[str, str], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        zmq = import_module("zmq")
        self.context = zmq.Context()
        self.outbox, self.inbox = self.context.socket(zmq.PUSH), self.context.socket(zmq.PULL)
        self.outbox.bind(link[role])
        self.inbox.connect(link[1 - role])
        self.frame = np.zeros(frames.items, np.int16)

    def send(self, source: Any) -> None:
        self.frame[:] = source
        self.outbox.send(self.frame)

    def receive(self) -> int:
        return total(self.inbox.recv())

    def close(self) -> None:
        self.context.destroy(linger=0)


def faster_fifo_link(scratch: Scratch, size: int) -> tuple[Any, Any]:
    """A queue each way."""
    make = import_module("faster_fifo").Queue
    return make(8 * (size + 256)), make(8 * (size + 256))


def iceoryx2_link(scratch: Scratch, size: int) -> dict[str, str]:
    """Where its files go and what they are called, so that what it leaves behind is ours to remove."""
    root = scratch.folder / "iceoryx2"
    root.mkdir(exist_ok=True)
    return {"root": f"{root}/", "prefix": scratch.prefix, "name": scratch.name("service")}


class Iceoryx2(End):
    """Loans a slice, fills it in place, sends it; polls. As its documentation has it: `payload()` gives a slice that
    keeps the sample alive, as a ring's array keeps the ring, and that a memory view."""

    def __init__(self, link: dict[str, str], role: int, frames: Frames) -> None:
        super().__init__(link, role, frames)
        iox = import_module("iceoryx2")
        iox.set_log_level(iox.LogLevel.Error)
        config = iox.config.default()
        config.global_cfg.prefix = iox.FileName.new(link["prefix"])
        config.global_cfg.root_path = iox.Path.new(link["root"])
        self.node = iox.NodeBuilder.new().config(config).create(iox.ServiceType.Ipc)
        self.services = [
            self.node.service_builder(iox.ServiceName.new(f"{link['name']}.{way}"))
            .publish_subscribe(iox.Slice[ctypes.c_uint8])
            .open_or_create()
            for way in ("ping", "pong")
        ]
        self.publisher = self.services[role].publisher_builder().initial_max_slice_len(frames.size).create()
        self.subscriber = self.services[1 - role].subscriber_builder().create()
        frames.out = [memoryview(frame).cast("B") for frame in frames.out]

    def send(self, source: Any) -> None:
        loan = self.publisher.loan_slice_uninit(self.frames.size)
        loan.payload().as_memory_view().cast("B")[:] = source
        loan.assume_init().send()

    def receive(self) -> int:
        while (sample := self.subscriber.receive()) is None:
            pass
        return total(sample.payload().as_memory_view())

    def hops(self, n: int, stamps: array[int] | None) -> None:
        publisher, subscriber, size = self.publisher, self.subscriber, self.frames.size
        for source, expected in self.frames.pairs(n):
            loan = publisher.loan_slice_uninit(size)
            loan.payload().as_memory_view().cast("B")[:] = source
            loan.assume_init().send()
            while (sample := subscriber.receive()) is None:
                pass
            if total(sample.payload().as_memory_view()) != expected:
                raise Damaged
            if stamps is not None:
                stamps.append(clock())

    def close(self) -> None:
        del self.publisher, self.subscriber, self.services, self.node


class Iceoryx2Address(Iceoryx2):
    """The quickest way to the bytes that we found: a ctypes array at the sample's address. It keeps nothing alive."""

    def hops(self, n: int, stamps: array[int] | None) -> None:
        publisher, subscriber, size = self.publisher, self.subscriber, self.frames.size
        at = (ctypes.c_uint8 * size).from_address
        for source, expected in self.frames.pairs(n):
            loan = publisher.loan_slice_uninit(size)
            memoryview(at(loan.payload_ptr)).cast("B")[:] = source
            loan.assume_init().send()
            while (sample := subscriber.receive()) is None:
                pass
            if total(at(sample.payload_ptr)) != expected:
                raise Damaged
            if stamps is not None:
                stamps.append(clock())
