"""The door: every event to everybody who wants it, one answer to each command, and nobody who can do it harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ringbuf
from engine import messages as m
from engine.channels import channel, segment
from engine.contract import Tag
from engine.door import connection, letting_in, orders
from engine.door.commands import COMMANDS
from engine.door.connection import COMMANDS_AT_ONCE, LONGEST_LINE, MOST_UNREAD
from engine.door.letting_in import Bucket
from engine.door.server import MOST_CLIENTS
from engine.errors import ConfigError
from engine.events import EVENTS, AnswerWord, Error, Mute, StateChanged, UserPartial, dump
from engine.outlet import Outlet
from tests.door.house import House
from tests.rings import Rings, messages

ARGUMENTS: dict[str, dict[str, Any]] = {
    "say": {"text": "Grüße", "mode": "interrupt", "interruptible": False},
    "ask": {"text": "when?"},
    "context": {"text": "it rains"},
    "mute": {"on": False},
    "volume": {"percent": 7},
    "listen": {},
    "stop": {},
    "session.end": {},
}
"""For each command that a worker does."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as made:
        yield made


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[House]:
    """One whose workers do at once whatever they are told."""

    def send(_channel: str, message: Any) -> bool:
        made._loop.call_soon(made.orders.done, m.Done(number=message.number, ok=1))
        return True

    with House(tmp_path, send) as made:
        yield made


def taking(sent: list[Any]) -> Callable[[str, m.Message], bool]:
    """Rings that take everything, whose readers do nothing."""

    def send(_channel: str, message: m.Message) -> bool:
        sent.append(message)
        return True

    return send


# Events.


def test_a_newcomer_is_greeted_with_the_full_state_and_gets_what_comes_after_it(house: House) -> None:
    house.tell(Mute(True))
    client = house.connect()
    hello = client.get()
    assert (hello["event"], hello["protocol"], hello["instance"], hello["state"]) == ("hello", 1, "house", "listening")
    assert (hello["session"], hello["turn"], hello["muted"], hello["volume"]) == (None, None, True, 100)
    assert hello["devices"] == {"microphone": None, "loudspeaker": None}
    house.tell(Mute(False))
    assert client.get()["seq"] == hello["seq"] + 1


def test_all_clients_get_the_same_bytes_in_the_same_order(house: House) -> None:
    clients = [house.client() for _ in range(20)]
    for number in range(100):
        house.tell(AnswerWord(f"word-{number}", number))
    seen = [[client.line() for _ in range(100)] for client in clients]
    assert all(lines == seen[0] for lines in seen)
    assert [json.loads(line)["number"] for line in seen[0]] == list(range(100))


def test_a_client_gets_only_the_events_that_it_wants(house: House) -> None:
    client = house.client()
    wanted = client.ask({"command": "subscribe", "events": ["answer", "mute"]})["events"]
    assert wanted == sorted(name for name in EVENTS if name.startswith("answer.") or name == "mute")
    house.tell(StateChanged("hearing"))
    house.tell(UserPartial("hello"))
    house.tell(AnswerWord("hi", 0))
    house.tell(Mute(True))
    assert [client.get()["event"] for _ in range(2)] == ["answer.word", "mute"]
    assert client.ask({"command": "subscribe", "events": []})["events"] == []
    house.tell(Mute(False))
    assert "reply" in client.ask({"command": "state"})
    for wrong, meant in (("anwser", "answer"), ("answer.wrd", "answer.word"), ("stat", "state")):
        error = client.ask({"command": "subscribe", "events": [wrong]})["error"]
        assert error["message"] == f"there is no event {wrong}; did you mean {meant}?"


def test_events_of_every_kind_come_through_as_they_were_told(house: House) -> None:
    client = house.client()
    for name, event in EVENTS.items():
        table = {"event": name, **dict.fromkeys(event.__dataclass_fields__, "Grüße, 世界")}
        told = m.Happened(tag=Tag(1, 2, 3), at_ns=5, event=json.dumps(table))
        house.call(house.hub.happened, told)
        assert client.get().items() >= {**table, "session": 1, "turn": 2, "attempt": 3, "mono_ns": 5}.items()


