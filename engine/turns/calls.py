"""Calls of the host's tools: the table of their states, and those that are open. No clock, no messages.

A call is made at most once and comes to exactly one end. Whoever made it waits for it no longer than its tool's
`timeout_s` after the host told something last, and `LONGEST_S` in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from engine.contract import Tag

MOST_OPEN = 8
"""Calls that may be open at once; what is wanted beyond that is refused."""
MOST_OVER = 16
"""Calls that are over and are remembered, so that a late answer to one is told why it comes too late."""
LONGEST_S = 600.0
"""However often the host tells of progress."""

CANCELLED = {
    "interrupted": "the visitor spoke instead",
    "stopped": "somebody said stop",
    "refused": "something else that the same answer wanted cannot be done",
    "timeout": "the host told nothing for too long",
    "session": "the visitor has left",
    "stopping": "the engine ends",
}
"""Why the host shall leave a call: the reasons of the event `tool.cancel`."""


class State(Enum):
    ASKED = auto()
    """The host was told of it."""
    RUNNING = auto()
    """The host has told of progress."""
    DONE = auto()
    FAILED = auto()
    """The host could not do it."""
    CANCELLED = auto()
    EXPIRED = auto()
    """The host took too long."""
    LOST = auto()
    """The host has left."""


class Event(Enum):
    PROGRESS = auto()
    RESULT = auto()
    ERROR = auto()
    CANCEL = auto()
    """Nobody wants it any more."""
    TIMEOUT = auto()
    ALONE = auto()
    """No host is there any more."""


class Action(Enum):
    TELL_PROGRESS = auto()
    """Say what the host told, if it did, and wait anew."""
    TELL_RESULT = auto()
    """Say what the host told, or else that it is done."""
    TELL_ERROR = auto()
    """Say what the host told, or else that it did not work."""
    WITHDRAW = auto()
    """Tell the host to leave it."""
    GIVE_UP = auto()
    """Tell the host to leave it, and the visitor that it did not work."""
    REGRET = auto()
    """Tell the visitor that it did not work."""


OPEN = (State.ASKED, State.RUNNING)
_FROM_OPEN = {
    Event.PROGRESS: (State.RUNNING, Action.TELL_PROGRESS),
    Event.RESULT: (State.DONE, Action.TELL_RESULT),
    Event.ERROR: (State.FAILED, Action.TELL_ERROR),
    Event.CANCEL: (State.CANCELLED, Action.WITHDRAW),
    Event.TIMEOUT: (State.EXPIRED, Action.GIVE_UP),
    Event.ALONE: (State.LOST, Action.REGRET),
}
TABLE: dict[tuple[State, Event], tuple[State, Action]] = {
    (state, event): follows for state in OPEN for event, follows in _FROM_OPEN.items()
}
"""What is over stays over: for any other pair nothing follows."""


@dataclass(frozen=True, slots=True)
class Call:
    """name: what the host knows it by; unlike any other of this engine. tag: of the attempt that wanted it. due_ns,
    last_ns: when it is not waited for any longer, if the host tells nothing, and in any case; CLOCK_MONOTONIC."""

    name: str
    tool: str
    tag: Tag
    timeout_ns: int
    due_ns: int
    last_ns: int
    state: State = State.ASKED

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def outcome(self) -> str:
        """Of one that is over, as the event `tool.ended` has it."""
        return self.state.name.lower()

    def listed(self) -> list[Any]:
        """As JSON knows it."""
        tag = (self.tag.session, self.tag.turn, self.tag.attempt)
        return [self.name, self.tool, tag, self.timeout_ns, self.due_ns, self.last_ns, self.state.name]

    @classmethod
    def of(cls, listed: Sequence[Any]) -> Call:
        """The opposite of `listed`."""
        name, tool, tag, timeout_ns, due_ns, last_ns, state = listed
        return cls(name, tool, Tag(*tag), timeout_ns, due_ns, last_ns, State[state])


class Calls:
    """Those that are open, and the last that are over."""

    def __init__(self) -> None:
        self._all: dict[str, Call] = {}

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._all.values()))

    @property
    def open(self) -> list[Call]:
        """Those that are not over, the oldest first."""
        return [call for call in self if call.is_open]

    @property
    def next_ns(self) -> int | None:
        """When the next one is not waited for any longer; None: none is open."""
        return min((call.due_ns for call in self.open), default=None)

    def recall(self, calls: Sequence[Call]) -> None:
        """Know what a predecessor knew."""
        self._all = {call.name: call for call in calls}

    def find(self, name: str) -> Call | None:
        return self._all.get(name)

    def make(self, tag: Tag, tool: str, timeout_s: float, now: int) -> Call:
        """A new one. Tags are never used again, so neither are names, whatever worker is restarted."""
        # Of an attempt's calls the newest is always remembered, however many are forgotten before it.
        number = 1 + max((int(call.name.rpartition(".")[2]) for call in self if call.tag == tag), default=0)
        name = f"{tag.session}.{tag.turn}.{tag.attempt}.{number}"
        timeout_ns = round(timeout_s * 1e9)
        call = self._all[name] = Call(name, tool, tag, timeout_ns, now + timeout_ns, now + round(LONGEST_S * 1e9))
        over = [each for each in self if not each.is_open]
        for each in over[: max(0, len(over) - MOST_OVER)]:
            del self._all[each.name]
        return call

    def step(self, call: Call, event: Event, now: int) -> tuple[Call, Action] | None:
        """What follows from an event; None: nothing, since it is over."""
        follows = TABLE.get((call.state, event))
        if follows is None:
            return None
        state, action = follows
        due_ns = min(now + call.timeout_ns, call.last_ns) if state is State.RUNNING else call.due_ns
        call = self._all[call.name] = replace(call, state=state, due_ns=due_ns)
        return call, action
