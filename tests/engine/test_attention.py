"""Whose voice gets a turn: the gate before the recogniser, a closed microphone, and visitors who say nothing."""

from __future__ import annotations

import pytest

from engine import messages as m
from tests.engine.talk import MS, WAIT, Talk, config

GATED = ["push_to_talk", "external", "wake_word"]


def talk_in(mode: str, *sets: str) -> Talk:
    return Talk(f"attention.mode={mode}", *sets)


def listen(talk: Talk) -> None:
    assert talk.host(m.ListenNow(number=1)).ok


def sleep(talk: Talk) -> None:
    assert talk.host(m.FallAsleep(number=2)).ok


@pytest.mark.parametrize("mode", GATED)
def test_nothing_that_is_said_before_the_gate_opens_goes_anywhere(mode: str) -> None:
    talk = talk_in(mode)
    assert talk.state() == "ASLEEP"
    talk.speech(1000, 2000)
    talk.until(4000)
    assert not talk.on("listen")
    assert talk.named("session") == []
    assert [event["state"] for event in talk.named("state")] == ["asleep"]


@pytest.mark.parametrize("mode", GATED)
def test_what_is_said_after_it_is_answered(mode: str) -> None:
    talk = talk_in(mode)
    listen(talk)
    talk.speech(1000, 2000)
    sleep(talk)
    talk.text("when do you close")
    talk.answer("At six.")
    talk.play(3000, 4000)
    assert talk.turns[0]["heard"] == "At six."
    assert talk.state() == "ASLEEP"


def test_who_speaks_while_it_opens_is_heard_from_then_on() -> None:
    talk = talk_in("external")
    talk.begin(1000)
    talk.until(1500)
    listen(talk)
    assert talk.of(m.Listen)[0].start == (1500 - talk.present.config.vad.preroll_ms) * 16
    assert talk.state() == "HEARING"


def test_a_button_that_is_held_outlasts_every_pause() -> None:
    talk = talk_in("push_to_talk")
    listen(talk)
    talk.speech(1000, 2000)
    talk.until(2000 + 10 * WAIT)
    assert talk.state() == "ENDING"
    talk.speech(8000, 9000)
    assert not talk.of(m.Finish)


def test_a_button_that_is_released_ends_what_is_said_at_once() -> None:
    talk = talk_in("push_to_talk")
    listen(talk)
    talk.begin(1000)
    talk.until(1800)
    sleep(talk)
    assert talk.state() == "FINALISING"
    assert talk.of(m.Finish)[0].stop <= 1800 * 16
    talk.text("when do you close")
    talk.answer("At six.")
    talk.play(2500, 3000)
    talk.until(10_000)
    assert len(talk.turns) == 1  # the rest of what was said went nowhere


def test_a_button_that_is_pressed_while_the_engine_speaks_silences_it() -> None:
    talk = talk_in("push_to_talk")
    listen(talk)
    talk.speech(1000, 2000)
    sleep(talk)
    talk.text("hello")
    talk.begin_answer("A long answer.")
    listen(talk)
    assert talk.turns[0]["outcome"] == "stopped"
    assert talk.state() == "LISTENING"


def test_the_gate_closes_when_the_visitor_has_left() -> None:
    talk = talk_in("external", "turns.session_end_s=10")
    listen(talk)
    talk.exchange(1000, "hello", "Yes.")
    assert talk.state() == "LISTENING"
    talk.until(20_000)
    assert talk.state() == "ASLEEP"
    assert [event["state"] for event in talk.named("session")] == ["began", "ended"]


def test_in_the_open_the_host_may_close_it_too() -> None:
    talk = talk_in("open")
    assert talk.state() == "LISTENING"
    sleep(talk)
    talk.speech(1000, 2000)
    assert not talk.on("listen")
    listen(talk)
    talk.exchange(5000, "hello", "Yes.")
    assert len(talk.turns) == 1


@pytest.mark.parametrize("state", ["HEARING", "ENDING", "FINALISING"])
def test_what_is_being_said_when_the_microphone_is_closed_is_dropped(state: str) -> None:
    talk = talk_in("open")
    talk.bring_to(state)
    ear = talk.ear
    talk.say(m.MicrophoneMuted(on=1))
    assert talk.state() == "MUTED"
    assert m.Cancel(tag=ear) in talk.on("listen")
    assert not talk.turns
    talk.say(m.MicrophoneMuted(on=0))
    talk.exchange(talk.at + 1000, "hello", "Yes.")
    assert len(talk.turns) == 1


def test_an_answer_is_heard_to_its_end_though_the_microphone_is_closed() -> None:
    talk = talk_in("open")
    talk.bring_to("SPEAKING")
    talk.say(m.MicrophoneMuted(on=1))
    assert talk.state() == "SPEAKING"
    talk.hear_out(talk.at + 1000)
    assert talk.turns[0]["outcome"] == "answered"
    assert talk.state() == "MUTED"


def test_a_visitor_who_says_nothing_after_an_answer_is_asked_once_whether_they_are_there() -> None:
    talk = talk_in("open", "attention.reprompt_s=8", "turns.session_end_s=30")
    talk.exchange(1000, "hello", "Yes.")
    at = talk.at
    talk.until(at + 7999)
    assert talk.state() == "LISTENING"
    talk.until(at + 8001)
    assert [clause.text for clause in talk.of(m.Clause)] == ["Yes.", "Are you still there?"]
    talk.heard_from(at + 8100)
    talk.hear_out(at + 9000)
    assert talk.named("answer.started")[-1]["source"] == "phrase"
    talk.until(at + 29_999)
    assert [event["state"] for event in talk.named("session")] == ["began"]
    talk.until(at + 30_001)
    assert [event["state"] for event in talk.named("session")] == ["began", "ended"]
    assert len(talk.of(m.Clause)) == 2


