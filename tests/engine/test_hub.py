"""The stream of events: numbered, in order, the same for all; and the state that follows from it."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from typing import Any

import pytest

from engine import events
from engine import messages as m
from engine.contract import Tag
from engine.hub import Happening, Hub, Subscriber, envelope


class Stream:
    """A hub with one subscriber."""

    def __init__(self) -> None:
        self.hub = Hub(volume=70)
        self.told: list[Happening] = []
        self.hub.subscribe(self.told.append)

    def happens(self, event: events.Event, session: int = 1, turn: int = 0, at_ns: int = 0) -> None:
        tag = Tag(session, turn, 1 if turn else 0)
        self.hub.happened(m.Happened(tag=tag, at_ns=at_ns or time.monotonic_ns(), event=events.dump(event)))

    @property
    def names(self) -> list[str]:
        return [happening.name for happening in self.told]


@pytest.fixture
def stream() -> Stream:
    """An engine that has started."""
    stream = Stream()
    stream.hub.tell(events.StateChanged("listening"))
    stream.told.clear()
    return stream


def test_every_event_has_the_whole_envelope_and_its_own_fields(stream: Stream) -> None:
    before, at_ns = time.time(), time.monotonic_ns()
    stream.happens(events.UserFinal("hello", "en", 0.5), session=3, turn=2, at_ns=at_ns)
    (told,) = stream.told
    assert list(told.fields) == [
        *("event", "session", "turn", "attempt", "seq", "mono_ns", "time"),
        *("text", "language", "confidence", "source"),
    ]
    assert [told.fields[name] for name in ("event", "session", "turn", "attempt")] == ["user.final", 3, 2, 1]
    assert told.fields["mono_ns"] == at_ns
    assert told.fields["time"] == pytest.approx(before, abs=1)
    assert json.loads(told.line) == told.fields
    assert told.line.endswith(b"}\n")


def test_wall_time_is_when_it_happened_and_not_when_it_was_told() -> None:
    hour_ago = envelope("state", 1, Tag(), time.monotonic_ns() - 3_600_000_000_000)
    assert hour_ago["time"] == pytest.approx(time.time() - 3600, abs=1)


def test_nobodys_event_has_no_session_turn_or_attempt(stream: Stream) -> None:
    stream.hub.tell(events.Error("asr", "it died"))
    assert [stream.told[0].fields[name] for name in ("session", "turn", "attempt")] == [None, None, None]


@pytest.mark.parametrize("event", events.EVENTS.values(), ids=events.EVENTS.keys())
def test_no_field_of_an_event_hides_one_of_the_envelope(event: type[events.Event]) -> None:
    assert not {field.name for field in fields(event)} & envelope("", 0, Tag(), 0).keys()


def test_numbers_have_no_holes_and_all_subscribers_get_the_same(stream: Stream) -> None:
    others: list[Happening] = []
    stream.hub.subscribe(others.append)
    before = stream.hub.sequence
    for number in range(5):
        stream.happens(events.AnswerWord("word", number))
    assert [told.fields["seq"] for told in stream.told] == [before + 1 + number for number in range(5)]
    assert all(mine is theirs for mine, theirs in zip(stream.told, others, strict=True))
    assert stream.hub.sequence == before + 5


def test_an_event_becomes_json_once_and_only_if_somebody_wants_it(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    dumps = json.dumps

    def counted(what: Any, **how: Any) -> str:
        made.append(what)
        return dumps(what, **how)

    monkeypatch.setattr(json, "dumps", counted)
    stream.hub.tell(events.Mute(True))
    assert made == []
    assert stream.told[0].line is stream.told[0].line
    assert len(made) == 1


def test_a_subscriber_may_leave_while_it_is_told(stream: Stream) -> None:
    def once(happening: Happening) -> None:
        stream.hub.unsubscribe(once)

    last: Subscriber = stream.told.append
    stream.hub.subscribe(once)
    stream.hub.subscribe(last)
    stream.hub.tell(events.Mute(True))
    stream.hub.tell(events.Mute(False))
    assert len(stream.told) == 4  # both subscribers of the list, both events


# The state.


def test_the_state_is_the_supervisors_until_all_are_ready_and_from_the_end_on() -> None:
    stream = Stream()
    assert stream.hub.now.state == "starting"
    stream.happens(events.StateChanged("hearing"))
    assert (stream.hub.now.state, stream.told) == ("starting", [])
    stream.hub.tell(events.StateChanged("listening"))
    stream.happens(events.StateChanged("hearing"))
    stream.hub.tell(events.StateChanged("stopping"))
    stream.happens(events.StateChanged("listening"))
    assert [told.fields["state"] for told in stream.told] == ["listening", "hearing", "stopping"]
    assert stream.hub.now.state == "stopping"


def test_a_state_that_is_the_same_is_no_event(stream: Stream) -> None:
    stream.happens(events.StateChanged("listening"))
    assert stream.told == []


def test_a_microphone_that_stays_closed_is_no_event(stream: Stream) -> None:
    for muted in (False, True, True, False):
        stream.happens(events.Mute(muted), 0)
    assert [told.fields["muted"] for told in stream.told] == [True, False]


def test_a_turn_leaves_its_marks_on_the_state_and_takes_them_away(stream: Stream) -> None:
    now: Any = stream.hub.now
    stream.happens(events.SessionChanged("began"), session=4)
    stream.happens(events.StateChanged("hearing"), 4, 1)
    stream.happens(events.UserPartial("what time"), 4, 1)
    assert (now.session, now.turn, now.state, now.user) == (4, 1, "hearing", {"text": "what time", "final": False})
    stream.happens(events.UserFinal("what time is it", "en", 0.9), 4, 1)
    stream.happens(events.AnswerStarted("answer"), 4, 1)
    stream.happens(events.AnswerWord("It", 0), 4, 1)
    stream.happens(events.AnswerWord("is", 1), 4, 1)
    assert now.user == {"text": "what time is it", "final": True}
    assert now.answer == {"source": "answer", "text": "It is", "paused": False}
    stream.happens(events.AnswerPaused(), 4, 1)
    assert now.answer["paused"]
    stream.happens(events.AnswerResumed(), 4, 1)
    assert not now.answer["paused"]
    stream.happens(events.AnswerEnded("It is six.", "It is", "stopped", "answer"), 4, 1)
    stream.happens(events.StateChanged("listening"), 4)
    assert (now.session, now.turn, now.user, now.answer) == (4, None, None, None)


def test_a_visitor_who_left_is_not_in_the_state_any_more(stream: Stream) -> None:
    stream.happens(events.SessionChanged("began"), 4)
    stream.happens(events.UserPartial("my name is"), 4, 1)
    stream.happens(events.SessionChanged("ended", "command"), 4)
    now = stream.hub.now
    assert (now.session, now.turn, now.user, now.answer) == (None, None, None, None)


def test_noise_that_became_no_turn_leaves_nothing(stream: Stream) -> None:
    stream.happens(events.StateChanged("hearing"), 1, 7)
    stream.happens(events.UserPartial("uh"), 1, 7)
    stream.happens(events.StateChanged("listening"), 1, 7)
    assert (stream.hub.now.turn, stream.hub.now.user) == (None, None)


def test_devices_mute_and_volume_are_in_the_state(stream: Stream) -> None:
    now: Any = stream.hub.now
    assert (now.muted, now.volume, now.devices) == (False, 70, {"microphone": None, "loudspeaker": None})
    stream.happens(events.Mute(True), 0)
    stream.happens(events.Volume(30), 0)
    was_open = [stream.hub.device_was_open]
    stream.happens(
        events.DeviceChanged("microphone", "open", "USB mic", "usb", 48000, 2, "the microphone is USB mic"), 0
    )
    was_open.append(stream.hub.device_was_open)
    assert was_open == [False, True]
    assert (now.muted, now.volume) == (True, 30)
    assert now.devices["microphone"] == {
        "state": "open",
        "device": "USB mic",
        "wanted": "usb",
        "rate_hz": 48000,
        "channels": 2,
        "text": "the microphone is USB mic",
    }
    assert now.devices["loudspeaker"] is None


def test_words_outside_an_answer_do_no_harm(stream: Stream) -> None:
    stream.happens(events.AnswerWord("late", 9), 1, 3)
    now: Any = stream.hub.now
    assert now.answer is None
    assert stream.names == ["answer.word"]
