"""A device's clock, learnt from stamps that are never early and often late."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sound.rig import MS, OPENED, S, bursts, exponential
from workers.sound.clock import WORST, DeviceClock

PERIODS_A_SECOND = 100


def run(clock: DeviceClock, rate: int, ppm: float, late: list[int], seconds: float) -> Iterable[tuple[float, float]]:
    """Stamps of a device that is so many parts per million fast: after each, what the clock takes its rate to be, and
    by how many ns it is wrong about the time."""
    period, frame_ns = rate // PERIODS_A_SECOND, S / (rate * (1 + ppm / 1e6))
    for call in range(1, round(seconds * PERIODS_A_SECOND)):
        true_ns = OPENED + call * period * frame_ns
        clock.update(call * period, int(true_ns) + late[call % len(late)])
        yield clock.ppm, clock.time_of(call * period) - true_ns


LATE = {"on time": [0], "a little late": exponential(0.4), "bursts": bursts(), "many bursts": bursts(50)}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("ppm", [-300, 300])
def test_the_rate_and_the_time_are_found_though_every_stamp_is_late(rate: int, ppm: float, late: list[int]) -> None:
    told = np.array(list(run(DeviceClock(rate), rate, ppm, late, 60)))
    settled = told[20 * PERIODS_A_SECOND :]
    assert settled[:, 0].mean() == pytest.approx(ppm, abs=1)
    assert settled[:, 0] == pytest.approx(ppm, abs=15)
    # As late as the stamps are in the middle, and that steadily.
    assert settled[:, 1].mean() == pytest.approx(np.mean([ns for ns in late if ns <= 10 * MS]), abs=0.2 * MS)
    assert np.ptp(settled[:, 1]) < 0.3 * MS


def test_a_busy_machine_makes_it_no_more_than_a_little_unsteady() -> None:
    told = np.array(list(run(DeviceClock(48000), 48000, 150, exponential(1.5, seed=3), 60)))[20 * PERIODS_A_SECOND :]
    assert told[:, 0].mean() == pytest.approx(150, abs=3)
    assert told[:, 0] == pytest.approx(150, abs=80)
    assert np.ptp(told[:, 1]) < 1 * MS


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(-5, 5000), st.integers(-2 * S, 2 * S)), max_size=200),
    rate=st.sampled_from([8000, 44100, 96000]),
)
def test_whatever_the_stamps_say_the_rate_is_one_that_a_quartz_can_have(
    steps: list[tuple[int, int]], rate: int
) -> None:
    clock = DeviceClock(rate)
    index, at_ns = 0, OPENED
    for frames, ns in steps:
        index, at_ns = index + frames, at_ns + ns
        clock.update(index, at_ns)
        assert 1 - WORST <= clock.frame_ns * rate / S <= 1 + WORST
        assert -WORST * 1e6 - 10 <= clock.ppm <= WORST * 1e6 + 10


@pytest.mark.parametrize("late_ms", [15, 30, 90])
def test_calls_that_come_late_together_teach_it_nothing(late_ms: int) -> None:
    late = [ms * MS for ms in range(late_ms, 0, -10)]
    clock = DeviceClock(48000)
    told = np.array(list(run(clock, 48000, 100, [*late, *[0] * (3000 - len(late))], 40)))
    before, after = told[2900], told[3001:]
    assert after[:, 0] == pytest.approx(before[0], abs=40)
    assert np.abs(after[:, 1] - before[1]).max() < 0.2 * MS


@pytest.mark.parametrize("stalled_ms", [40, 200, 600])
def test_a_device_that_stood_still_is_followed_at_once_and_keeps_its_rate(stalled_ms: int) -> None:
    clock, wrong = DeviceClock(48000), []
    for call in range(1, 4000):
        stood = stalled_ms * MS if call >= 3000 else 0
        true_ns = OPENED + call * 10 * MS + stood
        clock.update(call * 480, true_ns + (9 * MS if call == 3000 else 0))  # and its first call comes late
        wrong.append(clock.time_of(call * 480) - true_ns)
        if call > 2000:
            assert abs(clock.ppm) < 1
    assert np.abs(wrong[3015:]).max() < 0.1 * MS


def test_a_clock_that_began_with_a_very_late_stamp_does_not_stay_wrong() -> None:
    clock = DeviceClock(48000)
    clock.update(0, OPENED + 80 * MS)
    for call in range(1, 300):
        clock.update(call * 480, OPENED + call * 10 * MS)
    assert clock.time_of(300 * 480) == pytest.approx(OPENED + 3 * S, abs=0.5 * MS)


def test_periods_that_were_lost_count_as_time() -> None:
    clock = DeviceClock(48000)
    for call in range(4000):
        if call % 7 and not 2000 < call < 2040:
            clock.update(call * 480, OPENED + int(call * 10 * MS * (1 - 100e-6)))
    assert clock.ppm == pytest.approx(100, abs=1)


def test_a_stamp_that_was_seen_before_or_goes_back_changes_nothing() -> None:
    clock = DeviceClock(48000)
    for call in range(10):
        clock.update(call * 480, OPENED + call * 10 * MS)
    before = clock.frame_ns, clock.time_of(0)
    clock.update(9 * 480, OPENED + S)
    clock.update(0, OPENED + 2 * S)
    assert (clock.frame_ns, clock.time_of(0)) == before


def test_a_timeline_that_is_behind_gets_more_samples_and_one_that_is_ahead_fewer() -> None:
    clock = DeviceClock(48000)
    clock.update(0, OPENED)
    assert clock.samples_per_frame(16000, 0) == pytest.approx(1 / 3)
    # A tenth of what is missing comes in a second.
    assert clock.samples_per_frame(16000, 100) * 48000 == pytest.approx(16010)
    assert clock.samples_per_frame(16000, -100) * 48000 == pytest.approx(15990)