# Commands.


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_command_reaches_its_worker_through_its_ring_and_is_answered_when_it_is_done(
    tmp_path: Path, rings: Rings, name: str
) -> None:
    command = COMMANDS[name]
    assert channel(command.channel).writer == "engine"
    (worker,) = channel(command.channel).readers
    outlet = Outlet(ringbuf.StreamWriter(segment(rings.instance, command.channel)))
    reader = rings.seat(worker).stream_reader(command.channel)
    with House(tmp_path, lambda _channel, message: outlet.send(message)) as house:
        client = house.client()
        client.send({"command": name, "id": "mine", **ARGUMENTS[name]})
        client.ask({"command": "state"})  # is answered first: the other waits for its worker
        (message,) = messages(reader)
        assert isinstance(message, command.message)
        assert {field: getattr(message, field) for field in ARGUMENTS[name]} == ARGUMENTS[name]
        assert message.deadline_ns
        house.call(house.orders.done, m.Done(number=message.number, ok=1))
        assert client.get() == {"reply": name, "id": "mine", "ok": True}


def test_what_a_worker_refuses_is_refused_in_its_words(tmp_path: Path) -> None:
    sent: list[Any] = []
    with House(tmp_path, taking(sent)) as house:
        client = house.client()
        client.send({"command": "ask", "id": 5, "text": "hi"}, {"command": "state"})
        client.get()
        house.call(house.orders.done, m.Done(number=sent[0].number, ok=0, text="16 texts wait already"))
        error = {"code": "refused", "message": "16 texts wait already"}
        assert client.get() == {"reply": "ask", "id": 5, "ok": False, "error": error}


def test_a_command_that_no_worker_answers_is_answered_once_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "TIMEOUT_S", 0.05)
    sent: list[Any] = []
    with House(tmp_path, taking(sent)) as house:
        client = house.client()
        answer = client.ask({"command": "stop", "id": 1})
        assert (answer["ok"], answer["error"]["code"]) == (False, "unavailable")
        house.call(house.orders.done, m.Done(number=sent[0].number, ok=1))  # too late
        assert client.ask({"command": "state", "id": 2})["id"] == 2


def test_what_a_worker_had_not_answered_when_it_was_started_again_is_told_it_once_more(tmp_path: Path) -> None:
    sent: list[Any] = []
    with House(tmp_path, taking(sent)) as house:
        client = house.client()
        client.send({"command": "mute", "id": 1}, {"command": "volume", "percent": 5, "id": 2}, {"command": "stop"})
        client.ask({"command": "state"})
        mute, volume, stop = sent
        house.call(house.orders.done, m.Done(number=volume.number, ok=1))
        house.call(house.orders.again, "controls")
        assert sent == [mute, volume, stop, mute]
        house.call(house.orders.done, m.Done(number=mute.number, ok=1))
        assert [client.get()["id"] for _ in range(2)] == [2, 1]


def test_a_full_ring_is_told_at_once(tmp_path: Path) -> None:
    with House(tmp_path, lambda *_: False) as house:
        assert house.client().ask({"command": "stop"})["error"]["code"] == "unavailable"


def test_nothing_is_asked_of_workers_that_are_not_ready(tmp_path: Path) -> None:
    sent: list[Any] = []
    with House(tmp_path, taking(sent)) as house:
        house.orders.open = False
        error = house.client().ask({"command": "stop"})["error"]
        assert (error["code"], sent) == ("unavailable", [])
        assert "wait for the state listening" in error["message"]


def test_the_state_is_answered_in_full(house: House) -> None:
    client = house.connect()
    hello = client.get()
    answer = client.ask({"command": "state", "id": 9})
    only_hello = {"event", "attempt", "mono_ns", "time"}
    assert answer == {"reply": "state", "id": 9, "ok": True} | {k: v for k, v in hello.items() if k not in only_hello}


