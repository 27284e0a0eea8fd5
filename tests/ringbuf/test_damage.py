"""Whatever is written over a segment: an error that says so, or a ring that works; never a crash, never a wild view."""

from __future__ import annotations

import os
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ringbuf
from ringbuf import HistoryReader, HistoryWriter, LatestReader, LatestWriter, StreamReader, StreamWriter

Make = Callable[..., str]
Spawn = Callable[..., "subprocess.Popen[str]"]

PAGE = os.sysconf("SC_PAGESIZE")
HEADER = 144
# Where the words lie (core/layout.h): the writer's page is the second, its reader's the third.
POSITION, INTENT, BLOCKS = 128, 256, 264
WRITER, READER, STREAM_DATA = PAGE, 2 * PAGE, 3 * PAGE


def poke(name: str, offset: int, data: bytes) -> None:
    with Path("/dev/shm", name).open("r+b") as file:
        file.seek(offset)
        file.write(data)


def peek(name: str, offset: int, length: int) -> bytes:
    with Path("/dev/shm", name).open("rb") as file:
        file.seek(offset)
        return file.read(length)


def word(value: int) -> bytes:
    return struct.pack("<Q", value % 2**64)


RINGS: dict[str, tuple[tuple[int, ...], Callable[[str], Any]]] = {
    "stream": ((4096,), StreamReader),
    "history": ((4096, 16000), lambda name: HistoryReader(name, 0)),
    "latest": ((100,), LatestReader),
    "cells": ((8,), ringbuf.Cells),
    "bells": ((2,), ringbuf.Bells),
}


@pytest.mark.parametrize("kind", RINGS)
def test_every_flipped_byte_of_the_header_is_noticed(make: Make, kind: str) -> None:
    sizes, open_ring = RINGS[kind]
    name = make(kind, *sizes)
    good = peek(name, 0, HEADER)
    for at in range(HEADER):
        for mask in (0x01, 0x80, 0xFF):
            poke(name, at, bytes([good[at] ^ mask]))
            with pytest.raises(ringbuf.RingCorrupt, match=name):
                open_ring(name)
            with pytest.raises(ringbuf.RingCorrupt):
                ringbuf.describe(name)
        poke(name, at, good[at : at + 1])
    open_ring(name).close()


def test_bytes_behind_the_header_do_not_matter(make: Make) -> None:
    name = make("stream", 4096)
    poke(name, HEADER, b"\xff" * (PAGE - HEADER))
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        writer.put(b"x")
        assert [record.data.tobytes() for record in reader] == [b"x"]


@pytest.mark.parametrize("size", [0, 1, HEADER - 1, HEADER, PAGE, 4 * PAGE - 1, 4 * PAGE + 1])
def test_a_file_of_another_size_is_refused(make: Make, size: int) -> None:
    name = make("stream", 4096)
    os.truncate(f"/dev/shm/{name}", size)
    if size == 0:  # posix_ipc itself refuses to be told nothing
        with pytest.raises(ringbuf.RingError):
            StreamReader(name)
    else:
        with pytest.raises(ringbuf.RingCorrupt):
            StreamReader(name)


def test_something_that_is_no_ring_is_refused(prefix: str) -> None:
    path = Path("/dev/shm", f"{prefix}.other")
    path.write_bytes(os.urandom(3 * PAGE))
    try:
        with pytest.raises(ringbuf.RingCorrupt, match="begin like a ring"):
            StreamReader(path.name)
    finally:
        path.unlink()


@pytest.mark.parametrize("kind", RINGS)
def test_the_wrong_kind_is_named(make: Make, kind: str) -> None:
    name = make(kind, *RINGS[kind][0])
    for other, (_, open_ring) in RINGS.items():
        if other != kind:
            with pytest.raises(ringbuf.WrongKind, match=rf"{name} is .*{kind}"):
                open_ring(name)


BAD_POSITIONS = [1, 63, 64 * 3 + 1, 4096 + 64, 2**63, 2**64 - 64]


@pytest.mark.parametrize("position", BAD_POSITIONS)
def test_impossible_stream_positions_are_noticed_by_the_other_side(make: Make, position: int) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        poke(name, WRITER + POSITION, word(position))
        with pytest.raises(ringbuf.RingCorrupt, match="positions"):
            reader.acquire()
        poke(name, WRITER + POSITION, word(0))
        assert reader.acquire() is None
        while writer.put(bytes(448)):
            pass
        poke(name, READER + POSITION, word(4096 + 64 if position == 4096 + 64 else position + 4097))
        with pytest.raises(ringbuf.RingCorrupt, match="positions"):
            writer.put(bytes(448))


@pytest.mark.parametrize("position", BAD_POSITIONS)
def test_impossible_stream_positions_are_noticed_when_attaching(make: Make, position: int) -> None:
    name = make("stream", 4096)
    poke(name, WRITER + POSITION, word(position))
    for attach in (StreamWriter, StreamReader):
        with pytest.raises(ringbuf.RingCorrupt, match="positions"):
            attach(name)
    assert ringbuf.describe(name)["writer"] is None, "a failed attach gives the role back"


