"""Workers on a ladder: they move between jobs and never in one, and what a rung says they do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import messages as m
from engine.config import load
from engine.contract import Job, Tag
from engine.errors import BackendError
from tests.rings import Rings, messages
from workers.asr import Asr
from workers.backends.registry import climb, prepare
from workers.ladder import Ladder
from workers.llm import Llm

TAG = Tag(1, 1, 1)
HISTORY = ("one", "1", "two", "2", "three", "3")


class Desk:
    """The LLM worker without its loop, on the ladder of the configuration."""

    def __init__(self, rings: Rings) -> None:
        self.rings, self.seat = rings, rings.seat("llm")
        self.ladder: Ladder = prepare(self.seat)
        self.begun: list[int] = []
        """How many exchanges each job knew of."""
        begin = self.ladder.begin

        def noting(job: Job) -> None:
            self.begun.append(len(job.history))
            begin(job)

        self.ladder.begin = noting  # type: ignore[method-assign]
        self._told = rings.seat("turns").stream_reader("pieces")
        self.llm = Llm(self.seat, self.ladder, self.seat.outlet("pieces"))

    def want(self, rung: int) -> int:
        """Where it is after it was told where to be."""
        self.rings.telemetry.set("llm.rung", rung)
        self.llm.renew()
        return self.rings.telemetry.get("llm.rung_at")

    def ask(self) -> None:
        self.llm.take(m.Ask(tag=TAG, text="when do you close", language="en", history=HISTORY))

    def finish(self) -> str:
        while not self.ladder.idle:
            self.llm.step()
        return "".join(message.text for message in messages(self._told) if isinstance(message, m.Piece))


RUNGS = 'llm.rungs=[{name="full"},{name="brief",history_turns=1,max_tokens=2}]'


def test_a_rung_is_taken_between_jobs_and_not_in_one(rings_with: Callable[..., Rings]) -> None:
    desk = Desk(rings_with(RUNGS))
    desk.ask()
    assert desk.want(1) == 0
    whole = desk.finish()
    assert desk.want(1) == 1
    desk.ask()
    cut = desk.finish()
    assert whole.startswith(cut)
    assert len(cut) < len(whole)
    assert desk.want(0) == 0


def test_a_rung_remembers_as_much_as_it_says_and_the_one_above_all_of_it(rings_with: Callable[..., Rings]) -> None:
    desk = Desk(rings_with(RUNGS))
    for rung in (0, 1, 0):
        desk.want(rung)
        desk.ask()
        desk.finish()
    assert desk.begun == [3, 1, 3]


def test_a_worker_that_was_restarted_begins_on_the_rung_that_is_wanted(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with(RUNGS)
    rings.telemetry.set("llm.rung", 1)
    assert Desk(rings).ladder.at == 1
    assert rings.telemetry.get("llm.rung_at") == 1


def test_settings_that_change_reach_all_rungs(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with(RUNGS)
    desk = Desk(rings)
    answers = 'llm.phrasebook.entries=[{patterns=["when do you close"],answers=["New words here."]}]'
    rings.reload(load(sets=[RUNGS, answers], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
    assert desk.seat.reloaded()
    desk.llm.renew()
    for rung, answer in ((0, "New words here."), (1, "New words ")):
        desk.want(rung)
        desk.ask()
        assert desk.finish().strip() == answer.strip()


def test_the_recogniser_takes_longer_steps_on_a_rung_that_says_so(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with('asr.rungs=[{name="full"},{name="narrow",partial_ms=200}]')
    seat = rings.seat("asr")
    asr = Asr(seat, prepare(seat), seat.history_reader("mic"), seat.outlet("texts"))
    before = asr._chunk
    rings.telemetry.set("asr.rung", 1)
    assert not asr.work()
    assert (before, asr._chunk) == (960, 3200)


def test_rungs_share_a_backend_where_that_can_do_both() -> None:
    def backends(*sets: str) -> int:
        config = load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""})
        ladders = [climb(stage, config) for stage in ("asr", "vocoder")]
        return len({id(step.held) for each in ladders for step in each.steps})

    assert backends() == 2
    assert backends('asr.rungs=[{name="a"},{name="b",pocketsphinx={bias=0.1}}]') == 3
    assert backends('vocoder.rungs=[{name="a"},{name="b",backend="espeak"}]') == 3


def test_a_rung_whose_backend_is_not_there_is_named_before_the_engine_starts() -> None:
    config = load(
        sets=['llm.rungs=[{name="a"},{name="b",backend="no.such:Thing"}]'], environ={"ANTIPHON_SYSTEM_CONFIG": ""}
    )
    with pytest.raises(BackendError, match=r"no\.such:Thing"):
        climb("llm", config)
