"""Answers that are begun before the user is known to have finished."""

from __future__ import annotations

import pytest

from engine import messages as m
from engine.turns.deadlines import deadline_ns
from tests.engine.talk import MS, WAIT, Talk


@pytest.fixture
def talk() -> Talk:
    return Talk("turns.speculations=3")


def pause(talk: Talk, words: str = "when do you close", upto: float = 2000) -> None:
    """The user speaks from 1000 to 2000 ms, and these words of it are known up to `upto` ms."""
    talk.begin(1000)
    talk.until(1900)
    talk.text(words, final=False, upto=round(upto * 16))
    talk.pause(2000)


def asked(talk: Talk) -> list[str]:
    return [ask.text for ask in talk.of(m.Ask)]


def test_an_answer_is_begun_at_the_first_sign_of_an_ending(talk: Talk) -> None:
    pause(talk)
    assert asked(talk) == ["when do you close"]
    assert talk.state() == "ENDING"


def test_nothing_of_it_is_heard_or_heard_of_before_the_user_has_finished(talk: Talk) -> None:
    pause(talk)
    told = len(talk.events)
    talk.answer("At six. Not on Mondays.")
    talk.voice()
    talk.until(2000 + WAIT - 1)
    assert talk.present.audible < talk.tag
    assert talk.events[told:] == []


def test_a_right_one_is_used_and_not_repeated(talk: Talk) -> None:
    pause(talk)
    talk.answer("At six.")
    talk.voice()
    tag = talk.tag
    talk.until(2000 + WAIT + 1)
    assert talk.present.audible == talk.tag == tag
    assert talk.state() == "THINKING"
    talk.until(2000 + WAIT + 20)
    talk.say(m.PlaybackBegan(tag=tag, at_ns=talk.now))
    talk.until(talk.at)
    talk.hear_out(4000)
    assert asked(talk) == ["when do you close"]
    assert [clause.text for clause in talk.of(m.Clause)] == ["At six."]
    (turn,) = talk.turns
    assert (turn["speculated"], turn["hit"], turn["outcome"], turn["heard"]) == (1, True, "answered", "At six.")


def test_whoever_works_on_a_right_one_learns_when_it_is_due_and_of_a_wrong_one_never(talk: Talk) -> None:
    pause(talk)
    assert (talk.of(m.Ask)[0].deadline_ns, talk.conversation.due_ns) == (0, 0)
    talk.until(2000 + WAIT + 1)
    config, whole_ns = talk.present.config, talk.present.current.whole_ns
    assert talk.conversation.due_ns == deadline_ns("token", whole_ns, talk.now, config)
    talk.answer("At six.")
    assert talk.conversation.due_ns == deadline_ns("vocoder", whole_ns, talk.now, config)
    talk.voice()
    assert talk.conversation.due_ns == 0
    talk.play(3000, 4000)
    assert talk.conversation.due_ns == 0
    talk.begin(6000)
    talk.until(6900)
    talk.text("where is", final=False, upto=6900 * 16)
    talk.pause(7000)
    talk.until(7000 + WAIT + 10)
    talk.text("where is the lift")
    assert (talk.of(m.Ask)[-1].text, talk.conversation.due_ns) == ("where is the lift", 0)  # the question has it


def test_no_final_text_is_waited_for_when_the_words_cover_all_the_speech(talk: Talk) -> None:
    pause(talk)
    talk.until(2000 + WAIT + 1)
    assert not talk.of(m.Finish)
    assert m.Cancel(tag=talk.ear) in talk.on("listen")  # the recogniser is free for the next one
    assert [event["text"] for event in talk.named("user.final")] == ["when do you close"]


def test_what_words_lean_on_is_short_enough_for_the_ring(talk: Talk) -> None:
    talk = Talk("turns.speculations=3", "asr.reconsider=true", "llm.backend=facts", "llm.history_turns=20")
    for n in range(9):
        talk.present.session.remember(f"q{n}", "ж" * 1000)
        talk.present.session.know(f"{n}" + "ж" * 800)
    pause(talk)
    (hold,) = [each for each in talk.of(m.Hold) if each.limit]
    assert [text[:2] for text in hold.history[::2]] == ["q7", "q8"]
    assert [text[0] for text in hold.context] == ["6", "7", "8"]
    assert len(m.encode(hold)) <= 13_000
    assert len(talk.present.session.past(20)) == 18  # nothing is forgotten for it