def test_what_the_engine_asked_is_no_part_of_the_conversation() -> None:
    talk = talk_in("open", "attention.reprompt_s=2")
    talk.exchange(1000, "hello", "Yes.")
    talk.until(talk.at + 2001)
    talk.heard_from(talk.at + 100)
    talk.hear_out(talk.at + 1000)
    talk.ask(talk.at + 1000, "and now")
    assert talk.of(m.Ask)[-1].history == ("hello", "Yes.")


def test_nobody_is_asked_before_they_came_nor_while_nobody_is_listened_to() -> None:
    talk = talk_in("open", "attention.reprompt_s=2", "turns.session_end_s=0")
    talk.until(10_000)
    assert not talk.of(m.Clause)
    talk.exchange(11_000, "hello", "Yes.")
    sleep(talk)
    talk.until(60_000)
    assert len(talk.of(m.Clause)) == 1


def test_another_mode_counts_as_soon_as_nobody_is_there() -> None:
    talk = talk_in("open")
    talk.conversation.reload(config("attention.mode=external"), talk.now)
    assert talk.state() == "ASLEEP"
    talk.conversation.reload(config("attention.mode=open"), talk.now)
    assert talk.state() == "LISTENING"


@pytest.mark.parametrize("end", ["command", "silence"])
def test_who_was_told_to_sleep_sleeps_on_when_the_visitor_has_left(end: str) -> None:
    talk = talk_in("open", "turns.session_end_s=20")
    talk.exchange(1000, "hello", "Yes.")
    talk.host(m.FallAsleep(number=1))
    if end == "command":
        talk.host(m.EndSession(number=2))
    talk.until(talk.at + 21_000)
    talk.begin(talk.at + 1000)
    assert talk.state() == "ASLEEP"
    talk.until(talk.at + 1000)
    talk.say(m.SpeechPaused(end=round(talk.at) * 16, capture_ns=talk.now))
    assert talk.host(m.ListenNow(number=3)).ok
    assert talk.state() == "LISTENING"


def test_a_setting_that_changes_wakes_nobody_who_was_told_to_sleep() -> None:
    talk = talk_in("open")
    talk.host(m.FallAsleep(number=1))
    talk.conversation.reload(config("turns.patience_s=3"), talk.now)
    assert talk.state() == "ASLEEP"


@pytest.mark.parametrize("mode", ["external", "wake_word"])
def test_a_gate_that_was_opened_for_nobody_is_closed_again(mode: str) -> None:
    talk = talk_in(mode, "turns.session_end_s=20")
    talk.until(5000)
    talk.host(m.ListenNow(number=1))
    talk.until(24_000)
    talk.host(m.ListenNow(number=2))
    talk.until(43_900)
    assert talk.state() == "LISTENING"
    talk.until(44_100)
    assert talk.state() == "ASLEEP"
    talk.begin(45_000)
    assert talk.state() == "ASLEEP"


def test_a_button_that_nobody_pressed_is_not_held_when_the_mode_changes() -> None:
    talk = talk_in("open")
    talk.exchange(1000, "hello", "Yes.")
    talk.conversation.reload(config("attention.mode=push_to_talk"), talk.now)
    assert talk.state() == "ASLEEP"


def test_a_pause_ends_the_utterance_again_when_there_is_no_button_any_more() -> None:
    talk = talk_in("push_to_talk")
    talk.host(m.ListenNow(number=1))
    talk.begin(1000)
    talk.pause(2000)
    talk.until(4000)
    assert talk.state() == "ENDING"
    talk.conversation.reload(config("attention.mode=open"), talk.now)
    talk.until(4100)
    assert talk.state() == "FINALISING"


def test_nobody_is_asked_who_only_coughed() -> None:
    talk = talk_in("open", "attention.reprompt_s=8")
    talk.speech(1000, 1100)
    talk.until(1600)
    talk.text("")
    talk.until(20_000)
    assert not talk.of(m.Clause)


def test_what_the_engine_asked_is_over_when_somebody_speaks() -> None:
    talk = talk_in("open", "attention.reprompt_s=8")
    talk.exchange(1000, "hello", "Yes.")
    talk.until(talk.at + 8001)
    at = talk.at
    talk.say(
        m.VoiceHeard(start=round(at) * 16, upto=round(at + 160) * 16, clear=128 * 16, speech=1, capture_ns=talk.now)
    )
    talk.say(m.SpeechBegan(start=round(at) * 16, capture_ns=talk.now))
    talk.until(at + 1000)
    talk.say(m.SpeechPaused(end=round(at + 900) * 16, capture_ns=round((at + 900) * MS)))
    talk.until(at + 900 + WAIT + 32)
    talk.text("and now")
    talk.answer("No.")
    talk.play(talk.at + 100, talk.at + 1000)
    talk.until(talk.at + 3000)
    assert [clause.text for clause in talk.of(m.Clause)] == ["Yes.", "Are you still there?", "No."]
