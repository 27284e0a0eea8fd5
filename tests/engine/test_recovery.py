"""What becomes of a worker that died: which faults pass by themselves, which do not, and what is tried again when."""

from __future__ import annotations

import pytest

from engine.recovery import FIRST_REST_S, LOADS, LONGEST_REST_S, SETTLED_S, WORST_BACKOFF_S, Recovery, Verdict

ALLOWED, BACKOFF_S = 5, 0.1


class Scene:
    """A worker's life, with the time in hand."""

    def __init__(self, *, vital: bool = False) -> None:
        self.recovery, self.now = Recovery(vital), 0.0

    def works(self, seconds: float) -> None:
        """It is loaded, and works for so long."""
        self.recovery.ready(self.now)
        self.now += seconds

    def dies(self) -> Verdict:
        """It dies, and is started again when that is due."""
        verdict = self.recovery.died(self.now, ALLOWED, BACKOFF_S)
        self.now += verdict.after_s
        return verdict


def test_one_that_dies_now_and_then_is_started_again_at_once_as_often_as_it_takes() -> None:
    scene = Scene()
    for _ in range(50):
        scene.works(61)
        assert scene.dies() == Verdict("again", 0.0)


def test_one_that_dies_at_once_is_started_again_later_and_later() -> None:
    scene, waits = Scene(vital=True), []
    for _ in range(ALLOWED):
        scene.works(0)
        waits.append(scene.dies().after_s)
    assert waits == pytest.approx([0, 0.1, 0.2, 0.4, 0.8])
    recovery = Recovery(vital=True)
    recovery.died(0, 2, 100.0)
    assert recovery.died(0, 2, 100.0).after_s == WORST_BACKOFF_S


@pytest.mark.parametrize(("vital", "what"), [(True, "end"), (False, "rest")])
def test_one_that_dies_too_often_is_left_out_or_ends_the_engine(vital: bool, what: str) -> None:
    scene = Scene(vital=vital)
    for _ in range(ALLOWED):
        scene.works(0)
        assert scene.dies().what == "again"
    scene.works(0)
    verdict = scene.dies()
    assert (verdict.what, verdict.why) == (what, f"deaths in the last minute: {ALLOWED + 1}, allowed: {ALLOWED}")
    assert scene.recovery.resting == (what == "rest")


def test_one_that_cannot_be_loaded_is_left_out_before_the_whole_budget_is_spent() -> None:
    scene = Scene()
    scene.works(1)
    assert [scene.dies().what for _ in range(LOADS + 1)] == ["again"] * LOADS + ["rest"]
    assert scene.recovery.resting


def test_a_vital_one_that_cannot_be_loaded_has_the_whole_budget() -> None:
    scene = Scene(vital=True)
    scene.works(1)
    assert [scene.dies().what for _ in range(ALLOWED + 1)] == ["again"] * ALLOWED + ["end"]


def test_a_vital_one_that_takes_a_minute_to_fail_ends_the_engine_too() -> None:
    """Else a service manager would never hear of an engine that is deaf."""
    scene = Scene(vital=True)
    scene.works(61)
    verdicts = [scene.dies()]
    while verdicts[-1].what == "again" and len(verdicts) < 100:
        scene.now += 60
        verdicts.append(scene.dies())
    assert (len(verdicts), verdicts[-1].what) == (ALLOWED + 2, "end")
    assert verdicts[-1].why == f"it could not be loaded {ALLOWED + 1} times in a row"


def test_one_that_is_left_out_is_tried_again_later_and_later_and_is_told_of_once() -> None:
    scene = Scene()
    scene.works(1)
    while (verdict := scene.dies()).what == "again":
        pass
    assert verdict.first
    rests = [verdict.after_s]
    for _ in range(6):
        verdict = scene.dies()
        assert (verdict.what, verdict.first) == ("rest", False)
        rests.append(verdict.after_s)
    assert rests == [FIRST_REST_S, 120, 240, 480, LONGEST_REST_S, LONGEST_REST_S, LONGEST_REST_S]


def test_one_that_is_left_out_for_weeks_is_still_tried_again() -> None:
    scene = Scene()
    assert {scene.dies().what for _ in range(LOADS - 1)} == {"again"}
    assert [scene.dies().after_s for _ in range(1100)][-1] == LONGEST_REST_S


def test_one_that_comes_back_and_dies_again_soon_is_left_out_at_once() -> None:
    scene = Scene()
    scene.works(1)
    while scene.dies().what == "again":
        pass
    scene.works(SETTLED_S - 1)
    assert not scene.recovery.resting
    verdict = scene.dies()
    assert (verdict.what, verdict.after_s, verdict.first) == ("rest", 2 * FIRST_REST_S, False)


def test_one_that_has_come_back_for_good_is_as_if_nothing_had_been() -> None:
    scene = Scene()
    scene.works(1)
    while scene.dies().what == "again":
        pass
    scene.works(SETTLED_S)
    assert scene.dies() == Verdict("again", 0.0)
    while (verdict := scene.dies()).what == "again":
        pass
    assert (verdict.after_s, verdict.first) == (FIRST_REST_S, True)


def test_none_may_die_where_no_death_is_allowed() -> None:
    recovery = Recovery(vital=False)
    recovery.ready(0)
    why = "deaths in the last minute: 1, allowed: 0"
    assert recovery.died(1, 0, BACKOFF_S) == Verdict("rest", FIRST_REST_S, why, first=True)
