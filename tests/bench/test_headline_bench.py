"""bench/headline.py, as far as it is arithmetic, files and words. What it measures is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import headline
import pytest
from allbench import cells, machine, sections
from allbench.cells import Column
from allbench.results import Figure, as_json, counted, figures_of, measured, ranged, read, share
from allbench.results import Section as Became
from allbench.run import Order, command, run, stop
from allbench.sections import SECTIONS, Section
from talkbench.figures import percentile, rate

from tests.bench.results import ms, results

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
        "telemetry": (sections.telemetry, {"ns": {"count": [90.0, 95.0], "another": [1.0]}}, "count"),
        "idle": (
            sections.idle,
            {
                "processes": {
                    "audio": {"cpu": 2.0, "wakes": 100.0},
                    "of that, a library's": {"cpu": 0.5, "wakes": 20.0},
                    "vad": {"cpu": 1.5, "wakes": 31.0},
                }
            },
            "all: of one core",
        ),
        "top": (sections.top, {"cpu_percent": 1.5, "bytes_per_s": 400.0}, "of one core"),
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
    records = sections.telemetry(found["telemetry"][1])
    assert (records["count"].asked, records["another"].asked) == (200, None)
    idle = sections.idle(found["idle"][1])
    assert idle["all: of one core"].value == 3.5
    assert idle["all but audio: wake-ups a second"].value == 31


def test_peers_stand_beside_the_engine_in_the_same_conditions() -> None:
    curve = [
        {"system": "engine", "setting": "patience-0.6", "response p50": "200 (190..210)"},
        {"system": "livekit", "setting": "default", "response p50": "600 (500..700)"},
    ]
    loaded = [
        {"": "governor on", "rights": "none", "p95": "400 (350..450)"},
        {"": "governor on", "rights": "real-time", "p95": "200 (190..210)"},
        {"": "pipecat", "rights": "real-time", "p95": "4000 (3000..5000)"},
        {"": "livekit", "rights": "unheard of", "p95": "4000 (3000..5000)"},
    ]
    found = sections.conversation({"curve": {"rows": curve}})
    found |= sections.overload({"tables": {"overload": {"rows": loaded}}})
    assert {name: figure.value for name, figure in found.items() if "times" in name} == {
        "curve: livekit, default: response p50, times the engine's": 3,
        "overload: pipecat, real-time: p95, times the engine's": 20,
    }


def test_every_bench_that_is_to_run_is_there_and_has_its_place_in_the_full_run() -> None:
    for name, section in SECTIONS.items():
        assert (Path(__file__).parents[2] / "bench" / section.program).is_file(), name
        assert ": " not in name  # it begins the names of its figures
    whole = {section.program for section in SECTIONS.values() if section.full is not None}
    assert {section.program for section in SECTIONS.values()} == whole


# A bench that fails.


def bench(
    tmp_path: Path, text: str, read: Callable[[Any], sections.Figures] = sections.own, **fields: Any
) -> tuple[Became, sections.Figures]:
    """Run this as a bench."""
    (tmp_path / "own.py").write_text(text)
    section = Section(str(tmp_path / "own.py"), "", None, read, shared=False, **fields)
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
    assert "cannot be read" in bench(tmp_path, WRITES.format("[]"), sections.partner)[0].error
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


# The machine.


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
