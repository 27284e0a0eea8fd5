"""What those who look at the page are told, as Server-Sent Events: the present first, then each event as it happens,
levels of sound twenty times and numbers once a second. While nobody looks, only the last turns are kept.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from engine.hub import Happening, Hub
from engine.web.views import NOTES, VIEWS, present, turn, view

LEVELS_S, NUMBERS_S = 0.05, 1.0
MOST_TURNS, MOST_NOTES = 12, 30
"""How many of the last are kept for whoever comes."""
_RETRY = b"retry: 1000\n"
"""In how many ms a browser asks again when the engine was gone."""
_SAID = ("user", "answer", "heard")


class Levels(Protocol):
    """How loud it is."""

    def read(self) -> Mapping[str, Any] | None:
        """What has come since the last call; None: nothing has, or it cannot be known."""

    def close(self) -> None:
        """Nobody wants to know."""


class Follower(Protocol):
    """Somebody who looks at the page."""

    def tell(self, piece: bytes) -> None:
        """Send a piece of the stream."""


class Feed:
    """Subscribes to the hub. about: what does not change; levels: makes what reads them; numbers: what is told of the
    stages each second; words: tell what is said."""

    def __init__(
        self,
        hub: Hub,
        about: Mapping[str, Any],
        levels: Callable[[], Levels],
        numbers: Callable[[], Mapping[str, Any]],
        words: bool,
    ) -> None:
        self.followers: set[Follower] = set()
        self._hub, self._about, self._words = hub, about, words
        self._make_levels, self._numbers = levels, numbers
        self._levels: Levels | None = None
        self._counted: Mapping[str, Any] | None = None
        """The newest numbers, while somebody looks."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._turns: deque[dict[str, Any]] = deque(maxlen=MOST_TURNS)
        self._notes: deque[dict[str, Any]] = deque(maxlen=MOST_NOTES)
        hub.subscribe(self._happened)

    def greeting(self) -> bytes:
        """What a follower is told first."""
        hello = {
            "event": "hello",
            "transcript": self._words,
            **self._about,
            "now": present(self._hub.now, self._words),
            "turns": list(self._turns),
            "notes": list(self._notes),
            "numbers": self._counted or self._count(),
        }
        return _RETRY + _piece(hello)

    def follow(self, follower: Follower) -> None:
        """Somebody looks. Measure, from the first one on."""
        self.followers.add(follower)
        if self._levels is None:
            self._levels = self._make_levels()
            now = asyncio.get_running_loop().time()
            self._every("levels", LEVELS_S, now, self._tell_levels)
            self._every("numbers", NUMBERS_S, now, self._tell_numbers)

    def unfollow(self, follower: Follower) -> None:
        """Somebody has gone. After the last one nothing is measured."""
        self.followers.discard(follower)
        if not self.followers:
            self._rest()

    def close(self) -> None:
        """There is nothing more to tell."""
        self._hub.unsubscribe(self._happened)
        self._rest()

    def _rest(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        if self._levels is not None:
            self._levels.close()
        self._levels, self._counted = None, None

    def _every(self, what: str, seconds: float, at: float, do: Callable[[], None]) -> None:
        """Do it at that time and from then on; what was missed is left out."""
        loop = asyncio.get_running_loop()

        def due() -> None:
            self._every(what, seconds, max(at + seconds, loop.time()), do)
            do()

        self._timers[what] = loop.call_at(at, due)

    def _happened(self, happening: Happening) -> None:
        name, fields = happening.name, happening.fields
        if name not in VIEWS:
            return
        if name == "session" and fields["state"] == "ended":
            self._forget()
        elif name == "answer.ended" and fields["record"]:
            self._turns.append(turn(fields["record"], self._words))
        if name in NOTES or self.followers:
            shown = view(name, fields, self._words)
            if name in NOTES:
                self._notes.append(shown)
            self._tell(shown)

    def _forget(self) -> None:
        """The visitor has left: what was said is forgotten here, too."""
        for shown in self._turns:
            for what in _SAID:
                shown[what].pop("text", None)
        for note in self._notes:
            note.pop("arguments", None)

    def _count(self) -> Mapping[str, Any]:
        self._counted = self._numbers()
        return self._counted

    def _tell_numbers(self) -> None:
        self._tell({"event": "numbers", **self._count()})

    def _tell_levels(self) -> None:
        if self._levels is not None and (levels := self._levels.read()) is not None:
            self._tell({"event": "levels", **levels})

    def _tell(self, shown: Mapping[str, Any]) -> None:
        if self.followers:
            piece = _piece(shown)
            for follower in tuple(self.followers):  # one may leave meanwhile
                follower.tell(piece)


def _piece(shown: Mapping[str, Any]) -> bytes:
    return b"data: %s\n\n" % json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
