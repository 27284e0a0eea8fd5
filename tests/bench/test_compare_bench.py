"""bench/compare.py: what moved beyond noise, and between which machines nothing can be said."""

from __future__ import annotations

import sys
from pathlib import Path

import compare
import pytest
from allbench import machine, noise
from allbench.results import Figure, counted, share
from allbench.results import Section as Became

from tests.bench.results import MACHINE, ms, results


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (ms(200, 190, 210), ms(250, 240, 260), noise.WORSE),
        (ms(250, 240, 260), ms(200, 190, 210), noise.BETTER),
        (ms(200, 190, 210), ms(220, 205, 240), noise.SAME),  # they touch
        (ms(200, 200, 200), ms(205, 205, 205), noise.SAME),  # sure, and of no account
        (Figure(1.0, "s", "lower"), ms(2.0, 1.9, 2.1), noise.UNKNOWN),
        (share(20, 20), share(5, 20), noise.WORSE),  # higher is better
        (counted(0), counted(2), noise.SAME),
        (counted(0), counted(20), noise.WORSE),
    ],
)
def test_a_figure_has_moved_when_intervals_are_apart_and_by_enough(old: Figure, new: Figure, verdict: str) -> None:
    assert noise.verdict(old, new) == verdict


def test_the_worse_come_first_and_then_the_largest() -> None:
    old = results(a=ms(100, 99, 101), b=ms(100, 99, 101), c=ms(100, 99, 101), d=ms(100, 99, 101))
    new = results(a=ms(50, 49, 51), b=ms(120, 119, 121), c=ms(300, 299, 301), d=ms(101, 100, 102))
    found = [(move.name, move.verdict, move.ratio) for move in noise.moves(old, new)]
    assert found == [
        ("b: c", noise.WORSE, 3.0),
        ("b: b", noise.WORSE, 1.2),
        ("b: a", noise.BETTER, 0.5),
        ("b: d", noise.SAME, 1.01),
    ]


def test_other_runs_of_the_old_state_widen_its_intervals() -> None:
    old, new = results(a=ms(100, 99, 101)), results(a=ms(130, 128, 132))
    assert noise.moves(old, new)[0].verdict == noise.WORSE
    assert noise.moves(old, new, [results(a=ms(129, 127, 131))])[0].verdict == noise.SAME
    other = results(a=ms(129, 127, 131))
    other.sections["b"] = Became("bench/b.py --quick", 1.0)
    assert noise.moves(old, new, [other])[0].verdict == noise.WORSE  # it measured something else


def test_what_was_measured_by_another_command_is_not_compared() -> None:
    old, new = results(a=ms(100, 99, 101)), results(a=ms(300, 299, 301))
    new.sections["b"] = Became("bench/b.py --longer", 1.0, "it hung")
    assert noise.moves(old, new) == []
    said = noise.report(old, new)
    assert "another command: 1 figures, such as 'b: a'" in said
    assert "failed in the new run: b: it hung" in said


def test_different_machines_and_company_are_said_plainly() -> None:
    old, new = results(a=ms(100, 99, 101)), results(a=ms(100, 99, 101))
    assert "DIFFERENT" not in noise.report(old, new)
    new.machine = {**MACHINE, "cores": "4 of 4", "beside": "35 % busy, 2 % stolen", "commit": "b" * 40}
    said = noise.report(old, new)
    assert "DIFFERENT MACHINES" in said
    assert "cores: the same | 4 of 4" in said
    assert "NOT ALONE: something else ran when the new run began (35 % busy, 2 % stolen)" in said
    assert not machine.was_busy({})
    assert machine.differences(MACHINE, {**MACHINE, "commit": "c"}) == []


@pytest.mark.parametrize(
    ("after", "what", "code"),
    [(100, "same", 0), (300, "same", 1), (300, "other", 2), (100, "broken", 1), (100, "nothing", 2)],
)
def test_compare_fails_when_something_got_worse_and_says_nothing_across_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: float, what: str, code: int
) -> None:
    old, new = results(a=ms(100, 99, 101)), results(a=ms(after, after - 1, after + 1))
    new.machine = {**MACHINE, "cores": "4" if what == "other" else MACHINE["cores"]}
    new.sections |= {"c": Became("bench/c.py", 1.0, "it hung")} if what == "broken" else {}
    old.sections |= {"c": Became("bench/c.py", 1.0)}
    if what == "nothing":
        new.figures.clear()
    old.write(tmp_path / "old.json")
    new.write(tmp_path / "new.json")
    monkeypatch.setattr(sys, "argv", ["compare.py", str(tmp_path / "old.json"), str(tmp_path / "new.json"), "--fail"])
    with pytest.raises(SystemExit) as ended:
        compare.main()
    assert int(ended.value.code or 0) == code
