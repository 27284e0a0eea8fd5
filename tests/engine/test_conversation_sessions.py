"""A session is one visitor: when it begins and ends, and that nothing of it is left."""

from __future__ import annotations

import pytest

from engine import audible
from engine import messages as m
from engine.contract import Tag
from engine.turns.conversation import Conversation
from engine.turns.table import State
from tests.engine.talk import MS, RATE, Talk, config

STATES = [state.name for state in State]
NOBODY = ("LISTENING", "ASLEEP", "MUTED")


def sessions(talk: Talk) -> list[tuple[str, int, str]]:
    """What was told of sessions: began or ended, which, why."""
    return [(event["state"], event["tag"].session, event["reason"]) for event in talk.named("session")]


@pytest.fixture
def talk() -> Talk:
    return Talk("turns.session_end_s=20")


def test_it_begins_with_the_first_sign_of_a_voice_and_not_again(talk: Talk) -> None:
    talk.until(900)
    assert sessions(talk) == []
    talk.begin(1000)
    assert sessions(talk) == [("began", 1, "")]
    talk.finish()
    talk.exchange(10_000, "hello", "Yes.")
    assert len(sessions(talk)) == 1


def test_a_question_of_the_host_begins_it(talk: Talk) -> None:
    talk.host(m.AskText(number=1, text="hello"))
    assert sessions(talk) == [("began", 1, "")]


def test_an_announcement_begins_none_and_carries_the_number_of_the_next(talk: Talk) -> None:
    talk.host(m.Say(number=1, text="Welcome.", mode="queue", interruptible=1))
    assert talk.tag == Tag(1, 1, 1)
    talk.finish()
    assert sessions(talk) == []
    talk.begin(talk.at + 5000)
    assert talk.tag == Tag(1, 2, 1)


