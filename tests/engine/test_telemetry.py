"""The page of numbers: each where nobody else's is, and percentiles as right as they are said to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import PROCESSES
from engine.telemetry import AT, BUCKETS, CELLS, METRICS, bucket, bucket_middle
from tests.rings import Rings


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


@given(st.integers(1 << 10, (1 << 35) - 1))
def test_a_bucket_stands_for_its_durations_to_within_an_eighth(ns: int) -> None:
    assert abs(bucket_middle(bucket(ns)) - ns) <= ns / 8


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
    found = rings.telemetry.percentiles("vad.hop_ns", 1, 50, 95, 99, 100)
    assert found == pytest.approx(np.percentile(durations, [1, 50, 95, 99, 100]) / 1e6, rel=0.15)
    assert rings.telemetry.percentiles("asr.step_ns", 50) is None  # the neighbour got nothing of it


def test_numbers_are_set_and_counted_by_name(rings: Rings) -> None:
    rings.telemetry.set("vad.speaking", 12)
    rings.telemetry.count("audio.xruns")
    rings.telemetry.count("audio.xruns", 2)
    assert (rings.telemetry.get("vad.speaking"), rings.telemetry.get("audio.xruns")) == (12, 3)
    with pytest.raises(KeyError):
        rings.telemetry.get("audio.xrun")