@pytest.mark.parametrize("settled", [0, 1])
def test_the_final_text_of_words_that_mean_nothing_is_waited_for_and_what_they_lean_on_is_told(settled: int) -> None:
    """It may be other words, so no answer is begun either."""
    talk = Talk("turns.speculations=3", "asr.reconsider=true", "llm.backend=facts")
    talk.present.session.remember("is there a cook", "Our chef is Giulia Romano.")
    talk.present.session.know("The bus leaves at ten.")
    talk.begin(1000)
    talk.until(1900)
    talk.text("who is the coop", final=False, upto=2000 * 16, settled=settled)
    talk.pause(2000)
    leaning = (("is there a cook", "Our chef is Giulia Romano."), ("The bus leaves at ten.",))
    (hold,) = [each for each in talk.of(m.Hold) if each.limit]
    assert (hold.history, hold.context) == leaning
    if settled:
        talk.answer("I am sorry, I don't know that.")
    talk.until(2000 + WAIT + 1)
    finishes = talk.of(m.Finish)
    assert len(finishes) == 1 - settled
    if finishes:
        assert (finishes[0].history, finishes[0].context) == leaning
        talk.text("who is the cook")
    assert asked(talk) == ["who is the coop" if settled else "who is the cook"]
    final = [event["text"] for event in talk.named("user.final")]
    assert final == ["who is the coop" if settled else "who is the cook"]


def test_at_a_pause_an_answer_is_begun_on_words_that_are_settled_and_no_others() -> None:
    talk = Talk("turns.speculations=3", "asr.reconsider=true", "llm.backend=facts")
    talk.begin(1000)
    talk.until(1900)
    talk.text("who is", final=False, upto=1900 * 16)
    talk.pause(2000)
    talk.text("who is the coop", final=False, upto=2000 * 16)
    assert asked(talk) == []
    talk.text("who is the cook", final=False, upto=2000 * 16, settled=1)
    assert asked(talk) == ["who is the cook"]
    talk.answer("Our chef is Giulia Romano.")
    talk.until(2000 + WAIT + 1)
    assert not talk.of(m.Finish)
    assert [event["text"] for event in talk.named("user.final")] == ["who is the cook"]


def test_the_final_text_is_waited_for_when_they_do_not(talk: Talk) -> None:
    pause(talk, upto=1950)
    talk.until(2000 + WAIT + 1)
    assert talk.state() == "FINALISING"
    assert len(talk.of(m.Finish)) == 1
    talk.text("when do you close")
    assert len(talk.of(m.Ask)) == 1
    assert talk.present.audible == talk.tag


def test_words_of_a_recogniser_that_is_behind_are_not_answered_early(talk: Talk) -> None:
    pause(talk, "when do", upto=1800)
    assert asked(talk) == []
    talk.text("when do you close", final=False, upto=1950 * 16)
    assert asked(talk) == ["when do you close"]


def test_other_words_refute_it(talk: Talk) -> None:
    pause(talk, "when do you")
    first = talk.tag
    talk.text("when do you close", final=False, upto=2000 * 16)
    assert asked(talk) == ["when do you", "when do you close"]
    for channel in ("asks", "clauses"):
        assert m.Cancel(tag=first) in talk.on(channel)
    assert talk.present.newest == talk.tag > first  # its voice falls silent without a message


def test_a_final_text_with_other_words_refutes_it(talk: Talk) -> None:
    pause(talk, "when do you", upto=1950)
    talk.answer("At any time.")
    talk.until(2000 + WAIT + 1)
    talk.text("when do you close")
    talk.say(m.Piece(tag=talk.tag, text="At six. "))
    assert asked(talk) == ["when do you", "when do you close"]
    assert [clause.text for clause in talk.of(m.Clause)] == ["At any time.", "At six."]
    assert talk.present.audible == talk.tag
    talk.say(m.PiecesEnded(tag=talk.tag, reason="done"))
    talk.play(2600, 3000)
    assert (talk.turns[0]["answer"], talk.turns[0]["hit"]) == ("At six.", False)


def test_capitals_and_blanks_do_not_refute_it(talk: Talk) -> None:
    pause(talk, "When do  you close", upto=1950)
    talk.until(2000 + WAIT + 1)
    talk.text("when do you close")
    assert len(talk.of(m.Ask)) == 1


def test_who_goes_on_with_other_words_is_not_answered_twice_nor_remembered_so(talk: Talk) -> None:
    pause(talk, "i would like")
    talk.answer("What would you like?")
    talk.voice()
    talk.begin(2200)
    talk.until(2900)
    talk.text("i would like a ticket", final=False, upto=3000 * 16)
    talk.pause(3000)
    talk.answer("Twelve euros.")
    talk.voice()
    talk.until(3000 + WAIT + 20)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now))
    talk.hear_out(5000)
    assert [turn["heard"] for turn in talk.turns] == ["Twelve euros."]
    talk.exchange(6000, "and children", "They are free.")
    assert talk.of(m.Ask)[-1].history == ("i would like a ticket", "Twelve euros.")


def test_a_flicker_of_the_voice_without_new_words_keeps_it(talk: Talk) -> None:
    pause(talk)
    talk.answer("At six.")
    talk.speech(2100, 2150)
    talk.text("when do you close", final=False, upto=2200 * 16)
    talk.until(2150 + WAIT + 1)
    assert len(talk.of(m.Ask)) == 1
    assert talk.present.audible == talk.tag


