"""The user speaks while the engine does: silence at once, then an interruption or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import messages as m
from engine.contract import Tag
from engine.turns.finalising import CATCHES_UP
from tests.engine.talk import MS, WAIT, Talk

LONG = "One two three four five six."
STARTS = tuple(number * 8000 for number in range(6))  # a word each half second


class Interruption(Talk):
    """The answer to "hello" is LONG, and heard from 2500 ms on: its words begin each half second, and the loudspeaker
    gets the sound 40 ms ahead. `sounds` is how it goes on; while it is held it does not."""

    def __init__(self, *sets: str) -> None:
        super().__init__("turns.barge_in_ms=128", "turns.resume_ms=150", *sets)
        self.lost_ms = 0.0
        """For how long it has been held so far."""

    def until(self, ms: float) -> None:
        while self.at < ms:  # step by step, so that what is played follows what is held
            step = min(ms, self.at + 10)
            turn = self.present.turn
            if turn is not None and turn.attempt.held:
                self.lost_ms += step - self.at
            elif turn is not None and turn.attempt.began_ns:
                self.played = round(max(0.0, step + 40 - 2500 - self.lost_ms) * 16)
            super().until(step)
        super().until(ms)

    def speaks(self) -> None:
        self.ask(1000, "hello")
        self.answer(LONG)
        self.sounds()

    def announces(self, interruptible: int = 1) -> None:
        self.host(m.Say(number=1, text=LONG, mode="queue", interruptible=interruptible))
        self.sounds()

    def sounds(self) -> None:
        words = tuple(LONG.split())
        self.say(m.ClauseVoiced(tag=self.tag, number=0, samples=48_000, words=words, starts=STARTS))
        self.say(m.VoiceEnded(tag=self.tag, reason="done"))
        self.until(2460)
        self.say(m.PlaybackBegan(tag=self.tag, at_ns=2500 * MS))
        self.until(2500)

    def goes_on(self) -> None:
        """The audio worker lets it be heard again, 20 ms from now."""
        self.say(m.PlaybackBegan(tag=self.tag, at_ns=self.now + 20 * MS, sample=self.played))

    @property
    def words(self) -> list[tuple[str, float]]:
        return [(event["text"], event["at_ms"]) for event in self.named("answer.word")]

    @property
    def answers(self) -> list[str]:
        """What was told of answers but for their words."""
        return [e["event"] for e in self.events if e["event"].startswith("answer.") and e["event"] != "answer.word"]


@pytest.fixture
def talk() -> Interruption:
    return Interruption()


def yields(talk: Talk) -> bool:
    return talk.conversation.yields is not None


def held(talk: Talk) -> bool:
    return talk.conversation.holds is not None


def test_whose_answer_is_heard_is_silenced_by_a_voice_and_nothing_else_is(talk: Interruption) -> None:
    seen = {talk.state(): talk.conversation.yields}
    steps: list[Callable[[], None]] = [
        lambda: talk.begin(1000),
        lambda: talk.pause(2000),
        lambda: talk.until(2000 + WAIT + 10),
        lambda: talk.text("hello"),
        lambda: talk.begin_answer("Yes. It is."),
    ]
    for step in steps:
        step()
        seen[talk.state()] = talk.conversation.yields
    tag = talk.tag
    talk.hear_out(talk.at + 1000)
    none = dict.fromkeys(("LISTENING", "HEARING", "ENDING"))
    assert seen == {**none, **dict.fromkeys(("FINALISING", "THINKING", "SPEAKING"), tag)}
    assert talk.conversation.yields is None


def test_the_first_sign_of_a_voice_holds_the_answer_and_lets_the_recogniser_hear_it(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3632, 0)
    assert talk.conversation.holds == talk.tag
    assert talk.state() == "SPEAKING"
    assert talk.answers == ["answer.started", "answer.paused"]
    listen = talk.of(m.Listen)[-1]
    assert (listen.tag, listen.start) == (Tag(1, 2), (3600 - 300) * 16)
    assert talk.present.turn is not None
    assert talk.present.turn.ear == Tag(1, 1)  # the turn is still the engine's


def test_clear_voice_is_an_interruption_and_what_was_played_is_what_was_said(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3600 + 160, 128)
    assert talk.state() == "HEARING"
    ended = talk.turns[0]
    assert (ended["outcome"], ended["heard"], ended["answer"]) == ("interrupted", "One two", LONG)
    assert talk.answers == ["answer.started", "answer.paused", "answer.ended"]
    assert talk.present.audible > Tag(1, 1, 1)
    assert not held(talk)
    tag = Tag(1, 1, 1)
    assert m.Cancel(tag=tag) in talk.on("asks")
    assert talk.on("asks")[-1] == m.Settle(tag=tag, heard="One two")
    assert talk.on("clauses")[-1] == m.Cancel(tag=tag)


def test_the_turn_that_follows_has_no_later_deadline_since_the_recogniser_heard_all_along(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3632, 0)
    talk.maybe(3600, 3760, 128)
    talk.quiet(5000)
    talk.until(5000 + WAIT + 10)
    assert talk.state() == "FINALISING"
    assert talk.present.current.whole_ns == (5000 + talk.present.config.turns.response_budget_ms) * MS


@pytest.mark.parametrize("end", [6000, 9000])
def test_whom_the_recogniser_hears_late_is_answered_as_soon_as_it_can_have_caught_up(
    talk: Interruption, end: float
) -> None:
    """Within long speech it has, and after a short one it may take longer."""
    talk.announces(interruptible=0)
    talk.maybe(3600, 3664, 64)
    talk.hear_out(5600)
    listened = talk.at
    assert talk.of(m.Listen)[-1].tag == talk.ear
    talk.quiet(end)
    talk.until(end + WAIT + 10)
    assert talk.state() == "FINALISING"
    caught_up = listened + (end - 3600 + talk.present.config.vad.preroll_ms) / CATCHES_UP
    assert (caught_up > end) == (end == 6000)
    budget = talk.present.config.turns.response_budget_ms
    assert talk.present.current.whole_ns / MS == pytest.approx(max(end, caught_up) + budget, abs=1)


def test_the_turn_that_follows_has_all_of_the_speech_and_the_recogniser_is_told_once(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3760, 128)
    assert talk.ear == Tag(1, 2)
    talk.quiet(5000)
    talk.until(5000 + WAIT + 10)
    talk.text("what is this")
    assert [listen.tag for listen in talk.of(m.Listen)] == [Tag(1, 1), Tag(1, 2)]
    ask = talk.of(m.Ask)[-1]
    assert (ask.text, ask.history) == ("what is this", ("hello", "One two"))
    assert talk.present.current.speech.start == 3600 * 16


def test_an_unheard_word_is_not_in_the_history_even_if_its_time_has_come(talk: Interruption) -> None:
    """Held at 3440 ms, when the sound up to 3480 had been played, it is interrupted long after 3500, the time of the
    third word."""
    talk.speaks()
    talk.maybe(3408, 3408 + 256, 128)
    assert talk.turns[0]["heard"] == "One two"


@pytest.mark.parametrize("ms", [32, 64, 288])
def test_a_noise_is_none_and_the_answer_goes_on_where_it_stood_and_the_noise_is_forgotten(
    talk: Interruption, ms: int
) -> None:
    talk.speaks()
    talk.maybe(3600, 3600 + ms, 64 if ms > 64 else 0)
    talk.quiet(3600 + ms)
    assert held(talk)
    talk.until(3600 + ms + 149)
    assert held(talk)
    talk.until(3600 + ms + 151)
    assert not held(talk)
    assert talk.answers == ["answer.started", "answer.paused", "answer.resumed"]
    assert talk.of(m.Cancel) == [m.Cancel(tag=Tag(1, 2))]  # what the recogniser heard of it
    stood = talk.played
    talk.goes_on()
    at = talk.at + 20
    talk.until(9000)
    assert talk.words[3:] == [
        (word, at + (start - stood) / 16) for word, start in zip(LONG.split()[3:], STARTS[3:], strict=True)
    ]
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=talk.now, samples=48_000))
    talk.until(9001)
    assert (talk.state(), talk.turns[0]["outcome"], talk.turns[0]["heard"]) == ("LISTENING", "answered", LONG)
    assert talk.present.kept == []


def test_a_voice_that_comes_again_before_it_went_on_is_waited_for_anew(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3696, 0)
    talk.quiet(3696)
    talk.maybe(3800, 3864, 32)
    talk.quiet(3864)
    talk.until(3864 + 149)
    assert held(talk)
    talk.until(3864 + 151)
    assert not held(talk)
    assert talk.answers.count("answer.paused") == talk.answers.count("answer.resumed") == 1
    assert talk.present.kept == []


def test_it_goes_on_before_voice_activity_has_forgotten_the_noise_which_is_forgotten_all_the_same(
    talk: Interruption,
) -> None:
    talk.speaks()
    talk.maybe(3600, 3728, 64)
    talk.gone(3728)
    talk.until(3728 + 151)
    assert (held(talk), talk.present.kept) == (False, [])
    talk.pause(4000)
    assert (talk.state(), talk.present.kept) == ("SPEAKING", [])


def test_who_goes_on_after_a_pause_that_was_too_long_is_heard_from_the_beginning(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3728, 64)
    talk.gone(3728)
    talk.until(3904)
    assert not held(talk)
    for upto, clear in ((3936, 96), (3968, 128)):  # for voice activity, it never stopped
        talk.until(upto)
        place = {"start": 3600 * 16, "upto": upto * 16, "capture_ns": (upto - 32) * MS}
        talk.say(m.VoiceHeard(clear=clear * 16, speech=1, **place))  # type: ignore[arg-type]
    assert talk.state() == "HEARING"
    assert talk.present.current.speech.start == 3600 * 16


def test_two_half_interruptions_are_no_whole_one(talk: Interruption) -> None:
    talk.speaks()
    for start in (3600, 3800, 4000):
        talk.maybe(start, start + 128, 96)
        talk.quiet(start + 128)
    assert talk.state() == "SPEAKING"


def test_a_long_hum_is_an_interruption_in_the_end(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3600 + 864, 0)
    assert talk.state() == "SPEAKING"
    assert held(talk)
    talk.maybe(3600, 3600 + 928, 0)
    assert talk.state() == "HEARING"


def ahead(talk: Talk, text: str, confidence: float = 0.9) -> None:
    talk.say(m.Text(tag=Tag(1, 2), text=text, language="en", confidence=confidence))


def test_words_are_an_interruption_however_unclear_the_voice(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3728, 0)
    ahead(talk, "stop it")
    assert (talk.state(), talk.ear) == ("HEARING", Tag(1, 2))
    talk.text("stop it please", final=False)
    assert talk.named("user.partial")[-1]["text"] == "stop it please"


def test_short_words_interrupt_when_they_are_known_after_their_end(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3728, 0)
    talk.quiet(3728)
    ahead(talk, "no")
    assert talk.state() == "ENDING"
    talk.until(3728 + WAIT + 32)
    talk.text("no")
    assert talk.of(m.Ask)[-1].text == "no"


@pytest.mark.parametrize(
    ("text", "confidence"),
    [("mm-hm", 0.9), ("Okay, right.", 0.9), ("i see yeah", 0.9), ("", 0.9), ("the", 0.3)],
)
def test_what_is_only_murmured_or_what_a_recogniser_makes_of_a_cough_interrupts_nobody(
    talk: Interruption, text: str, confidence: float
) -> None:
    talk.speaks()
    talk.maybe(3600, 3728, 0)
    ahead(talk, text, confidence)
    talk.quiet(3728)
    talk.until(4000)
    assert talk.answers == ["answer.started", "answer.paused", "answer.resumed"]


def test_a_command_that_was_hardly_understood_interrupts(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3728, 0)
    ahead(talk, "stop", 0.1)
    assert talk.state() in ("HEARING", "ENDING")


def test_words_that_come_when_it_has_gone_on_are_late(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3728, 0)
    talk.quiet(3728)
    talk.until(4000)
    ahead(talk, "no")
    assert talk.state() == "SPEAKING"


def interrupted_by(talk: Interruption, text: str, *, confidence: float = 0.9, ms: int = 400) -> None:
    """The answer is interrupted in the middle of "three" by a voice of so many ms, which is understood as `text`."""
    talk.speaks()
    talk.maybe(3600, 3600 + ms, ms - 32)
    talk.quiet(3600 + ms)
    talk.until(3600 + ms + WAIT + 32)
    talk.say(m.Text(tag=talk.ear, text=text, language="en", confidence=confidence, final=1))


@pytest.mark.parametrize(("text", "confidence"), [("Stop.", 0.1), ("stop wait", 0.2)])
def test_a_short_command_is_meant_however_unclear_it_was(talk: Interruption, text: str, confidence: float) -> None:
    interrupted_by(talk, text, confidence=confidence)
    assert talk.of(m.Ask)[-1].text == text


@pytest.mark.parametrize(("text", "confidence"), [("yeah okay", 0.9), ("", 0.0), ("the", 0.2), ("stop the", 0.2)])
def test_an_interruption_that_turns_out_to_be_none_is_followed_by_the_rest(
    talk: Interruption, text: str, confidence: float
) -> None:
    interrupted_by(talk, text, confidence=confidence)
    assert talk.state() == "THINKING"
    assert not talk.of(m.Ask)[1:]
    assert talk.of(m.Clause)[-1].text == "three four five six."
    assert talk.named("user.final")[1:] == []
    talk.play(5000, 6000)
    ended = talk.turns[-1]
    assert (ended["outcome"], ended["source"], ended["heard"]) == ("answered", "answer", "three four five six.")
    talk.exchange(8000, "and now", "Nothing.")
    assert talk.of(m.Ask)[-1].history == ("hello", LONG)


@pytest.mark.parametrize(("text", "confidence", "ms"), [("what", 0.9, 400), ("", 0.0, 1600), ("the", 0.2, 800)])
def test_words_or_much_of_a_voice_were_meant(talk: Interruption, text: str, confidence: float, ms: int) -> None:
    interrupted_by(talk, text, confidence=confidence, ms=ms)
    assert "three four five six." not in [clause.text for clause in talk.of(m.Clause)]
    assert len(talk.of(m.Ask)) == 1 + bool(text)


def test_an_announcement_is_gone_on_with_too_and_is_no_answer() -> None:
    talk = Interruption()
    talk.announces()
    talk.maybe(3600, 4000, 300)
    talk.quiet(4000)
    talk.until(4000 + WAIT + 32)
    talk.text("mm-hm")
    talk.play(5000, 6000)
    assert [(turn["source"], turn["heard"]) for turn in talk.turns] == [
        ("say", "One two"),
        ("say", "three four five six."),
    ]
    assert talk.present.session.past(8) == ()


def test_what_of_an_interrupted_answer_was_not_known_yet_is_not_said(talk: Interruption) -> None:
    talk.ask(1000, "hello")
    talk.say(m.Piece(tag=talk.tag, text="One two three four five six, "))
    talk.sounds()
    talk.maybe(3600, 4000, 300)
    talk.quiet(4000)
    talk.until(4000 + WAIT + 32)
    talk.text("yeah")
    assert talk.of(m.Ask)[-1].text == "yeah"


def test_without_resuming_a_murmur_is_answered_like_anything_else() -> None:
    talk = Interruption("turns.resume=false")
    interrupted_by(talk, "yeah")
    assert talk.of(m.Ask)[-1].text == "yeah"


def test_what_was_interrupted_is_forgotten_with_the_visitor(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 4000, 300)
    talk.host(m.EndSession(number=1))
    assert talk.present.unsaid is None
    talk.quiet(4000)
    talk.ask(8000, "yeah")
    assert talk.of(m.Ask)[-1].text == "yeah"


def test_off_it_speaks_to_its_end_and_what_was_said_is_answered_afterwards() -> None:
    talk = Interruption("turns.barge_in=off")
    talk.speaks()
    assert talk.conversation.yields is None
    talk.maybe(3600, 4000, 400)  # the VAD is not asked for this
    talk.quiet(4000)
    assert (talk.state(), talk.answers) == ("SPEAKING", ["answer.started"])
    talk.hear_out(6000)
    assert talk.state() == "FINALISING"
    assert talk.turns[0]["outcome"] == "answered"


def test_strict_it_goes_on_speaking_until_it_is_sure_for_which_it_needs_twice_as_much() -> None:
    talk = Interruption("turns.barge_in=strict")
    talk.speaks()
    assert talk.conversation.yields == talk.tag
    talk.maybe(3600, 3824, 224)
    assert (talk.state(), held(talk)) == ("SPEAKING", False)
    talk.maybe(3600, 3856, 256)
    assert talk.state() == "HEARING"
    assert talk.answers == ["answer.started", "answer.ended"]


def test_strict_what_is_no_interruption_is_not_answered_afterwards_either() -> None:
    talk = Interruption("turns.barge_in=strict")
    talk.speaks()
    talk.maybe(3600, 3824, 224)
    talk.quiet(3824)
    talk.until(4100)
    assert talk.present.kept == []
    assert talk.answers == ["answer.started"]


def test_without_resuming_whatever_silenced_it_ends_it() -> None:
    talk = Interruption("turns.resume=false")
    talk.speaks()
    talk.maybe(3600, 3632, 0)
    talk.quiet(3632)
    talk.until(3632 + 151)
    assert (talk.state(), talk.turns[0]["outcome"]) == ("LISTENING", "interrupted")
    assert talk.turns[0]["heard"] == "One two"


def test_an_announcement_is_interrupted_like_an_answer(talk: Interruption) -> None:
    talk.announces()
    talk.maybe(3600, 3760, 128)
    assert talk.state() == "HEARING"
    assert (talk.turns[0]["source"], talk.turns[0]["outcome"], talk.turns[0]["heard"]) == (
        "say",
        "interrupted",
        "One two",
    )


def test_an_announcement_that_must_not_be_interrupted_is_not_and_what_is_said_is_kept(talk: Interruption) -> None:
    talk.announces(interruptible=0)
    assert talk.conversation.yields is None
    talk.maybe(3600, 4000, 400)
    talk.quiet(4000)
    assert (talk.state(), held(talk)) == ("INSISTING", False)
    talk.hear_out(6000)
    assert talk.state() == "FINALISING"


def test_an_announcement_that_nobody_has_heard_yet_comes_after_what_the_user_says(talk: Interruption) -> None:
    talk.host(m.Say(number=1, text=LONG, mode="queue", interruptible=1))
    talk.maybe(3600, 3760, 128)
    assert talk.state() == "HEARING"
    assert not held(talk)
    assert talk.turns[0]["outcome"] == "postponed"
    talk.quiet(4600)
    talk.until(4600 + WAIT + 32)
    talk.text("hello")
    talk.answer("Yes.")
    talk.play(5500, 6000)
    assert talk.state() == "ANNOUNCING"


@pytest.mark.parametrize("known", [False, True], ids=["words not known yet", "answer not heard yet"])
def test_who_goes_on_before_the_answer_is_heard_has_said_one_thing_not_two(talk: Interruption, known: bool) -> None:
    talk.speech(1000, 2000)
    talk.until(2000 + WAIT + 10)
    if known:
        talk.text("what time")
        talk.answer(LONG)
    talk.maybe(2500, 2500 + 160, 128)
    assert talk.state() == "HEARING"
    assert not talk.named("answer.paused")
    assert talk.turns[0]["outcome"] == "postponed"
    listen = talk.of(m.Listen)[-1]
    assert (listen.tag, listen.start) == (Tag(1, 2), 700 * 16)
    talk.quiet(3600)
    talk.until(3600 + WAIT + 32)
    talk.text("what time does it close")
    ask: Any = talk.of(m.Ask)[-1]
    assert (ask.text, ask.history) == ("what time does it close", ())
    assert (talk.present.current.speech.start, talk.present.current.speech.end) == (16_000, 3600 * 16)


def test_who_is_not_answered_for_long_and_says_something_else_is_answered_that(talk: Interruption) -> None:
    talk.ask(1000, "what time")
    talk.maybe(4100, 4260, 128)
    assert (talk.state(), talk.turns[0]["outcome"]) == ("HEARING", "interrupted")
    assert talk.present.current.speech.start == 4100 * 16


def test_somebody_who_would_not_stop_is_answered_all_the_same() -> None:
    talk = Interruption("turns.max_utterance_s=3")
    talk.begin(1000)
    talk.until(4010)
    talk.text("on and on")
    talk.answer(LONG)
    assert talk.conversation.yields is None
    talk.maybe(1000, 4300, 2000)
    assert talk.state() == "THINKING"
    talk.quiet(4500)
    assert talk.conversation.yields == talk.tag  # whoever begins now may interrupt


def test_a_sound_that_comes_with_the_last_samples_is_the_next_turn(talk: Interruption) -> None:
    talk.speaks()
    talk.until(5440)
    talk.say(m.PlaybackEnded(tag=talk.tag, at_ns=5500 * MS, samples=48_000))
    talk.maybe(5450, 5514, 64)
    assert talk.turns[0]["heard"] == LONG
    assert talk.answers == ["answer.started", "answer.ended"]
    assert talk.state() == "HEARING"


def test_a_vad_that_dies_in_the_middle_does_not_silence_it_for_good(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3664, 0)
    talk.until(3664 + 999)
    assert held(talk)
    talk.until(3664 + 1001)
    assert not held(talk)


def test_a_vad_that_is_restarted_in_the_middle_lets_it_go_on(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3664, 0)
    talk.say(m.Joined(stage="vad", sample=3700 * 16, capture_ns=3700 * MS))
    talk.until(3700 + 151)
    assert not held(talk)


def test_a_recogniser_that_is_restarted_in_the_middle_hears_the_interruption_from_its_beginning(
    talk: Interruption,
) -> None:
    talk.speaks()
    talk.maybe(3600, 3664, 0)
    talk.say(m.Joined(stage="asr"))
    talk.maybe(3600, 3760, 128)
    assert [(listen.tag, listen.start) for listen in talk.of(m.Listen)[1:]] == [(Tag(1, 2), 3300 * 16)] * 2


@pytest.mark.parametrize("command", [m.StopSpeaking(number=1), m.ListenNow(number=1), m.EndSession(number=1)])
def test_what_the_host_wants_counts_while_it_is_held(talk: Interruption, command: m.Message) -> None:
    talk.speaks()
    talk.maybe(3600, 3664, 0)
    talk.quiet(3664)
    talk.host(command)
    assert not held(talk)
    assert talk.turns[0]["outcome"] == "stopped"
    talk.until(6000)
    assert "answer.resumed" not in talk.answers


def test_the_host_that_speaks_at_once_takes_the_recogniser_off_what_may_be_a_voice(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(3600, 3632, 0)
    talk.host(m.Say(number=1, text="Mind the step.", mode="interrupt", interruptible=1))
    assert talk.state() == "ANNOUNCING"
    assert talk.on("listen")[-1] == m.Cancel(tag=Tag(1, 2))


def test_a_noise_that_comes_and_goes_does_not_keep_an_answer_silent_for_ever(talk: Interruption) -> None:
    talk.speaks()
    at = 3600
    while at < 3600 + 2500:
        talk.maybe(at, at + 32, 0)
        talk.quiet(at + 32)
        at += 110
    assert talk.answers == ["answer.started", "answer.paused", "answer.resumed"]
    assert not yields(talk)
    talk.until(8000)
    assert yields(talk)
    assert not talk.named("error")


def test_a_word_of_which_more_than_half_was_played_was_heard(talk: Interruption) -> None:
    talk.speaks()
    talk.maybe(4000, 4160, 128)
    heard = talk.turns[0]["heard"].split()
    assert LONG.split()[: len(heard)] == heard
    assert len(heard) > 2
