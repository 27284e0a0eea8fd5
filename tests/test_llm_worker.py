"""The LLM worker between turns and a backend: whose answers it gives, whom it forgets, what it takes over at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine import messages as m
from engine.channels import segment
from engine.config import Config, load
from engine.contract import Ended, Event, Exchange, Job, Rung, Tag, Token
from engine.errors import BackendError
from engine.outlet import Outlet
from ringbuf import StreamReader, StreamWriter
from tests.rings import Rings, messages
from workers.backends.facts import Facts
from workers.backends.phrasebook import Phrasebook
from workers.backends.registry import rung
from workers.line import HostLine
from workers.llm import Llm

TAG, OTHER, NEXT = Tag(1, 1, 1), Tag(1, 1, 2), Tag(2, 1, 1)


class Watched(Phrasebook):
    """Notes what it is asked to do, and cannot be loaded with an entry that answers "broken"."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []
        self.jobs: list[Job] = []

    def load(self, rung: Rung) -> None:
        if "broken" in str(rung.settings["entries"]):
            raise BackendError("the phrasebook is broken", "mend it")
        super().load(rung)
        self.noted.append("load")

    def begin(self, job: Job) -> None:
        self.jobs.append(job)
        super().begin(job)

    def step(self, budget_ns: int) -> Sequence[Event]:
        events = super().step(budget_ns)
        self.noted += [type(event).__name__ for event in events]
        return events

    def forget(self, session: int) -> None:
        super().forget(session)
        self.noted.append(f"forget {session}")


class Desk:
    """The LLM worker without its loop; turns is the test."""

    def __init__(self, rings: Rings) -> None:
        self.rings, self.backend = rings, Watched()
        self.backend.load(rung("llm", rings.config))
        self.seat = rings.seat("llm")
        self._told = rings.seat("turns").stream_reader("pieces")
        self.llm = Llm(self.seat, self.backend, self.seat.outlet("pieces"))

    def work(self) -> list[m.Message]:
        """Let it work until it has nothing to do: what it told."""
        while not self.backend.idle:
            self.llm.step()
        return messages(self._told)

    def ask(self, text: str, tag: Tag = TAG) -> str:
        """The whole answer."""
        self.llm.take(m.Ask(tag=tag, text=text, language="en"))
        return "".join(message.text for message in self.work() if isinstance(message, m.Piece))

    def reload(self, *sets: str) -> None:
        """Settings change, as in the worker's loop."""
        self.rings.reload(settings(*sets))
        assert self.seat.reloaded()
        self.llm.renew()


def settings(*sets: str) -> Config:
    return load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""})


def entries(pattern: str, *answers: str) -> str:
    quoted = ", ".join(f'"{answer}"' for answer in answers)
    return f'llm.phrasebook.entries=[{{ patterns = ["{pattern}"], answers = [{quoted}] }}]'


@pytest.fixture
def desk(rings: Rings) -> Desk:
    return Desk(rings)


def test_a_question_carries_its_past_and_what_the_host_gave_to_know(desk: Desk) -> None:
    desk.llm.take(m.Ask(tag=TAG, text="and now", language="en", history=("a", "b", "c", "d"), context=("It rains.",)))
    (job,) = desk.backend.jobs
    assert [(each.user, each.answer) for each in job.history] == [("a", "b"), ("c", "d")]
    assert job.context == ("It rains.",)


def test_a_visitor_who_left_is_forgotten_when_the_answers_to_them_have_ended(desk: Desk) -> None:
    for tag in (TAG, OTHER):
        desk.llm.take(m.Ask(tag=tag, text="hello", language="en"))
    desk.llm.step()
    desk.llm.take(m.SessionOver(tag=Tag(1)))
    assert desk.backend.noted == ["load", "Token", "Ended", "Ended", "forget 1"]
    assert [message.reason for message in desk.work() if isinstance(message, m.PiecesEnded)] == ["cancelled"] * 2


def test_the_next_visitor_gets_the_first_answer_again(desk: Desk) -> None:
    first = desk.ask("hello")
    assert desk.ask("hello") != first
    desk.llm.take(m.SessionOver(tag=Tag(1)))
    assert desk.ask("hello", NEXT) == first


def test_a_phrasebook_that_changed_answers_without_a_restart(desk: Desk) -> None:
    assert desk.ask("where is the lift").startswith("I am sorry")
    desk.reload(entries("where is the lift", "Behind you."))
    assert desk.ask("where is the lift") == "Behind you."
    desk.reload(entries("where is the lift", "Behind you."), 'phrases.en.unknown="No idea."')
    assert desk.ask("something else") == "No idea."


