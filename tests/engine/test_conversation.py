"""Conversations, message by message, with the time in hand."""

from __future__ import annotations

import pytest

from engine import messages as m
from engine.turns.deadlines import deadline_ns
from tests.engine.talk import MS, Talk, config, fixed_wait

AT_WORST = 510
"""ms after the end of speech, when the final text is not waited for any longer: the wait has used up the rest."""


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_question_is_answered_after_the_end_of_speech_wait(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2000 + 449)
    assert not talk.of(m.Finish)
    talk.until(2000 + 451)
    assert len(talk.of(m.Finish)) == 1
    talk.text("when do you close")
    assert [ask.text for ask in talk.of(m.Ask)] == ["when do you close"]
    talk.answer("At six. Not on Mondays.")
    assert [clause.text for clause in talk.of(m.Clause)] == ["At six.", "Not on Mondays."]
    assert talk.of(m.LastClause)[0].count == 2
    talk.play(2540, 4000)
    (turn,) = talk.turns
    assert (turn["transcript"], turn["answer"]) == ("when do you close", "At six. Not on Mondays.")
    assert turn["outcome"] == "answered"
    assert turn["response_ms"] == 540
    assert turn["stages"]["turns"]["ended"] == 450
    assert talk.state() == "LISTENING"


def test_the_recogniser_gets_the_sound_before_the_first_sign_of_voice(talk: Talk) -> None:
    talk.speech(1000, 2000)
    assert talk.of(m.Listen)[0].start == (1000 - talk.present.config.vad.preroll_ms) * 16


