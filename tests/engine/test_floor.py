"""When a stage is late, stuck or dead the floor takes its step over, once, and nothing is heard twice."""

from __future__ import annotations

import pytest

from engine import audible
from engine import messages as m
from engine.contract import Tag
from engine.turns.deadlines import deadline_ns
from engine.turns.memory import Memory
from engine.turns.table import Event
from engine.turns.turn import FLOOR_BACK_MS, FLOOR_HANGS_MS, Wish
from tests.engine.talk import MS, WAIT, Talk

HELD = "One moment, please."


class Floored(Talk):
    """A talk with a floor, which the test plays."""

    def __init__(self, *sets: str) -> None:
        super().__init__(*sets)
        self.floor = True

    def until_due(self, step: str) -> None:
        """Until this step of the turn is not waited for any longer."""
        whole_ns = self.present.current.whole_ns
        self.until(deadline_ns(step, whole_ns, 0, self.present.config) / MS)  # type: ignore[arg-type]

    def floor_answers(self, text: str) -> None:
        for piece in text.split(" "):
            self.say(m.Piece(tag=self.tag, text=piece + " ", stage="floor"))
        self.say(m.PiecesEnded(tag=self.tag, reason="done", stage="floor"))

    def floor_knows_none(self) -> None:
        self.say(m.PiecesEnded(tag=self.tag, reason="failed", stage="floor"))

    def floor_voices(self, number: int, samples: int = 16_000) -> None:
        self.say(m.ClauseBegan(tag=self.tag, number=number, stage="floor"))
        self.say(m.ClauseVoiced(tag=self.tag, number=number, samples=samples, stage="floor"))

    def hold(self) -> None:
        """A phrase holds the turn and is heard to its end, in a second."""
        self.until_due("token")
        self.floor_knows_none()
        self.say(m.PlaybackBegan(tag=self.tag, at_ns=self.now, source=audible.HOLDING))
        self.played = 16_000
        self.until(self.at + 1000)
        self.say(m.PlaybackEnded(tag=self.tag, at_ns=self.now, samples=16_000, source=audible.HOLDING))

    def floor_heard(self, begin: float, end: float, samples: int, sample: int = 0) -> None:
        """What the floor says is heard to its end."""
        self.until(begin)
        self.say(m.PlaybackBegan(tag=self.tag, at_ns=round(begin * MS), sample=sample, source=audible.FLOOR))
        self.until(end)
        self.played = samples
        self.say(m.PlaybackEnded(tag=self.tag, at_ns=round(end * MS), samples=samples, source=audible.FLOOR))
        self.until(end)

    @property
    def asked_floor(self) -> list[m.Message]:
        return self.on("takeovers")

    @property
    def said_by_floor(self) -> list[str]:
        return [message.text for message in self.asked_floor if isinstance(message, m.Clause)]


@pytest.fixture
def talk() -> Floored:
    return Floored()


def test_a_turn_that_is_on_time_is_none_of_the_floors_business(talk: Floored) -> None:
    talk.exchange(1000, "hello", "Yes. It is.")
    talk.host(m.Say(number=1, text="Dear visitors.", mode="queue", interruptible=1))
    talk.play(6000, 7000)
    assert talk.asked_floor == []
    assert [(turn["floor"], turn["held"], turn["late"]) for turn in talk.turns] == [([], False, [])] * 2


# The language model.


@pytest.mark.parametrize("begun", [False, True], ids=["nothing came of it", "its first clause is late"])
def test_a_late_language_model_is_answered_for_by_the_floor(talk: Floored, begun: bool) -> None:
    talk.ask(1000, "when do you close")
    tag = talk.tag
    if begun:
        talk.say(m.Piece(tag=tag, text="Well "))
    talk.until_due("clause" if begun else "token")
    (question,) = talk.asked_floor
    assert isinstance(question, m.Ask)
    assert (question.tag, question.text) == (tag, "when do you close")
    talk.floor_answers("At six.")
    assert {type(message) for message in talk.on("asks")} == {m.Ask, m.Cancel, m.Settle}
    talk.answer("I should think so.", stage="llm")  # too late
    talk.play(3000, 4000)
    (turn,) = talk.turns
    assert (turn["answer"], turn["heard"], turn["source"], turn["outcome"]) == (
        "At six.",
        "At six.",
        "floor",
        "answered",
    )
    assert (turn["floor"], turn["held"], turn["late"], turn["attempt"]) == (["llm"], False, ["llm"], 1)
    assert [event["source"] for event in talk.named("answer.started")] == ["floor"]
    talk.ask(8000, "and then")
    assert talk.of(m.Ask)[-1].history == ("when do you close", "At six.")


