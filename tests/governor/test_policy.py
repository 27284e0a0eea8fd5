"""The policy: who goes down, who goes up, when, and that nothing swings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.errors import ConfigError
from engine.governor.policy import DEATHS_S, IDLE_S, MANY, SOON, Ladder, Move, Part, Policy, Turn
from engine.governor.pressure import Pressure
from engine.governor.settings import FEW

LIMITS = load(environ={SYSTEM_CONFIG: ""}).governor
BUSY, HOT_GPU = [Pressure("busy")], [Pressure("GPU 0 is hot", gpu=True)]
EASY = {"asr": Part(10, 80), "llm": Part(20, 180), "vocoder": Part(10, 80)}


class Scene:
    """A policy, and its clock: a turn every five seconds."""

    def __init__(self, *ladders: Ladder) -> None:
        self.policy = Policy(ladders or [Ladder(name, (False, False, False)) for name in EASY], LIMITS)
        self.now = 0.0

    def turn(self, *late: str, whole_ms: float = 40, **took_ms: float) -> list[Move]:
        self.now += 5
        parts = {
            name: dataclasses.replace(part, took_ms=took_ms.get(name, part.took_ms)) for name, part in EASY.items()
        }
        whole = Part(whole_ms, 700)
        return self.policy.turn(Turn(self.now, parts, frozenset(late), whole, self.policy.rungs))

    def samples(self, count: int, pressures: Sequence[Pressure]) -> list[Move]:
        moves = []
        for _ in range(count):
            self.now += 1
            moves += self.policy.sample(self.now, pressures)
        return moves

    def bottom(self) -> Scene:
        self.policy.fix({})
        return self


def where(moves: Sequence[Move]) -> list[tuple[str, int]]:
    return [(move.stage, move.to) for move in moves]


def test_one_late_turn_alone_moves_nothing() -> None:
    scene = Scene()
    assert scene.turn("llm") == []
    assert not any(scene.turn() for _ in range(20))
    assert scene.policy.at_top


def test_the_stage_that_is_late_twice_goes_down_and_no_other() -> None:
    scene = Scene()
    scene.turn("llm")
    (move,) = scene.turn("llm")
    assert (move.stage, move.before, move.to, move.reason) == ("llm", 0, 1, "it was late in 2 of 2 turns")
    assert scene.policy.rungs == {"asr": 0, "llm": 1, "vocoder": 0}


def test_two_stages_that_are_late_go_down_together() -> None:
    scene = Scene()
    scene.turn("asr", "vocoder")
    assert where(scene.turn("asr", "vocoder")) == [("asr", 1), ("vocoder", 1)]


def test_misses_that_lie_far_apart_do_not_add_up() -> None:
    scene = Scene()
    for _ in range(4):
        assert scene.turn("llm") == []
        assert [scene.turn() for _ in range(4)] == [[]] * 4


def test_under_pressure_one_miss_is_enough() -> None:
    scene = Scene()
    scene.samples(1, BUSY)
    (move,) = scene.turn("llm")
    assert move.stage == "llm"
    assert "busy" in move.reason


def test_pressure_has_to_last_and_then_takes_one_rung_after_the_other() -> None:
    scene = Scene()
    assert scene.samples(2, BUSY) == []
    assert len(scene.samples(1, BUSY)) == 1
    assert scene.samples(1, BUSY) == []
    assert len(scene.samples(1, BUSY)) == 1
    scene.samples(60, BUSY)
    assert scene.policy.rungs == {"asr": 2, "llm": 2, "vocoder": 2}


def test_pressure_that_passes_takes_nothing() -> None:
    scene = Scene()
    for _ in range(10):
        assert scene.samples(2, BUSY) == []
        assert scene.samples(1, []) == []


def test_pressure_takes_the_late_stage_first_and_else_the_one_that_saves_most() -> None:
    costly = {"asr": Part(10, 80, 50), "llm": Part(20, 180, 400), "vocoder": Part(10, 80, 90)}
    scene = Scene()
    scene.policy.turn(Turn(1, costly, rungs=scene.policy.rungs))
    assert where(scene.samples(3, BUSY)) == [("llm", 1)]
    scene = Scene()
    scene.policy.turn(Turn(1, costly, frozenset({"vocoder"}), rungs=scene.policy.rungs))
    assert where(scene.samples(3, BUSY)) == [("vocoder", 1)]


def test_what_is_known_of_a_rung_counts_not_what_is_guessed() -> None:
    """The language model's lower rung has turned out to save next to nothing."""
    scene = Scene()
    for rung, llm_ms in ((0, 400), (1, 390)):
        parts = {"asr": Part(10, 80, 100), "llm": Part(20, 180, llm_ms)}
        scene.policy._stages["llm"].at = rung
        scene.policy.turn(Turn(rung, parts, rungs={"llm": rung, "asr": 0}))
    scene.policy._stages["llm"].at = 0
    assert where(scene.samples(3, BUSY)) == [("asr", 1)]


def test_a_hot_gpu_takes_down_only_what_computes_there() -> None:
    scene = Scene(Ladder("asr", (False, False)), Ladder("llm", (True, True, False)), Ladder("vocoder", (False, False)))
    assert where(scene.samples(40, HOT_GPU)) == [("llm", 1), ("llm", 2)]


def test_the_recogniser_that_is_behind_goes_down_itself() -> None:
    assert where(Scene().samples(3, [Pressure("behind", stage="asr")])) == [("asr", 1)]


def test_a_stage_that_is_chronically_a_little_slow_goes_down() -> None:
    """Two of twenty turns over the budget are more than its p95 allows."""
    scene = Scene()
    moves = [move for number in range(MANY) for move in scene.turn(llm=200 if number in (3, 11) else 100)]
    assert where(moves) == [("llm", 1)]
    assert "p95" in moves[0].reason


