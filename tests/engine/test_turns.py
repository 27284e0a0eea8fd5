"""The table of turns is whole."""

from __future__ import annotations

from itertools import product

import pytest

from engine.turns.table import IGNORED, SHOWN, TABLE, Action, Event, State
from tests.engine.talk import Talk

HOST = {Event.QUEUED, Event.MAKE_WAY, Event.STOP, Event.LISTEN_NOW, Event.LEAVE, Event.SLEEP, Event.MUTE, Event.UNMUTE}
"""What the host may want at any time."""
OF_THE_USER = {Event.UNSURE, Event.WAIT_OVER, Event.TOO_LONG, Event.WORDS, Event.NO_WORDS, Event.NOISE, Event.MURMUR}
OF_A_VOICE = {Event.VOICE, Event.INTERRUPTED, Event.QUIET}
"""What follows from a voice while the engine speaks, where that yields to one."""
NEXT = {Event.SAY, Event.INSIST, Event.ASKED}
"""Whose turn it is is decided when nobody has it."""

# What cannot happen, because what would say so is not running in that state or its answer is dropped by its tag.
IMPOSSIBLE = {
    State.LISTENING: set(Event) - HOST - NEXT - {Event.SPEECH, Event.PAUSE, Event.UNSURE},
    State.ASLEEP: set(Event) - HOST - NEXT,
    State.MUTED: set(Event) - HOST - NEXT,
    State.HEARING: set(Event) - HOST - {Event.SPEECH, Event.PAUSE, Event.TOO_LONG},
    State.ENDING: set(Event) - HOST - {Event.SPEECH, Event.PAUSE, Event.TOO_LONG, Event.WAIT_OVER},
    State.FINALISING: {
        Event.NOTHING,
        Event.WAIT_OVER,
        Event.TOO_LONG,
        Event.AUDIBLE,
        Event.PLAYED,
        Event.SILENT,
        Event.UNSURE,
    }
    | NEXT,
    State.THINKING: OF_THE_USER | NEXT,
    State.SPEAKING: OF_THE_USER | NEXT | {Event.NOTHING},
    State.ANNOUNCING: OF_THE_USER | NEXT | {Event.FAILED, Event.NOTHING},
    State.INSISTING: OF_THE_USER | OF_A_VOICE | NEXT | {Event.FAILED, Event.NOTHING},
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_is_in_exactly_one_place(state: State, event: Event) -> None:
    places = [(state, event) in TABLE, (state, event) in IGNORED, event in IMPOSSIBLE[state]]
    assert sum(places) == 1


def test_every_action_is_done_by_something_and_used_by_a_row() -> None:
    assert {action for _, action in TABLE.values()} == set(Action) == set(Talk().present.actions)


def test_every_state_can_be_left_and_leads_back_to_listening() -> None:
    reached = {State.LISTENING}
    while True:
        more = {state for (state, _), (following, _) in TABLE.items() if following in reached} | reached
        if more == reached:
            break
        reached = more
    assert reached == set(State)


def test_a_host_is_shown_something_of_every_state() -> None:
    assert set(SHOWN) == set(State)