def test_a_reload_is_answered_with_what_it_did_or_with_what_is_wrong(house: House) -> None:
    client = house.client()
    house.reloads = [
        {"applied": ("audio.volume",), "restart_needed": ()},
        ConfigError("kiosk.toml:3: no", "mend it"),
    ]
    assert client.ask({"command": "reload", "id": None}) == {
        "reply": "reload",
        "id": None,
        "ok": True,
        "applied": ["audio.volume"],
        "restart_needed": [],
    }
    error = client.ask({"command": "reload"})["error"]
    assert error == {"code": "configuration", "message": "kiosk.toml:3: no; mend it"}


def test_answers_find_their_way_however_commands_are_cut_into_packets(answering: House) -> None:
    client = answering.client()
    lines = b"".join(b'{"command": "stop", "id": %d}\n' % number for number in range(20))
    for byte in lines:
        client.socket.sendall(bytes([byte]))
    assert [client.get()["id"] for _ in range(20)] == list(range(20))


def test_a_client_that_has_sent_its_last_gets_every_answer_and_then_the_end(answering: House) -> None:
    client = answering.client()
    client.send(*({"command": "stop", "id": number} for number in range(10)))
    client.socket.shutdown(1)
    assert [line["id"] for line in client.rest()] == list(range(10))


def test_a_last_line_without_its_end_is_a_line(answering: House) -> None:
    client = answering.client()
    client.socket.sendall(b'{"command": "stop", "id": 1}\n{"command": "stop", "id": 2}')
    client.socket.shutdown(1)
    assert [line["id"] for line in client.rest()] == [1, 2]


# Harm.


def test_bad_lines_are_answered_and_the_next_command_is_done(house: House) -> None:
    client = house.client()
    for line in (b"garbage", b"\xff\xfe", b"[]", b'{"command": "dance"}', b"[" * 60_000, b'{"id": {}}'):
        assert client.ask(line)["ok"] is False
    client.send(b"", b"  ", b"\r")  # nothing, which is nothing wrong
    assert client.ask({"command": "state"})["ok"]


@pytest.mark.parametrize("newline", [b"", b"\n"], ids=["without an end", "whole"])
def test_a_line_that_is_too_long_is_refused_and_the_connection_closed(house: House, newline: bytes) -> None:
    client, other = house.client(), house.client()
    line = b'{"command": "say", "text": "' + b"x" * LONGEST_LINE
    client.socket.sendall(line + newline)
    (told,) = client.rest()
    assert (told["reply"], told["error"]["code"]) == (None, "bad_line")
    assert other.ask({"command": "state"})["ok"]


def test_of_a_client_that_was_sent_away_nothing_more_is_taken_while_it_waits_for_an_answer(tmp_path: Path) -> None:
    sent: list[Any] = []
    with House(tmp_path, taking(sent)) as house:
        client, other = house.client(), house.client()
        client.send({"command": "stop", "id": 1}, b"x" * (LONGEST_LINE + 1))
        assert client.get()["error"]["code"] == "bad_line"
        for _ in range(30):
            client.socket.sendall(b"x" * LONGEST_LINE)
            assert other.ask({"command": "state"})["ok"]
        assert house.call(lambda: {len(one._rest) for one in house.door.clients}) == {0}
        house.call(house.orders.done, m.Done(number=sent[0].number, ok=1))
        assert [line["id"] for line in client.rest()] == [1]


def test_the_longest_line_is_taken(answering: House) -> None:
    client = answering.client()
    command = {"command": "say", "id": 1, "text": ""}
    command["text"] = "x" * (LONGEST_LINE - len(json.dumps(command)))
    assert client.ask(command)["ok"]


def test_a_flood_is_refused_then_sent_away_and_the_others_are_served(answering: House) -> None:
    flooding, other = answering.client(), answering.client()
    flooding.socket.sendall(b"".join(b'{"command": "stop", "id": %d}\n' % number for number in range(3000)))
    answers = flooding.rest()
    codes = [answer.get("error", {}).get("code", "done") for answer in answers]
    assert codes.count("done") >= COMMANDS_AT_ONCE
    assert set(codes) == {"done", "too_many"}
    numbers = [answer["id"] for answer in answers if answer["reply"]]
    assert sorted(numbers) == list(range(len(numbers)))  # each once, up to where it was sent away
    assert len(answers) == len(numbers) + 1 < 1000
    assert other.ask({"command": "stop"})["ok"]


