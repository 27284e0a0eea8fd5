"""The conversation bench, as far as it is arithmetic: its figures, its order, and what becomes of them. The recordings
and the measure that it uses otherwise are not part of the project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import conversation
import numpy as np
import pytest
from talkbench import rivals, sections
from talkbench.bench import Bench, in_turn, why
from talkbench.curve import fill, numbers, summary
from talkbench.figures import Table, percentile, rate
from talkbench.rivals import Outcome, machinery_of, over, own_decisions
from talkbench.runs import own_file
from talkbench.sections import partials, too_soon
from talkbench.tracks import Builder, Track
from talkbench.words import by_label

from tests.bench.conversations import HERE, run_of, track, turn

# Figures.


def test_a_percentile_stands_within_its_interval_and_many_samples_make_that_narrow() -> None:
    few, many = ([float(n % 100) for n in range(count)] for count in (20, 4000))
    widths = []
    for values in (few, many):
        found, low, high = (float(part) for part in percentile(values, 50).translate({40: 32, 41: 32, 46: 32}).split())
        assert low <= found <= high
        widths.append(high - low)
    assert widths[1] < widths[0]
    assert percentile([], 50) == "-"
    assert percentile([7.0], 95) == "7 (7..7)"


def test_a_rate_of_nothing_in_thirty_may_still_be_one_in_nine() -> None:
    assert rate(0, 30) == "0 of 30 (0.0%..11.4%)"  # Wilson, 1927
    assert rate(5, 10) == "5 of 10 (23.7%..76.3%)"
    assert rate(0, 0) == "-"


def test_a_table_has_all_columns_of_its_rows() -> None:
    shown = str(Table("Title", [{"": "a", "x": "1"}, {"": "b", "y": "22"}], note="of note"))
    assert shown.splitlines()[3:] == ["   x  y", "a  1", "b     22", "of note"]


# Turns.


def test_a_turn_that_was_taken_too_soon_is_counted_and_its_words_are_not_counted_twice() -> None:
    turns = [turn("postponed", transcript="go"), turn(transcript="go forward")]
    assert too_soon(run_of(*turns)) == 1
    assert by_label(track((1, 2)).labels["utterances"], turns) == ["go forward"]


def test_of_engines_without_telemetry_it_is_not_known_how_soon_words_were_there() -> None:
    one, other = run_of(turn()), run_of(turn())
    for run in (one, other):
        run.report["totals"] = {"latency_ms": {}}
    assert partials([one, other]) == "after its sound: not known"
    other.report["totals"]["latency_ms"]["asr.partial"] = {"p50": 30, "p95": 90}
    assert partials([one, other]) == "after its sound p50 30 ms, p95 90 ms (worst session)"


def test_a_false_turn_is_one_that_was_answered_after_everybody_had_gone() -> None:
    late: dict[str, Any] = {"speech": {"start_s": 9.0, "end_s": 9.5}}
    run = run_of(turn(), turn("postponed", **late), turn(**late), turn("abandoned", response_ms=None, **late))
    assert sections.false_turns(track((1, 2)), run) == 1


def test_a_row_is_of_all_conversations() -> None:
    totals = {"xruns": 1, "deadline_misses": 2, "speculation": {"hits": 3, "begun": 4}}
    runs = []
    for responses in ((100, None), (300,)):
        run = run_of(turn("postponed"), utterances=2, cut_ins=1, misses=responses.count(None))
        run.rows.extend({"response_ms": ms} for ms in responses)
        run.report["totals"] = totals
        runs.append(run)
    row = sections.row("two", runs)
    assert row.pop("response p50").startswith("200 ")
    assert row.pop("p95").startswith("290 ")
    assert row.pop("cut-ins").startswith("2 of 4 ")
    counts = {"misses": "1", "holes": "0", "xruns": "2", "right guesses": "6 of 8", "late": "4"}
    assert row == {"": "two", "too soon, withdrawn": "2", **counts}


def test_every_conversation_has_files_of_its_own() -> None:
    files = {own_file(track((1, 2)), ".wav") for _ in range(3)}
    assert len(files) == 3


def test_what_was_understood_is_read_from_the_default_runs_before_others_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def converse_all(builder: Builder, on: Any, sets: Any) -> list[str]:
        done.append(str(sets))
        return [f"{sets} {len(done)}"]

    def understood(builder: Builder, on: Any, runs: list[str]) -> str:
        done.append("understood")
        return runs[0]

    kept: list[str] = []
    names = {"tracks": lambda *_, **__: [track((1, 2))], "partials": lambda _: "", "row": lambda name, _: {"": name}}
    for name, fake in {**names, "converse_all": converse_all, "understood": understood}.items():
        monkeypatch.setattr(sections, name, fake)
    bench = Bench(Builder(HERE, HERE), keep=lambda table: kept.append(table.note))
    assert sections.turn_taking(bench).note.startswith("first row: {} 1;")
    assert done[:3] == ["{}", "understood", "{'turns.speculations': 0}"]
    assert kept[1].startswith("first row")


# The peers.


def outcome(*responses: float | None, cut_ins: int = 0, soon: int | None = None, right: int = 0) -> Outcome:
    rows = [{"response_ms": ms} for ms in responses]
    misses = sum(ms is None for ms in responses)
    total = {"utterances": len(rows), "cut_ins": cut_ins, "misses": misses}
    return Outcome(rows, total, [], HERE, soon, right=right)


def test_a_point_is_of_all_sessions() -> None:
    outcomes = [outcome(100, 200, soon=1, right=2), outcome(300, None, cut_ins=1, soon=0, right=1)]
    point = numbers(outcomes)
    assert point["p50_ms"] == 200
    assert (point["cut_in_rate"], point["utterances"], point["misses"], point["right"]) == (0.25, 4, 1, 3)
    row = summary(outcomes)
    assert row["response p50"].startswith("200 ")
    assert row["cut-ins"].startswith("1 of 4 ")
    assert (row["misses"], row["right"], row["too soon, withdrawn"]) == ("1", "3 of 4", "1")
    assert summary([outcome(100)])["too soon, withdrawn"] == "-"


def test_who_answered_nothing_is_no_point_of_the_curve() -> None:
    table = Table("The curve")
    fill(table, {"engine patience-0.6": [outcome(100)], "pipecat stop-0.1": [outcome(None)], "livekit default": []})
    assert [point["system"] for point in table.points] == ["engine"]


@pytest.mark.parametrize("error", [subprocess.CalledProcessError(1, "it"), subprocess.TimeoutExpired("it", 9)])
def test_systems_take_turns_and_one_that_fails_stops_nobody(
    error: subprocess.SubprocessError, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def system(name: str) -> Any:
        def converse(on: Track) -> str:
            order.append(f"{name}{on.path}")
            if order[-1] == "btwo":
                raise error
            return name

        return converse

    on = [track((1, 2), name=name) for name in ("one", "two")]
    found = [{name: len(each) for name, each in so_far.items()} for so_far in in_turn(on, {n: system(n) for n in "ab"})]
    assert order == ["aone", "bone", "atwo", "btwo"]
    assert found == [{"a": 1, "b": 1}, {"a": 2, "b": 1}]
    assert f"b FAILED: {why(error)}\n" in capsys.readouterr().out


def test_machinery_is_what_is_left_after_the_decision_and_the_waits() -> None:
    decided = [200.0, float("nan"), 250.0]
    found = over([(outcome(rivals.WAITS_MS + 210, 900, None), decided)])
    assert found == pytest.approx([10])


def test_machinery_stands_beside_the_decision_of_a_peers_own_voice_activity() -> None:
    on = track((1.0, 2.0), (4.0, 5.0), (7.0, 8.0))
    decided = own_decisions(on, [1.5, 2.24, 5.3])
    assert decided[:2] == pytest.approx([240, 300])
    assert np.isnan(decided[2])
    waits = rivals.WAITS_MS
    peer = Outcome(outcome(waits + 260, waits + 320, None).rows, outcome(1, 1, None).total, [], HERE, None, [2.24, 5.3])
    row = machinery_of([(on, peer)], {on.path: [200, 200, 200]}, own=True, alone=True)
    assert row["machinery p50"].startswith("90 ")
    assert row["by its own VAD p50"].startswith("20 ")
    assert (row["of"], row["misses"]) == ("3", "1")


# The command.


def test_without_peers_what_needs_them_is_left_out_before_anything_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert conversation.sections("", quick=False, peers=True) == list(conversation.SECTIONS)
    assert capsys.readouterr().out == ""
    left = conversation.sections("", quick=False, peers=False)
    assert left == [name for name in conversation.SECTIONS if name != "curve"]
    assert capsys.readouterr().out.count("make peers") == 1
    with pytest.raises(SystemExit, match="make peers"):
        conversation.sections("curve", quick=False, peers=False)
    assert conversation.sections("", quick=True, peers=False) == list(conversation.QUICK)
    assert capsys.readouterr().out == ""


def test_an_unknown_table_is_one_line_that_names_those_there_are() -> None:
    with pytest.raises(SystemExit, match=r"unknown: bar; known are turn_taking"):
        conversation.sections("hall,bar", quick=False, peers=True)


def test_the_number_of_sessions_can_be_given_for_all_tables() -> None:
    builder = Builder(HERE, HERE)
    assert [Bench(builder, quick=quick).count(1, 10) for quick in (True, False)] == [1, 10]
    assert Bench(builder, quick=True, sessions=7).count(1, 10) == 7


def test_a_run_that_is_cut_off_leaves_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = conversation.Files(tmp_path / "tables.json", tmp_path / "curve.svg")
    table = Table("Title")
    bench = Bench(Builder(HERE, HERE), keep=lambda grown: files.keep("hall", grown))
    bench.add(table, {"": "first", "p50": "3"})
    assert capsys.readouterr().out == "first  p50 3\n"
    assert json.loads((tmp_path / "tables.json").read_text())["hall"]["rows"] == [{"": "first", "p50": "3"}]
    fill(table, {"engine patience-0.6": [outcome(100)]})
    files.keep("curve", table)
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")
    assert list(json.loads((tmp_path / "tables.json").read_text())) == ["hall", "curve"]
    assert {path.name for path in tmp_path.iterdir()} == {"tables.json", "curve.svg"}


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such folder"):
        conversation.Files(tmp_path / "no" / "tables.json", None)


def test_help_says_what_quick_leaves_out() -> None:
    command = [sys.executable, conversation.__file__, "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert all(name in said for name in ("hall", "machinery", "curve", "three minutes"))
