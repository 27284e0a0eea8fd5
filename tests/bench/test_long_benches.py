"""Start, endurance, uptime and energy benches, as far as they are arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import endurance
import energy
import numpy as np
import pytest
import start
import uptime
from endurance import Talk, growth, quarters
from energy import Meter, Use
from faultbench.kills import WORKERS
from overloadbench.ride import Ride
from talkbench.tracks import RATE, Track, joined, read, written


def talk(*ms: float | None) -> Talk:
    rows: list[dict[str, Any]] = [{"response_ms": each} for each in ms]
    seen = [(turn, {"asr": {"anon": 60.0 + turn, "file": 20.0}, "vad": {"anon": 20.0}}) for turn in range(len(ms))]
    return Talk(rows, {"cut_ins": 0, "holes": []}, seen, {"xruns": 0})


def test_tracks_that_are_joined_keep_each_label_at_its_sound(tmp_path: Path) -> None:
    sound = np.arange(RATE, dtype=np.int16)
    parts = []
    for number in (1, 2):
        part = Track(tmp_path / f"{number}.wav", {"rate": RATE, "seconds": 1.0, "utterances": []})
        parts.append(written(part, "part", sound, utterances=[{"file": f"{number}", "start": 0.25, "end": 0.5}]))
    track = joined(parts, "joined")
    assert [(each["start"], each["end"]) for each in track.labels["utterances"]] == [(0.25, 0.5), (1.25, 1.5)]
    assert track.labels["seconds"] == 2
    assert np.array_equal(read(track.path)[:, 0], np.tile(sound, 2))


def test_quarters_hold_every_turn_once() -> None:
    for count in (4, 18, 20, 200, 203):
        assert [turn for each in quarters(count) for turn in each] == list(range(count))


def test_the_end_of_a_talk_is_compared_with_its_beginning() -> None:
    tables, figures = endurance.summary(talk(*[200.0] * 5, *[210.0] * 10, *[300.0] * 5))
    slower = figures["response p50, last quarter less the first"]
    assert (slower.value, slower.spread) == (100, (100, 100))
    larger = figures["memory, last quarter less the first"]
    assert larger.value == 15
    assert larger.spread is not None
    assert larger.spread[0] > 0
    assert figures["answered"].value == 100
    assert [row["quarter"] for row in tables[0].rows] == ["1", "2", "3", "4"]


def test_memory_that_grew_is_shown_with_its_process_and_kind() -> None:
    tables, _ = endurance.summary(talk(*[200.0] * 20))
    assert [(row["process"], row["kind"], row["grown"]) for row in tables[1].rows] == [("asr", "anon", "15.00")]


def test_what_stays_the_same_has_not_grown_and_what_was_not_answered_is_counted() -> None:
    steady = growth([10.0, 11.0, 12.0] * 5, [10.0, 11.0, 12.0] * 5, "MB")
    assert steady.spread is not None
    assert steady.spread[0] <= 0 <= steady.spread[1]
    _, figures = endurance.summary(talk(None, None, None, None))
    assert figures["answered"].value == 0
    assert "response p50" not in figures


def test_kills_go_round_all_workers_and_leave_the_end_alone() -> None:
    kills = uptime.schedule(120.0, 10.0)
    assert [worker for _, worker in kills[: len(WORKERS)]] == list(WORKERS)
    assert kills[-1][0] <= 120.0 - uptime.LAST_S
    assert uptime.schedule(5.0, 10.0) == []


def test_uptime_tells_answers_from_phrases_and_from_nothing() -> None:
    said = [{"file": "a.wav", "text": "", "start": 10.0 * n, "end": 10.0 * n + 2} for n in range(3)]
    rows = [{"response_ms": ms, "cut_in": False} for ms in (200.0, 900.0, None)]
    turns = [
        {"speech": {"start_s": 10.0 * n, "end_s": 10.0 * n + 2}, "response_ms": 1.0, "source": source, "heard": "Yes."}
        for n, source in ((0, "answer"), (1, "phrase"))
    ]
    ride = Ride(said, rows, {"holes": []}, turns, {"restarts": 2})
    table, figures = uptime.summary(uptime.Trial(ride, [0.2, 0.4], 90, 100))
    assert figures["answered"].value == pytest.approx(200 / 3)
    assert figures["answered by more than a phrase"].value == pytest.approx(100 / 3)
    assert figures["whole"].value == 90
    shown = {row[""]: row["measured"] for row in table.rows}
    assert (shown["by a phrase"], shown["not at all"], shown["kills"], shown["starts again"]) == ("1", "1", "2", "2")


def zone(folder: Path, name: str, uj: int, most: int = 1_000_000) -> Path:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{uj}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{most}\n")
    return folder / name


def test_energy_is_of_all_packages_even_when_a_counter_has_gone_round(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 999_000)
    zone(tmp_path, "intel-rapl:1", 0)
    zone(tmp_path, "intel-rapl:0:0", 0)  # cores, which the package holds already
    meter = Meter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 999)
    zone(tmp_path, "intel-rapl:1", 1000)
    zone(tmp_path, "intel-rapl:0:0", 500_000)
    assert meter.read() == pytest.approx((2000 + 1000) / 3.6e9)


def test_energy_that_cannot_be_known_is_not_guessed_and_neither_is_a_price(tmp_path: Path) -> None:
    meter = Meter(tmp_path)
    assert meter.read() is None
    assert "no intel-rapl" in meter.why
    used = Use(60.0, 6.0, None, (0.1, 0.1))
    row = energy.row("talk", used, None, 0.30)
    assert row["W, whole machine"] == "not known"
    assert (row["CPU-seconds an hour"], row["of one core"]) == ("360", "10.0%")
    assert not [name for name in row if "cost" in name]
    assert energy.row("talk", used, 0.05, None)["cost an hour, by core-hours"] == "0.0050"
    assert list(energy.figures([("talk", used)])) == ["talk: CPU time an hour"]


def test_watts_and_their_price() -> None:
    used = Use(1800.0, 90.0, 5.0, (0.05,))
    assert used.watts == 10
    assert energy.row("talk", used, None, 0.30)["cost an hour, by kWh"] == "0.0030"


def test_the_slowest_stage_of_a_start_is_told() -> None:
    starts = [{"vad": 1.0, "asr": 2.0, "all": 2.1}, {"vad": 1.0, "asr": 3.0, "all": 3.1}]
    shown, figure = start.row("warm", starts)
    assert (shown["last to be ready"], shown["times"]) == ("asr", "2")
    assert figure.value == pytest.approx(2.6)
    assert figure.spread == (2.1, 3.1)
