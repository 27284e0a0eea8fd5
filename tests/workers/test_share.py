"""A worker's part in the lease: how long it waits, when its work is due, and where it takes it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import pytest

import ringbuf
from engine import audible
from engine.channels import PROCESSES, segment
from engine.contract import NEVER_DUE, Abilities, Backend, NoLease, Tag
from engine.lease import slot_of
from engine.telemetry import Telemetry
from tests.leases import Recorded
from tests.rings import Rings
from workers.due import WRITTEN_NEXT_NS, AnswerDue
from workers.join import Seat
from workers.lease import Share, until
from workers.speaker import Speaker, SpeakerRing


class Counts:
    """In the place of the telemetry."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def count(self, name: str, by: int = 1) -> None:
        self.of[name] = self.of.get(name, 0) + by

    def get(self, name: str) -> int:
        return self.of.get(name, 0)


@pytest.mark.parametrize(
    ("due", "longest", "waits"),
    [(1000, 900, 500), (1000, 300, 300), (0, 300, 0), (-500, 300, 0), (NEVER_DUE, 300, 300)],
)
def test_nobody_waits_longer_than_half_of_what_is_left(due: int, longest: int, waits: int) -> None:
    now = 77
    assert until(now, due if due == NEVER_DUE else now + due, longest) == now + waits


@pytest.fixture
def pair() -> Iterator[tuple[Share, Share, Counts]]:
    """Two stages' parts in a lease of one."""
    counts = Counts()
    telemetry = cast(Telemetry, counts)
    with ringbuf.create_lease(f"leasetest.{os.getpid()}.{time.monotonic_ns()}", 2) as segment:
        first, second = ringbuf.Lease(segment.name, 0), ringbuf.Lease(segment.name, 1)
        yield Share(first, 1_000_000, telemetry, "llm"), Share(second, 1_000_000, telemetry, "vocoder"), counts
        first.close()
        second.close()


def test_who_waits_too_long_goes_on_and_it_is_counted(pair: tuple[Share, Share, Counts]) -> None:
    first, second, counts = pair
    first.take(0)
    assert counts.of.get("llm.overdrafts") is None
    second.take(NEVER_DUE)
    assert counts.of["vocoder.overdrafts"] == 1
    assert counts.of["vocoder.lease_ns"] >= 1_000_000
    second.give()
    first.give()


def test_two_threads_of_a_process_have_it_together(pair: tuple[Share, Share, Counts]) -> None:
    first, second, counts = pair
    first.take(0)
    first.take(0)
    first.turn(0)
    assert first.give()
    second.take(0)
    assert counts.of["vocoder.overdrafts"] == 1  # it is still held
    assert second.give()
    assert first.give()
    assert not first.give()
    second.take(0)
    assert counts.of["vocoder.overdrafts"] == 1


def test_what_is_late_does_not_wait(pair: tuple[Share, Share, Counts]) -> None:
    first, second, counts = pair
    first.take(0)
    second.take(1)  # long past
    assert counts.of["vocoder.overdrafts"] == 1
    first.give()
    second.give()


def test_a_guess_that_has_come_true_is_as_urgent_as_any_answer(pair: tuple[Share, Share, Counts]) -> None:
    guess, _, counts = pair
    soon_ns = time.monotonic_ns() + 3_600_000_000_000
    dues: list[int] = []
    guess._lease = cast(ringbuf.Lease, Dues(dues))
    guess.take(NEVER_DUE)
    guess.turn(NEVER_DUE)
    counts.of["turns.due_ns"] = soon_ns
    guess.turn(NEVER_DUE)
    guess.turn(0)  # for which nobody waits, whatever comes true
    guess.turn(soon_ns + 1)
    assert dues == [NEVER_DUE, NEVER_DUE, soon_ns, NEVER_DUE, soon_ns + 1]


class Dues:
    """A lease that is always free, and notes for when it is asked."""

    def __init__(self, dues: list[int]) -> None:
        self._dues = dues

    def take(self, due_ns: int, _until_ns: int) -> bool:
        self._dues.append(due_ns)
        return True

    turn = take

    def close(self) -> None: ...


