"""The overload bench, as far as it is arithmetic and pictures. What it measures is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import overload
import pytest
from overloadbench import sections
from overloadbench.load import Load, Window
from overloadbench.plot import draw
from overloadbench.ride import Move, Ride
from overloadbench.sections import COMPUTING, Desk, as_peer, names, slow
from overloadbench.table import counted, moved
from overloadbench.verdict import answers, phase, turns_until_down, turns_until_top, under
from talkbench.bench import Bench
from talkbench.figures import Table
from talkbench.tracks import SHORT, Builder

from engine.config import load
from engine.ladders import ladder

ROOT = Path(__file__).resolve().parents[2]
MS: tuple[float | None, ...] = (300.0, 320.0, 900.0, None, 500.0, 310.0)
"""Responses to six utterances, the third to the fifth of them under load."""


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "speech": {"start_s": 10.0 * number, "end_s": 10.0 * number + 2},
        "response_ms": MS[number],
        "source": "answer",
        "heard": "You said so.",
        "rungs": {"asr": 0, "llm": 0},
        "held": False,
        "floor": [],
        **fields,
    }


def ride(*turns: dict[str, Any], moves: tuple[Move, ...] = (), **fields: Any) -> Ride:
    utterances = [{"file": f"{n}.wav", "text": "", "start": 10.0 * n, "end": 10.0 * n + 2} for n in range(len(MS))]
    rows = [{"response_ms": ms, "cut_in": False} for ms in MS]
    known: dict[str, Any] = {"load": (19.0, 49.0), "seconds": 60.0, "totals": {"xruns": 0}, "late_ms": 1.25, **fields}
    return Ride(utterances, rows, {"holes": [1.5]}, list(turns), moves=list(moves), **known)


def all_turns() -> list[dict[str, Any]]:
    return [record(number) for number in range(len(MS))]


# What an utterance came to.


def test_an_utterance_is_answered_if_the_recording_says_so_whatever_the_engine_says() -> None:
    assert [each.response_ms for each in answers(ride(*all_turns()))] == list(MS)
    assert [each.response_ms for each in answers(ride())] == list(MS)


@pytest.mark.parametrize(
    ("fields", "degraded"),
    [
        ({}, False),
        ({"source": "floor", "floor": ["llm"]}, False),
        ({"source": "phrase"}, True),
        ({"held": True, "heard": ""}, True),
        ({"held": True}, False),
    ],
)
def test_only_a_phrase_is_no_answer_but_the_floors_is(fields: dict[str, Any], degraded: bool) -> None:
    turns = all_turns()
    turns[2] = record(2, **fields)
    found = answers(ride(*turns))[2]
    assert found.degraded is degraded
    assert found.held is fields.get("held", False)


def test_a_turn_that_was_taken_back_does_not_hide_the_one_that_answered() -> None:
    withdrawn = record(2, response_ms=None, heard="", source="answer", rungs={"asr": 1})
    turns = [*all_turns()[:2], withdrawn, *all_turns()[2:]]
    found = answers(ride(*turns))[2]
    assert (found.degraded, found.rungs) == (False, {"asr": 0, "llm": 0})


def test_a_peer_tells_nothing_of_its_turns() -> None:
    row = counted(ride(totals={}))
    assert (row["by a phrase"], row["held"], row["floor"], row["xruns"]) == ("-", "-", "-", "-")


def test_turns_are_counted_under_load_alone_and_all_of_them_where_there_was_none() -> None:
    loaded = ride(*all_turns())
    assert [phase(loaded, at) for at in (18.9, 19.0, 48.9, 49.0)] == ["before", "under", "under", "after"]
    assert len(under(loaded, answers(loaded))) == 3
    row = counted(loaded)
    assert (row["turns"], row["answered"], row["over 800 ms"], row["holes"], row["late p99"]) == (
        "3",
        "2",
        "1",
        "1",
        "1.2",
    )
    assert counted(ride(*all_turns(), load=None))["turns"] == "6"


# Rungs.


def test_it_is_counted_how_many_turns_it_took_to_go_down_and_to_come_back() -> None:
    moves = (
        Move(23.0, "llm", 1, "late"),
        Move(24.0, "asr", 1, "late"),
        Move(33.0, "llm", 2, "late"),
        Move(53.0, "llm", 1, "room"),
        Move(54.0, "llm", 0, "room"),
        Move(55.0, "asr", 0, "room"),
        Move(58.0, "asr", 1, "late"),
    )
    found = ride(*all_turns(), moves=moves)
    assert turns_until_down(found) == 1
    assert turns_until_top(found) == 1
    cells = moved(found)
    assert (cells["moves"], cells["down after"], cells["top after"]) == ("7", "1 turns", "1 turns")


def test_rungs_that_never_moved_were_never_down_and_those_that_stay_down_never_come_back() -> None:
    assert turns_until_down(ride()) is None
    assert turns_until_top(ride()) == 0
    down = ride(moves=(Move(23.0, "llm", 1, "late"),))
    assert turns_until_top(down) is None
    assert moved(down)["top after"] == "-"


def test_a_move_before_the_load_is_not_an_answer_to_it() -> None:
    moves = (Move(5.0, "llm", 1, "late"), Move(12.0, "llm", 0, "room"))
    assert turns_until_down(ride(moves=moves)) is None
    assert turns_until_top(ride(moves=moves)) == 0


# The picture.


def test_the_picture_shows_load_rungs_and_every_response() -> None:
    turns = all_turns()
    turns[2] = record(2, source="phrase")
    moves = (Move(23.0, "llm", 1, "a < b"), Move(53.0, "llm", 0, "room"))
    root = ElementTree.fromstring(draw(ride(*turns, moves=moves), "governor on & off"))
    titles = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "23 s: rung 1, a < b" in titles
    assert [title for title in titles if title.endswith(" ms")] == [
        f"{10 * number + 2} s: {ms:.0f} ms" for number, ms in enumerate(MS) if ms is not None
    ]
    assert "32 s: no answer" in titles
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"load", "llm", "governor on & off"} <= set(texts)


def test_a_ride_is_drawn_from_the_file_as_it_was(tmp_path: Path) -> None:
    found = ride(*all_turns(), moves=(Move(23.0, "llm", 1, "late"),))
    assert Ride.from_json(json.loads(json.dumps(found.as_json()))) == found
    files = overload.Files(tmp_path / "a.json", tmp_path / "a.svg")
    files.ride("overload", "governor on, real-time", found)
    rides = json.loads((tmp_path / "a.json").read_text())["rides"]
    assert overload.drawn(rides) == (tmp_path / "a.svg").read_text()
    with pytest.raises(SystemExit, match="no ride under a governor"):
        overload.drawn({})


# Load.


def test_the_load_runs_in_its_window_and_ends_with_the_conversation() -> None:
    load = Load([sys.executable, "-c", "import time; time.sleep(600)"], Window(0.0, 600.0))
    load.begin(time.monotonic_ns())
    load.begin(0)  # too late to count
    while load.running is None:
        time.sleep(0.001)
    process = load.running
    load.close()
    assert process.poll() is not None
    assert load.ran_ns is not None
    assert load.ran_ns[0] < load.ran_ns[1]


def test_a_conversation_that_ends_before_its_window_has_no_load() -> None:
    load = Load(["/no/such/program"], Window(600.0, 601.0))
    load.begin(time.monotonic_ns())
    load.close()
    assert load.ran_ns is None


# Tables.


def test_names_go_on_from_the_beginning() -> None:
    assert names(10).split(",") == [*SHORT.split(","), *SHORT.split(",")[:2]]


def test_what_was_not_asked_for_is_not_measured_and_what_fails_is_said(tmp_path: Path) -> None:
    kept: list[str] = []
    desk = Desk(Bench(Builder(tmp_path, tmp_path)), lambda name, _: kept.append(name), "pipecat")
    table = Table("t")

    def fail() -> Ride:
        raise subprocess.CalledProcessError(3, "engine")

    assert desk.drive(table, fail, {"": "engine", "rights": "none"}) is None
    assert not table.rows
    assert desk.drive(table, fail, {"": "pipecat", "rights": "none"}) is None
    assert table.rows == [{"": "pipecat", "rights": "none", "turns": "FAILED: exit code 3"}]
    assert desk.drive(table, lambda: ride(), {"": "pipecat", "rights": "none"}) is not None
    assert kept == ["pipecat, none"]


def test_without_a_gpu_the_table_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overloadbench.sections.shutil.which", lambda _: None)
    table = sections.gpu(Desk(Bench(Builder(tmp_path, tmp_path)), lambda *_: None))
    assert table.rows == [{"": "not run: no GPU"}]


def test_the_settings_of_the_bench_are_settings_and_a_peer_takes_the_same() -> None:
    config = load(sets=[f"{key}={value}" for key, value in COMPUTING.items()])
    assert {stage: getattr(config, stage).backend for stage in ("asr", "llm", "vocoder")} == dict.fromkeys(
        ("asr", "llm", "vocoder"), "computing"
    )
    _, _, *options = as_peer(COMPUTING)
    assert set(options) - {"--set"} == {f"{key}={value}" for key, value in COMPUTING.items()}


@pytest.mark.parametrize("stage", ["asr", "llm", "vocoder"])
def test_the_ladder_of_the_bench_is_one_of_sizes(stage: str) -> None:
    config = load(profile="computing")
    rungs = [getattr(step.config, stage).computing for step in ladder(config, stage)]
    costs = [rung.heads**2 * rung.layers for rung in rungs]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == 3
    top = getattr(config, stage).computing
    assert (top.heads, top.layers) == (rungs[0].heads, rungs[0].layers), "without its ladder a stage is the best rung"
    assert slow(stage)[f"{stage}.computing.layers"] == 10 * top.layers


def test_what_is_unknown_is_named_with_what_is_known() -> None:
    with pytest.raises(SystemExit, match=r"unknown: nothing; known are overload, lock, faults, gpu"):
        overload.chosen("nothing")
    assert overload.chosen("") == ["overload", "lock", "faults", "gpu"]


def test_it_says_how_it_is_used() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "overload.py"), "--shared", "/nowhere"], capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert ran.stderr == "/nowhere has no recordings and no measure: give --shared\n"