def test_a_language_model_that_comes_before_the_floor_has_its_say(talk: Floored) -> None:
    talk.ask(1000, "when do you close")
    talk.until_due("token")
    talk.answer("At six.")
    talk.floor_answers("At seven.")
    assert [clause.text for clause in talk.of(m.Clause)] == ["At six."]
    talk.play(3000, 4000)
    assert (talk.turns[0]["source"], talk.turns[0]["floor"], talk.turns[0]["late"]) == ("answer", [], ["llm"])


def test_without_an_answer_of_the_floor_a_phrase_holds_the_turn_until_the_language_model_has_one(talk: Floored) -> None:
    talk.ask(1000, "why is the sky blue")
    talk.until_due("token")
    talk.floor_knows_none()
    assert isinstance(talk.asked_floor[-1], m.HoldTurn)
    assert (talk.present.audible, talk.present.source) == (talk.tag, audible.HOLDING)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now, source=audible.HOLDING))
    assert talk.state() == "THINKING"
    assert [event["text"] for event in talk.named("answer.holding")] == [HELD]
    talk.answer("Because of the air.")
    talk.voice()
    assert talk.present.source == audible.HOLDING  # the phrase is not cut off
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=talk.now, samples=9000, source=audible.HOLDING))
    assert (talk.present.audible, talk.present.source) == (talk.tag, audible.VOCODER)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=4000 * MS))
    talk.hear_out(5000)
    (turn,) = talk.turns
    assert (turn["heard"], turn["source"], turn["outcome"]) == ("Because of the air.", "answer", "answered")
    assert (turn["floor"], turn["held"], turn["response_ms"]) == ([], True, 2000)
    assert "One" not in [event["text"] for event in talk.named("answer.word")]
    assert turn["stages"]["floor"]["first"] <= talk.present.config.turns.response_budget_ms + 100


def test_a_turn_that_was_only_held_is_apologised_for_at_its_hard_limit(talk: Floored) -> None:
    talk.ask(1000, "why is the sky blue")
    asked = talk.at
    talk.hold()
    limit = talk.present.config.turns.hard_limit_s * 1000
    talk.until(asked + limit - 50)
    assert talk.said_by_floor == []
    talk.until(asked + limit + 50)
    assert talk.said_by_floor == [talk.present.phrases.failed]
    assert talk.present.source == audible.FLOOR
    talk.floor_voices(0)
    talk.floor_heard(talk.at + 10, talk.at + 1010, 16_000)
    (turn,) = talk.turns
    assert (turn["outcome"], turn["source"], turn["held"], turn["floor"]) == ("apologised", "phrase", True, ["llm"])


def test_a_phrase_that_never_sounds_does_not_keep_the_answer_silent(talk: Floored) -> None:
    talk.ask(1000, "why is the sky blue")
    talk.until_due("token")
    talk.floor_knows_none()
    talk.answer("Because of the air.")
    talk.voice()
    talk.until(talk.at + 300)
    assert talk.present.source == audible.VOCODER
    assert talk.turns == []
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now))
    talk.hear_out(talk.at + 1000)
    assert (talk.turns[0]["held"], talk.turns[0]["late"]) == (False, ["llm", "floor"])