def test_a_client_that_does_not_read_is_dropped_and_the_others_get_everything(house: House) -> None:
    sleeper, other = house.client(), house.client()
    text, count = "x" * 10_000, 3 * MOST_UNREAD // 10_000
    told: list[dict[str, Any]] = []
    for _ in range(count):
        house.tell(UserPartial(text))
        told.append(other.get())  # it reads events as they come
    house.tell(Mute(True))
    while told[-1]["event"] != "mute":
        told.append(other.get())
    assert [line["event"] for line in told].count("user.partial") == count
    (error,) = [line for line in told if line["event"] == "error"]
    assert (error["where"], error["what"]) == ("door", "a client left 1 MiB unread and was dropped")
    assert len(house.door.clients) == 1
    assert len(sleeper.rest()) < count // 2


def test_a_client_that_asks_and_does_not_read_the_answers_is_dropped_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_UNREAD", 10_000)
    client = house.client()
    house.call(setattr, next(iter(house.door.clients)), "_bucket", Bucket(1e9, 1e9, 0))
    asked = b'{"command": "state"}\n' * 100_000
    with pytest.raises(ConnectionError):
        client.socket.sendall(asked)


def test_too_many_clients_are_told_so_and_let_in_again_when_one_has_gone(house: House) -> None:
    clients = [house.client() for _ in range(MOST_CLIENTS)]
    refused = house.connect().rest()
    assert [line["error"]["code"] for line in refused] == ["too_many"]
    clients[0].close()
    clients[1].ask({"command": "state"})
    while True:  # until it was seen that it has gone
        late = house.connect()
        if late.get().get("event") == "hello":
            break
        late.close()


def test_clients_that_come_too_fast_wait_in_line_and_all_get_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letting_in, "CLIENTS_AT_ONCE", 2)
    with House(tmp_path) as house:
        clients = [house.connect() for _ in range(8)]
        assert len(house.door.clients) < 8
        assert [client.get()["event"] for client in clients] == ["hello"] * 8


def test_a_bucket_gives_so_much_at_once_and_so_much_a_second() -> None:
    bucket = Bucket(3, 2, now=100.0)
    assert [bucket.take(100.0) for _ in range(5)] == [2, 1, 0, -1, -2]
    assert bucket.take(101.0) == -1  # two came, one was taken
    assert bucket.take(500.0) == 2  # no more than at first


def test_a_client_that_goes_in_the_middle_of_everything_is_forgotten(tmp_path: Path) -> None:
    sent: list[Any] = []
    with House(tmp_path, taking(sent)) as house:
        client, other = house.client(), house.client()
        client.send({"command": "stop"}, {"command": "state"})
        client.get()
        client.close()
        house.call(house.orders.done, m.Done(number=sent[0].number, ok=1))
        house.tell(Error("asr", "it died"))
        assert other.get()["event"] == "error"


# The end.


def test_at_the_end_everybody_gets_the_last_event_the_last_answer_and_the_end(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        clients = [house.client() for _ in range(3)]
        clients[0].send({"command": "stop", "id": "last"}, {"command": "state"})
        clients[0].get()
        house.tell(StateChanged("stopping"))
        house.close()
        first, *others = [client.rest() for client in clients]
        assert [line.get("id") or line["state"] for line in first] == ["stopping", "last"]
        assert [[line["state"] for line in lines] for lines in others] == [["stopping"], ["stopping"]]
        assert not house.place.path.exists()


def test_the_end_does_not_wait_for_a_client_that_does_not_read(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        sleeper = house.client()
        for _ in range(80):
            house.tell(UserPartial("x" * 10_000))
        house.close()
        assert house.door.clients == set()
        sleeper.close()


def test_events_hold_no_line_breaks() -> None:
    assert "\n" not in dump(UserPartial("a\nb\u2028c"))
