"""The table of calls: every state, every event; each call comes to one end, within its time."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from engine.contract import Tag
from engine.partner_settings import Parameter, Parameters, Tool, unfit
from engine.turns.calls import LONGEST_S, MOST_OVER, OPEN, TABLE, Action, Call, Calls, Event, State

S = 1_000_000_000
TAG = Tag(2, 3, 1)
FOLLOWS = {
    Event.PROGRESS: (State.RUNNING, Action.TELL_PROGRESS),
    Event.RESULT: (State.DONE, Action.TELL_RESULT),
    Event.ERROR: (State.FAILED, Action.TELL_ERROR),
    Event.CANCEL: (State.CANCELLED, Action.WITHDRAW),
    Event.TIMEOUT: (State.EXPIRED, Action.GIVE_UP),
    Event.ALONE: (State.LOST, Action.REGRET),
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_from_every_state_every_event_leads_where_it_shall(state: State, event: Event) -> None:
    assert TABLE.get((state, event)) == (FOLLOWS[event] if state in OPEN else None)


@pytest.mark.parametrize("end", [event for event in Event if event is not Event.PROGRESS])
def test_what_is_over_stays_over_whatever_comes(end: Event) -> None:
    calls = Calls()
    call = calls.make(TAG, "drive", 10, now=0)
    stepped = calls.step(call, end, 1)
    assert stepped is not None
    over = stepped[0]
    assert [calls.step(over, event, 2) for event in Event] == [None] * len(Event)
    assert calls.open == []
    assert calls.next_ns is None


def test_names_are_never_used_twice() -> None:
    calls = Calls()
    names = [calls.make(tag, "drive", 10, now=0).name for tag in (TAG, TAG, Tag(2, 3, 2), Tag(2, 31, 1), Tag(3, 1, 1))]
    assert names == ["2.3.1.1", "2.3.1.2", "2.3.2.1", "2.31.1.1", "3.1.1.1"]


def test_names_are_never_used_twice_however_many_one_answer_calls() -> None:
    calls, names = Calls(), []
    for _ in range(3 * MOST_OVER):
        names.append(calls.make(TAG, "drive", 10, now=0).name)
        call = calls.find(names[-1])
        assert call is not None
        calls.step(call, Event.RESULT, 1)
    assert len(set(names)) == len(names)


def test_progress_gives_it_time_anew_and_not_for_ever() -> None:
    calls = Calls()
    call = calls.make(TAG, "drive", 10, now=0)
    assert calls.next_ns == 10 * S
    now = 0
    while (due_ns := calls.next_ns) and due_ns > now:
        now = due_ns - 1 if due_ns < LONGEST_S * S else due_ns
        stepped = calls.step(call, Event.PROGRESS, now)
        assert stepped is not None
        call = stepped[0]
    assert now == LONGEST_S * S


def test_only_the_last_that_are_over_are_remembered_and_all_that_are_open() -> None:
    calls = Calls()
    first = calls.make(TAG, "drive", 10, now=0)
    for turn in range(MOST_OVER + 5):
        calls.step(calls.make(Tag(4, turn + 1, 1), "drive", 10, now=0), Event.RESULT, 1)
    calls.make(Tag(5, 1, 1), "drive", 10, now=0)
    over = [call for call in calls if not call.is_open]
    assert len(over) == MOST_OVER
    assert over[-1].tag == Tag(4, MOST_OVER + 5, 1)
    assert calls.open[0] == first


def test_a_successor_knows_what_its_predecessor_knew() -> None:
    calls, successor = Calls(), Calls()
    call = calls.make(TAG, "drive", 10, now=7)
    calls.step(call, Event.PROGRESS, 9)
    calls.make(TAG, "stop", 0.1, now=8)
    successor.recall([Call.of(each.listed()) for each in calls])
    assert list(successor) == list(calls)


TOOL = Tool(
    "drive",
    "Drive",
    Parameters(
        (
            Parameter("way", choices=("forward", "back")),
            Parameter("distance", "number", minimum=0, maximum=20),
            Parameter("steps", "integer", required=False),
            Parameter("fast", "boolean", required=False),
            Parameter("why", required=False),
        )
    ),
)
GOOD: dict[str, Any] = {"way": "back", "distance": 2.5}


@pytest.mark.parametrize("more", [{}, {"steps": 3}, {"steps": 3.0}, {"fast": False}, {"why": "no reason"}])
def test_what_fits_the_tool_may_be_called(more: dict[str, Any]) -> None:
    assert unfit((TOOL,), "drive", GOOD | more) == ""


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"distance": 1}, "without way"),
        ({**GOOD, "way": "up"}, "way of drive"),
        ({**GOOD, "distance": 20.1}, "distance of drive"),
        ({**GOOD, "distance": -1}, "distance of drive"),
        ({**GOOD, "distance": float("nan")}, "distance of drive"),
        ({**GOOD, "distance": True}, "distance of drive"),
        ({**GOOD, "distance": "2"}, "distance of drive"),
        ({**GOOD, "steps": 2.5}, "steps of drive"),
        ({**GOOD, "steps": float("inf")}, "steps of drive"),
        ({**GOOD, "fast": 1}, "fast of drive"),
        ({**GOOD, "why": None}, "why of drive"),
        ({**GOOD, "speed": 1}, 'no parameter "speed"'),
        ([], "without a table"),
    ],
)
def test_what_does_not_fit_is_never_called_and_its_value_not_told(arguments: Any, why: str) -> None:
    assert why in unfit((TOOL,), "drive", arguments)


def test_what_is_no_tool_is_never_called() -> None:
    assert unfit((TOOL,), "explode", {}) == '"explode" is not one of the tools'
