"""The ladder of a worker: rungs are loaded before they are needed, a bad one is left alone, and later tried again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.contract import Abilities, Ended, Event, Job, Rung, Tag
from engine.errors import BackendError
from workers.ladder import FAILURES, LONGEST_S, SHORTEST_S, Held, Ladder, Step

TAG = Tag(1, 1, 1)


class Scripted:
    """A backend that notes what it is asked. broken: it cannot be loaded. fails: its jobs do."""

    remarks: Sequence[str] = ()

    def __init__(self, name: str = "it", broken: bool = False, fails: bool = False) -> None:
        self.name, self.broken, self.fails = name, broken, fails
        self.noted: list[str] = []
        self._ends: list[Event] = []
        self.rest = 0
        """Steps that it has to do beside jobs."""

    abilities = Abilities(checkpoint="call", incremental=False)

    def load(self, rung: Rung) -> None:
        if self.broken:
            raise BackendError(f"{self.name} is broken", "mend it")
        self.noted.append(f"load {rung.settings['n']}")

    def warm_up(self) -> None:
        self.noted.append("warm up")

    def begin(self, job: Job) -> None:
        self.noted.append("begin")
        self._ends.append(Ended(job.tag, "failed", "no luck") if self.fails else Ended(job.tag))

    def feed(self, job: Job, data: Any) -> None: ...

    def finish(self, job: Job) -> None: ...

    def step(self, budget_ns: int) -> Sequence[Event]:
        self.rest = max(0, self.rest - 1)
        events, self._ends = self._ends, []
        return events

    @property
    def idle(self) -> bool:
        return not self._ends and not self.rest

    def cancel(self, tag: Tag) -> None:
        self.noted.append("cancel")

    def settle(self, tag: Tag, heard: str) -> None:
        self.noted.append("settle")

    def forget(self, session: int) -> None:
        self.noted.append("forget")

    def cost_ns(self, units: int) -> int:
        return units

    def unload(self) -> None:
        self.noted.append("unload")


class Quick(Scripted):
    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        return True


def rung(number: int, extra: str = "") -> Rung:
    return Rung({"n": number, "extra": extra})


class Scene:
    """A ladder of these backends, one a rung, with a clock and a log of what its owner was told."""

    def __init__(self, *backends: Scripted, absent: tuple[int, ...] = (), shared: bool = False) -> None:
        self.backends, self.now = backends, 0.0
        held = [Held(backend) for backend in backends]
        steps = [
            Step(f"r{number}", "scripted", number not in absent, rung(number), held[0] if shared else held[number])
            for number in range(2 if shared else len(backends))
        ]
        self.told: list[str] = []
        self.ladder = Ladder(steps, self.told.append, lambda: self.now)

    def job(self) -> None:
        self.ladder.begin(Job(TAG))
        while not self.ladder.idle:
            self.ladder.step(0)


def test_all_rungs_are_loaded_and_warm_before_the_first_job() -> None:
    one, two = Scripted(), Scripted()
    scene = Scene(one, two)
    scene.ladder.start(0, strict=True)
    assert one.noted == ["load 0", "warm up"]
    assert two.noted == ["load 1", "warm up"]
    assert scene.ladder.move(1)
    assert two.noted == ["load 1", "warm up"]
    scene.job()
    assert two.noted[-1] == "begin"


def test_what_does_not_fit_into_memory_is_there_only_while_it_is_used() -> None:
    big, small = Scripted(), Scripted()
    scene = Scene(big, small, absent=(0,))
    scene.ladder.start(1, strict=True)
    assert big.noted == []
    assert scene.ladder.needs_loading(0)
    scene.ladder.move(0)
    assert big.noted == ["load 0", "warm up"]
    scene.ladder.move(1)
    assert big.noted[-1] == "unload"
    assert small.noted == ["load 1", "warm up"]


def test_rungs_that_one_backend_can_do_share_it() -> None:
    one = Quick()
    scene = Scene(one, shared=True)
    scene.ladder.start(0, strict=True)
    assert one.noted == ["load 1", "warm up", "load 0", "warm up"]  # each is warm, and the wanted one was last
    scene.ladder.move(1)
    scene.ladder.move(0)
    assert one.noted[4:] == ["load 1", "load 0"]
    scene.ladder.unload()
    assert one.noted[6:] == ["unload"]
    scene.ladder.move(1)
    assert one.noted[7:] == ["load 1", "warm up"]  # gone from memory it is warm for nothing


def test_what_a_shared_backend_has_never_been_loaded_with_is_warmed_up_too() -> None:
    one = Quick()
    scene = Scene(one, shared=True)
    scene.ladder.start(0, strict=True)
    scene.ladder.renew([rung(0, "new"), rung(1)])
    assert one.noted[4:] == ["load 0", "warm up"]


def test_at_the_start_a_rung_that_cannot_be_loaded_is_an_error_that_names_it() -> None:
    with pytest.raises(BackendError, match=r"rung r1: it is broken; mend it"):
        Scene(Scripted(), Scripted(broken=True)).ladder.start(0, strict=True)
    with pytest.raises(BackendError, match=r"^it is broken; mend it"):
        Scene(Scripted(broken=True), Scripted()).ladder.start(0, strict=True)


def test_a_worker_that_is_started_again_does_without_it() -> None:
    scene = Scene(Scripted(broken=True), Scripted())
    scene.ladder.start(0, strict=False)
    assert scene.ladder.at == 1
    assert scene.told == ["rung r0 is left alone for a while: it is broken; mend it"]


def test_without_any_rung_that_can_be_loaded_there_is_no_worker() -> None:
    with pytest.raises(BackendError, match="no rung"):
        Scene(Scripted(broken=True), Scripted(broken=True)).ladder.start(0, strict=False)
    with pytest.raises(BackendError, match="it is broken"):
        Scene(Scripted(broken=True)).ladder.start(0, strict=False)


def test_a_rung_whose_jobs_fail_is_left_for_the_next_and_tried_again_later() -> None:
    bad, good = Scripted(fails=True), Scripted()
    scene = Scene(bad, good)
    scene.ladder.start(0, strict=True)
    for _ in range(FAILURES):
        assert not scene.ladder.move(0)
        scene.job()
    assert scene.ladder.move(0)
    assert scene.ladder.at == 1
    scene.now = SHORTEST_S - 1
    assert not scene.ladder.move(0)
    scene.now = SHORTEST_S + 1
    assert scene.ladder.move(0)
    assert scene.ladder.at == 0
    assert len(scene.told) == 1


def test_a_rung_that_goes_on_failing_is_left_alone_for_ever_longer_and_that_is_told_once() -> None:
    scene = Scene(Scripted(), Scripted(broken=True))
    scene.ladder.steps[1].resident = False
    scene.ladder.start(0, strict=True)
    waits = []
    for _ in range(10):
        scene.ladder.move(1)
        waits.append(scene.ladder.steps[1].until - scene.now)
        scene.now = scene.ladder.steps[1].until
    assert waits[:3] == [SHORTEST_S, 2 * SHORTEST_S, 4 * SHORTEST_S]
    assert waits[-1] == LONGEST_S
    assert len(scene.told) == 1
    assert scene.ladder.at == 0


def test_a_rung_that_has_done_its_work_again_is_as_good_as_any() -> None:
    bad = Scripted(fails=True)
    scene = Scene(bad, Scripted())
    scene.ladder.start(0, strict=True)
    for _ in range(FAILURES):
        scene.job()
    scene.now, bad.fails = 1000, False
    scene.ladder.move(0)
    scene.job()
    bad.fails = True
    for _ in range(FAILURES):
        scene.job()
    assert scene.ladder.steps[0].left_alone_s == SHORTEST_S
    assert len(scene.told) == 2


def test_one_failure_now_and_then_moves_nothing() -> None:
    one = Scripted()
    scene = Scene(one, Scripted())
    scene.ladder.start(0, strict=True)
    for number in range(10):
        one.fails = bool(number % 2)
        scene.job()
        assert not scene.ladder.move(0)


def test_the_only_rung_is_never_left_alone() -> None:
    scene = Scene(Scripted(fails=True))
    scene.ladder.start(0, strict=True)
    for _ in range(5):
        scene.job()
    assert not scene.ladder.move(0)
    assert scene.told == []


def test_who_has_left_is_forgotten_on_every_rung_and_what_was_heard_settled_there() -> None:
    one, two = Scripted(), Scripted()
    scene = Scene(one, two)
    scene.ladder.start(0, strict=True)
    scene.ladder.settle(TAG, "so far")
    scene.ladder.forget(1)
    assert one.noted[-2:] == two.noted[-2:] == ["settle", "forget"]


def test_what_a_rung_has_left_to_do_is_done_on_another() -> None:
    one, two = Scripted(), Scripted()
    scene = Scene(one, two)
    scene.ladder.start(0, strict=True)
    scene.ladder.move(1)
    one.rest = 2
    assert not scene.ladder.idle
    scene.ladder.step(0)
    scene.ladder.step(0)
    assert scene.ladder.idle


def test_new_settings_reach_every_rung_or_none() -> None:
    one, two = Scripted(), Scripted()
    scene = Scene(one, two)
    scene.ladder.start(0, strict=True)
    assert scene.ladder.renew([rung(0), rung(1, "new")])
    assert one.noted == ["load 0", "warm up"]
    assert two.noted == ["load 1", "warm up"] * 2
    two.broken = True
    with pytest.raises(BackendError):
        scene.ladder.renew([rung(0, "newer"), rung(1, "newer")])


def test_falling_to_a_rung_that_is_not_in_memory_takes_as_long_as_loading_it_does() -> None:
    scene = Scene(Scripted(fails=True), Scripted(), absent=(1,))
    scene.ladder.start(0, strict=True)
    assert not scene.ladder.needs_loading(0)
    for _ in range(FAILURES):
        scene.job()
    assert scene.ladder.needs_loading(0)


def test_a_rung_that_cannot_be_loaded_anyhow_refuses_no_new_settings() -> None:
    broken, two = Scripted("one", broken=True), Scripted()
    scene = Scene(broken, two)
    scene.ladder.start(0, strict=False)
    assert scene.ladder.renew([rung(0, "new"), rung(1, "new")])
    assert two.noted == ["load 1", "warm up", "load 1", "warm up"]
    assert scene.ladder.at == 1
