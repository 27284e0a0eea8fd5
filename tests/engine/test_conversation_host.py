"""What the host commands, in every state of the conversation."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from engine import messages as m
from engine.contract import Tag
from engine.turns.host_commands import MOST_CHARACTERS, MOST_WAITING
from engine.turns.table import State
from tests.engine.talk import MS, WAIT, Talk

STATES = [state.name for state in State]
NOBODY = ("LISTENING", "ASLEEP", "MUTED")
"""Nobody has the turn."""
RESTING = (*NOBODY, "HEARING", "ENDING")
TEXT = "Please mind the step."


def say(text: str = TEXT, mode: str = "queue", *, insist: bool = False, number: int = 1) -> m.Say:
    return m.Say(number=number, text=text, mode=mode, interruptible=int(not insist))


COMMANDS = {
    "say": say(),
    "say now": say(mode="interrupt"),
    "ask": m.AskText(number=1, text="where is the lift"),
    "stop": m.StopSpeaking(number=1),
    "listen": m.ListenNow(number=1),
    "sleep": m.FallAsleep(number=1),
    "context": m.AddContext(number=1, text="It is Monday."),
    "end": m.EndSession(number=1),
}

# Command → the state after it, from each state; where it is not named it stays as it was.
FOLLOWS: dict[str, dict[str, str]] = {
    "say": dict.fromkeys(NOBODY, "ANNOUNCING"),
    "say now": {state: "ANNOUNCING" for state in STATES if state != "INSISTING"},
    "ask": dict.fromkeys(NOBODY, "THINKING"),
    "stop": {state: "LISTENING" for state in STATES if state not in RESTING},
    "listen": {state: "LISTENING" for state in STATES if state not in (*RESTING, "INSISTING")}
    | {"ASLEEP": "LISTENING"},
    "sleep": {"LISTENING": "ASLEEP", "HEARING": "FINALISING", "ENDING": "FINALISING"},
    "context": {},
    "end": {state: "LISTENING" for state in STATES if state not in NOBODY},
}

# Command → how the turn that was under way ended, from each state.
ENDED: dict[str, dict[str, str]] = {
    "say now": {"SPEAKING": "interrupted", "ANNOUNCING": "interrupted"}
    | dict.fromkeys(("HEARING", "ENDING", "FINALISING", "THINKING"), "postponed"),
    "stop": {state: "stopped" for state in STATES if state not in RESTING},
    "listen": {state: "stopped" for state in STATES if state not in (*RESTING, "INSISTING")},
    "end": {state: "stopped" for state in STATES if state not in NOBODY},
}


@pytest.mark.parametrize(("command", "state"), list(product(COMMANDS, STATES)))
def test_every_command_is_answered_once_in_every_state_and_the_conversation_goes_on(command: str, state: str) -> None:
    talk = Talk()
    talk.bring_to(state)
    turns, tag = len(talk.turns), talk.present.turn and talk.tag
    done = talk.host(COMMANDS[command])
    assert bool(done.ok) == (not done.text) == ((command, state) != ("listen", "INSISTING"))
    assert talk.state() == FOLLOWS[command].get(state, state)
    ended = [record["outcome"] for record in talk.turns[turns:]]
    assert ended == ([ENDED[command][state]] if state in ENDED.get(command, {}) else [])
    if ended and tag:  # nothing of it may be heard any more
        assert talk.present.audible > tag
        ear = Tag(tag.session, tag.turn)
        cancelled = {channel for channel, message in talk.sent if message in (m.Cancel(tag=tag), m.Cancel(tag=ear))}
        assert cancelled == {"listen", "asks", "clauses"}
    talk.finish()
    begin = talk.at + 5000
    talk.ask(begin, "and now")
    talk.answer("It is.")
    talk.play(begin + 2000, begin + 3000)
    assert (talk.turns[-1]["transcript"], talk.turns[-1]["outcome"]) == ("and now", "answered")
    assert [done.number for done in talk.of(m.Done)].count(1) == 1


@pytest.mark.parametrize(
    ("command", "state"), list(product(["say now", "say", "ask"], ("HEARING", "ENDING", "FINALISING", "THINKING")))
)
def test_nothing_that_the_user_said_is_lost_to_a_command(command: str, state: str) -> None:
    talk = Talk()
    talk.bring_to(state)
    talk.host(COMMANDS[command])
    talk.finish()
    answered = [turn for turn in talk.turns if turn["outcome"] == "answered" and turn["source"] == "answer"]
    spoken = [turn["speech"] for turn in answered if turn["speech"]["end_s"] > turn["speech"]["start_s"]]
    assert len(spoken) == 1
    assert spoken[0]["start_s"] == 1.0


def test_an_announcement_is_a_turn_of_the_hosts_own() -> None:
    talk = Talk()
    talk.host(say("Dear visitors, we close soon. Good night."))
    assert [clause.text for clause in talk.of(m.Clause)] == ["Dear visitors,", "we close soon.", "Good night."]
    assert talk.present.audible == talk.tag
    talk.play(100, 2000)
    (turn,) = talk.turns
    assert (turn["source"], turn["outcome"], turn["response_ms"]) == ("say", "answered", None)
    assert turn["answer"] == turn["heard"] == "Dear visitors, we close soon. Good night."
    assert not talk.of(m.Ask)
    assert [event["source"] for event in talk.named("answer.started")] == ["say"]
    assert talk.state() == "LISTENING"


def test_announcements_wait_for_the_answer_and_for_each_other() -> None:
    talk = Talk()
    talk.bring_to("SPEAKING")
    talk.host(say("First."))
    talk.host(say("Second."))
    talk.finish()
    assert [turn["answer"] for turn in talk.turns] == ["Yes. It is.", "First.", "Second."]


def test_what_the_user_says_meanwhile_comes_before_what_waits_and_after_what_is_urgent() -> None:
    talk = Talk()
    talk.bring_to("INSISTING")
    talk.host(say("Later."))
    talk.speech(3000, 4000)
    talk.host(say("Urgent.", mode="interrupt"))
    talk.host(say("Urgent too.", mode="interrupt"))
    talk.finish()
    assert [turn["answer"] for turn in talk.turns] == [
        "Dear visitors.",
        "Urgent.",
        "Urgent too.",
        "Yes. It is.",
        "Later.",
    ]


def test_an_insisting_announcement_is_not_cut_by_another_nor_by_listen_and_is_by_stop() -> None:
    talk = Talk()
    talk.host(say("It burns. Leave the house.", insist=True))
    talk.heard_from(100)
    talk.host(say(mode="interrupt"))
    assert talk.host(m.ListenNow(number=3)).text
    assert (talk.state(), talk.turns) == ("INSISTING", [])
    talk.host(m.StopSpeaking(number=4))
    assert (talk.state(), [turn["outcome"] for turn in talk.turns]) == ("LISTENING", ["stopped"])


def test_a_question_of_the_host_is_answered_like_one_of_the_user() -> None:
    talk = Talk()
    talk.host(m.AskText(number=1, text="where is the lift"))
    assert [ask.text for ask in talk.of(m.Ask)] == ["where is the lift"]
    (final,) = talk.named("user.final")
    assert (final["text"], final["source"], final["confidence"]) == ("where is the lift", "command", 1.0)
    talk.answer("Behind you.")
    talk.play(300, 1000)
    assert (talk.turns[0]["transcript"], talk.turns[0]["response_ms"]) == ("where is the lift", 300)
    talk.ask(2000, "thanks")
    assert talk.of(m.Ask)[1].history == ("where is the lift", "Behind you.")


def test_a_question_that_an_announcement_interrupts_is_asked_again() -> None:
    talk = Talk()
    talk.host(m.AskText(number=1, text="where is the lift"))
    talk.host(say(mode="interrupt"))
    talk.finish()
    assert [ask.text for ask in talk.of(m.Ask)] == ["where is the lift"] * 2
    assert [turn["outcome"] for turn in talk.turns] == ["postponed", "answered", "answered"]


def test_what_waits_is_bounded_and_more_is_refused_with_a_reason() -> None:
    talk = Talk()
    talk.bring_to("HEARING")
    for number in range(MOST_WAITING):
        assert talk.host([say(), say(mode="queue"), m.AskText(number=1, text="what")][number % 3]).ok
    for command in (say(), m.AskText(number=1, text="what")):
        done = talk.host(command)
        assert (done.ok, done.text) == (0, "16 texts wait already, no more are taken")
    assert talk.state() == "HEARING"


def test_what_is_urgent_is_taken_though_much_waits_and_is_bounded_too() -> None:
    talk = Talk()
    talk.bring_to("INSISTING")
    for mode in ("queue", "interrupt"):
        for _ in range(MOST_WAITING):
            assert talk.host(say(mode=mode)).ok
        assert not talk.host(say(mode=mode)).ok


@pytest.mark.parametrize("text", ["", " \n ", "x" * (MOST_CHARACTERS + 1)])
def test_a_text_with_nothing_in_it_or_too_much_is_refused(text: str) -> None:
    talk = Talk()
    for command in (say(text), say(text, mode="interrupt"), m.AskText(number=1, text=text)):
        done = talk.host(command)
        assert not done.ok
        assert done.text
    assert talk.state() == "LISTENING"
    assert not talk.named("session")


def test_a_mode_that_is_not_known_is_refused() -> None:
    assert Talk().host(say(mode="shout")).text == "mode is queue or interrupt"


def test_stop_forgets_what_waits_and_tells_whoever_waits_for_it() -> None:
    talk = Talk()
    talk.bring_to("SPEAKING")
    talk.host(say())
    talk.host(m.AskText(number=2, text="what " * 100))
    talk.host(m.StopSpeaking(number=3))
    talk.finish()
    assert len(talk.turns) == 1
    dropped = [(event["source"], event["text"]) for event in talk.named("answer.dropped")]
    assert dropped == [("say", say().text), ("ask", "what " * 20)]


@pytest.mark.parametrize("state", RESTING)
def test_where_nothing_is_heard_stop_only_forgets_what_waits(state: str) -> None:
    talk = Talk()
    talk.bring_to(state)
    if state not in NOBODY:
        talk.host(say())
    talk.host(m.StopSpeaking(number=3))
    assert talk.state() == state
    talk.finish()
    assert "say" not in [turn["source"] for turn in talk.turns]


def test_what_is_said_during_an_announcement_is_answered_after_it() -> None:
    talk = Talk()
    talk.host(say())
    talk.heard_from(100)
    talk.speech(500, 1500)
    talk.hear_out(4000)
    talk.until(4001)
    talk.text("hello")
    assert [ask.text for ask in talk.of(m.Ask)] == ["hello"]
    assert talk.of(m.Listen)[0].start == (500 - talk.present.config.vad.preroll_ms) * 16


def test_a_user_who_speaks_on_while_an_urgent_announcement_is_heard_is_heard_to_the_end() -> None:
    talk = Talk()
    talk.bring_to("HEARING")
    talk.until(1500)
    talk.host(say(mode="interrupt"))
    talk.heard_from(1600)
    talk.pause(2500)
    talk.hear_out(3000)
    talk.until(3001)
    talk.text("all of it")
    assert talk.of(m.Finish)[-1].stop == 2600 * 16
    assert talk.of(m.Listen)[-1].start == talk.of(m.Listen)[0].start


def test_a_stopped_answer_stays_in_history_as_far_as_it_was_heard() -> None:
    talk = Talk()
    talk.ask(1000, "hello")
    talk.answer("One two three four.")
    talk.say(
        m.ClauseVoiced(
            tag=talk.tag,
            number=0,
            samples=64000,
            words=("One", "two", "three", "four."),
            starts=(0, 16000, 32000, 48000),
        )
    )
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = 64000
    talk.until(2500 + 1999)
    talk.host(m.StopSpeaking(number=1))
    assert (talk.turns[0]["outcome"], talk.turns[0]["heard"]) == ("stopped", "One two")
    talk.ask(6000, "go on")
    assert talk.of(m.Ask)[1].history == ("hello", "One two")


def test_an_answer_of_which_nothing_was_heard_is_no_history() -> None:
    talk = Talk()
    talk.bring_to("THINKING")
    talk.answer("Yes.")
    talk.host(m.StopSpeaking(number=1))
    talk.ask(6000, "again")
    assert talk.of(m.Ask)[1].history == ()


def test_what_the_host_gives_to_know_goes_with_each_question_until_it_is_cleared() -> None:
    talk = Talk()
    talk.host(m.AddContext(number=1, text="The visitor is a child."))
    talk.host(m.AddContext(number=2, text=" It rains. "))
    talk.exchange(1000, "hello", "Yes.")
    talk.host(m.AddContext(number=3, text=""))
    talk.exchange(10_000, "hello", "Yes.")
    assert [ask.context for ask in talk.of(m.Ask)] == [("The visitor is a child.", "It rains."), ()]


def test_a_command_is_answered_after_what_it_caused() -> None:
    talk = Talk()
    talk.bring_to("SPEAKING")
    talk.host(m.StopSpeaking(number=1))
    story = talk.on("story")
    assert isinstance(story[-1], m.Done)
    assert [event["event"] for event in talk.events[-2:]] == ["answer.ended", "state"]


def test_a_voice_that_fails_at_an_announcement_ends_it() -> None:
    talk = Talk()
    talk.host(say())
    talk.say(m.VoiceEnded(tag=talk.tag, reason="failed", text="no memory"))
    assert talk.turns[0]["outcome"] == "abandoned"
    assert talk.state() == "LISTENING"


def test_an_announcement_that_waits_keeps_a_recorded_input_from_being_over() -> None:
    talk = Talk()
    talk.until(1000)
    talk.host(say())
    talk.say(m.InputEnded(sample=0))
    talk.until(3000)
    assert not talk.of(m.Over)
    talk.play(3100, 4000)
    assert len(talk.of(m.Over)) == 1


def test_an_announcement_in_a_pause_of_the_user_does_not_make_an_end_of_it() -> None:
    talk = Talk()
    talk.bring_to("ENDING")
    talk.until(2100)
    talk.host(say(mode="interrupt"))
    talk.heard_from(2200)
    talk.until(2300)
    talk.say(m.SpeechBegan(start=2240 * 16, capture_ns=2240 * MS))
    talk.pause(3000)
    talk.hear_out(3040)
    talk.until(3000 + WAIT + 5)
    assert talk.of(m.Finish)[0].stop == 3100 * 16


def test_an_announcement_with_nothing_that_can_be_said_ends_at_once() -> None:
    talk = Talk()
    talk.host(say("..."))
    talk.voice(samples=0)
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=talk.now, samples=0))
    talk.until(1)
    (turn,) = talk.turns
    assert (turn["outcome"], turn["answer"], turn["heard"]) == ("abandoned", "...", "")
    assert talk.state() == "LISTENING"


def test_a_clause_that_is_told_twice_counts_once() -> None:
    talk = Talk()
    talk.host(say("One two."))
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=1000))
    talk.play(100, 500)
    assert talk.turns[0]["heard"] == "One two."


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_that_is_too_late_is_neither_done_nor_answered(command: m.Message) -> None:
    talk = Talk()
    talk.bring_to("SPEAKING")
    state, sent = talk.state(), len(talk.sent)
    talk.say(replace(command, deadline_ns=round(talk.at * MS) - 1))
    assert (talk.state(), len(talk.sent)) == (state, sent)
    assert talk.host(replace(command, deadline_ns=round(talk.at * MS) + 1)).ok