def test_a_language_model_that_was_restarted_is_asked_again_behind_the_phrase(talk: Floored) -> None:
    talk.ask(1000, "why is the sky blue")
    talk.until_due("token")
    talk.floor_knows_none()
    tag = talk.tag
    talk.say(m.PlaybackBegan(tag=tag, at_ns=talk.now, source=audible.HOLDING))
    talk.say(m.Joined(stage="llm"))
    assert talk.tag == tag
    talk.say(m.PlaybackEnded(tag=tag, at_ns=talk.now, samples=9000, source=audible.HOLDING))
    assert (talk.tag.attempt, talk.of(m.Ask)[-1].tag) == (2, talk.tag)
    talk.until(talk.at + 200)
    talk.floor_knows_none()  # one phrase is enough
    assert len(talk.of(m.HoldTurn)) == 1
    talk.answer("Because of the air.")
    talk.play(4000, 5000)
    assert (talk.turns[0]["heard"], talk.turns[0]["held"]) == ("Because of the air.", True)


def test_whoever_speaks_over_the_phrase_is_listened_to_as_if_nothing_had_been_said(talk: Floored) -> None:
    talk.ask(1000, "why is the sky blue")
    talk.until_due("token")
    talk.floor_knows_none()
    tag = talk.tag
    talk.say(m.PlaybackBegan(tag=tag, at_ns=talk.now, source=audible.HOLDING))
    talk.maybe(2800, 3100, 200)
    assert talk.state() == "HEARING"
    assert (talk.present.audible > tag, talk.present.source) == (True, audible.NOTHING)
    assert m.Cancel(tag=tag) in talk.asked_floor
    talk.pause(3500)
    talk.until(3500 + WAIT + 10)
    talk.text("why is the sky blue today")
    talk.answer("It is not.")
    talk.play(5000, 6000)
    assert [turn["outcome"] for turn in talk.turns] == ["postponed", "answered"]


def test_an_answer_that_was_begun_early_has_no_deadline_before_it_is_confirmed() -> None:
    talk = Floored("turns.speculations=3", "turns.end_of_speech_floor_ms=3000", "turns.end_of_speech_ceiling_ms=3000")
    talk.speech(1000, 2000)
    talk.text("hello", final=False, upto=2000 * 16)
    assert len(talk.of(m.Ask)) == 1
    talk.until(4900)
    assert talk.asked_floor == []
    talk.until(5000 + 60)
    assert isinstance(talk.asked_floor[0], m.Ask)


# The voice.


def test_a_late_voice_is_spoken_for_and_what_it_says_later_counts_for_nothing(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four.")
    tag = talk.tag
    talk.until_due("vocoder")
    assert talk.said_by_floor == ["One two.", "Three four."]
    assert isinstance(talk.asked_floor[-1], m.LastClause)
    assert (talk.present.audible, talk.present.source) == (tag, audible.FLOOR)
    assert m.Cancel(tag=tag) in talk.on("clauses")
    talk.voice(stage="vocoder")
    talk.say(m.PlaybackBegan(tag=tag, at_ns=talk.now))
    assert talk.present.current.attempt.began_ns == 0
    talk.floor_voices(0)
    talk.floor_voices(1)
    talk.floor_heard(talk.at + 30, talk.at + 2030, 32_000)
    (turn,) = talk.turns
    assert (turn["heard"], turn["source"], turn["floor"]) == ("One two. Three four.", "answer", ["vocoder"])
    assert turn["response_ms"] <= talk.present.config.turns.response_budget_ms + 100


def test_the_first_sound_of_a_long_clause_is_enough(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two.")
    talk.say(m.ClauseBegan(tag=talk.tag, number=0))
    talk.until(6000)
    assert talk.asked_floor == []


def test_a_later_clause_is_due_when_the_loudspeaker_has_run_dry(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four. Five six.")
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=16_000))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = 16_000
    talk.until(3500)
    assert talk.said_by_floor == []
    talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=16_000))
    talk.until(3501)
    assert talk.said_by_floor == ["Three four.", "Five six."]
    talk.floor_voices(1)
    talk.floor_voices(2)
    talk.floor_heard(3550, 5550, 48_000, 16_000)
    words = [(event["text"], event["at_ms"]) for event in talk.named("answer.word")]
    assert words == [
        ("One", 2500),
        ("two.", 2944.4375),
        ("Three", 3550),
        ("four.", 4050),
        ("Five", 4550),
        ("six.", 5050),
    ]
    assert [event["number"] for event in talk.named("answer.word")] == list(range(6))
    assert (talk.turns[0]["heard"], talk.turns[0]["floor"]) == ("One two. Three four. Five six.", ["vocoder"])


