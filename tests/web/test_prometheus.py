"""/metrics is what Prometheus reads: by its own parser, in base units, with every counter and histogram of the page;
and the dashboard asks for nothing else."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from engine.channels import CHANNELS
from engine.snapshot import Observer
from engine.telemetry import METRICS, OF_EACH_STAGE
from engine.web.prometheus import _BOUNDS, PREFIX, expose
from tests.rings import Rings

ABOUT = {"version": "0.1", "profile": 'odd "one"\\', "name": "two\nlines"}
DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana.json"


@pytest.fixture
def rings(rings: Rings) -> Rings:
    """An engine whose every stage runs, as this process."""
    for metric in METRICS:
        if metric.name.endswith(".pid"):
            rings.telemetry.set(metric.name, os.getpid())
    return rings


def families(rings: Rings) -> dict[str, Metric]:
    raw = expose(Observer(rings.instance).take(), ABOUT, "thinking", {"answered": 7, "interrupted": 2})
    assert raw.endswith(b"\n")
    return {family.name: family for family in text_string_to_metric_families(raw.decode())}


def value(family: Metric, **labels: str) -> float:
    (sample,) = (sample for sample in family.samples if sample.labels == labels)
    return float(sample.value)


def test_every_counter_and_every_histogram_of_the_page_is_there(rings: Rings) -> None:
    found = families(rings)
    own = [metric for metric in METRICS if metric.name.rpartition(".")[2] not in {one.name for one in OF_EACH_STAGE}]
    for metric in own:
        name = f"{PREFIX}_{metric.name.replace('.', '_')}"
        if metric.kind == "counter":
            name = re.sub("_[nm]s$", "_seconds", name)
            assert (found[name].type, found[name].documentation) == ("counter", metric.meaning)
        elif metric.kind == "histogram":
            assert found[f"{name.removesuffix('_ns')}_seconds"].type == "histogram"
    for metric in OF_EACH_STAGE:
        if metric.kind == "counter":
            samples = found[f"{PREFIX}_stage_{metric.name.replace('_ns', '_seconds')}"].samples
            assert len({sample.labels["stage"] for sample in samples}) == 9


def test_names_units_and_values_are_as_prometheus_wants_them(rings: Rings) -> None:
    rings.telemetry.count("asr.lease_ns", 1_500_000_000)
    rings.telemetry.count("turns.thrown_ms", 250)
    rings.telemetry.set("audio.volume", 71)
    rings.telemetry.set("audio.microphone_ppm", -40)
    found = families(rings)
    for family in found.values():
        assert re.fullmatch(f"{PREFIX}_[a-z0-9_]+", family.name)
        assert family.documentation
        assert not family.name.endswith(("_ns", "_ms", "_ppm", "_percent"))
        if family.type == "counter":
            assert {sample.name for sample in family.samples} <= {f"{family.name}_total"}
    assert value(found["antiphon_stage_lease_seconds"], stage="asr") == 1.5
    assert value(found["antiphon_turns_thrown_seconds"]) == 0.25
    assert value(found["antiphon_volume_ratio"]) == 0.7
    assert value(found["antiphon_microphone_clock_offset_ratio"]) == pytest.approx(-4e-5)
    assert value(found["antiphon_info"], **ABOUT) == 1
    states = {sample.labels["state"]: sample.value for sample in found["antiphon_state"].samples}
    assert [state for state, on in states.items() if on] == ["thinking"]
    assert value(found["antiphon_turns"], outcome="answered") == 7
    assert value(found["antiphon_process_cpu_seconds"], process="engine") > 0
    assert value(found["antiphon_process_resident_memory_bytes"], process="engine") > 1e6
    rung = {sample.labels["ring"] for sample in found["antiphon_ring_capacity_bytes"].samples}
    assert rung == {channel.name for channel in CHANNELS if channel.kind in ("stream", "history")}


def test_what_is_counted_up_to_a_bound_is_exact(rings: Rings) -> None:
    for edge, _ in _BOUNDS:
        rings.telemetry.observe("turns.response_ns", edge)
        rings.telemetry.observe("turns.response_ns", edge + 1)
    samples = families(rings)["antiphon_turns_response_seconds"].samples
    buckets = [(float(sample.labels["le"]), sample.value) for sample in samples if sample.name.endswith("_bucket")]
    assert [at for at, _ in buckets] == sorted(at for at, _ in buckets)
    assert [count for _, count in buckets] == [*range(1, 2 * len(_BOUNDS), 2), 2 * len(_BOUNDS)]
    assert buckets[-1][0] == math.inf


def test_sum_and_count_go_with_the_buckets(rings: Rings) -> None:
    for ms in (200, 240, 300, 1200):
        rings.telemetry.observe("turns.response_ns", ms * 1_000_000)
    samples = {sample.name: sample.value for sample in families(rings)["antiphon_turns_response_seconds"].samples}
    assert samples["antiphon_turns_response_seconds_count"] == 4
    assert samples["antiphon_turns_response_seconds_sum"] == pytest.approx(1.94, rel=0.07)


def test_a_stage_that_this_engine_has_not_is_not_told_of(rings: Rings) -> None:
    rings.telemetry.set("recorder.pid", 0)
    samples = families(rings)["antiphon_stage_state"].samples
    assert "recorder" not in {sample.labels["stage"] for sample in samples}


def _asked(panel: Any) -> Iterator[str]:
    """The expressions of a dashboard."""
    if isinstance(panel, dict):
        for name, each in panel.items():
            if name in ("expr", "query", "definition") and isinstance(each, str):
                yield each
            yield from _asked(each)
    elif isinstance(panel, list):
        for each in panel:
            yield from _asked(each)


def test_the_dashboard_asks_only_for_what_there_is(rings: Rings) -> None:
    there = {sample.name for family in families(rings).values() for sample in family.samples}
    asked = {name for text in _asked(json.loads(DASHBOARD.read_text())) for name in re.findall(rf"{PREFIX}_\w+", text)}
    assert len(asked) >= 12
    assert sorted(asked - there) == []


def test_the_dashboard_can_be_imported_into_any_grafana() -> None:
    """Its data source is asked for, panels have places of their own, and nothing in it is of one installation."""
    board = json.loads(DASHBOARD.read_text())
    assert board["id"] is None
    assert [variable["type"] for variable in board["templating"]["list"]][:1] == ["datasource"]
    places = [tuple(panel["gridPos"][side] for side in "xywh") for panel in board["panels"]]
    covered = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]
    assert len(covered) == len(set(covered))
    assert all(x + w <= 24 for x, _, w, _ in places)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
