"""bench/headline.py and bench/compare.py, as far as they are arithmetic, files and words. What they measure is no
test's business."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import compare
import headline
import pytest
from allbench import cells, machine, noise, sections
from allbench.cells import Column
from allbench.results import Figure, Results, as_json, counted, figures_of, measured, ranged, read, share
from allbench.results import Section as Became
from allbench.run import Order, command, run, stop
from allbench.sections import SECTIONS, Section
from talkbench.figures import percentile, rate

MACHINE = dict.fromkeys(machine.TELLS, "the same") | {"beside": "1 % busy, 0 % stolen", "commit": "a" * 40}


def results(**figures: Figure) -> Results:
    """A run of one bench, "b", with these figures."""
    found = {f"b: {name}": figure for name, figure in figures.items()}
    return Results("headline", MACHINE, "2000-01-01T00:00:00+00:00", {"b": Became("bench/b.py", 1.0)}, found)


def ms(value: float, low: float, high: float) -> Figure:
    return Figure(value, "ms", "lower", (low, high))


# Figures and the file.


def test_what_is_written_is_read_again_as_it_was(tmp_path: Path) -> None:
    found = results(a=measured([1.0, 2.0, 3.0], "ms", "lower", asked=2.0), b=Figure(1.0, "s", "lower"))
    found.write(tmp_path / "found.json")
    assert read(tmp_path / "found.json") == found
    assert not list(tmp_path.glob("*.part"))
    assert figures_of(json.loads(as_json(found.figures))["figures"]) == found.figures


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 1}', '{"schema": 99, "sections": {}}'])
def test_a_file_that_is_none_of_ours_is_said_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    for path in (tmp_path / "odd.json", tmp_path / "none.json"):
        with pytest.raises(SystemExit, match=str(path)):
            read(path)


def test_intervals_hold_their_value_and_that_of_nothing_seen_is_not_nothing() -> None:
    for figure in (
        measured([3.0, 1.0, 2.0], "ms", "lower", 95),
        counted(7),
        share(3, 20),
        ranged([2, 9], "s", "lower"),
    ):
        assert figure.spread is not None
        assert figure.spread[0] <= figure.value <= figure.spread[1]
    none = counted(0).spread
    assert none is not None
    assert none[0] == 0
    assert none[1] == pytest.approx(3.69, abs=0.05)  # Poisson's, exactly


def test_a_ratio_is_to_what_is_asked_for() -> None:
    assert replace(ms(50, 40, 60), asked=100.0).ratio == 0.5
    assert ms(50, 40, 60).ratio is None


def test_what_is_on_the_wrong_side_of_what_is_asked_for_is_missed() -> None:
    assert replace(ms(120, 110, 130), asked=100.0).missed
    assert not replace(ms(100, 90, 110), asked=100.0).missed
    assert not ms(120, 110, 130).missed
    assert share(8, 10, asked=90).missed
    assert not share(10, 10, asked=90).missed


# Tables read back.


def test_cells_are_read_back_as_the_benches_print_them() -> None:
    row = {
        "p": percentile([100.0, 200.0, 300.0], 50),
        "r": rate(3, 30),
        "n": "2",
        "of": "8",
        "s": "0.26 s",
        "x": "31.7 x",
    }
    wanted = {"p": Column("ms"), "r": Column("%"), "n": Column("of", of="of"), "s": Column("s"), "x": Column("x")}
    found = {name: cells.figure(row, name, column) for name, column in wanted.items()}
    assert found["p"] == ms(200, 100, 300)
    assert found["r"] == share(3, 30, "lower")
    assert found["n"] == share(2, 8, "lower")
    assert found["s"] == Figure(0.26, "s", "lower")
    assert found["x"] == Figure(31.7, "x", "lower")


@pytest.mark.parametrize("cell", ["-", "", "not run: no GPU", "FAILED: it hung", "no answer"])
@pytest.mark.parametrize("unit", ["ms", "count", "%", "of"])
def test_a_cell_without_a_number_is_no_figure(cell: str, unit: str) -> None:
    assert cells.figure({"c": cell, "of": "4"}, "c", Column(unit, of="of")) is None


def test_a_row_gives_its_name_and_what_is_asked_for_stands_beside_it() -> None:
    table = {"rows": [{"": "governor on", "rights": "none", "p95": "428 (350..770)"}]}
    found = cells.figures(table, ("", "rights", "fault"), {"p95": Column("ms")}, {"governor on, none: p95": 800.0})
    assert found == {"governor on, none: p95": replace(ms(428, 350, 770), asked=800.0)}


def test_every_kind_of_file_that_a_bench_writes_becomes_figures() -> None:
    ring = {"p50": 1.0, "p50_min": 0.9, "p50_max": 1.2, "p99": 2.0}
    calls = {"four_calls_ns": 55.0, "four_calls_tagged_ns": 87.0, "four_calls_history_ns": 71.0}
    table = {"title": "t", "rows": [{"": "default", "response p50": "200 (180..220)", "misses": "0"}]}
    arms = [{"lease": {"p50": 90.0, "p95": 120.0}}, {"lease": {"p50": 95.0, "p95": 130.0}}]
    found: dict[str, tuple[Any, Any, str]] = {
        "rings": (
            sections.rings,
            {"one_way_us": {"ring_a": {"640": ring}}, "times_the_ring": {}, "sleep_over_futex_floor": None, **calls},
            "ring_a, 640 B: one way p50",
        ),
        "conversation": (sections.conversation, {"turn_taking": table}, "turn_taking: default: response p50"),
        "overload": (sections.overload, {"tables": {"faults": table}}, "faults: default: response p50"),
        "stages": (
            sections.stages,
            {"stages": {"rows": [{"stage": "vad", "backend": "silero", "rung": "one", "load s": "0.15"}]}},
            "vad, silero, one: load s",
        ),
        "partner": (
            sections.partner,
            {"by hand": {"answers": [9, 10], "misheard": [0, 0], "first_ms_p50": 1.5}},
            "by hand: answers",
        ),
        "door": (sections.door, [{"clients": 1, "latencies": [1.0, 2.0]}], "1 clients: event p99"),
        "lease": (
            sections.lease,
            [{"scene": {"title": "one core"}, "rounds": arms}],
            "one core, lease: first clause p50",
        ),
        "faults": (
            sections.faults,
            [{"title": "T", "rows": [{"kill -9 of": "vad", "when": "mid-answer", "back after": "0.28 s"}]}],
            "T: vad, mid-answer: back after",
        ),
    }
    peers = {"times_the_ring": {"ring_a": {"640": [1.0]}, "pipe": {"640": [11.0, 13.0], "3840": []}}}
    assert sections.rings(found["rings"][1] | peers).keys() - sections.rings(found["rings"][1]).keys() == {
        "pipe, 640 B: times the ring"
    }
    for name, (reads, written, figure) in found.items():
        assert figure in reads(written), name
    assert sections.partner({"by hand": {"answers": [9, 10]}})["by hand: answers"].asked == 90


def test_headline_that_is_to_run_is_there_and_has_its_place_in_the_full_run() -> None:
    for name, section in SECTIONS.items():
        assert (Path(__file__).parents[2] / "bench" / section.program).is_file(), name
        assert ": " not in name  # it begins the names of its figures
    whole = {section.program for section in SECTIONS.values() if section.full is not None}
    assert {section.program for section in SECTIONS.values()} == whole


# A bench that fails.


def bench(tmp_path: Path, text: str, **fields: Any) -> tuple[Became, sections.Figures]:
    """Run this as a bench."""
    (tmp_path / "own.py").write_text(text)
    section = Section(str(tmp_path / "own.py"), "", None, sections.own, shared=False, **fields)
    return run(section, Order(False, tmp_path))


WRITES = "import pathlib, sys; pathlib.Path(sys.argv[2]).write_text({!r})"


def test_a_bench_that_fails_is_told_and_keeps_the_figures_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allbench.run.command", lambda section, _order: [section.program])
    text = as_json({"a": ms(1, 1, 2)})
    became, figures = bench(tmp_path, f"{WRITES.format(text)}\nsys.exit(3)")
    assert (became.error, list(figures)) == ("exit code 3", ["a"])
    text = as_json({"FAILED: it hung": ms(1, 1, 2)})
    assert bench(tmp_path, WRITES.format(text))[0].error == "a row of it could not be measured"
    assert bench(tmp_path, "pass")[0].error == "it wrote no figures"
    assert "cannot be read" in bench(tmp_path, WRITES.format("[]"))[0].error
    assert bench(tmp_path, WRITES.format('{"figures": {}}'))[0].error == "it has no figures"


CHILD = """import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.3)
    pathlib.Path(sys.argv[1]).write_text("clean")
    sys.exit()
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1]).write_text("begun")
time.sleep(600)
"""


def test_what_a_bench_began_may_clean_up_when_it_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}, {str(mark)!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], start_new_session=True) as hanging:
        while not (mark.exists() and mark.read_text() == "begun"):
            time.sleep(0.01)
        stop(hanging)
    assert mark.read_text() == "clean"


def test_a_bench_that_hangs_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allbench.run.command", lambda section, _order: [section.program])
    became, figures = bench(tmp_path, "import time; time.sleep(600)", limit_s=1)
    assert (became.error, figures) == ("it took longer than 1 s", {})


def test_a_command_can_be_run_again_from_the_results(tmp_path: Path) -> None:
    words = command(SECTIONS["turn-taking"], Order(False, tmp_path))
    assert words[0] == "bench/conversation.py"
    assert words[-2:] == ["--shared", str(tmp_path)]
    assert "--shared" not in command(SECTIONS["start"], Order(True, tmp_path))


def test_a_name_that_nobody_knows_is_refused_and_what_has_no_part_in_the_headline_too() -> None:
    for only in ("nothing", "faults"):
        with pytest.raises(SystemExit, match=f"unknown: {only}"):
            headline.chosen(only, full=False)
    assert list(headline.chosen("faults,start", full=True)) == ["faults", "start"]


# What moved.


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


@pytest.mark.parametrize(("after", "cores", "code"), [(100, "same", 0), (300, "same", 1), (300, "other", 2)])
def test_compare_fails_when_something_got_worse_and_says_nothing_across_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: float, cores: str, code: int
) -> None:
    old, new = results(a=ms(100, 99, 101)), results(a=ms(after, after - 1, after + 1))
    new.machine = {**MACHINE, "cores": MACHINE["cores"] if cores == "same" else cores}
    old.write(tmp_path / "old.json")
    new.write(tmp_path / "new.json")
    monkeypatch.setattr(sys, "argv", ["compare.py", str(tmp_path / "old.json"), str(tmp_path / "new.json"), "--fail"])
    with pytest.raises(SystemExit) as ended:
        compare.main()
    assert int(ended.value.code or 0) == code


def test_what_is_busy_and_what_is_stolen_is_of_the_time_since() -> None:
    before, now = machine.Ticks(busy=100, stolen=10, all=1000), machine.Ticks(busy=150, stolen=20, all=1200)
    assert now.since(before) == (25, 5)
    assert now.since(now) == (0, 0)


def test_the_machine_is_described_and_nothing_is_made_up() -> None:
    about = machine.describe()
    assert set(machine.SAME) <= set(about)
    assert all(about.values())
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=machine.ROOT, capture_output=True, text=True, check=False)
    assert about["commit"] == (told.stdout.strip() or "not known")
