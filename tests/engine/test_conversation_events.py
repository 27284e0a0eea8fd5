"""What is told of a conversation while it happens."""

from __future__ import annotations

import pytest

from engine import messages as m
from tests.engine.talk import MS, WAIT, Talk


def names(talk: Talk) -> list[str]:
    """The events in their order, states with what they say."""
    return [event["state"] if event["event"] == "state" else event["event"] for event in talk.events]


def test_a_turn_is_told_from_its_first_sound_to_its_last_word() -> None:
    talk = Talk()
    talk.begin(1000)
    talk.text("when do", final=False)
    talk.pause(2000)
    talk.until(2000 + WAIT + 10)
    talk.text("when do you close")
    talk.answer("At six.")
    talk.play(2540, 4000)
    assert names(talk) == [
        "listening",
        "session",
        "hearing",
        "user.partial",
        "thinking",
        "user.final",
        "answer.started",
        "speaking",
        "answer.word",
        "answer.word",
        "answer.ended",
        "listening",
    ]


def test_every_event_carries_its_session_turn_and_attempt() -> None:
    talk = Talk()
    talk.exchange(1000, "hello", "Yes.")
    talk.exchange(6000, "hello", "Yes.")
    turns = [event["tag"].turn for event in talk.events]
    assert turns == sorted(turns)
    assert {event["tag"].session for event in talk.events} == {1}
    assert [event["tag"].turn for event in talk.named("answer.ended")] == [1, 2]


def test_no_event_is_told_before_it_happens_though_the_device_tells_ahead_of_time() -> None:
    talk = Talk()
    talk.ask(1000, "hello")
    talk.answer("Yes.")
    talk.voice()
    talk.until(2500)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2560 * MS))
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=2660 * MS, samples=1600))
    talk.played = 1600
    talk.until(2559)
    assert (talk.state(), talk.named("answer.started")) == ("THINKING", [])
    talk.until(2560)
    assert talk.state() == "SPEAKING"
    assert [event["at_ms"] for event in talk.named("answer.started") + talk.named("answer.word")] == [2560, 2560]
    talk.until(2659)
    assert not talk.named("answer.ended")
    talk.until(2660)
    assert [event["at_ms"] for event in talk.named("answer.ended")] == [2660]
    assert talk.state() == "LISTENING"


def test_words_are_told_as_they_are_played() -> None:
    talk = Talk()
    talk.ask(1000, "hello")
    talk.answer("One two. Three")
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=16000, words=("One", "two."), starts=(160, 8000)))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = 50_000
    talk.until(2600)
    talk.say(m.ClauseVoiced(tag=talk.tag, number=1, samples=16000, words=("Three",), starts=(1600,)))
    talk.until(4000)
    told = [(event["text"], event["number"], event["at_ms"]) for event in talk.named("answer.word")]
    assert told == [("One", 0, 2510), ("two.", 1, 3000), ("Three", 2, 3600)]


def test_words_wait_while_the_loudspeaker_is_gone() -> None:
    talk = Talk()
    talk.ask(1000, "hello")
    talk.answer("One two.")
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=16000, words=("One", "two."), starts=(0, 8000)))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now))
    talk.played = 4000
    talk.until(5000)
    assert [event["text"] for event in talk.named("answer.word")] == ["One"]
    talk.played = 9000
    talk.until(5300)
    assert [event["text"] for event in talk.named("answer.word")] == ["One", "two."]
    assert talk.named("answer.word")[1]["at_ms"] >= 5000


def test_partial_words_are_told_when_they_change() -> None:
    talk = Talk()
    talk.begin(1000)
    for text in ("when", "when", "when do", "when do"):
        talk.text(text, final=False)
    assert [event["text"] for event in talk.named("user.partial")] == ["when", "when do"]


def test_the_partial_text_that_stands_in_is_told_as_the_final_one() -> None:
    talk = Talk()
    talk.speech(1000, 2000)
    talk.text("when do you close", final=False, upto=2100 * 16)
    talk.until(2600)
    (final,) = talk.named("user.final")
    assert (final["text"], final["language"], final["confidence"], final["source"]) == (
        "when do you close",
        "en",
        0.9,
        "speech",
    )


def test_what_was_not_understood_is_no_words_of_the_user() -> None:
    talk = Talk("asr.min_confidence=0.95")
    talk.ask(1000, "mumble")
    talk.play(2540, 3000)
    assert not talk.named("user.final")
    assert [event["source"] for event in talk.named("answer.started")] == ["phrase"]
    assert [(event["source"], event["outcome"]) for event in talk.named("answer.ended")] == [("phrase", "apologised")]


def test_states_that_look_alike_from_outside_are_told_once() -> None:
    talk = Talk()
    talk.bring_to("ENDING")
    talk.begin(2200)
    talk.pause(3000)
    talk.until(3000 + WAIT + 10)
    talk.text("hello")
    assert [event["state"] for event in talk.named("state")] == ["listening", "hearing", "thinking"]


