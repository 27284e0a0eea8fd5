"""Workers that were restarted in the middle of a turn, and the end of the engine there."""

from __future__ import annotations

import pytest

from engine import messages as m
from engine.channels import channel
from engine.contract import Tag
from engine.turns.host_commands import MOST_CHARACTERS, MOST_WAITING
from engine.turns.memory import Memory
from tests.engine.talk import MS, Talk


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.mark.parametrize("state", ["hearing", "ending", "finalising"])
def test_a_restarted_recogniser_hears_the_utterance_from_its_beginning(talk: Talk, state: str) -> None:
    talk.until(1064)
    talk.say(m.SpeechBegan(start=16000, capture_ns=1000 * MS))
    if state != "hearing":
        talk.until(2000)
        talk.say(m.SpeechPaused(end=1968 * 16, capture_ns=1968 * MS))
    if state == "finalising":
        talk.until(2430)
    talk.say(m.Joined(stage="asr"))
    assert len({listen.start for listen in talk.of(m.Listen)}) == 1
    assert len(talk.of(m.Listen)) == 2
    assert len(talk.of(m.Finish)) == (2 if state == "finalising" else 0)


def test_a_restarted_language_model_is_asked_again_as_a_new_attempt(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.say(m.Joined(stage="llm"))
    assert [ask.tag.attempt for ask in talk.of(m.Ask)] == [1, 2]


def test_a_restarted_language_model_does_not_say_twice_what_was_said(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.say(m.Piece(tag=talk.tag, text="First sentence. Second"))
    talk.say(m.Joined(stage="llm"))
    assert len(talk.of(m.Ask)) == 1
    assert [clause.text for clause in talk.of(m.Clause)] == ["First sentence.", "Second"]


def test_a_restarted_voice_speaks_what_is_not_yet_in_the_ring(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("First sentence. Second sentence.")
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=100))
    talk.say(m.Joined(stage="vocoder"))
    assert [clause.number for clause in talk.of(m.Clause)] == [0, 1, 1]
    assert len(talk.of(m.LastClause)) == 2


def test_a_restarted_vad_does_not_leave_the_turn_open(talk: Talk) -> None:
    talk.until(1064)
    talk.say(m.SpeechBegan(start=16000, capture_ns=1000 * MS))
    talk.until(1500)
    talk.say(m.Joined(stage="vad", sample=1480 * 16, capture_ns=1480 * MS))
    assert talk.state() == "ENDING"


@pytest.mark.parametrize("stage", ["asr", "llm", "vocoder"])
def test_what_kills_a_worker_twice_is_not_given_to_it_again(talk: Talk, stage: str) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    if stage != "asr":
        talk.text("hello")
    if stage == "vocoder":
        talk.answer("Yes.")
    for _ in range(5):
        talk.say(m.Joined(stage=stage))
    kinds: dict[str, type[m.Message]] = {"asr": m.Listen, "llm": m.Ask, "vocoder": m.Clause}
    apology = talk.present.phrases.failed
    given = [message for message in talk.of(kinds[stage]) if getattr(message, "text", "") != apology]
    assert len(given) == 2


def test_after_a_restart_an_answer_that_is_heard_is_waited_for(talk: Talk) -> None:
    talk.until(5000)
    talk.conversation.succession.resume(Tag(1, 1, 1), talk.now)
    talk.say(m.InputEnded(sample=1000))
    talk.speech(6000, 7000)
    assert not talk.of(m.Over)
    talk.hear_out(8000)
    assert talk.turns[0]["outcome"] == "resumed"
    assert len(talk.of(m.Listen)) == 1


def test_a_turn_under_way_is_told_of_when_the_engine_ends(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.conversation.interrupt(talk.now)
    talk.until(2461)
    assert (talk.turns[0]["outcome"], talk.turns[0]["transcript"]) == ("interrupted", "hello")


def test_a_restarted_loudspeaker_goes_on_with_the_words_where_it_was(talk: Talk) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two three.")
    starts = (0, 8000, 16000)
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=24000, words=("One", "two", "three."), starts=starts))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = 4000
    talk.until(3500)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=3500 * MS, sample=4000))
    talk.played = 24_000
    talk.until(5000)
    told = [(event["text"], event["at_ms"]) for event in talk.named("answer.word")]
    assert told == [("One", 2500), ("two", 3750), ("three.", 4250)]
    assert len(talk.named("answer.started")) == 1


