"""The page of numbers: each where nobody else's is, and percentiles as right as they are said to be."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ringbuf
from engine import metrics_page
from engine.channels import PROCESSES
from engine.metrics import BUCKETS, METRICS, UNITS
from engine.telemetry import AT, CELLS, bucket, bucket_middle
from tests.rings import Rings

ROOT = Path(__file__).parents[2]


def test_no_two_metrics_share_a_cell() -> None:
    taken = [cell for metric in METRICS for cell in range(AT[metric.name], AT[metric.name] + metric.cells)]
    assert sorted(taken) == list(range(CELLS))


def test_every_process_has_its_own_state_heartbeat_and_counters() -> None:
    for process in PROCESSES:
        for name in ("state", "beat_ns", "bound_ns", "restarts", "late", "dropped"):
            assert f"{process.name}.{name}" in AT


def test_every_metric_says_what_it_means() -> None:
    assert all(metric.meaning for metric in METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_every_metric_has_a_unit_and_those_that_are_explained_are_used() -> None:
    assert all(metric.unit for metric in METRICS)
    assert set(UNITS) <= {metric.unit for metric in METRICS}
    for metric in METRICS:  # what a name says of its unit is so
        for ending in ("ns", "ms", "ppm"):
            assert metric.name.endswith(f"_{ending}") == (metric.unit == ending), metric.name
        assert metric.kind != "histogram" or metric.unit == "ns"


def test_the_page_of_metrics_is_made_from_the_table_as_it_is() -> None:
    told = (ROOT / "docs" / "metrics.md").read_text()
    assert told == metrics_page.page(), "python -m engine.metrics_page > docs/metrics.md"


@given(st.integers(1 << 10, (1 << 35) - 1))
def test_a_bucket_stands_for_its_durations_to_within_a_sixteenth(ns: int) -> None:
    assert abs(bucket_middle(bucket(ns)) - ns) <= ns / 16


@given(st.one_of(st.integers(-10, 1 << 36), st.integers(-(1 << 80), 1 << 80)))
def test_what_counts_durations_finds_the_same_bucket(ns: int) -> None:
    with _histogram() as cells:
        cells.observe(0, ns)
        assert np.flatnonzero(cells.array).tolist() == [bucket(ns)]


def test_every_boundary_of_a_bucket_is_the_same_for_what_counts_durations() -> None:
    edges = [(8 + step) << power >> 3 for power in range(36) for step in range(8)]
    with _histogram() as cells:
        for ns in (edge + beside for edge in edges for beside in (-1, 0, 1)):
            before = cells.load(bucket(ns))
            cells.observe(0, ns)
            assert cells.load(bucket(ns)) == before + 1, ns


@contextlib.contextmanager
def _histogram() -> Iterator[ringbuf.Cells]:
    name = f"antiphon.t{uuid.uuid4().hex[:10]}.cells"
    segment = ringbuf.create_cells(name, BUCKETS)
    try:
        with ringbuf.Cells(name) as cells:
            yield cells
    finally:
        segment.close()
        segment.unlink()


@given(st.integers(-(1 << 62), 1 << 62), st.integers(-(1 << 62), 1 << 62))
def test_longer_durations_never_have_lower_buckets_and_all_have_one(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= bucket(low) <= bucket(high) < BUCKETS


def test_every_bucket_can_be_reached() -> None:
    assert [bucket(bucket_middle(index)) for index in range(BUCKETS)] == list(range(BUCKETS))


def test_percentiles_agree_with_the_durations_themselves(rings: Rings) -> None:
    durations = np.random.default_rng(0).lognormal(15, 1.5, 5000).astype(np.int64)
    assert rings.telemetry.percentiles("vad.hop_ns", 50) is None
    for ns in durations.tolist():
        rings.telemetry.observe("vad.hop_ns", ns)
    ranks = [0, 1, 50, 95, 99, 100]
    found = rings.telemetry.percentiles("vad.hop_ns", *ranks)
    assert found == pytest.approx(np.percentile(durations, ranks, method="inverted_cdf") / 1e6, rel=1 / 16)
    distribution = rings.telemetry.distribution("vad.hop_ns")
    assert distribution.count == len(durations)
    assert distribution.sum_ns == pytest.approx(int(durations.sum()), rel=1 / 16)
    assert rings.telemetry.percentiles("asr.step_ns", 50) is None  # the neighbour got nothing of it


def test_numbers_are_set_and_counted_by_name(rings: Rings) -> None:
    rings.telemetry.set("vad.speaking", 12)
    rings.telemetry.count("audio.xruns")
    rings.telemetry.count("audio.xruns", 2)
    assert (rings.telemetry.get("vad.speaking"), rings.telemetry.get("audio.xruns")) == (12, 3)
    with pytest.raises(KeyError):
        rings.telemetry.get("audio.xrun")


def test_without_telemetry_durations_are_not_counted_and_everything_else_is(rings_with: Callable[..., Rings]) -> None:
    for told, counted in (("true", 1), ("false", 0)):
        rings = rings_with(f"engine.telemetry={told}")
        telemetry = rings.seat("vad").telemetry
        telemetry.observe("vad.hop_ns", 1000)
        telemetry.count("vad.late")
        assert rings.telemetry.distribution("vad.hop_ns").count == counted
        assert rings.telemetry.get("vad.late") == 1