def test_an_answer_is_due_up_to_its_first_clause_and_has_time_then() -> None:
    due = AnswerDue(5)
    due.add("The lift is")
    assert due.ns == 5
    due.add(" there. And")
    assert due.ns >= time.monotonic_ns() + WRITTEN_NEXT_NS // 2
    assert AnswerDue(0).ns == NEVER_DUE  # nobody waits for a guess


class Stage:
    """A backend that a seat computes for."""

    def __init__(self, own_thread: bool) -> None:
        self.abilities = Abilities(checkpoint="token", incremental=True, own_thread=own_thread)


@pytest.mark.parametrize("own_thread", [False, True])
def test_a_step_has_the_lease_unless_the_model_has_a_thread_of_its_own(own_thread: bool) -> None:
    lease = Recorded()

    class Here(Seat):
        def __init__(self) -> None:
            self.lease = lease
            self.bounds = self._bound_ns = 0

        @contextmanager
        def bound(self, limit_s: float = 0.0) -> Iterator[None]:
            self.bounds += 1
            yield

    seat = Here()

    def fail() -> None:
        with seat.computing(cast(Backend, Stage(own_thread)), 9):
            assert lease.asked == ([] if own_thread else [("take", 9)])
            raise ValueError("in the middle of a step")

    with pytest.raises(ValueError, match="step"):
        fail()
    assert lease.asked == ([] if own_thread else [("take", 9), ("give", 0)])
    assert seat.bounds == 1


ALL = sum(1 << slot_of(stage) for stage in ("asr", "vocoder"))


def holders(rings: Rings) -> list[str]:
    """The stages that hold the lease."""
    slots = ringbuf.describe(segment(rings.instance, "lease"))["slots"]
    return [process.name for process in PROCESSES if slots[slot_of(process.name)]["holds"]]


def test_a_worker_has_a_part_in_the_lease_where_the_supervisor_says_so(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with("lease.mode=cpu")
    assert isinstance(rings.seat("asr").lease, NoLease)
    rings.telemetry.set("engine.lease", ALL)
    lease = rings.seat("asr").lease
    lease.take(0)
    assert holders(rings) == ["asr"]
    lease.give()
    assert isinstance(rings.seat("llm").lease, NoLease)


def test_a_voice_that_waits_for_room_lets_others_compute(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with("lease.mode=cpu", "lease.units=1", "vocoder.speaker_s=1")
    rings.telemetry.set("engine.lease", ALL)
    seat = rings.seat("vocoder")
    reader = rings.seat("audio").stream_reader("speaker", np.int16)
    sink = Speaker(seat, SpeakerRing(seat, audible.VOCODER), Tag(1, 1, 1), 0)
    states: list[object] = []

    def speak() -> None:
        seat.lease.take(0)
        states.append(sink.write(np.zeros(4 * 16000, np.int16)))
        states.append(holders(rings))
        seat.lease.give()

    speaking = threading.Thread(target=speak)
    speaking.start()
    other = rings.seat("asr").lease
    while not (first_word(seat) and holders(rings) == []):  # the ring is full
        time.sleep(0.001)
    other.take(0)
    assert holders(rings) == ["asr"]
    other.give()
    while speaking.is_alive():
        for _ in reader:
            pass
    assert states == [True, ["vocoder"]]


def test_a_voice_that_computes_nothing_takes_nothing_while_it_waits(rings_with: Callable[..., Rings]) -> None:
    """The end of an answer is put into the ring after the last step."""
    rings = rings_with("lease.mode=cpu", "vocoder.speaker_s=1")
    rings.telemetry.set("engine.lease", ALL)
    seat = rings.seat("vocoder")
    reader = rings.seat("audio").stream_reader("speaker", np.int16)
    sink = Speaker(seat, SpeakerRing(seat, audible.VOCODER), Tag(1, 1, 1), 0)
    speaking = threading.Thread(target=lambda: sink.write(np.zeros(4 * 16000, np.int16)))
    speaking.start()
    while speaking.is_alive():
        for _ in reader:
            pass
        assert holders(rings) == []
    assert ringbuf.describe(segment(rings.instance, "lease"))["slots"][slot_of("vocoder")]["takes"] == 0


def first_word(seat: Seat) -> bool:
    """Sound has been put into the ring."""
    return bool(ringbuf.describe(segment(seat.instance, "speaker"))["fill"])