def test_a_clause_that_breaks_off_is_gone_on_with_where_it_stood(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two three four.")
    talk.say(m.ClauseBegan(tag=talk.tag, number=0))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = round(16_000 * 8 / 14)  # two words, as fast as people speak
    talk.until(3100)
    talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=talk.played))
    talk.until(3150)
    assert talk.said_by_floor == []  # it may only have hesitated
    talk.until(3200)
    assert talk.said_by_floor == ["three four."]
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=32_000))
    talk.floor_voices(1)
    talk.floor_heard(3250, 4250, talk.played + 16_000, talk.played)
    (turn,) = talk.turns
    assert (turn["answer"], turn["heard"]) == ("One two three four.", "One two three four.")
    assert [event["text"] for event in talk.named("answer.word")] == ["One", "two", "three", "four."]


def test_a_voice_that_goes_on_by_itself_is_left_to_speak(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two three four.")
    talk.say(m.ClauseBegan(tag=talk.tag, number=0))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = 8000
    talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=8000))
    talk.played = 9000
    talk.until(4000)
    assert talk.asked_floor == []


def test_a_voice_that_does_not_keep_up_is_spoken_for_when_it_stumbles_again(talk: Floored) -> None:
    """It has the next sound well within its budget, each time, and the answer would be all pauses."""
    talk.ask(1000, "hello")
    talk.answer("One two three four. Five.")
    talk.say(m.ClauseBegan(tag=talk.tag, number=0))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.until(2600)
    for played in (320, 640):
        assert talk.asked_floor == []
        talk.played = played
        talk.until(talk.at + 30)
        talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=played))
    talk.until(talk.at)
    assert talk.said_by_floor == ["One two three four.", "Five."]
    assert talk.present.source == audible.FLOOR


def test_pauses_between_clauses_are_no_stumbling(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One. Two. Three. Four.")
    for number in range(3):
        talk.say(m.ClauseVoiced(tag=talk.tag, number=number, samples=3200))
        if not number:
            talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
            talk.until(2500)
        talk.played = 3200 * (number + 1)
        talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=talk.played))
        talk.until(talk.at + 30)
    assert talk.asked_floor == []


def test_a_slow_language_model_is_not_the_voices_fault(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.say(m.Piece(tag=talk.tag, text="One two. "))
    talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=16_000))
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
    talk.played = 16_000
    talk.until(3500)
    talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=16_000))
    talk.until(4500)
    assert talk.asked_floor == []
    talk.say(m.Piece(tag=talk.tag, text="Three four five six seven. Eight"))
    talk.until(4500 + talk.present.config.vocoder.first_audio_budget_ms - 1)
    assert talk.asked_floor == []
    talk.until(talk.at + 2)
    assert talk.said_by_floor == ["Three four five six seven."]
    talk.say(m.PiecesEnded(tag=talk.tag, reason="done"))
    assert talk.said_by_floor == ["Three four five six seven.", "Eight"]


@pytest.mark.parametrize("heard", [False, True], ids=["at once", "in the middle"])
def test_a_voice_that_fails_is_spoken_for(talk: Floored, heard: bool) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four.")
    if heard:
        talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=16_000))
    talk.say(m.VoiceEnded(tag=talk.tag, reason="failed", text="it is broken"))
    if heard:
        assert talk.said_by_floor == []  # there is sound of it still to be heard
        talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=2500 * MS))
        talk.played = 16_000
        talk.until(3500)
        talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=talk.now, samples=16_000))
    assert talk.said_by_floor == ["One two.", "Three four."][heard:]
    assert talk.present.source == audible.FLOOR
    assert talk.turns == []


def test_an_announcement_is_spoken_by_the_floor_when_the_voice_is_dead(talk: Floored) -> None:
    talk.host(m.Say(number=1, text="Dear visitors.", mode="queue", interruptible=1))
    talk.until(FLOOR_HANGS_MS)
    assert talk.said_by_floor == ["Dear visitors."]
    talk.floor_voices(0)
    talk.floor_heard(600, 1600, 16_000)
    assert (talk.turns[0]["heard"], talk.turns[0]["floor"]) == ("Dear visitors.", ["vocoder"])


