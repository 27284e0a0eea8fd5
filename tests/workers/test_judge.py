"""What all judges of endings share: jobs, faults, cancelling."""

from __future__ import annotations

import numpy as np
import pytest

from engine.contract import Backend, Ended, Finished, Job, Pcm, Rung, Tag
from engine.errors import BackendError
from workers.backends.judge import Judge

ONE, TWO = Job(Tag(1, 1, 1)), Job(Tag(1, 2, 1))
SOUND = np.arange(100, dtype=np.int16)


class Mean(Judge):
    """Takes the mean of the sound for its judgement."""

    def _open(self, rung: Rung) -> None:
        pass

    def _judge(self, sound: Pcm) -> float:
        if sound[0] < 0:
            raise RuntimeError("it broke\nhere")
        return float(sound.mean()) / 100


@pytest.fixture
def judge() -> Mean:
    backend = Mean()
    backend.load(Rung({}))
    return backend


def ask(judge: Judge, job: Job, sound: Pcm) -> None:
    judge.begin(job)
    judge.feed(job, sound)
    judge.finish(job)


def test_each_job_is_judged_in_its_turn_and_nothing_is_kept(judge: Mean) -> None:
    assert isinstance(judge, Backend)
    ask(judge, ONE, SOUND)
    ask(judge, TWO, SOUND[:11])
    assert judge.step(0) == [Finished(ONE.tag, 0.495), Ended(ONE.tag)]
    assert judge.step(0) == [Finished(TWO.tag, 0.05), Ended(TWO.tag)]
    assert judge.idle
    assert judge.step(0) == []
    assert not judge._fed
    assert judge.cost_ns(2) > 0


def test_a_cancelled_job_is_not_judged(judge: Mean) -> None:
    ask(judge, ONE, SOUND)
    ask(judge, TWO, SOUND)
    judge.cancel(ONE.tag)
    judge.cancel(Tag(9, 9, 9))
    assert judge.step(0) == [Ended(ONE.tag, "cancelled"), Finished(TWO.tag, 0.495), Ended(TWO.tag)]
    assert judge.idle


@pytest.mark.parametrize(
    ("sound", "says"),
    [
        (SOUND.astype(np.float32), "sound is contiguous int16 [n], not float32"),
        (SOUND[::2], "sound is contiguous int16 [n], not int16"),
        (SOUND[:0], "no sound was fed"),
        (SOUND - 1, "it broke"),
    ],
)
def test_a_job_that_fails_leaves_it_fit_for_the_next(judge: Mean, sound: Pcm, says: str) -> None:
    ask(judge, ONE, sound)
    assert judge.step(0) == [Ended(ONE.tag, "failed", says)]
    ask(judge, TWO, SOUND)
    assert judge.step(0) == [Finished(TWO.tag, 0.495), Ended(TWO.tag)]


def test_sound_in_two_pieces_is_a_fault(judge: Mean) -> None:
    judge.begin(ONE)
    judge.feed(ONE, SOUND)
    judge.feed(ONE, SOUND)
    judge.finish(ONE)
    assert judge.step(0) == [Ended(ONE.tag, "failed", "sound is fed at once")]
    assert judge.idle


def test_it_hears_one_rate_only(judge: Mean) -> None:
    with pytest.raises(BackendError, match="16000 samples a second, not 8000"):
        judge.load(Rung({}, rate=8000))
