"""One answer after the other, each with its end, whatever becomes of it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from engine.contract import Ended, Event, Job, Tag
from workers.backends.background import Answer
from workers.backends.one_by_one import OneByOne

WATCHDOG_S = 30.0


class Desk:
    """A line, and the answers that wait in it. Each is made when the test says so."""

    def __init__(self) -> None:
        self.line, self.may = OneByOne("line"), threading.Semaphore(0)
        self._made: queue.SimpleQueue[tuple[Answer, Event]] = queue.SimpleQueue()
        self.began: list[int] = []

    def add(self, number: int, error: Exception | None = None) -> Answer:
        answer = Answer(Job(Tag(1, number)), self._made, lambda: None)

        def make() -> None:
            self.began.append(number)
            self.may.acquire()
            if error is not None:
                raise error

        self.line.add(answer, make)
        return answer

    def ended(self) -> Event:
        return self._made.get(timeout=WATCHDOG_S)[1]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.may.release(9)
    desk.line.close(WATCHDOG_S)


def test_they_are_made_in_their_order_and_one_that_fails_fails_alone(desk: Desk) -> None:
    desk.add(1, RuntimeError("out of memory\nat line 7"))
    desk.add(2)
    desk.may.release(2)
    assert [desk.ended(), desk.ended()] == [Ended(Tag(1, 1), "failed", "out of memory"), Ended(Tag(1, 2))]
    assert desk.began == [1, 2]


def test_who_is_dropped_before_its_turn_ends_at_once_and_is_never_made(desk: Desk) -> None:
    first, second = desk.add(1), desk.add(2)
    while not desk.began:
        time.sleep(0.001)
    for answer in (first, second):
        answer.cancel()
        desk.line.drop(answer)
    assert desk.ended() == Ended(Tag(1, 2), "cancelled")
    desk.may.release()
    assert desk.ended() == Ended(Tag(1, 1), "cancelled")  # when its maker has come to a checkpoint
    assert desk.began == [1]


def test_closed_it_has_no_thread_and_can_be_used_anew(desk: Desk) -> None:
    desk.line.close(WATCHDOG_S)
    for number in (1, 2):
        desk.add(number)
        desk.may.release()
        desk.line.close(WATCHDOG_S)
        assert desk.ended() == Ended(Tag(1, number))
        assert not any(thread.name == "line" for thread in threading.enumerate())