def test_a_voice_that_is_late_while_the_phrase_is_heard_is_spoken_for_behind_it(talk: Floored) -> None:
    talk.ask(1000, "why is the sky blue")
    talk.until_due("token")
    talk.floor_knows_none()
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now, source=audible.HOLDING))
    talk.answer("Because of the air.")
    talk.until(talk.at + 500)
    assert (talk.said_by_floor, talk.present.source) == (["Because of the air."], audible.HOLDING)
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=talk.now, samples=9000, source=audible.HOLDING))
    assert talk.present.source == audible.FLOOR


def test_who_speaks_over_the_floor_interrupts_it_and_only_what_was_heard_is_remembered(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two three four.")
    talk.until_due("vocoder")
    talk.floor_voices(0)
    begin = talk.at + 30
    talk.until(begin)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now, source=audible.FLOOR))
    tag = talk.tag
    talk.played = 8000
    talk.until(begin + 500)
    talk.maybe(talk.at, talk.at + 300, 200)
    assert (talk.present.audible > tag, talk.present.source) == (True, audible.NOTHING)
    assert m.Cancel(tag=tag) in talk.asked_floor
    assert (talk.turns[0]["outcome"], talk.turns[0]["heard"]) == ("interrupted", "One two")


# The recogniser.


def test_a_recogniser_that_gives_nothing_at_all_is_answered_for_in_time(talk: Floored) -> None:
    talk.speech(1000, 2000)
    talk.until(2460)
    talk.until(talk.present.current.whole_ns / MS)
    assert talk.said_by_floor == [talk.present.phrases.not_heard]
    assert m.Cancel(tag=talk.ear) in talk.on("listen")
    talk.text("hello")  # too late
    talk.floor_voices(0)
    talk.floor_heard(talk.at + 30, talk.at + 1030, 16_000)
    (turn,) = talk.turns
    assert (turn["outcome"], turn["source"], turn["floor"], turn["late"]) == ("apologised", "phrase", ["asr"], ["asr"])
    assert turn["transcript"] == ""


def test_a_cough_that_a_stuck_recogniser_says_nothing_of_is_still_none(talk: Floored) -> None:
    talk.speech(1000, 1200)
    talk.until(3000)
    assert (talk.state(), talk.asked_floor) == ("LISTENING", [])


def test_the_partial_text_stands_in_and_nothing_may_be_done_upon_it(talk: Floored) -> None:
    talk.speech(1000, 2000)
    talk.text("when do", final=False, upto=1500 * 16)
    talk.until_due("asr")
    talk.answer("At six.")
    talk.play(3000, 4000)
    talk.ask(6000, "hello")
    assert [(ask.text, ask.final) for ask in talk.of(m.Ask)] == [("when do", 0), ("hello", 1)]


def test_a_recogniser_that_has_failed_is_apologised_for_by_the_floor(talk: Floored) -> None:
    talk.begin(1000)
    talk.say(m.TextFailed(tag=talk.ear, text="no memory"))
    talk.pause(2000)
    talk.until(2460)
    assert talk.said_by_floor == [talk.present.phrases.failed]
    assert talk.of(m.LastClause)[0] in talk.asked_floor


# A floor that is stuck itself.


def test_the_voice_says_what_a_stuck_floor_was_to_say(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four.")
    talk.until_due("vocoder")
    first = talk.tag
    talk.until(talk.at + FLOOR_HANGS_MS + 10)
    assert talk.tag > first
    assert [
        clause.text for clause in talk.on("clauses") if clause.tag == talk.tag and isinstance(clause, m.Clause)
    ] == [
        "One two.",
        "Three four.",
    ]
    asked = len(talk.asked_floor)
    talk.until(talk.at + 1000)  # the voice is late again, and nobody asks who is stuck
    assert len(talk.asked_floor) == asked
    talk.voice()
    talk.play(5000, 7000)
    (turn,) = talk.turns
    assert (turn["heard"], turn["source"], turn["outcome"]) == ("One two. Three four.", "answer", "answered")


@pytest.mark.parametrize("absent", [False, True], ids=["in the middle", "and there is no voice either"])
def test_an_answer_in_which_the_floor_gets_stuck_ends_there(talk: Floored, absent: bool) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four.")
    talk.until_due("vocoder")
    if absent:
        talk.absent = {"vocoder"}
    else:
        talk.floor_voices(0)
        talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now + 20 * MS, source=audible.FLOOR))
        talk.played = 16_000
        talk.until(talk.at + 1020)
        talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=16_000, source=audible.FLOOR))
    talk.until(talk.at + FLOOR_HANGS_MS + 10)
    assert talk.state() == "LISTENING"
    assert [(turn["heard"], turn["outcome"]) for turn in talk.turns] == [("" if absent else "One two.", "abandoned")]


