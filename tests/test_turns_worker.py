"""What the turns worker leaves in shared memory: its memory, in its ring, which attempt is the newest, and whom it
does without."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

import ringbuf
from engine import audible
from engine.channels import WATCHES, segment
from engine.contract import Tag
from engine.settings import Turns
from engine.telemetry import LOADING, READY
from engine.turns.memory import Memory
from tests.engine_run import SHM
from tests.rings import Rings
from workers.turns import Keepsake, absent, tell_newest

MEMORY = Memory(("my name is Ada", "Hello, Ada."), ("Ada is here.",))


def test_a_successor_finds_what_was_kept_last(rings: Rings) -> None:
    keepsake = Keepsake(rings.seat("turns"))
    assert keepsake.memory == Memory()
    for memory in (Memory(context=("It rains.",)), MEMORY):
        keepsake.keep(memory)
    del keepsake
    assert Keepsake(rings.seat("turns")).memory == MEMORY


@pytest.mark.parametrize("succeeded", [False, True])
def test_what_is_forgotten_is_gone_from_memory_by_whoever_forgets_it(rings: Rings, succeeded: bool) -> None:
    ring = SHM / segment(rings.instance, "memory")
    keepsake = Keepsake(rings.seat("turns"))
    for kept in (Memory(MEMORY.history * 3, MEMORY.context), MEMORY, Memory(), MEMORY):
        keepsake.keep(kept)
        assert (b"Ada" in ring.read_bytes()) is (kept != Memory())
    if succeeded:
        del keepsake
        keepsake = Keepsake(rings.seat("turns"))
    keepsake.keep(Memory())
    assert b"Ada" not in ring.read_bytes()
    del keepsake
    assert Keepsake(rings.seat("turns")).memory == Memory()


def test_what_a_predecessor_was_killed_in_the_middle_of_goes_with_the_first_change(rings: Rings) -> None:
    ring = SHM / segment(rings.instance, "memory")
    with ringbuf.LatestWriter(ring.name) as killed:
        half = killed.claim(1000)
        assert half is not None
        half[:] = np.frombuffer(b"Ada" * 333 + b".", np.uint8)
    assert b"Ada" in ring.read_bytes()
    keepsake = Keepsake(rings.seat("turns"))
    assert keepsake.memory == Memory()
    keepsake.keep(Memory(context=("It rains.",)))
    assert b"Ada" not in ring.read_bytes()


def test_a_newer_attempt_wakes_who_watches_for_one_and_the_same_again_does_not(rings: Rings) -> None:
    turns, waiter = (
        rings.seat("turns"),
        ringbuf.Waiter(rings.seat("vocoder").bell_of(WATCHES["vocoder"]), [], any_ring=True),
    )
    for tag in (Tag(1, 1, 1), Tag(1, 1, 2)):
        tell_newest(turns, audible.pack(audible.VOCODER, tag))
        assert waiter.wait(0)
        tell_newest(turns, audible.pack(audible.VOCODER, tag))
        assert not waiter.wait(0)


def test_a_stage_is_absent_when_the_engine_does_without_it_or_it_takes_long_to_come_back(rings: Rings) -> None:
    telemetry, now, turns = rings.telemetry, time.monotonic_ns(), rings.config.turns
    patient = replace(turns, response_budget_ms=90_000)

    def told(state: int, beat_ns: int, gone: int = 0, turns: Turns = turns) -> frozenset[str]:
        for stage in ("asr", "vocoder"):
            telemetry.set(f"{stage}.state", READY)
        telemetry.set("llm.state", state)
        telemetry.set("llm.beat_ns", beat_ns)
        telemetry.set("llm.gone", gone)
        return absent(telemetry, turns)

    assert told(0, now) == frozenset()  # it has just died
    assert told(LOADING, now) == frozenset()
    assert told(LOADING, now - 60_000_000_000) == {"llm"}
    assert told(LOADING, now - 60_000_000_000, turns=patient) == frozenset()  # whoever waits so long waits for it, too
    assert told(0, now, gone=1) == {"llm"}
    assert told(READY, now - 60_000_000_000, gone=1) == frozenset()  # back; nobody has taken note of it yet