def test_a_pause_shorter_than_the_wait_does_not_take_the_turn(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.speech(2300, 3000)
    assert not talk.of(m.Finish)
    talk.until(3460)
    assert len(talk.of(m.Finish)) == len(talk.of(m.Listen)) == 1


def test_the_recogniser_takes_in_no_noise_while_the_user_may_have_finished(talk: Talk) -> None:
    talk.speech(1000, 2000)
    assert talk.of(m.Hold)[-1].limit == 2100 * 16
    talk.speech(2300, 3000)
    assert [hold.limit // 16 for hold in talk.of(m.Hold)] == [2100, 0, 3100]
    assert [hold.end // 16 for hold in talk.of(m.Hold)] == [2000, 0, 3000]
    talk.until(3460)
    assert talk.of(m.Finish)[0].stop == 3100 * 16


def test_silence_that_the_vad_has_not_judged_yet_is_not_the_end(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.conversation.see(2100 * 16, 0)
    talk.conversation.expire(3000 * MS)
    assert talk.state() == "ENDING"
    talk.until(3020)
    assert talk.state() == "FINALISING"


def test_what_is_said_during_an_answer_is_answered_afterwards(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("A long answer.")
    for number in range(1):
        talk.say(m.ClauseVoiced(tag=talk.tag, number=number, samples=48000))
    talk.until(2500)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.speech(3000, 4000)
    assert len(talk.of(m.Listen)) == 1
    talk.hear_out(5500)
    assert talk.of(m.Listen)[1].start == 2700 * 16
    talk.until(5501)
    assert talk.state() == "FINALISING"
    talk.text("and the next")
    assert talk.of(m.Ask)[1].text == "and the next"
    assert talk.of(m.Ask)[1].history == ("hello", "A long answer.")


def test_speech_that_still_goes_on_when_the_answer_ends_is_heard_to_its_end(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("Yes.")
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.until(3000)
    talk.say(m.SpeechBegan(start=2900 * 16, capture_ns=2900 * MS))
    talk.hear_out(3000)
    assert talk.state() == "HEARING"
    talk.until(4000)
    talk.say(m.SpeechPaused(end=3900 * 16, capture_ns=3900 * MS))
    talk.until(4360)
    assert talk.state() == "FINALISING"


def test_a_pause_in_what_is_said_during_an_answer_does_not_split_it(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("Yes.")
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.speech(3000, 3500)
    talk.until(3800)
    talk.say(m.SpeechBegan(start=3700 * 16, capture_ns=3700 * MS))
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=3800 * MS, samples=1))
    talk.until(4200)
    assert talk.state() == "HEARING"
    talk.say(m.SpeechPaused(end=4200 * 16, capture_ns=4200 * MS))
    talk.until(4660)
    assert len(talk.of(m.Listen)) == 2
    assert talk.of(m.Finish)[1].stop == 4300 * 16


def test_a_stale_result_is_dropped(talk: Talk) -> None:
    talk.speech(1000, 2000)
    old = talk.tag
    talk.until(2460)
    talk.text("hello")
    talk.answer("Yes.")
    talk.play(2500, 3000)
    talk.speech(5000, 6000)
    talk.say(m.Text(tag=old, text="stale", language="en", confidence=1.0, final=1))
    talk.say(m.Piece(tag=old, text="stale. "))
    talk.say(m.PlaybackEnded(tag=old, at_ns=0, samples=0))
    assert talk.state() == "ENDING"
    assert len(talk.of(m.Ask)) == 1


def test_a_late_final_text_is_replaced_by_a_partial_that_covers_the_speech(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.text("when do you close", final=False, upto=2100 * 16)
    due = 2000 + AT_WORST
    talk.until(due - 1)
    assert not talk.of(m.Ask)
    talk.until(due + 1)
    assert [ask.text for ask in talk.of(m.Ask)] == ["when do you close"]
    talk.answer("At six.")
    talk.play(due + 90, due + 900)
    assert talk.turns[0]["late"] == ["asr"]


def test_a_partial_that_lacks_the_last_words_stands_in_only_when_the_turn_has_no_time_left(talk: Talk) -> None:
    config = talk.present.config
    talk.speech(1000, 2000)
    talk.text("when do", final=False, upto=1500 * 16)
    latest = deadline_ns("asr", (2000 + config.turns.response_budget_ms) * MS, 0, config) / MS
    talk.until(latest - 1)
    assert not talk.of(m.Ask)
    talk.until(latest + 1)
    assert [ask.text for ask in talk.of(m.Ask)] == ["when do"]


def test_words_that_were_not_understood_are_asked_for_again(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("")
    assert [clause.text for clause in talk.of(m.Clause)] == ["Sorry, I did not catch that."]
    assert not talk.of(m.Ask)
    talk.play(2540, 3000)
    assert talk.turns[0]["outcome"] == "apologised"


def test_a_noise_too_short_for_a_word_is_nobodys_turn(talk: Talk) -> None:
    talk.speech(1000, 1100)
    talk.until(1560)
    talk.text("")
    assert not talk.of(m.Clause)
    assert not talk.turns
    assert talk.state() == "LISTENING"


def test_a_language_model_that_gives_nothing_is_apologised_for_as_a_new_attempt(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    first = talk.tag
    talk.until(2460 + 5001)
    assert [clause.text for clause in talk.of(m.Clause)] == [talk.present.phrases.failed]
    assert talk.tag.attempt == first.attempt + 1
    assert talk.present.audible == talk.tag
    assert m.Cancel(tag=first) in talk.of(m.Cancel)


def test_a_voice_that_gives_nothing_ends_the_turn_and_the_conversation_goes_on(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("Yes.")
    talk.until(2460 + 5001)
    assert talk.turns[0]["outcome"] == "abandoned"
    talk.speech(9000, 9500)
    talk.until(9960)
    talk.text("again")
    assert len(talk.of(m.Ask)) == 2


def test_an_empty_answer_is_said_to_be_none(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.say(m.PiecesEnded(tag=talk.tag, reason="done"))
    assert [clause.text for clause in talk.of(m.Clause)] == [talk.present.phrases.unknown]
    talk.play(2600, 3000)
    assert (talk.turns[0]["outcome"], talk.turns[0]["source"]) == ("apologised", "phrase")


def test_someone_who_does_not_stop_is_answered_all_the_same_and_heard_on(talk: Talk) -> None:
    talk.until(1064)
    talk.say(m.SpeechBegan(start=16000, capture_ns=1000 * MS))
    talk.until(31001)
    assert talk.state() == "FINALISING"
    talk.text("so much")
    talk.answer("Yes.")
    talk.play(31100, 31500)
    assert talk.state() == "HEARING"
    talk.say(m.SpeechPaused(end=31400 * 16, capture_ns=31400 * MS))
    assert talk.state() == "ENDING"


def test_the_conversation_is_over_when_the_input_has_been_judged_and_answered(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.say(m.InputEnded(sample=2100 * 16))
    talk.until(2460)
    talk.text("hello")
    talk.answer("Yes.")
    assert not talk.of(m.Over)
    talk.play(2540, 3500)
    talk.say(m.InputEnded(sample=2100 * 16))
    assert len(talk.of(m.Over)) == 1


def test_history_keeps_so_many_turns_as_configured() -> None:
    talk = Talk("llm.history_turns=1")
    for number in range(3):
        start = 1000 + 5000 * number
        talk.speech(start, start + 500)
        talk.until(start + 960)
        talk.text(f"question {number}")
        talk.answer("Yes.")
        talk.play(start + 1000, start + 1500)
    assert talk.of(m.Ask)[2].history == ("question 1", "Yes.")


def test_a_recogniser_that_fails_is_apologised_for_when_the_user_has_finished(talk: Talk) -> None:
    talk.until(1064)
    talk.say(m.SpeechBegan(start=16000, capture_ns=1000 * MS))
    talk.say(m.TextFailed(tag=talk.ear, text="no memory"))
    assert not talk.of(m.Clause)
    talk.until(2000)
    talk.say(m.SpeechPaused(end=1968 * 16, capture_ns=1968 * MS))
    talk.until(2430)
    assert [clause.text for clause in talk.of(m.Clause)] == [talk.present.phrases.failed]
    assert not talk.of(m.Finish)


def test_a_partial_that_stands_in_ends_the_recognisers_part_when_it_is_taken(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.text("when do you close", final=False, upto=2100 * 16)
    talk.until(2600)
    talk.answer("At six.")
    talk.play(2700, 3000)
    assert talk.turns[0]["stages"]["asr"]["ended"] == pytest.approx(AT_WORST, abs=1)


def test_a_question_carries_no_more_of_the_past_than_its_ring_can_take(talk: Talk) -> None:
    for number in range(4):
        start = 1000 + 5000 * number
        talk.speech(start, start + 500)
        talk.until(start + 960)
        talk.text(f"question {number}")
        talk.answer("word " * 1000 + "end.")
        talk.play(start + 1000, start + 1500)
    assert talk.of(m.Ask)[3].history[::2] == ("question 1", "question 2")


def test_words_that_are_not_certain_enough_are_asked_for_again() -> None:
    talk = Talk("asr.min_confidence=0.95")
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("mumble")
    assert [clause.text for clause in talk.of(m.Clause)] == [talk.present.phrases.not_heard]


def test_history_keeps_only_what_the_voice_said(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("First sentence. Second sentence. Third sentence.")
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=100))
    talk.say(m.VoiceEnded(tag=talk.tag, reason="failed"))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=2600 * MS, samples=100))
    talk.speech(4000, 5000)
    talk.until(5460)
    talk.text("and then")
    assert talk.of(m.Ask)[1].history == ("hello", "First sentence.")


def test_a_first_clause_that_comes_too_late_is_counted_though_its_first_word_was_in_time(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.say(m.Piece(tag=talk.tag, text="Well "))
    talk.until(2460 + talk.present.config.llm.first_clause_budget_ms + 5)
    talk.answer("yes. Indeed.")
    talk.play(2800, 3000)
    assert talk.turns[0]["late"] == ["llm"]


def test_a_recogniser_that_has_to_catch_up_is_given_time_for_it(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("Yes.")
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.speech(3000, 5000)
    talk.hear_out(6000)
    talk.until(6001)
    assert talk.state() == "FINALISING"
    talk.text("the first", final=False, upto=3500 * 16)
    talk.until(7550)
    assert len(talk.of(m.Ask)) == 1
    talk.text("the first word and the last")
    assert talk.of(m.Ask)[1].text == "the first word and the last"


def test_an_answer_is_not_given_up_while_it_is_heard(talk: Talk) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.text("hello")
    talk.answer("A clause that lasts for a minute.")
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    for second in range(3, 60, 4):
        talk.played = second * 16000
        talk.until(second * 1000)
    assert talk.state() == "SPEAKING"
    talk.until(75_000)
    assert talk.turns[0]["outcome"] == "abandoned"


def test_a_phrase_of_the_engines_own_is_no_history() -> None:
    talk = Talk("asr.min_confidence=0.85")
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.say(m.Text(tag=talk.ear, text="mumble", language="en", confidence=0.5, final=1))
    talk.play(2500, 3000)
    talk.ask(5000, "hello")
    assert talk.of(m.Ask)[0].history == ()


def test_settings_that_change_count_from_then_on(talk: Talk) -> None:
    talk.exchange(1000, "hello", "Yes.")
    talk.conversation.reload(config(*fixed_wait(900), 'phrases.en.not_heard="Pardon?"'), talk.now)
    talk.speech(5000, 6000)
    talk.until(6899)
    assert talk.state() == "ENDING"
    talk.until(6901)
    assert talk.state() == "FINALISING"
    talk.text("")
    assert [clause.text for clause in talk.of(m.Clause)] == ["Yes.", "Pardon?"]
