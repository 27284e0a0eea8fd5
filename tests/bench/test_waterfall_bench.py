"""The bench that holds the waterfall against the recording: which turn is whose, and what counts as agreement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from talkbench.runs import Run
from talkbench.tracks import RATE
from waterfall import EXACT, PEOPLE, Pair, cut, figures, lengths, pairs, row

from tests.bench.conversations import HERE, track, turn


def told(start_s: float, end_s: float, response_ms: float | None, **stages: Any) -> dict[str, Any]:
    audio = {"began": None, "first": response_ms, "ended": 3000.0}
    found = {"audio": audio, **stages}
    return turn(response_ms=response_ms, late=[], speech={"start_s": start_s, "end_s": end_s}, stages=found)


def heard(*ms: float | None, cut_in: bool = False) -> list[dict[str, Any]]:
    return [{"response_ms": each, "cut_in": cut_in} for each in ms]


def run_of(rows: list[dict[str, Any]], *turns: dict[str, Any]) -> Run:
    return Run(rows, {}, {"turns": list(turns)}, HERE)


def test_each_utterance_is_held_against_its_own_turn() -> None:
    on = track((1.0, 2.0), (7.0, 8.0), (14.0, 15.0))
    turns = (told(1.1, 2.03, 200.0), told(7.0, 7.4, None), told(7.6, 7.95, 180.0), told(14.0, 15.0, 100.0))
    found = pairs(1, on, run_of(heard(230.0, 140.0, None), *turns))
    assert found == [Pair(1, 200.0, 230.0, 30.0), Pair(1, 180.0, 140.0, -50.0)]
    assert [(round(pair.apart_ms), round(pair.rest_ms)) for pair in found] == [(30, 0), (40, 10)]
    assert pairs(1, track((1.0, 2.0)), run_of(heard(230.0, cut_in=True), turns[0])) == []


def test_parts_that_do_not_sum_to_their_whole_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waterfall.parts", lambda _turn: [])
    with pytest.raises(AssertionError):
        pairs(1, track((1.0, 2.0)), run_of(heard(230.0), told(1.0, 2.0, 200.0)))


def test_the_ends_are_allowed_for_where_they_are_not_exact_and_there_alone() -> None:
    found = [Pair(1, 200.0, 235.0, 30.0), Pair(1, 200.0, 215.0, 0.0)]
    assert row("", found, 3, allow_ends=True)["within 20 ms and the ends"].startswith("2 of 2")
    assert row("", found, 3, allow_ends=False)["within 20 ms"].startswith("1 of 2")
    assert row("", [], 3, allow_ends=False)["turns"] == "0 of 3"


def test_the_parts_of_all_turns_are_put_together() -> None:
    stages = {"turns": {"began": 0.0, "first": None, "ended": 150.0}}
    budgets = {"turns": 140.0, "audio": 60.0}
    both = [told(1.0, 2.0, ms, **stages) | {"budgets": budgets} for ms in (200.0, 220.0)]
    rows = {cells[""]: cells for cells in lengths([run_of(heard(), *both, told(3.0, 4.0, None))]).rows}
    assert list(rows) == ["wait", "play", "all"]
    assert rows["wait"]["p50"].startswith("150 ")
    assert (rows["wait"]["late"], rows["play"]["late"], rows["all"]["turns"]) == ("2", "1", "2")


def test_agreement_and_parts_become_figures_with_what_is_asked_for() -> None:
    found = {PEOPLE: [Pair(1, 200.0, 235.0, 30.0), Pair(1, 200.0, 215.0, 0.0)], EXACT: [Pair(1, 200.0, 235.0, 30.0)]}
    stages = {"turns": {"began": 0.0, "first": None, "ended": 150.0}}
    runs = [run_of(heard(), told(1.0, 2.0, 200.0, **stages), told(3.0, 4.0, None))]
    every = figures(found, runs)
    assert {name: figure.value for name, figure in every.items() if "agree" in name} == {
        f"{PEOPLE}: agree": 100,
        f"{EXACT}: agree": 0,
    }
    assert every[f"{EXACT}: agree"].missed
    assert (every["wait: p50"].value, every["play: p95"].value) == (150, 50)
    assert f"{EXACT}: agree" not in figures({PEOPLE: found[PEOPLE], EXACT: []}, runs)


def test_a_sentence_is_cut_where_it_is_loud() -> None:
    loud = np.full(RATE, 8000, np.int16)
    soft = np.full(RATE, 200, np.int16)
    made = cut(np.concatenate([loud, soft]))
    assert len(made) == RATE
    assert (made[-1], made[-40]) == (0, 8000)
