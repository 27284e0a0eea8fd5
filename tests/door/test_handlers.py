"""Clients that do something for the engine: what is called, and its dialogue program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import messages as m
from engine.contract import Tag
from engine.door.dialogue import MOST_OPEN
from engine.events import Tool, ToolCancel, Volume
from tests.door.house import House

TAG = Tag(1, 2, 1)


class Rings:
    """What was sent to the workers, until there is no room."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, m.Message]] = []
        self.full = False

    def __call__(self, channel: str, message: m.Message) -> bool:
        if not self.full:
            self.sent.append((channel, message))
        return not self.full


@pytest.fixture
def rings() -> Rings:
    return Rings()


@pytest.fixture
def counts() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def house(tmp_path: Path, rings: Rings, counts: list[tuple[str, int]]) -> Iterator[House]:
    with House(tmp_path, rings) as house:
        house.door.on_handlers = lambda what, count: counts.append((what, count))
        yield house


@pytest.fixture
def ask(house: House) -> Callable[..., None]:
    """The stage asks."""

    def asked(tag: Tag = TAG, **more: Any) -> None:
        message = m.Ask(tag=tag, text="where is the lift", language="en", history=("hi", "Hello."), **more)
        house.call(house.door.dialogue.ask, message)

    return asked


def until(true: Callable[[], object]) -> None:
    limit = time.monotonic() + 20
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.002)


@pytest.mark.parametrize("what", ["tool", "dialogue"])
def test_who_does_something_is_counted_until_they_say_so_or_have_gone(
    house: House, counts: list[tuple[str, int]], what: str
) -> None:
    one, two = house.client(), house.client()
    for client in (one, two, one):
        assert client.ask({"command": f"{what}.handle"})["ok"]
    assert one.ask({"command": f"{what}.handle", "on": False})["ok"]
    two.close()
    until(lambda: counts[-1] == (what, 0))
    assert counts == [(what, 1), (what, 2), (what, 2), (what, 1), (what, 0)]


def test_who_does_what_is_called_is_told_of_it_whatever_they_subscribe_to(house: House) -> None:
    client = house.client()
    client.ask({"command": "subscribe", "events": []})
    client.ask({"command": "tool.handle"})
    client.ask({"command": "subscribe", "events": ["state"]})
    for event in (Volume(3), Tool("1.1.1.1", "drive", {"distance": 3}, 5.0), ToolCancel("1.1.1.1", "stopped")):
        house.tell(event)
    assert [client.get()["event"] for _ in range(2)] == ["tool", "tool.cancel"]


def test_what_a_host_tells_of_a_call_goes_to_turns(house: House, rings: Rings) -> None:
    client = house.client()
    client.send(
        {"command": "tool.progress", "call": "1.1.1.1"},
        {"command": "tool.result", "call": "1.1.1.1", "text": "Here.", "speak": False},
        {"command": "tool.error", "call": "1.1.1.1"},
        {"command": "tool.result", "call": ""},
    )
    assert client.get()["error"]["code"] == "bad_argument"
    until(lambda: len(rings.sent) == 3)
    assert {channel for channel, _ in rings.sent} == {"commands"}
    assert [type(message) for _, message in rings.sent] == [m.ToolProgress, m.ToolResult, m.ToolFailed]


def test_a_question_goes_to_the_last_who_answers_and_to_nobody_else(house: House, ask: Callable[..., None]) -> None:
    first, last, other = house.client(), house.client(), house.client()
    for client in (first, last):
        client.ask({"command": "dialogue.handle"})
    ask(final=0, context=("It rains.",), deadline_ns=time.monotonic_ns() + 10**11)
    house.tell(Volume(7))
    assert first.get()["event"] == other.get()["event"] == "volume"
    asked = last.get()
    assert (asked["event"], asked["ask"], asked["session"], asked["attempt"]) == ("dialogue.ask", "1.2.1", 1, 1)
    assert (asked["text"], asked["final"], asked["history"]) == ("where is the lift", False, [["hi", "Hello."]])
    assert asked["context"] == ["It rains."]
    assert 90_000 < asked["due_ms"] <= 100_000
    assert last.get()["seq"] == asked["seq"] + 1  # it has no number of its own: no hole for anybody