def test_a_writer_position_over_what_was_never_written_is_not_a_record(make: Make) -> None:
    name = make("stream", 4096)
    with StreamReader(name) as reader:
        poke(name, WRITER + POSITION, word(128))
        with pytest.raises(ringbuf.RingCorrupt, match="record"):
            reader.acquire()


def test_a_record_of_an_earlier_lap_is_not_read_again(make: Make) -> None:
    name = make("stream", 4096)
    with StreamWriter(name) as writer, StreamReader(name) as reader:
        for _ in range(8):
            writer.put(bytes(448))
        assert len(list(reader)) == 8
        poke(name, WRITER + POSITION, word(4096 + 512))
        with pytest.raises(ringbuf.RingCorrupt, match="record"):
            reader.acquire()


def test_any_damage_to_a_record_is_an_error_or_harmless(make: Make) -> None:
    name = make("stream", 4096)
    rng = random.Random(1)
    with StreamWriter(name) as writer:
        for i in range(5):
            writer.put(bytes([i]) * 100)
        good = peek(name, STREAM_DATA, 4096)
        outcomes = set()
        for trial in range(600):
            at = trial if trial < 256 else rng.randrange(4096)
            damage = rng.choice([b"\xff", b"\x00", rng.randbytes(1), rng.randbytes(4), b"\xff" * 8])
            poke(name, STREAM_DATA + at, damage[: 4096 - at])
            poke(name, READER + POSITION, word(0))
            with StreamReader(name) as reader:
                try:
                    for record in reader:
                        assert reader.contains(record.data) or record.length == 0
                        outcomes.add(record.data.tobytes()[:0])
                except ringbuf.RingCorrupt:
                    outcomes.add(b"corrupt")
            poke(name, STREAM_DATA, good)
        assert outcomes == {b"", b"corrupt"}


def test_impossible_history_positions_are_noticed(make: Make) -> None:
    name = make("history", 4096, 16000)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        writer.put(np.zeros(1000, np.int16), capture_ns=0)
        for offset, value in [(POSITION, 1001), (POSITION, 2**63), (INTENT, 999), (INTENT, 2**62), (INTENT, 0)]:
            good = peek(name, WRITER + offset, 8)
            poke(name, WRITER + offset, word(value))
            calls: list[Callable[[], object]] = [lambda: reader.acquire(10), lambda: reader.view(0, 10)]
            for call in calls:
                with pytest.raises(ringbuf.RingCorrupt, match="positions"):
                    call()
            with pytest.raises(ringbuf.RingCorrupt, match="positions"):
                HistoryReader(name, 1)
            poke(name, WRITER + offset, good)
        assert reader.acquire(10) is not None


def test_a_damaged_block_table_gives_no_time_or_a_wrong_one_but_ends(make: Make) -> None:
    name = make("history", 4096, 16000, blocks=16)
    table = 2 * PAGE + 8 * PAGE
    rng = random.Random(2)
    with HistoryWriter(name) as writer, HistoryReader(name, 0) as reader:
        for i in range(12):
            writer.put(np.zeros(100, np.int16), capture_ns=i)
        good = peek(name, table, 16 * 32)
        for _ in range(300):
            poke(name, table + rng.randrange(16 * 32 - 8), rng.choice([b"\xff" * 8, bytes(8), rng.randbytes(8)]))
            assert isinstance(reader.capture_ns(500), int | None)
            assert isinstance(reader.flags(0, 1200), int)
            poke(name, table, good)
        poke(name, WRITER + BLOCKS, word(2**64 - 1))
        assert reader.capture_ns(500) is None
        assert reader.flags(0, 1200) & ringbuf.UNKNOWN


def test_a_damaged_latest_is_noticed(make: Make) -> None:
    name = make("latest", 100)
    data = 2 * PAGE
    stride = 128 + 128
    with LatestWriter(name) as writer, LatestReader(name) as reader:
        writer.put(b"abc")
        for offset, value in [(WRITER + POSITION, 9), (data + stride, 8), (data + stride + 64, 2**32 - 1)]:
            good = peek(name, offset, 8)
            poke(name, offset, word(value))
            for call in (reader.read, reader.acquire):
                with pytest.raises(ringbuf.RingCorrupt):
                    call()
            poke(name, offset, good)
        assert reader.read() == b"abc"


def test_writing_through_a_readers_pages_is_stopped_by_the_machine(make: Make, spawn: Spawn) -> None:
    code = """if True:
        import ctypes, sys, ringbuf
        reader = ringbuf.StreamReader(sys.argv[1])
        address = reader.acquire().data.__array_interface__["data"][0]
        print("about to write", flush=True)
        ctypes.memset(address, 1, 1)
        print("written")
    """
    name = make("stream", 4096)
    with StreamWriter(name) as writer:
        writer.put(b"abc")
        process = spawn(code, name)
        output, _ = process.communicate()
        assert output == "about to write\n"
        assert process.returncode != 0
    with StreamReader(name) as reader:
        assert [record.data.tobytes() for record in reader] == [b"abc"]
