"""Every step's deadline follows from the turn's."""

from __future__ import annotations

import pytest

from engine.config import Config
from engine.turns.deadlines import LEAST_MS, Step, deadline_ns
from tests.engine.talk import MS, config

WHOLE = 10_800 * MS
"""The user's speech ended at 10 s."""


@pytest.fixture
def settings() -> Config:
    return config("audio.driver=virtual")


@pytest.mark.parametrize(("step", "ms"), [("asr", 10_510), ("token", 10_630), ("clause", 10_690), ("vocoder", 10_770)])
def test_a_step_may_take_what_the_budgets_of_those_behind_it_leave_of_the_turn(
    settings: Config, step: Step, ms: int
) -> None:
    assert deadline_ns(step, WHOLE, 10_200 * MS, settings) == ms * MS


def test_what_one_step_takes_too_long_the_next_ones_have_less_but_never_nothing(settings: Config) -> None:
    for now in (10_500, 10_645, 10_700, 12_000):
        assert deadline_ns("clause", WHOLE, now * MS, settings) == max(10_690, now + LEAST_MS) * MS


def test_a_larger_budget_takes_from_the_steps_before_it(settings: Config) -> None:
    slow = config("audio.driver=virtual", "vocoder.first_audio_budget_ms=200")
    for step, taken in (("asr", 120), ("token", 120), ("clause", 120), ("vocoder", 0)):
        before, after = (deadline_ns(step, WHOLE, 10_200 * MS, each) for each in (settings, slow))  # type: ignore[arg-type]
        assert before - after == taken * MS