def test_a_floor_that_waits_for_room_in_its_ring_is_not_stuck(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four.")
    talk.until_due("vocoder")
    talk.floor_voices(0, 32_000)
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now, source=audible.FLOOR))
    for _ in range(8):
        talk.played += 3200
        talk.until(talk.at + 200)
    assert (talk.state(), len(talk.asked_floor)) == ("SPEAKING", 3)


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_that_a_stuck_floor_does_not_end_is_ended_for_it(talk: Floored, begun: bool) -> None:
    talk.ask(1000, "when do you close")
    talk.until_due("token")
    talk.say(m.Piece(tag=talk.tag, text="At six. " if begun else "At ", stage="floor"))
    if begun:
        talk.say(m.Piece(tag=talk.tag, text="And ", stage="floor"))
        talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=16_000))
        talk.begins()
    talk.until(talk.at + FLOOR_HANGS_MS + 10)
    voiced = [message.text for message in talk.on("clauses") if isinstance(message, m.Clause)]
    assert voiced == (["At six.", "And"] if begun else [talk.present.phrases.failed])
    assert len(talk.asked_floor) == (1 if begun else 3)  # what a stuck floor was doing is called off


def test_what_the_floor_owes_behind_the_phrase_that_holds_the_turn_does_not_cut_that_off(talk: Floored) -> None:
    talk.ask(1000, "why is the sky blue")
    talk.until_due("token")
    talk.floor_knows_none()
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now, source=audible.HOLDING))
    talk.say(m.Piece(tag=talk.tag, text="Because of the air. And "))
    talk.until(talk.at + 300)  # the voice is late with it
    talk.answer("so on.", stage="llm")
    talk.until(talk.at + FLOOR_HANGS_MS + 100)
    assert (talk.said_by_floor, talk.present.source) == (["Because of the air.", "And so on."], audible.HOLDING)
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=talk.now, samples=9000, source=audible.HOLDING))
    first = talk.tag
    talk.until(talk.at + FLOOR_HANGS_MS + 10)  # now it is waited for
    assert talk.tag > first


def test_a_stuck_floor_that_a_predecessor_had_asked_makes_nobody_say_it_again(talk: Floored) -> None:
    memory = Memory(source="say", wish=Wish(Event.SAY, "Dear visitors."))
    talk.conversation.succession.recall(memory)
    talk.conversation.succession.resume(Tag(1, 3, 1), talk.now, audible.FLOOR)
    talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=0, source=audible.FLOOR))
    talk.until(FLOOR_HANGS_MS + 10)
    assert (talk.state(), talk.on("clauses")) == ("LISTENING", [m.Cancel(tag=Tag(1, 3, 1))])


def test_where_neither_is_there_nor_answers_the_voice_apologises(talk: Floored) -> None:
    talk.absent = {"llm"}
    talk.ask(1000, "hello")
    talk.until(talk.at + FLOOR_HANGS_MS + 10)
    assert [message.text for message in talk.on("clauses") if isinstance(message, m.Clause)] == [
        talk.present.phrases.failed
    ]


# A stage that is known not to be there.


