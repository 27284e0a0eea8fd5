"""The floor worker: answers what it knows, speaks clauses, and has the engine's own phrases ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine import audible
from engine import messages as m
from engine.clauses import Clauser
from engine.config import load
from engine.contract import Event, Rung, Tag
from engine.telemetry import Telemetry
from tests.rings import Rings, messages
from workers.backends.clauses import ClauseVoice
from workers.floor import Floor, main

TAG, NEXT = Tag(1, 1, 1), Tag(1, 2, 1)
PER_CHARACTER = 32
UNKNOWN = "I am sorry, I don't know that."
CHOKES = "Hrmpf."
WATCHDOG_S = 30


class Voice(ClauseVoice):
    """Every character is 2 ms of sound."""

    def load(self, rung: Rung) -> None:
        self.said: list[str] = []
        self._open(Rung({"pause_ms": 0}, rung.language, rung.rate), rung.rate)

    def unload(self) -> None: ...

    def _readable(self, word: str) -> str:
        return word

    def _say(self, text: str) -> None:
        self.said.append(text)
        self._take(np.full(PER_CHARACTER * len(text), 8000, np.int16))


class Mute(Voice):
    def _say(self, text: str) -> None:
        if text == "Hello, 1 2 3.":
            super()._say(text)
        else:
            self._error = RuntimeError("no more breath")


class Choosy(Voice):
    def _say(self, text: str) -> None:
        if text == CHOKES:
            self._error = RuntimeError("no more breath")
        else:
            super()._say(text)


class Watched(Voice):
    """Notes how long it may take, as whoever watches the worker sees it."""

    telemetry: Telemetry | None = None

    def _say(self, text: str) -> None:
        if self.telemetry is not None:  # it is not while phrases are kept
            self.left_s = (self.telemetry.get("floor.bound_ns") - time.monotonic_ns()) / 1e9
        super()._say(text)


class Desk:
    """The floor between turns and audio, which are the test."""

    def __init__(self, rings: Rings) -> None:
        self.rings = rings
        self.seat = rings.seat("floor")
        turns, audio = rings.seat("turns"), rings.seat("audio")
        self._told = turns.stream_reader("taken")
        self._rings = {name: audio.stream_reader(name, np.int16) for name in ("floor", "holding")}
        self.floor = Floor(self.seat, self.seat.outlet("taken"))
        self.voice: Voice = self.floor._backends[1]._voice  # type: ignore[assignment]

    def take(self, *sent: m.Message) -> list[m.Message]:
        """Let it work until there is nothing to do: what it tells."""
        for message in sent:
            self.floor.take(message)
        while not self.floor.idle:
            self.floor.step()
        return messages(self._told)

    def allow(self, source: int, tag: Tag) -> None:
        self.rings.telemetry.set("turns.newest", audible.pack(source, tag))

    def sound(self, name: str) -> list[tuple[Tag, int, int]]:
        """(tag, kind, samples) of what lies in a ring, records of one kind together."""
        found: list[tuple[Tag, int, int]] = []
        for record in self._rings[name]:
            tag = Tag(record.session, record.turn, record.attempt)
            if found and found[-1][:2] == (tag, record.kind):
                found[-1] = tag, record.kind, found[-1][2] + len(record.data)
            else:
                found.append((tag, record.kind, len(record.data)))
        return found


def with_voice(voice: str, *sets: str) -> tuple[str, ...]:
    return (f"floor.voice=tests.test_floor_worker:{voice}", *sets)


@pytest.fixture
def desk(rings_with: Callable[..., Rings]) -> Desk:
    return Desk(rings_with(*with_voice("Voice")))


def clause(text: str, number: int = 0, tag: Tag = TAG) -> m.Clause:
    return m.Clause(tag=tag, number=number, text=text, language="en")


def ask(text: str, tag: Tag = TAG) -> m.Ask:
    return m.Ask(tag=tag, text=text, language="en")


def test_what_it_has_an_answer_for_it_answers(desk: Desk) -> None:
    told = desk.take(ask("Where is the cafe?"))
    answer = "".join(message.text for message in told if isinstance(message, m.Piece))
    assert answer == "The cafe is on the ground floor, behind the shop."
    ended = told[-1]
    assert isinstance(ended, m.PiecesEnded)
    assert (ended.reason, ended.stage) == ("done", "floor")
    assert 0 < ended.began_ns <= ended.first_ns <= ended.ended_ns


def test_where_it_would_only_say_that_it_does_not_know_it_has_none(desk: Desk) -> None:
    (ended,) = desk.take(ask("Why is the sky blue?"))
    assert isinstance(ended, m.PiecesEnded)
    assert (ended.reason, ended.stage) == ("failed", "floor")


def test_an_answer_that_begins_like_that_is_one_all_the_same(rings_with: Callable[..., Rings]) -> None:
    entries = 'llm.phrasebook.entries=[{patterns=["hello"], answers=["I am sorry, I am not here."]}]'
    told = Desk(rings_with(*with_voice("Voice", entries))).take(ask("hello"))
    assert "".join(message.text for message in told if isinstance(message, m.Piece)) == "I am sorry, I am not here."


def test_the_phrase_that_holds_the_turn_is_there_at_once(desk: Desk) -> None:
    said = len(desk.voice.said)
    desk.allow(audible.HOLDING, TAG)
    desk.floor.take(m.HoldTurn(tag=TAG))
    samples = PER_CHARACTER * len("One moment, please.")
    assert desk.sound("holding") == [(TAG, m.SOUND, samples), (TAG, m.SOUND_END, 0)]
    assert len(desk.voice.said) == said


def test_a_phrase_that_nobody_wants_any_more_is_not_played(desk: Desk) -> None:
    desk.allow(audible.VOCODER, TAG)
    desk.floor.take(m.HoldTurn(tag=TAG))
    assert desk.sound("holding") == []


def test_it_speaks_clauses_from_wherever_it_takes_over(desk: Desk) -> None:
    told = desk.take(clause("One two.", 3), clause("Three.", 4), m.LastClause(tag=TAG, count=5))
    kinds = [(type(message), getattr(message, "number", None)) for message in told]
    assert kinds == [
        (m.ClauseBegan, 3),
        (m.ClauseVoiced, 3),
        (m.ClauseBegan, 4),
        (m.ClauseVoiced, 4),
        (m.VoiceEnded, None),
    ]
    assert {message.stage for message in told} == {"floor"}  # type: ignore[attr-defined]
    assert desk.sound("floor") == [(TAG, m.SOUND, 14 * PER_CHARACTER), (TAG, m.SOUND_END, 0)]


def test_the_engines_own_phrases_are_ready_and_others_come_behind_them(desk: Desk) -> None:
    failed = "I am sorry, something went wrong. Please ask again."
    assert failed in desk.voice.said
    said = len(desk.voice.said)
    told = desk.take(clause(failed), m.LastClause(tag=TAG, count=1))
    assert len(desk.voice.said) == said
    voiced = next(message for message in told if isinstance(message, m.ClauseVoiced))
    assert voiced.samples == desk.sound("floor")[0][2] > 0
    told = desk.take(clause(failed, tag=NEXT), clause("And more.", 1, NEXT), m.LastClause(tag=NEXT, count=2))
    assert desk.voice.said[said:] == ["And more."]
    assert [message.number for message in told if isinstance(message, m.ClauseVoiced)] == [0, 1]


def test_that_the_engine_is_not_well_lies_ready_too_clause_by_clause(desk: Desk) -> None:
    said, clauser = len(desk.voice.said), Clauser()
    impaired = desk.rings.config.phrases["en"].impaired
    clauses = [*clauser.feed(impaired), *clauser.flush()]
    assert len(clauses) == 2
    told = desk.take(*(clause(text, number) for number, text in enumerate(clauses)), m.LastClause(tag=TAG, count=2))
    assert [message.number for message in told if isinstance(message, m.ClauseVoiced)] == [0, 1]
    assert len(desk.voice.said) == said


def test_what_turns_does_not_want_any_more_is_given_up(desk: Desk) -> None:
    desk.floor.take(ask("Where is the cafe?"))
    desk.floor.take(clause("One two."))
    told = desk.take(m.Cancel(tag=TAG))
    assert [(type(each), each.reason) for each in told] == [  # type: ignore[attr-defined]
        (m.PiecesEnded, "cancelled"),
        (m.VoiceEnded, "cancelled"),
    ]


def test_a_visitor_who_left_is_forgotten_with_what_was_under_way(desk: Desk) -> None:
    desk.take(ask("Goodbye"), m.Settle(tag=TAG, heard="Goodbye"))
    desk.floor.take(ask("Goodbye", NEXT))
    desk.take(m.SessionOver(tag=Tag(1)))
    told = desk.take(ask("Goodbye", Tag(2, 1, 1)))
    said = "".join(message.text for message in told if isinstance(message, m.Piece))
    assert said == "Goodbye, and enjoy your visit."  # the first of its answers


def test_other_phrases_are_ready_once_they_are_set(desk: Desk) -> None:
    own = ("phrases.en.hold=Wait.", "phrases.en.unknown=No idea.")
    desk.rings.reload(load(sets=with_voice("Voice", *own), environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
    assert desk.seat.reloaded()
    desk.floor.renew()
    desk.floor.take(m.HoldTurn(tag=TAG))
    assert desk.sound("holding")[0] == (TAG, m.SOUND, 5 * PER_CHARACTER)
    assert [type(message) for message in desk.take(ask("Why?"))] == [m.PiecesEnded]


def test_phrases_that_the_voice_cannot_say_leave_it_with_those_it_had(
    rings_with: Callable[..., Rings], capsys: pytest.CaptureFixture[str]
) -> None:
    """It must not be gone for good: the next reload may mend it."""
    desk = Desk(rings_with(*with_voice("Choosy")))
    for hold, said in ((CHOKES, "One moment, please."), ("Wait.", "Wait.")):
        own = f"phrases.en.hold={hold}"
        desk.rings.reload(load(sets=with_voice("Choosy", own), environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
        assert desk.seat.reloaded()
        desk.floor.renew()
        desk.allow(audible.HOLDING, TAG)
        desk.floor.take(m.HoldTurn(tag=TAG))
        assert desk.sound("holding")[0] == (TAG, m.SOUND, PER_CHARACTER * len(said))
        assert ("the phrases that it had are kept" in capsys.readouterr().err) is (hold == CHOKES)


def test_new_settings_may_take_as_long_as_at_the_start(rings_with: Callable[..., Rings]) -> None:
    desk = Desk(rings_with(*with_voice("Watched")))
    assert isinstance(desk.voice, Watched)
    desk.voice.telemetry = desk.seat.telemetry
    sets = with_voice("Watched", "phrases.en.hold=Wait.")
    desk.rings.reload(load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
    assert desk.seat.reloaded()
    desk.floor.renew()
    limits = desk.rings.config
    assert limits.floor.hard_limit_s < desk.voice.left_s <= limits.engine.start_timeout_s
    assert desk.seat.telemetry.get("floor.bound_ns") == 0


@pytest.mark.parametrize("voice", ["Mute", "Nobody"])
def test_without_a_voice_it_says_so_once_and_takes_nothing_over(
    rings_with: Callable[..., Rings], capsys: pytest.CaptureFixture[str], voice: str
) -> None:
    rings = rings_with(*with_voice(voice))
    rings.stop()
    main(rings.seat("floor"))
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("engine:floor: nothing takes over")]) == 1
    assert (rings.telemetry.get("floor.able"), rings.telemetry.get("floor.state")) == (0, 2)


def test_where_it_could_not_be_had_a_reload_that_mends_it_brings_it(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with(*with_voice("Choosy", f"phrases.en.hold={CHOKES}"))
    working = threading.Thread(target=main, args=(rings.seat("floor"),), daemon=True)
    working.start()
    able = [until(rings, "floor.state", 2) and rings.telemetry.get("floor.able")]
    rings.reload(load(sets=with_voice("Choosy"), environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
    rings.ring("floor")
    able.append(until(rings, "floor.able", 1))
    rings.stop()
    working.join()
    assert able == [0, 1]


def until(rings: Rings, name: str, value: int) -> int:
    """What a cell holds, once it is this or was waited for for long enough."""
    limit = time.monotonic() + WATCHDOG_S
    while rings.telemetry.get(name) != value and time.monotonic() < limit:
        time.sleep(0.001)
    return rings.telemetry.get(name)


def test_with_one_it_says_that_it_is_able(rings_with: Callable[..., Rings]) -> None:
    rings = rings_with(*with_voice("Voice"))
    rings.stop()
    told = rings.seat("turns").stream_reader("taken")
    main(rings.seat("floor"))
    assert rings.telemetry.get("floor.able") == 1
    assert [message.stage for message in messages(told)] == ["floor"]  # type: ignore[attr-defined]


def test_whoever_watches_knows_how_long_an_answer_and_a_clause_may_take(rings_with: Callable[..., Rings]) -> None:
    desk = Desk(rings_with(*with_voice("Watched", "floor.hard_limit_s=7.5")))
    assert isinstance(desk.voice, Watched)
    desk.voice.telemetry = desk.seat.telemetry
    answers, left_s = desk.floor.answers._backend, list[float]()
    step = answers.step

    def watched(budget_ns: int) -> Sequence[Event]:
        left_s.append((desk.seat.telemetry.get("floor.bound_ns") - time.monotonic_ns()) / 1e9)
        return step(budget_ns)

    answers.step = watched  # type: ignore[method-assign]
    desk.take(ask("Where is the cafe?"), clause("Hello."))
    assert 0 < desk.voice.left_s <= 7.5
    assert 0 < min(left_s) <= max(left_s) <= 7.5
    assert desk.seat.telemetry.get("floor.bound_ns") == 0