def test_after_a_restart_what_a_predecessor_had_begun_to_answer_is_stale(talk: Talk) -> None:
    talk.ask(1000, "hello")
    stale = talk.tag
    session = talk.present.session
    successor = Talk()
    successor.present.session.turn = session.turn
    successor.conversation.succession.supersede(successor.now)
    assert successor.present.audible > stale
    successor.ask(3000, "hello")
    assert successor.tag >= successor.present.audible


# The turns worker itself.


def say(text: str, mode: str = "queue", *, insist: bool = False) -> m.Say:
    return m.Say(number=1, text=text, mode=mode, interruptible=int(not insist))


def successor(talk: Talk, *, heard: bool) -> Talk:
    """A conversation that goes on where one was killed. heard: its answer is being heard."""
    present, memory = talk.present, Memory.load(talk.conversation.succession.memory.dump())
    after = Talk()
    after.at = talk.at
    session = after.present.session
    session.number, session.turn, session.open = present.session.number, present.session.turn, present.session.open
    succession = after.conversation.succession
    succession.recall(memory)
    if heard:
        succession.resume(talk.tag, after.now)
    elif present.turn is not None:
        succession.supersede(after.now)
    after.conversation.start(after.now)
    succession.go_on(after.now)
    after.until(after.at)
    return after


def test_a_successor_knows_what_was_said_in_this_session_and_what_the_host_gave_to_know(talk: Talk) -> None:
    talk.host(m.AddContext(number=1, text="It rains."))
    talk.exchange(1000, "where is the lift", "Behind you.")
    after = successor(talk, heard=False)
    after.ask(10_000, "thanks")
    (ask,) = after.of(m.Ask)
    assert (ask.history, ask.context) == (("where is the lift", "Behind you."), ("It rains.",))


def test_what_waits_is_said_and_asked_by_a_successor_in_its_order(talk: Talk) -> None:
    talk.host(say("The house closes.", insist=True))
    talk.heard_from(100)
    for command in (say("Later."), m.AskText(number=2, text="what"), say("At once.", "interrupt")):
        assert talk.host(command).ok
    after = successor(talk, heard=True)
    after.hear_out(1000)
    after.finish()
    told = [(turn["answer"], turn["source"], turn["outcome"]) for turn in after.turns]
    assert told == [
        ("The house closes.", "say", "resumed"),
        ("At once.", "say", "answered"),
        ("Later.", "say", "answered"),
        ("Yes. It is.", "answer", "answered"),
    ]


@pytest.mark.parametrize(("insist", "state"), [(False, "ANNOUNCING"), (True, "INSISTING")])
def test_words_of_the_host_that_are_heard_are_known_for_what_they_are(talk: Talk, insist: bool, state: str) -> None:
    talk.host(say("Dear visitors.", insist=insist))
    talk.heard_from(100)
    after = successor(talk, heard=True)
    assert after.state() == state
    assert not after.of(m.Clause)
    after.hear_out(after.at + 1000)
    (ended,) = after.named("answer.ended")
    assert (ended["text"], ended["source"], ended["outcome"]) == ("Dear visitors.", "say", "resumed")


def test_a_phrase_of_the_engine_that_is_heard_stays_one(talk: Talk) -> None:
    talk.ask(1000, "")
    talk.heard_from(3000)
    after = successor(talk, heard=True)
    after.hear_out(4000)
    assert after.turns[0]["source"] == "phrase"


@pytest.mark.parametrize("command", [say("Dear visitors."), m.AskText(number=1, text="what")])
def test_what_the_host_wanted_and_nobody_has_heard_is_begun_anew_once(talk: Talk, command: m.Message) -> None:
    talk.host(command)
    stale = talk.tag
    after = successor(talk, heard=False)
    assert after.tag > stale
    assert [message.text for message in (*after.of(m.Ask), *after.of(m.Clause))] == [command.text]  # type: ignore[attr-defined]
    last = successor(after, heard=False)
    assert last.state() == "LISTENING"
    (error,) = last.named("error")
    assert (error["where"], "given up" in error["what"]) == ("turns", True)


def test_the_longest_memory_fits_into_its_ring(talk: Talk) -> None:
    talk.bring_to("INSISTING")
    worst = "\U0001f600\x01" * (MOST_CHARACTERS // 2)
    while talk.host(say(worst)).ok and talk.host(say(worst, "interrupt")).ok:
        pass
    for _ in range(40):
        talk.host(m.AddContext(number=1, text=worst))
        talk.present.session.remember(worst, worst)
    memory = talk.conversation.succession.memory
    assert len(memory.urgent) == len(memory.queue) == MOST_WAITING
    assert len(memory.dump()) < channel("memory").size