def test_an_answer_goes_to_the_stage_that_asked_and_ends_once(
    house: House, rings: Rings, ask: Callable[..., None]
) -> None:
    client, other = house.client(), house.client()
    client.ask({"command": "dialogue.handle"})
    ask()
    client.until(lambda line: line.get("event") == "dialogue.ask")
    piece = {"command": "dialogue.piece", "ask": "1.2.1", "text": "Behind "}
    assert client.ask(piece)["ok"]
    assert other.ask(piece)["error"]["code"] == "refused"
    assert client.ask({"command": "dialogue.end", "ask": "1.2.1"})["ok"]
    assert client.ask(piece)["error"]["code"] == "refused"
    assert rings.sent == [
        ("replies", m.Piece(tag=TAG, text="Behind ", stage="host")),
        ("replies", m.PiecesEnded(tag=TAG, reason="done", stage="host")),
    ]


def test_what_is_not_wanted_any_more_is_told_and_refused(house: House, rings: Rings, ask: Callable[..., None]) -> None:
    client = house.client()
    client.ask({"command": "dialogue.handle"})
    ask()
    ask(Tag(1, 2, 2))
    house.call(house.door.dialogue.cancel, m.Cancel(tag=TAG))
    house.call(house.door.dialogue.cancel, m.Cancel(tag=Tag(9, 9, 9)))
    house.call(house.door.dialogue.died)  # the stage was killed
    told = [client.get() for _ in range(4)]
    assert [(line["event"], line["ask"]) for line in told[2:]] == [
        ("dialogue.cancel", "1.2.1"),
        ("dialogue.cancel", "1.2.2"),
    ]
    assert client.ask({"command": "dialogue.piece", "ask": "1.2.1", "text": "x"})["error"]["code"] == "refused"
    assert rings.sent == []


def test_where_nobody_answers_or_they_leave_the_stage_is_told(
    house: House, rings: Rings, ask: Callable[..., None]
) -> None:
    ask()
    client = house.client()
    client.ask({"command": "dialogue.handle"})
    ask(Tag(1, 3, 1))
    client.until(lambda line: line.get("event") == "dialogue.ask")
    client.close()
    until(lambda: len(rings.sent) == 2)
    assert [(message.tag, getattr(message, "reason", "")) for _, message in rings.sent] == [
        (TAG, "failed"),
        (Tag(1, 3, 1), "failed"),
    ]


def test_only_so_many_questions_are_open_and_no_more_is_said_than_there_is_room_for(
    house: House, rings: Rings, ask: Callable[..., None]
) -> None:
    client = house.client()
    client.ask({"command": "dialogue.handle"})
    for turn in range(1, MOST_OPEN + 2):
        ask(Tag(1, turn, 1))
    assert [message.tag for _, message in rings.sent] == [Tag(1, MOST_OPEN + 1, 1)]
    rings.full = True
    for command in ({"command": "dialogue.piece", "text": "x"}, {"command": "dialogue.end"}):
        assert client.ask({**command, "ask": "1.1.1"})["error"]["code"] == "unavailable"
    rings.full = False
    assert client.ask({"command": "dialogue.end", "ask": "1.1.1", "error": "no\nidea"})["ok"]
    assert rings.sent[-1][1] == m.PiecesEnded(tag=Tag(1, 1, 1), reason="failed", text="no idea", stage="host")


def test_a_piece_and_an_answer_are_no_longer_than_what_can_be_told(house: House, ask: Callable[..., None]) -> None:
    client = house.client()
    client.ask({"command": "dialogue.handle"})
    ask()
    piece = {"command": "dialogue.piece", "ask": "1.2.1"}
    assert "a piece has 4000" in client.ask({**piece, "text": "x" * 4001})["error"]["message"]
    for _ in range(10):
        assert client.ask({**piece, "text": "x" * 4000})["ok"]
    assert "the answer is longer" in client.ask({**piece, "text": "x"})["error"]["message"]
    assert client.ask({"command": "dialogue.end", "ask": "1.2.1"})["ok"]


def test_who_answers_may_send_more_in_a_time(house: House, ask: Callable[..., None]) -> None:
    client = house.client()
    client.ask({"command": "dialogue.handle"})
    ask()
    client.until(lambda line: line.get("event") == "dialogue.ask")
    client.send(*[{"command": "dialogue.piece", "ask": "1.2.1", "text": "x"}] * 300)
    assert all(client.get()["ok"] for _ in range(300))


def test_who_says_so_again_and_again_may_not_send_more_for_it(house: House) -> None:
    client = house.client()
    client.send(*[{"command": "dialogue.handle"}] * 570)
    answers = [client.get() for _ in range(570)]
    assert answers[0]["ok"]
    assert answers[-1]["error"]["code"] == "too_many"