@pytest.mark.parametrize("begun", [False, True], ids=["asked now", "begun on a guess"])
def test_a_language_model_that_is_not_there_is_not_waited_for(begun: bool) -> None:
    talk = Floored("turns.speculations=3") if begun else Floored()
    talk.speech(1000, 2000)
    if begun:
        talk.text("when do you close", final=False, upto=2000 * 16)
        assert len(talk.of(m.Ask)) == 1
    talk.absent = {"llm"}
    talk.until(2000 + WAIT + 20)
    talk.text("when do you close")
    talk.until(talk.at)
    (question,) = talk.asked_floor
    assert isinstance(question, m.Ask)
    assert talk.now < deadline_ns("token", talk.present.current.whole_ns, 0, talk.present.config)
    talk.floor_answers("At six.")
    talk.play(3000, 4000)
    assert (talk.turns[0]["heard"], talk.turns[0]["source"]) == ("At six.", "floor")


def test_nothing_is_begun_on_a_guess_by_a_language_model_that_is_not_there() -> None:
    talk = Floored("turns.speculations=3")
    talk.absent = {"llm"}
    talk.speech(1000, 2000)
    talk.text("when do you close", final=False, upto=2000 * 16)
    assert talk.of(m.Ask) == []


def test_no_phrase_holds_a_turn_that_nobody_will_answer(talk: Floored) -> None:
    talk.absent = {"llm"}
    talk.ask(1000, "why is the sky blue")
    talk.until(talk.at)
    talk.floor_knows_none()
    assert talk.said_by_floor == [talk.present.phrases.failed]
    assert not any(isinstance(message, m.HoldTurn) for message in talk.asked_floor)


def test_a_voice_that_is_not_there_is_spoken_for_at_once(talk: Floored) -> None:
    talk.absent = {"vocoder"}
    talk.ask(1000, "hello")
    talk.answer("One two. Three four.")
    talk.until(talk.at)
    assert talk.said_by_floor == ["One two.", "Three four."]


@pytest.mark.parametrize("floor", [False, True])
def test_a_recogniser_that_is_not_there_is_not_waited_for(talk: Floored, floor: bool) -> None:
    talk.floor, talk.absent = floor, {"asr"}
    talk.speech(1000, 2000)
    talk.until(2000 + WAIT + 20)
    said = [message.text for message in talk.of(m.Clause)]
    assert said == [talk.present.phrases.not_heard]
    assert len(talk.said_by_floor) == floor


def test_a_floor_that_is_back_after_the_deadline_says_what_the_recogniser_did_not(talk: Floored) -> None:
    talk.floor = False
    talk.speech(1000, 2000)
    talk.until(3500)
    assert (talk.state(), talk.said_by_floor) == ("FINALISING", [])
    talk.floor = True
    talk.until(3500 + FLOOR_BACK_MS)
    assert talk.said_by_floor == [talk.present.phrases.not_heard]


def test_without_a_floor_a_stage_that_is_not_there_may_still_come(talk: Floored) -> None:
    talk.floor, talk.absent = False, {"llm", "vocoder"}
    talk.ask(1000, "hello")
    talk.until(talk.at + 100)
    assert talk.state() == "THINKING"
    talk.say(m.Joined(stage="llm"))
    talk.absent = set()
    talk.answer("Yes.")
    talk.play(3000, 4000)
    assert talk.turns[0]["heard"] == "Yes."


# Without it.


def test_without_a_floor_a_late_stage_is_waited_for_until_the_hard_limit(talk: Floored) -> None:
    talk.floor = False
    talk.ask(1000, "hello")
    talk.until(talk.at + talk.present.config.turns.hard_limit_s * 1000 - 20)
    assert (talk.asked_floor, talk.state()) == ([], "THINKING")
    talk.until(talk.at + 40)
    assert [clause.text for clause in talk.of(m.Clause)] == [talk.present.phrases.failed]
    assert talk.asked_floor == []