def test_it_ends_after_so_much_silence_counted_from_the_end_of_the_last_answer(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    assert talk.at == 4000
    talk.until(23_999)
    assert len(sessions(talk)) == 1
    talk.until(24_000)
    assert sessions(talk)[1:] == [("ended", 1, "silence")]


def test_whoever_speaks_is_still_there(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    talk.begin(23_000)
    talk.until(25_000)
    assert len(sessions(talk)) == 1


def test_the_silence_is_held_up_by_an_announcement_and_not_broken_by_a_noise(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    left = talk.at + 20_000
    talk.until(left - 10_000)
    talk.host(m.Say(number=1, text="Dear visitors.", mode="queue", interruptible=1))
    talk.play(left - 9_900, left - 8_000)
    talk.speech(left - 6_000, left - 5_900)
    talk.until(left - 5_400)
    talk.text("")
    assert talk.state() == "LISTENING"
    talk.until(left + 1_900)
    assert len(sessions(talk)) == 1
    talk.until(left + 2_100)
    assert len(sessions(talk)) == 2


def test_announcements_in_a_row_keep_nobody_there(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    for number in range(1, 8):
        at = talk.at
        talk.until(at + 6_000)
        talk.host(m.Say(number=number, text="Dear visitors.", mode="queue", interruptible=1))
        talk.play(at + 6_100, at + 7_000)
    assert [state for state, *_ in sessions(talk)] == ["began", "ended"]
    assert talk.host(m.EndSession(number=9)).ok


def test_it_never_ends_by_silence_where_that_is_configured() -> None:
    talk = Talk("turns.session_end_s=0")
    talk.exchange(1000, "hello", "Yes.")
    assert talk.conversation.timer_ns is None


def test_silence_before_any_visitor_is_nobodys_end(talk: Talk) -> None:
    assert talk.conversation.timer_ns is None


def test_the_host_ends_it_and_without_one_that_is_well_too(talk: Talk) -> None:
    assert talk.host(m.EndSession(number=1)).ok
    assert sessions(talk) == []
    talk.exchange(1000, "hello", "Yes.")
    assert talk.host(m.EndSession(number=2)).ok
    assert sessions(talk)[1:] == [("ended", 1, "command")]
    assert not talk.present.session.open


@pytest.mark.parametrize("state", [state for state in STATES if state not in (*NOBODY, "ANNOUNCING", "INSISTING")])
def test_a_turn_under_way_is_cut_at_its_end(talk: Talk, state: str) -> None:
    talk.bring_to(state)
    ear, tag = talk.ear, talk.tag
    talk.host(m.EndSession(number=1))
    assert (talk.state(), talk.turns[0]["outcome"]) == ("LISTENING", "stopped")
    assert talk.present.audible > tag
    over = m.SessionOver(tag=Tag(1))
    assert talk.on("listen")[-2:] == [m.Cancel(tag=ear), over]
    assert talk.on("clauses")[-2:] == [m.Cancel(tag=tag), over]
    settled = [m.Settle(tag=tag, heard="")] if state in ("THINKING", "SPEAKING") else []
    assert talk.on("asks")[-2 - len(settled) :] == [m.Cancel(tag=tag), *settled, over]
    assert [event["event"] for event in talk.events[-3:]] == ["answer.ended", "session", "state"]


def test_the_next_visitor_is_another_session_whose_tags_are_greater(talk: Talk) -> None:
    talk.bring_to("SPEAKING")
    talk.host(m.EndSession(number=1))
    silenced = talk.present.audible
    talk.exchange(10_000, "hello", "Yes.")
    assert sessions(talk)[-1] == ("began", 2, "")
    tag = Tag(2, 1, 1)
    assert talk.turns[-1]["session"] == 2
    assert audible.pack(audible.VOCODER, tag) > audible.pack(audible.VOCODER, silenced)
    assert talk.present.audible == tag


def test_nothing_of_a_visitor_is_left_for_the_next(talk: Talk) -> None:
    talk.host(m.AddContext(number=1, text="The visitor is called Ada."))
    talk.exchange(1000, "secret", "I keep it.")
    talk.ask(5000, "more")
    talk.host(m.Say(number=2, text="Dear Ada.", mode="queue", interruptible=1))
    talk.speech(7000, 8000)  # kept for later
    talk.host(m.EndSession(number=3))
    sent = len(talk.sent)
    talk.ask(20_000, "hello")
    (ask,) = [message for _, message in talk.sent[sent:] if isinstance(message, m.Ask)]
    assert (ask.text, ask.history, ask.context) == ("hello", (), ())
    assert not [message for _, message in talk.sent[sent:] if isinstance(message, m.Clause)]
    assert not talk.present.kept
    assert talk.of(m.Listen)[-1].start >= talk.present.forget_upto


def test_the_context_given_before_a_visitor_comes_is_theirs(talk: Talk) -> None:
    talk.host(m.AddContext(number=1, text="It rains."))
    talk.ask(1000, "hello")
    assert talk.of(m.Ask)[0].context == ("It rains.",)


def test_an_end_without_a_session_clears_what_was_given_to_know(talk: Talk) -> None:
    talk.host(m.AddContext(number=1, text="It rains."))
    talk.host(m.EndSession(number=2))
    talk.ask(1000, "hello")
    assert talk.of(m.Ask)[0].context == ()


def test_the_visitors_sound_is_forgotten_up_to_the_end(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    talk.until(5000)
    assert talk.present.forget_upto == 0
    talk.host(m.EndSession(number=1))
    assert talk.present.forget_upto == 5000 * 16


def test_after_a_silence_the_sound_that_may_lead_up_to_the_next_visitor_is_kept(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    talk.until(24_000)
    preroll = talk.present.config.vad.preroll_ms
    assert talk.present.forget_upto == (24_000 - preroll) * 16


def test_whoever_is_forgotten_in_mid_speech_is_forgotten_to_the_end_of_it_and_not_answered(talk: Talk) -> None:
    talk.bring_to("HEARING")
    talk.until(2000)
    talk.host(m.EndSession(number=1))
    assert talk.present.forget_upto == 2000 * 16
    talk.pause(4000)
    talk.until(6000)
    assert talk.present.forget_upto == 4000 * 16
    assert talk.state() == "LISTENING"
    assert len(sessions(talk)) == 2


def test_the_engines_end_is_the_sessions_end(talk: Talk) -> None:
    talk.bring_to("SPEAKING")
    talk.conversation.interrupt(talk.now)
    talk.until(talk.at)
    assert talk.turns[0]["outcome"] == "interrupted"
    assert sessions(talk)[1:] == [("ended", 1, "stopping")]


def test_a_successor_goes_on_with_the_same_numbers_and_the_same_visitor() -> None:
    conversation = Conversation(config("turns.session_end_s=20"), RATE, session=7, turn=3, is_open=True)
    conversation.start(1000 * MS)
    assert conversation.timer_ns == 21_000 * MS
    conversation.handle(m.SpeechBegan(start=0, capture_ns=0), 2000 * MS)
    assert conversation.present.current.tag == Tag(7, 4, 1)
    assert not [
        message for _, message in conversation.outbox if isinstance(message, m.Happened) and "began" in message.event
    ]


def test_a_new_limit_of_silence_counts_at_once(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    talk.conversation.reload(config("turns.session_end_s=5"), talk.now)
    talk.until(9000)
    assert sessions(talk)[1:] == [("ended", 1, "silence")]


def test_no_silence_is_counted_while_somebody_has_the_turn(talk: Talk) -> None:
    talk.bring_to("HEARING")
    talk.conversation.reload(config("turns.session_end_s=5"), talk.now)
    talk.until(20_000)
    assert len(sessions(talk)) == 1
