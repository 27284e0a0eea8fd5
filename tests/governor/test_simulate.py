"""The policy on made-up machines: it neither swings nor sleeps."""

from __future__ import annotations

import sys

import pytest

from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.governor import simulate as module
from engine.governor.policy import Move
from engine.governor.simulate import TRACES, Line, simulate

LIMITS = load(environ={SYSTEM_CONFIG: ""}).governor


def run(name: str) -> list[Line]:
    _, turns, trace = TRACES[name]
    return simulate(trace, turns, LIMITS)


def moves(lines: list[Line]) -> list[Move]:
    return [move for line in lines for move in line.moves]


def turns_of(lines: list[Line], begin_s: float, end_s: float) -> list[Line]:
    return [line for line in lines if begin_s <= line.at_s < end_s]


def test_an_idle_machine_never_moves() -> None:
    assert moves(run("idle")) == []


def test_two_spikes_move_nothing() -> None:
    assert moves(run("spike")) == []


def test_a_load_is_met_within_two_turns_and_forgotten_ten_turns_after_its_end() -> None:
    lines = run("step")
    assert any(turns_of(lines, 60, 65)[0].rungs.values())
    assert not any(lines[-1].rungs.values())
    assert not any(turns_of(lines, 150 + 10 * module.TURN_S, 1000)[0].rungs.values())


def test_during_a_steady_load_nothing_swings() -> None:
    lines = run("step")
    loaded = moves(turns_of(lines, 50, 150))
    assert [move for move in loaded if not move.down] == []
    assert [move for move in moves(lines) if move.down] == loaded


def test_a_growing_load_takes_one_rung_after_the_other_and_each_comes_back_once() -> None:
    found = moves(run("ramp"))
    down, up = [move for move in found if move.down], [move for move in found if not move.down]
    assert len(down) == len(up) == 4
    assert found == [*down, *up]


def test_a_load_that_comes_and_goes_is_not_followed_for_long() -> None:
    """Half of all turns are loaded. In the second half of the run it has settled on rungs that stand it."""
    lines = run("flapping")
    assert len(moves(lines)) <= 20
    assert moves(turns_of(lines, 300, 1000)) == []


def test_heat_takes_the_stages_down_until_it_is_cool_again() -> None:
    lines = run("hot")
    assert "hot" in moves(lines)[0].reason
    assert all(move.down for move in moves(turns_of(lines, 0, 150)))
    assert not any(lines[-1].rungs.values())


def test_one_slow_stage_gives_way_alone() -> None:
    lines = run("slow")
    assert {move.stage for move in moves(lines)} == {"llm"}
    assert not any(lines[-1].rungs.values())
    late = [line for line in turns_of(lines, 50, 150) if line.late]
    assert len(late) <= 6


def test_an_endless_overload_is_tried_again_ever_more_rarely() -> None:
    lines = run("endless")
    late = [line for line in lines if line.late]
    assert len(late) <= len(lines) * 0.05
    assert len([line for line in late if line.at_s > 500]) <= 3
    assert sum(not move.down for move in moves(lines)) >= 5


def test_it_can_be_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["simulate", "step"])
    assert module.main() == 0
    out = capsys.readouterr().out
    assert "four busy threads" in out
    assert "0 → 1" in out
    monkeypatch.setattr(sys, "argv", ["simulate", "nothing"])
    assert module.main() == 2
    assert "step" in capsys.readouterr().err