def test_words_that_stay_the_same_for_long_are_answered_though_the_voice_goes_on(talk: Talk) -> None:
    talk.begin(1000)
    talk.text("when do you close", final=False, upto=1500 * 16)
    assert asked(talk) == []
    talk.text("when do you close", final=False, upto=1690 * 16)
    assert asked(talk) == []
    talk.text("when do you close", final=False, upto=1710 * 16)
    assert asked(talk) == ["when do you close"]
    assert talk.state() == "HEARING"


def test_attempts_are_capped_and_the_last_words_are_answered_all_the_same(talk: Talk) -> None:
    pause(talk, "0")
    for number in range(1, 6):
        talk.text(str(number), final=False, upto=2000 * 16)
    assert asked(talk) == ["0", "1", "2"]  # three at most, and one of them before the pause
    talk.until(2000 + WAIT + 1)
    talk.text("5")
    assert asked(talk) == ["0", "1", "2", "5"]
    talk.answer("Five.")
    talk.play(2600, 3000)
    assert (talk.turns[0]["speculated"], talk.turns[0]["hit"]) == (3, False)


@pytest.mark.parametrize(
    "fault",
    [
        m.PiecesEnded(reason="failed", text="no memory"),
        m.VoiceEnded(reason="failed", text="no memory"),
    ],
)
def test_one_that_failed_is_told_to_nobody_and_made_anew(talk: Talk, fault: m.Message) -> None:
    pause(talk)
    talk.say(m.Piece(tag=talk.tag, text="At six. "))
    talk.say(type(fault)(tag=talk.tag, reason="failed", text="no memory"))  # type: ignore[call-arg]
    talk.until(2000 + WAIT + 1)
    talk.text("when do you close")
    assert asked(talk) == ["when do you close"] * 2
    assert talk.named("error") == []
    assert talk.present.audible == talk.tag


@pytest.mark.parametrize("stage", ["llm", "vocoder"])
def test_a_worker_that_is_restarted_meanwhile_costs_no_answer(talk: Talk, stage: str) -> None:
    pause(talk)
    talk.say(m.Piece(tag=talk.tag, text="At six. "))
    talk.say(m.Joined(stage=stage))
    talk.until(2000 + WAIT + 1)
    talk.text("when do you close")
    talk.answer("At six.")
    talk.play(2600, 3000)
    assert talk.turns[0]["heard"].endswith("At six.")


def test_that_there_is_no_answer_is_said_only_when_the_user_has_finished(talk: Talk) -> None:
    pause(talk)
    talk.say(m.PiecesEnded(tag=talk.tag, reason="done"))
    assert talk.state() == "ENDING"
    assert not talk.of(m.Clause)
    talk.until(2000 + WAIT + 1)
    assert [clause.text for clause in talk.of(m.Clause)] == [talk.present.phrases.unknown]
    talk.play(2600, 3000)
    assert talk.turns[0]["outcome"] == "apologised"


def test_its_deadlines_run_only_from_when_the_user_has_finished(talk: Talk) -> None:
    pause(talk)
    talk.until(2000 + WAIT + talk.present.config.llm.first_token_budget_ms - 10)
    talk.answer("At six.")
    talk.play(2700, 3000)
    assert talk.turns[0]["late"] == []


@pytest.mark.parametrize("ending", [m.StopSpeaking(number=1), m.EndSession(number=1)])
def test_an_unconfirmed_one_leaves_no_words_behind(talk: Talk, ending: m.Message) -> None:
    pause(talk)
    talk.answer("At six.")
    talk.voice()
    talk.until(2200)
    talk.host(ending)
    if isinstance(ending, m.StopSpeaking):
        talk.conversation.interrupt(talk.now)
        talk.until(2200)
    assert [(turn["answer"], turn["heard"]) for turn in talk.turns] == [("", "")]


def test_words_that_are_not_certain_enough_are_not_answered_early() -> None:
    talk = Talk("turns.speculations=3", "asr.min_confidence=0.95")
    pause(talk)
    assert asked(talk) == []


def test_what_was_thrown_away_is_counted(talk: Talk) -> None:
    counted: dict[str, int] = {}
    talk.present.on_count = lambda name, by: counted.update({name: counted.get(name, 0) + by})
    pause(talk, "when do you")
    talk.answer("At any time.")
    talk.voice(16000)
    talk.text("when do you close", final=False, upto=2000 * 16)
    talk.answer("At six.")
    talk.until(2000 + WAIT + 1)
    assert counted == {
        "turns.speculations": 2,
        "turns.speculation_hits": 1,
        "turns.thrown_pieces": 3,
        "turns.thrown_ms": 1000,
    }


def test_sound_that_is_made_before_the_end_does_not_count_as_late(talk: Talk) -> None:
    pause(talk)
    talk.answer("At six.")
    talk.voice()
    talk.until(2000 + WAIT + 1)
    talk.until(2000 + WAIT + 30)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now))
    talk.hear_out(4000)
    assert talk.turns[0]["response_ms"] == WAIT + 30
    assert talk.turns[0]["late"] == []
    assert round(talk.now / MS) == 4000
