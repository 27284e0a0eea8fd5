"""What is told of what happens: everything that is shown, words only where they may be, measured only for who looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest

from engine.contract import Tag
from engine.events import EVENTS, Error, RungChanged, SessionChanged, Tool, UserPartial
from engine.hub import Now, envelope
from engine.web.feed import MOST_NOTES, MOST_TURNS
from engine.web.views import NOTES, VIEWS, present, view
from tests.web.stand import NUMBERS, Stand, record

QUESTION, ANSWER = "where is the secret cafe", "Behind the hidden shop."
PERSONAL = ("secret", "cafe", "hidden", "shop")


@pytest.fixture
def stand() -> Iterator[Stand]:
    with Stand() as made:
        yield made


def test_a_newcomer_is_told_the_present_and_the_last_turns(stand: Stand) -> None:
    stand.converse(3, 1, QUESTION, ANSWER)
    stand.tell(UserPartial("and"), 3, 2)
    with stand.follow() as follower:
        assert follower.answer.headers["Content-Type"] == "text/event-stream"
        hello = follower.get()
        assert (hello["event"], hello["name"], hello["numbers"]) == ("hello", "stand", NUMBERS)
        assert hello["now"]["user"] == {"final": False, "words": 1}
        assert [(turn["session"], turn["turn"], turn["response_ms"]) for turn in hello["turns"]] == [(3, 1, 240.0)]
        stand.tell(UserPartial("and children"), 3, 2)
        assert follower.get()["words"] == 2


def test_a_turn_is_told_with_what_each_stage_took_of_it(stand: Stand) -> None:
    with stand.follow() as follower:
        stand.converse(1, 1, QUESTION, ANSWER)
        turn = follower.until("answer.ended")["of"]
    assert turn["budget_ms"] == 800
    took = {span["stage"]: span["took"] for span in turn["spans"]}
    assert sum(ms for ms in took.values() if ms) == pytest.approx(turn["response_ms"])
    assert [span["stage"] for span in turn["spans"] if span["over"]] == ["asr"]


@pytest.mark.parametrize("words", [False, True])
def test_what_is_said_is_told_only_where_that_is_allowed(words: bool) -> None:
    with Stand(words=words) as stand, stand.follow() as early:
        stand.converse(1, 1, QUESTION, ANSWER)
        stand.tell(Tool("1.1.1.1", "order", {"what": "cafe"}), 1, 1)
        stand.tell(UserPartial("a secret"), 1, 2)
        with stand.follow() as late:
            told = [*early.all_until("user.partial", 2), late.get()]
    text = str(told)
    assert [word for word in PERSONAL if word in text] == (list(PERSONAL) if words else [])
    final = next(message for message in told if message["event"] == "user.final")
    assert final["words"] == len(QUESTION.split())


def test_when_a_visitor_has_left_their_words_are_told_to_nobody_who_comes_later() -> None:
    with Stand(words=True) as stand:
        stand.converse(1, 1, QUESTION, ANSWER)
        stand.tell(Tool("1.1.1.1", "order", {"what": "cafe"}), 1, 1)
        stand.tell(SessionChanged("ended", "command"), 1)
        with stand.follow() as later:
            hello = later.get()
    assert not [word for word in PERSONAL if word in str(hello)]
    assert hello["turns"][0]["user"] == {"words": 5}


def test_nothing_is_measured_while_nobody_looks(stand: Stand) -> None:
    assert stand.levels.opened == 0
    with stand.follow() as one, stand.follow() as other:
        one.until("levels")
        assert other.until("numbers")["stages"] == NUMBERS["stages"]
        assert (stand.levels.opened, stand.levels.closed) == (1, 0)
    with stand.follow() as again:
        again.until("levels")
    stand.close()
    assert stand.levels.closed == stand.levels.opened >= 1


def test_only_the_last_turns_and_notes_are_kept(stand: Stand) -> None:
    for number in range(40):
        stand.converse(1, number + 1, "a", "b")
        stand.tell(Error("asr", f"fault {number}"))
    with stand.follow() as follower:
        hello = follower.get()
    assert [turn["turn"] for turn in hello["turns"]] == list(range(41 - MOST_TURNS, 41))
    assert [note["what"] for note in hello["notes"]] == [f"fault {number}" for number in range(40 - MOST_NOTES, 40)]


def test_every_event_is_shown_or_known_not_to_be() -> None:
    hidden = {"user.cut_off", "answer.dropped", "tool.cancel", "dialogue.ask", "dialogue.cancel"}
    assert VIEWS.keys() | hidden == EVENTS.keys()
    assert not VIEWS.keys() & hidden
    assert VIEWS.keys() >= NOTES


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("name", VIEWS)
def test_an_event_is_shown_whatever_its_fields_hold(name: str, words: bool) -> None:
    made = EVENTS[name].__new__(EVENTS[name])
    for field in fields(made):
        simple = {"str": "x", "int": 1, "bool": True}.get(str(field.type), {})
        object.__setattr__(made, field.name, record(1, 1, "a", "b") if field.name == "record" else simple)
    told = view(name, envelope(name, 1, Tag(1, 1, 1), 0) | made.fields(), words)
    assert told["event"] == name


def test_move_between_rungs_is_told_with_its_reason(stand: Stand) -> None:
    with stand.follow() as follower:
        follower.until("hello")
        stand.call(stand.hub.tell, RungChanged("asr", 0, 1, "narrow", "the processor is busy"))
        told = follower.get()
    assert (told["from"], told["to"], told["name"], told["reason"]) == (0, 1, "narrow", "the processor is busy")


def test_the_present_of_an_engine_with_nobody_there() -> None:
    told = present(Now(state="listening", volume=70), True)
    assert (told["user"], told["answer"], told["session"], told["volume"]) == (None, None, None, 70)