def test_an_answer_that_is_under_way_ends_as_it_began(desk: Desk) -> None:
    desk.llm.take(m.Ask(tag=TAG, text="hello", language="en"))
    desk.llm.step()
    desk.reload(entries("hello", "Go away."))
    assert desk.backend.noted == ["load", "Token"]
    assert "Go" not in str(desk.work())
    desk.llm.renew()
    assert desk.ask("hello") == "Go away."


def test_what_its_owner_should_know_is_told_once_when_it_comes_up(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    remarks: list[str] = []
    monkeypatch.setattr(Watched, "remarks", property(lambda _: tuple(remarks)))
    desk.ask("hello")
    remarks.append("the server is gone")
    desk.ask("hello")
    desk.ask("hello")
    assert capsys.readouterr().err == "engine:llm: the server is gone\n"
    remarks.clear()
    desk.ask("hello")
    remarks.append("the server is gone")
    desk.ask("hello")
    assert capsys.readouterr().err == "engine:llm: the server is gone\n"


def test_settings_of_others_do_not_load_it_anew(desk: Desk) -> None:
    desk.reload("vocoder.flite.speed=1.5", "asr.expect=['lift']", "llm.first_token_budget_ms=100")
    assert desk.backend.noted == ["load"]


def test_the_most_tokens_change_at_once(desk: Desk) -> None:
    whole = desk.ask("hello")
    assert len(whole.split()) > 2
    desk.llm.take(m.SessionOver(tag=Tag(1)))
    desk.reload("llm.max_tokens=2")
    assert desk.ask("hello").split() == whole.split()[:2]


def test_what_cannot_be_loaded_is_told_and_the_old_settings_stay(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    before = desk.ask("hello")
    desk.reload(entries("hello", "broken"))
    assert m.Renewed(stage="llm", version=1, text="the phrasebook is broken; mend it") in desk.work()
    assert capsys.readouterr().err == ""  # the terminal tells it, like every other error
    assert desk.ask("hello") == before
    desk.reload(entries("hello", "Good day."))
    assert desk.ask("hello") == "Good day."


def test_what_an_answer_calls_is_told_before_its_words_and_only_where_somebody_does_it(rings: Rings) -> None:
    seat, told_turns = rings.seat("llm"), rings.seat("turns").stream_reader("pieces")
    backend = Facts()
    backend.load(rung("llm", settings('tools=[{ name = "ring", description = "Ring the bell" }]')))
    llm = Llm(seat, backend, seat.outlet("pieces"))
    for calls in (0, 1):
        llm.take(m.Ask(tag=TAG, text="ring the bell", language="en", calls=calls))
        while not backend.idle:
            llm.step()
        told = [each for each in messages(told_turns) if not isinstance(each, m.Renewed)]
        called = m.CallTool(tag=TAG, tool="ring", arguments="{}")
        assert (told[0] == called) is bool(calls)
        assert [each for each in told if isinstance(each, m.CallTool)] == [called] * calls


def test_the_line_to_the_host_carries_a_question_and_its_answer_and_drops_what_is_stale(rings: Rings) -> None:
    seat = rings.seat("llm")
    line = HostLine(seat)
    replies = StreamWriter(segment(rings.instance, "replies"))
    out = Outlet(replies)
    there = [line.is_there]
    rings.telemetry.set("door.dialogue", 1)
    there.append(line.is_there)
    assert there == [False, True]
    assert line.ask(Job(TAG, text="now", history=(Exchange("a", "b"),), context=("It rains.",), final=False))
    asked = StreamReader(segment(rings.instance, "dialogue"))
    (question,) = messages(asked)
    assert question == m.Ask(tag=TAG, text="now", language="en", history=("a", "b"), context=("It rains.",), final=0)
    for tag in (OTHER, TAG):
        out.send(m.Piece(tag=tag, text="Yes. ", stage="host"))
        out.send(m.PiecesEnded(tag=tag, reason="done", stage="host"))
    ready = [line.ready]
    line.collect()
    ready.append(line.ready)
    assert ready == [False, True]
    assert line.heard() == [Token(TAG, "Yes. "), Ended(TAG)]
    assert line.heard() == []
    line.cancel(TAG)  # it is over: the host need not be told
    assert line.ask(Job(OTHER, text="x"))
    line.cancel(OTHER)
    out.send(m.Piece(tag=OTHER, text="Late.", stage="host"))
    line.collect()
    assert line.heard() == []
    assert [type(message) for message in messages(asked)] == [m.Ask, m.Cancel]
    assert not line.ask(Job(TAG, text="x" * 300_000))