def test_the_end_of_an_answer_tells_what_was_to_be_said_and_what_was_heard() -> None:
    talk = Talk()
    talk.ask(1000, "hello")
    talk.answer("One  two three four.")
    talk.voice(64000)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = 20_000
    talk.until(3500)
    talk.host(m.StopSpeaking(number=1))
    (ended,) = talk.named("answer.ended")
    assert (ended["text"], ended["heard"], ended["outcome"]) == ("One two three four.", "One two", "stopped")
    assert ended["text"].startswith(ended["heard"])
    assert ended["record"]["heard"] == "One two"


def failing_asr(talk: Talk) -> None:
    talk.bring_to("HEARING")
    talk.say(m.TextFailed(tag=talk.ear, text="no memory"))


def failing_llm(talk: Talk) -> None:
    talk.bring_to("THINKING")
    talk.say(m.PiecesEnded(tag=talk.tag, reason="failed", text="no memory"))


def failing_llm_in_mid_answer(talk: Talk) -> None:
    talk.bring_to("THINKING")
    talk.say(m.Piece(tag=talk.tag, text="One. "))
    failing = m.PiecesEnded(tag=talk.tag, reason="failed", text="no memory")
    talk.say(failing)


def failing_voice(talk: Talk) -> None:
    talk.bring_to("THINKING")
    talk.answer("Yes.")
    talk.say(m.VoiceEnded(tag=talk.tag, reason="failed", text="no memory"))


def slow_asr(talk: Talk) -> None:
    talk.bring_to("FINALISING")
    talk.until(talk.at + 5001)


def slow_llm(talk: Talk) -> None:
    talk.bring_to("THINKING")
    talk.until(talk.at + 5001)


def slow_voice(talk: Talk) -> None:
    talk.bring_to("THINKING")
    talk.answer("Yes.")
    talk.until(talk.at + 5001)


def slow_loudspeaker(talk: Talk) -> None:
    talk.bring_to("THINKING")
    talk.answer("Yes.")
    talk.voice()
    talk.until(talk.at + 5001)


def restarted_voice(talk: Talk) -> None:
    talk.bring_to("THINKING")
    talk.answer("Yes.")
    for _ in range(2):
        talk.say(m.Joined(stage="vocoder"))


def troubled_voice(talk: Talk) -> None:
    talk.say(m.Renewed(stage="vocoder", version=2, text="no voice"))


def test_what_a_stage_tells_of_its_settings_is_passed_on() -> None:
    talk = Talk()
    for message in (m.Renewed(stage="asr", version=3), m.Renewed(stage="llm", version=3, text="no model")):
        talk.say(message)
        assert talk.on("story")[-1] == message
    assert len(talk.named("error")) == 1


@pytest.mark.parametrize(
    ("happens", "where", "what"),
    [
        (failing_asr, "asr", "no memory"),
        (failing_llm, "llm", "no memory"),
        (failing_llm_in_mid_answer, "llm", "no memory"),
        (failing_voice, "vocoder", "no memory"),
        (slow_asr, "asr", "gave nothing for 5 s"),
        (slow_llm, "llm", "gave nothing for 5 s"),
        (slow_voice, "vocoder", "gave nothing for 5 s"),
        (slow_loudspeaker, "audio", "gave nothing for 5 s"),
        (restarted_voice, "vocoder", "was restarted 2 times in one turn, which is given up"),
        (troubled_voice, "vocoder", "the settings it had are kept: no voice"),
    ],
)
def test_a_stage_that_failed_or_was_given_up_is_told(happens: object, where: str, what: str) -> None:
    talk = Talk()
    happens(talk)  # type: ignore[operator]
    assert [(event["where"], event["what"]) for event in talk.named("error")] == [(where, what)]


def test_times_of_events_never_go_back() -> None:
    talk = Talk()
    for start in (1000, 6000, 11_000):
        talk.exchange(start, "hello", "Yes. It is so.")
    times = [event["at_ms"] for event in talk.events]
    assert times == sorted(times)


def test_what_was_noticed_late_is_told_with_the_time_at_which_it_happened_and_in_its_order() -> None:
    talk = Talk()
    talk.ask(1000, "hello")
    talk.answer("Yes.")
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.at, talk.played = 2700, 1600  # nobody looked in the meantime
    talk.conversation.see(0, talk.played)
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=1600, words=("Yes.",), starts=(160,)))
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=2600 * MS, samples=1600))
    talk.until(2700)
    told = [(event["event"], event["at_ms"]) for event in talk.events if event["event"].startswith("answer")]
    assert told == [("answer.started", 2500), ("answer.word", 2510), ("answer.ended", 2600)]