def test_a_floor_that_was_restarted_says_again_what_is_not_in_its_ring(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four.")
    talk.until_due("vocoder")
    talk.floor_voices(0)
    talk.say(m.Joined(stage="floor"))
    assert talk.said_by_floor == ["One two.", "Three four.", "Three four."]
    talk.say(m.Joined(stage="vocoder"))  # which is not asked any more
    assert len(talk.of(m.Clause)) == 5


def test_a_floor_that_was_restarted_with_the_question_is_asked_again(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.until_due("token")
    talk.say(m.Joined(stage="floor"))
    assert [type(message) for message in talk.asked_floor] == [m.Ask, m.Ask]
    talk.floor_answers("Hello.")
    talk.play(3000, 4000)
    assert talk.turns[0]["heard"] == "Hello."


def test_the_floor_forgets_a_visitor_like_everyone_else(talk: Floored) -> None:
    talk.exchange(1000, "hello", "Yes.")
    talk.host(m.EndSession(number=1))
    assert [type(message) for message in talk.asked_floor] == [m.SessionOver]
    without = Talk("floor.enabled=false")
    without.exchange(1000, "hello", "Yes.")
    without.host(m.EndSession(number=1))
    assert without.on("takeovers") == []


# What is lost on the way.


@pytest.mark.parametrize("memory", [Memory(source="answer"), Memory(source="phrase", wish=Wish(Event.SAY, "Hello?"))])
def test_an_answer_that_a_predecessor_began_and_nobody_ends_is_given_up(talk: Floored, memory: Memory) -> None:
    talk.conversation.succession.recall(memory)
    talk.conversation.succession.resume(Tag(1, 3, 1), talk.now)
    talk.until(60_000)
    assert talk.state() == "LISTENING"


@pytest.mark.parametrize("voiced", [0, 1])
def test_a_voice_that_fails_in_mid_answer_is_followed_by_the_floor_though_its_end_was_told_first(
    talk: Floored, voiced: int
) -> None:
    talk.ask(1000, "hello")
    talk.answer("Yes. It is the one.")
    if voiced:
        talk.say(m.ClauseVoiced(tag=talk.tag, number=0, samples=3200))
    else:
        talk.say(m.ClauseBegan(tag=talk.tag, number=0))
    talk.until(talk.at + 20)
    talk.begins()
    talk.played = 3200
    talk.until(talk.at + 200)
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=talk.now + 5 * MS, samples=3200))
    talk.say(m.VoiceEnded(tag=talk.tag, reason="failed", text="broken"))
    talk.until(talk.at + 50)
    assert talk.state() == "SPEAKING"
    assert talk.said_by_floor[-1] == "It is the one."


def test_what_lies_in_the_ring_of_a_voice_that_is_given_up_is_heard_before_the_floor_goes_on(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.answer("One two. Three four. Five six.")
    for number in range(2):
        talk.say(m.ClauseVoiced(tag=talk.tag, number=number, samples=16_000))
    talk.begins()
    talk.played = 1600
    talk.until(talk.at + 100)
    for _ in range(2):
        talk.say(m.Joined(stage="vocoder"))
    assert talk.said_by_floor == []
    talk.played = 32_000
    talk.say(m.PlaybackDry(tag=talk.tag, at_ns=talk.now, samples=32_000))
    talk.until(talk.at + 200)
    assert talk.said_by_floor == ["Five six."]


def test_an_answer_does_not_wait_for_ever_for_the_end_of_a_phrase_that_held_the_turn(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.until_due("token")
    talk.floor_knows_none()
    talk.say(m.PlaybackBegan(tag=talk.tag, at_ns=talk.now, source=audible.HOLDING))
    talk.answer("Yes. It is.")
    talk.voice()
    talk.until(talk.at + 4500)
    assert talk.present.source == audible.VOCODER


def test_a_floor_that_comes_back_is_asked_after_all(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.floor = False
    talk.until_due("token")
    talk.floor = True
    talk.until(talk.at + 300)
    assert [type(message) for message in talk.asked_floor] == [m.Ask]


def test_a_floor_that_comes_back_speaks_what_the_voice_does_not(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.floor = False
    talk.answer("Yes. It is.")
    talk.until(talk.at + 1000)
    talk.floor = True
    talk.until(talk.at + 300)
    assert talk.said_by_floor == ["Yes.", "It is."]


def test_an_apology_that_the_floor_does_not_say_is_said_by_the_voice(talk: Floored) -> None:
    talk.ask(1000, "hello")
    talk.say(m.PiecesEnded(tag=talk.tag, reason="failed", text="broken"))
    assert talk.said_by_floor == [talk.present.phrases.failed]
    talk.floor = False
    talk.until(talk.at + 300)
    assert [message.text for message in talk.on("clauses") if isinstance(message, m.Clause)] == [
        talk.present.phrases.failed
    ]
