"""The page with nothing behind it: the real server, feed and hub in an event loop of their own, with the test in the
place of the engine."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import uvloop

from engine import messages as m
from engine.contract import Tag
from engine.events import AnswerEnded, AnswerStarted, AnswerWord, Event, StateChanged, UserFinal, UserPartial, dump
from engine.hub import Hub
from engine.web.access import listen, url
from engine.web.feed import Feed
from engine.web.server import Web

T = TypeVar("T")
WATCHDOG_S = 20
"""Reached only when something is broken."""
ABOUT = {"version": "0", "profile": "realtime", "name": "stand", "page": "of today"}
ASR = {"name": "asr", "state": "ready", "late": 3, "restarts": 0, "rung": 1, "rungs": 3, "rung_name": "narrow"}
NUMBERS: dict[str, Any] = {
    "stages": [{"name": "engine", "cpu": 0.012, "mb": 40.2}, {**ASR, "cpu": 0.25, "mb": 61.5}],
    "counters": {"interruptions": 2, "xruns": 0},
    "machine": {"processor": "37% of 2"},
}


class Loudness:
    """A sine in the microphone, and a silent loudspeaker."""

    opened = closed = 0

    def __init__(self) -> None:
        type(self).opened += 1

    def read(self) -> Mapping[str, Any] | None:
        return {
            "microphone": {"columns": [-40, 41] * 4, "db": -20.0},
            "loudspeaker": {"columns": [0, 0] * 4, "db": -96.0},
        }

    def close(self) -> None:
        type(self).closed += 1


class Stand:
    """Use: `with Stand() as stand`. words: show what is said. port: where; 0 is any."""

    def __init__(self, *, words: bool = False, hosts: Iterable[str] = (), port: int = 0, page: str = "") -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.well = True
        self.made = 0
        """How often metrics were made."""
        self.levels: type[Loudness] = type("Levels", (Loudness,), {})
        self._listening = listen(f"127.0.0.1:{port}", "here")
        self.port = int(self._listening.getsockname()[1])
        self.url = url(self._listening)
        self.call(self._make, words, tuple(hosts), {**ABOUT, **({"page": page} if page else {})})

    def _make(self, words: bool, hosts: tuple[str, ...], about: Mapping[str, str]) -> None:
        self.hub = Hub(100)
        self.feed = Feed(self.hub, about, self.levels, lambda: NUMBERS, words)
        self.web = Web(self.feed, self._metrics, lambda: (self.well, {"ok": self.well}), hosts)

    def _metrics(self) -> bytes:
        self.made += 1
        return b"antiphon_made_total %d\n" % self.made

    def __enter__(self) -> Stand:
        self.call(self.web.open, self._listening)
        self.call(self.hub.tell, StateChanged("listening"))  # the supervisor's own word: all are ready
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WATCHDOG_S)
        self._loop.close()

    def close(self) -> None:
        """As an engine that ends."""
        asyncio.run_coroutine_threadsafe(self.web.close(), self._loop).result(WATCHDOG_S)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call something in the event loop."""

        async def called() -> T:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(WATCHDOG_S)

    def tell(self, event: Event, session: int = 0, turn: int = 0) -> None:
        """Something happens."""
        tag = Tag(session, turn, 1 if turn else 0)
        self.call(self.hub.happened, m.Happened(tag=tag, at_ns=time.monotonic_ns(), event=dump(event)))

    def converse(self, session: int, turn: int, question: str, answer: str) -> None:
        """A turn, from its first word to its end."""
        self.tell(StateChanged("hearing"), session, turn)
        self.tell(UserPartial(question.split()[0]), session, turn)
        self.tell(UserFinal(question, "en", 0.9), session, turn)
        self.tell(StateChanged("thinking"), session, turn)
        self.tell(AnswerStarted("answer"), session, turn)
        self.tell(StateChanged("speaking"), session, turn)
        for number, word in enumerate(answer.split()):
            self.tell(AnswerWord(word, number), session, turn)
        ended = AnswerEnded(answer, answer, "answered", "answer", record(session, turn, question, answer))
        self.tell(ended, session, turn)
        self.tell(StateChanged("listening"), session)

    # Clients.

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer. headers: `_` stands for a dash."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WATCHDOG_S)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A client that says nothing yet."""
        return socket.create_connection(("127.0.0.1", self.port), WATCHDOG_S)

    def follow(self) -> Follower:
        return Follower(self.port)


class Follower:
    """A client that follows the stream."""

    def __init__(self, port: int, watchdog_s: float = WATCHDOG_S) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WATCHDOG_S)
        self._connection.request("GET", "/events")
        self._limit = time.monotonic() + watchdog_s
        self.answer = self._connection.getresponse()

    def all_until(self, name: str, turn: int) -> list[dict[str, Any]]:
        """All messages up to that one, but for levels and numbers."""
        told = [self.get()]
        while (told[-1]["event"], told[-1].get("turn")) != (name, turn):
            told.append(self.get())
        return told

    def get(self) -> dict[str, Any]:
        """The next message but for levels and numbers, which come by themselves."""
        while (message := self.any())["event"] in ("levels", "numbers"):
            pass
        return message

    def any(self) -> dict[str, Any]:
        """The next message."""
        # Levels come for ever: a message that does not come would be waited for as long.
        assert time.monotonic() < self._limit, "waited in vain"
        while (line := self.answer.readline()) and not line.startswith(b"data: "):
            pass
        assert line, "the stream has ended"
        message: dict[str, Any] = json.loads(line[6:])
        return message

    def until(self, name: str) -> dict[str, Any]:
        while (message := self.any())["event"] != name:
            pass
        return message

    def close(self) -> None:
        self._connection.close()
        self.answer.close()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def record(session: int, turn: int, question: str, answer: str, **other: Any) -> dict[str, Any]:
    """The record of a turn that was answered after 240 ms."""
    return {
        "session": session,
        "turn": turn,
        "attempt": 1,
        "outcome": "answered",
        "source": "answer",
        "transcript": question,
        "answer": answer,
        "heard": answer,
        "response_ms": 240.0,
        "late": ["asr"],
        "floor": [],
        "held": False,
        "hit": True,
        "rungs": {"asr": 1},
        "budgets": {"response": 800.0, "asr": 30.0, "llm": 180.0, "vocoder": 80.0},
        "stages": {
            "vad": {"began": -900.0, "first": -860.0, "ended": 60.0},
            "turns": {"began": 60.0, "first": None, "ended": 120.0},
            "asr": {"began": -880.0, "first": -600.0, "ended": 165.0},
            "llm": {"began": 61.0, "first": 170.0, "ended": 190.0},
            "vocoder": {"began": 175.0, "first": 205.0, "ended": 700.0},
            "audio": {"began": None, "first": 240.0, "ended": 1900.0},
        },
        **other,
    }