def test_an_answer_that_is_late_as_a_whole_takes_down_what_saves_most() -> None:
    scene = Scene()
    assert scene.turn(whole_ms=900) == []
    assert [move.reason for move in scene.turn(whole_ms=900)] == ["the whole answer was late"]


def test_turns_on_another_rung_say_nothing_of_this_one() -> None:
    """A turn that had begun before the move is over after it."""
    scene = Scene()
    scene.turn("llm")
    scene.turn("llm")
    before = Turn(scene.now, EASY, frozenset({"llm"}), rungs={"llm": 0})
    assert scene.policy.turn(before) == scene.policy.turn(before) == []


def test_who_is_late_where_it_stands_because_a_better_rung_is_left_alone_goes_on_down_from_there() -> None:
    scene = Scene()
    late = Turn(1, EASY, frozenset({"llm"}), rungs={"llm": 1})
    assert scene.policy.turn(late) == []
    (move,) = scene.policy.turn(late)
    assert (move.stage, move.before, move.to) == ("llm", 0, 2)


def test_what_it_takes_where_it_stands_says_nothing_of_the_better_rung() -> None:
    scene, slow = Scene(), {**EASY, "llm": Part(200, 180)}
    for number in range(MANY + 5):
        assert scene.policy.turn(Turn(number, slow, rungs={"llm": 1})) == []


def test_up_again_after_a_run_of_calm_turns_one_rung_with_each() -> None:
    scene = Scene().bottom()
    assert [scene.turn() for _ in range(LIMITS.calm_turns - 1)] == [[], []]
    moves = [scene.turn() for _ in range(6)]
    assert [len(each) for each in moves] == [1] * 6
    assert scene.policy.at_top


@pytest.mark.parametrize("rungs", [2, 3])
def test_back_at_the_top_within_ten_turns(rungs: int) -> None:
    scene = Scene(*[Ladder(name, (False,) * rungs) for name in EASY]).bottom()
    for _ in range(10):
        scene.turn()
    assert scene.policy.at_top


def test_turns_without_room_to_spare_are_not_calm() -> None:
    scene = Scene().bottom()
    assert not any(scene.turn(llm=150) for _ in range(50))


def test_nothing_goes_up_under_pressure() -> None:
    scene = Scene().bottom()
    for _ in range(20):
        scene.samples(1, BUSY)
        assert scene.turn() == []


def test_while_nobody_speaks_it_goes_up_by_and_by() -> None:
    scene = Scene(Ladder("llm", (False, False, False))).bottom()
    assert where(scene.samples(round(IDLE_S), [])) == [("llm", 1)]
    assert where(scene.samples(round(IDLE_S), [])) == [("llm", 0)]


def test_what_was_tried_in_vain_waits_twice_as_long() -> None:
    """An overload that the lower rung cures and the higher one brings back."""
    scene, waits = Scene(Ladder("llm", (False, False))), []
    calm = 0
    for _ in range(400):
        at = scene.policy.rungs["llm"]
        calm = calm + 1 if at else 0
        moves = scene.turn(*(["llm"] if at == 0 else []))
        waits += [calm for move in moves if not move.down]
    assert waits[:5] == [3, 6, 12, 24, 48]
    assert set(waits[5:]) == {48}


def test_a_trial_ends_with_the_first_miss() -> None:
    scene = Scene(Ladder("llm", (False, False))).bottom()
    while not scene.policy.at_top:
        scene.turn()
    assert where(scene.turn("llm")) == [("llm", 1)]


def test_what_has_stood_its_trial_is_trusted_again() -> None:
    scene = Scene(Ladder("llm", (False, False))).bottom()
    while not scene.policy.at_top:
        scene.turn()
    for _ in range(SOON):
        scene.turn()
    assert scene.turn("llm") == []


def test_a_worker_that_dies_twice_on_a_rung_is_taken_off_it() -> None:
    scene = Scene()
    assert scene.policy.died(1, "llm") == []
    assert where(scene.policy.died(20, "llm")) == [("llm", 1)]
    assert scene.policy.died(21, "turns") == []


def test_deaths_that_lie_far_apart_are_forgotten() -> None:
    scene = Scene()
    assert [scene.policy.died(at * (DEATHS_S + 1), "llm") for at in range(10)] == [[]] * 10


def test_at_the_bottom_there_is_nowhere_to_go() -> None:
    scene = Scene().bottom()
    assert scene.samples(30, BUSY) == []
    assert [scene.turn("asr", "llm", "vocoder") for _ in range(5)] == [[]] * 5


def test_fixed_it_is_where_it_was_told_to_be() -> None:
    policy = Scene().policy
    assert where(policy.fix({})) == [("asr", 2), ("llm", 2), ("vocoder", 2)]
    assert where(policy.fix({"asr": 1, "llm": 0})) == [("asr", 1), ("llm", 0)]
    policy.fix({"asr": 9, "llm": 9, "vocoder": 9})
    assert policy.rungs == {"asr": 2, "llm": 2, "vocoder": 2}


def test_as_many_misses_as_may_be_asked_for_can_be_counted() -> None:
    scene = Scene()
    scene.policy.limits = load(sets=[f"governor.misses={FEW}"], environ={SYSTEM_CONFIG: ""}).governor
    assert [len(scene.turn("llm")) for _ in range(FEW)] == [0] * (FEW - 1) + [1]
    with pytest.raises(ConfigError, match=f"between 1 and {FEW}"):
        load(sets=[f"governor.misses={FEW + 1}"], environ={SYSTEM_CONFIG: ""})
