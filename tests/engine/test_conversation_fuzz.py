"""Whatever the user, the host and the stages do in whatever order, the conversation goes on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import messages as m
from engine.turns.attempt import Attempt
from engine.turns.attention import RESTING
from engine.turns.present import Timer
from engine.turns.table import State
from tests.engine.talk import MS, Talk

OF_AN_ANSWER = ("answer.started", "answer.word", "answer.paused", "answer.resumed", "answer.ended")
HEARD = (State.THINKING, State.SPEAKING, State.ANNOUNCING, State.INSISTING)


class Chaos(Talk):
    """A talk in which anything may happen next, as long as somebody could do it."""

    def __init__(self, speculations: int) -> None:
        super().__init__("turns.session_end_s=20", f"turns.speculations={speculations}")
        self.speaks = False
        self.since = 0.0
        self.commands = 0

    def user(self) -> None:
        """Begins to speak, or stops."""
        self.speaks = not self.speaks
        self.since = self.at
        (self.begin if self.speaks else self.pause)(self.at)
        if not self.speaks:
            self.noise_gone()

    def speaking(self, clear: float = 1.0) -> None:
        """The VAD tells of a voice, so much of which is clear; it may be none."""
        since = self.since if self.speaks else self.at - 32
        self.say(
            m.VoiceHeard(
                start=round(since * 16),
                upto=round(self.at * 16),
                clear=round((self.at - since) * 16 * clear),
                speech=int(self.speaks),
                capture_ns=self.now - 32 * MS,
            )
        )

    def noise_gone(self) -> None:
        self.say(m.VoiceGone(end=round(self.at * 16), capture_ns=self.now))

    def words_ahead(self) -> None:
        """The recogniser makes words of what may be a voice."""
        if self.present.ahead is not None:
            self.say(m.Text(tag=self.present.ahead[0], text="wait", language="en", confidence=0.9))

    def words(self, *, final: bool) -> None:
        if self.present.turn is not None:
            self.text("so much" if len(self.sent) % 3 else "", final=final, upto=round(self.at * 16))

    @property
    def _attempt(self) -> Attempt | None:
        return self.present.turn.attempt if self.present.turn else None

    def model(self) -> None:
        if (attempt := self._attempt) and attempt.asked is not None and not attempt.ended:
            self.answer("Yes. It is." if len(self.sent) % 4 else "")

    def piece(self) -> None:
        if (attempt := self._attempt) and attempt.asked is not None and not attempt.ended:
            self.say(m.Piece(tag=self.tag, text="Well, yes. "))

    def voiced(self) -> None:
        if (attempt := self._attempt) and attempt.voiced < len(attempt.clauses):
            self.say(m.ClauseVoiced(tag=self.tag, number=attempt.voiced, samples=16000))

    @property
    def _may_be_heard(self) -> bool:
        return self.present.state in HEARD and self.present.audible == self.tag

    def heard(self) -> None:
        if self._may_be_heard and self.present.current.attempt.voiced:
            self.say(m.PlaybackBegan(tag=self.tag, at_ns=self.now + 30 * MS))

    def heard_out(self) -> None:
        attempt = self._attempt
        if self._may_be_heard and attempt is not None and attempt.is_voiced and attempt.began_ns:
            self.say(m.PlaybackEnded(tag=self.tag, at_ns=self.now + 30 * MS, samples=1))

    def failing(self) -> None:
        if (attempt := self._attempt) is None:
            return
        state, guessed = self.present.state, attempt.asked is not None and not attempt.confirmed
        possible: list[tuple[bool, m.Message]] = [
            (state is State.FINALISING, m.TextFailed(tag=self.ear, text="it is broken")),
            (
                (state is State.THINKING or guessed) and not attempt.ended,
                m.PiecesEnded(tag=self.tag, reason="failed", text="it is broken"),
            ),
            (
                state is State.ANNOUNCING or guessed,
                m.VoiceEnded(tag=self.tag, reason="failed", text="it is broken"),
            ),
        ]
        happens, message = possible[len(self.sent) % 3]
        if happens:
            self.say(message)

    def command(self, command: m.Message) -> None:
        self.commands += 1
        self.host(command)


def joined(stage: str) -> Callable[[Chaos], None]:
    return lambda talk: talk.say(m.Joined(stage=stage, sample=round(talk.at * 16), capture_ns=talk.now))


def command(command: m.Message) -> Callable[[Chaos], None]:
    return lambda talk: talk.command(command)


def wait(ms: float) -> Callable[[Chaos], None]:
    def pass_by(talk: Chaos) -> None:
        talk.played += round(ms * 16) if talk.present.state in HEARD and not talk.conversation.holds else 0
        talk.until(talk.at + ms)

    return pass_by


STEPS: dict[str, Callable[[Chaos], None]] = {
    "the user": Chaos.user,
    "a voice": Chaos.speaking,
    "maybe a voice": lambda talk: talk.speaking(0.0),
    "a noise is over": Chaos.noise_gone,
    "words of what may be a voice": Chaos.words_ahead,
    "some words": lambda talk: talk.words(final=False),
    "all words": lambda talk: talk.words(final=True),
    "a piece": Chaos.piece,
    "an answer": Chaos.model,
    "a clause's sound": Chaos.voiced,
    "the first sample": Chaos.heard,
    "the last sample": Chaos.heard_out,
    "a fault": Chaos.failing,
    "20 ms": wait(20),
    "500 ms": wait(500),
    "6 s": wait(6000),
    "say": command(m.Say(number=1, text="Mind the step.", mode="queue", interruptible=1)),
    "say now": command(m.Say(number=2, text="Mind the step.", mode="interrupt", interruptible=1)),
    "insist": command(m.Say(number=3, text="Mind the step.", mode="interrupt", interruptible=0)),
    "ask": command(m.AskText(number=4, text="where is the lift")),
    "stop": command(m.StopSpeaking(number=5)),
    "listen": command(m.ListenNow(number=6)),
    "sleep": command(m.FallAsleep(number=9)),
    "muted": lambda talk: talk.say(m.MicrophoneMuted(on=1)),
    "unmuted": lambda talk: talk.say(m.MicrophoneMuted(on=0)),
    "context": command(m.AddContext(number=7, text="It rains.")),
    "session.end": command(m.EndSession(number=8)),
    **{f"{stage} again": joined(stage) for stage in ("vad", "asr", "llm", "vocoder")},
}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(list(STEPS)), max_size=60), st.sampled_from([0, 3]))
def test_in_any_order_nobody_is_left_waiting_and_the_next_question_is_answered(
    steps: list[str], speculations: int
) -> None:
    talk = Chaos(speculations)
    for step in steps:
        STEPS[step](talk)
        # Whoever has the turn is waited for no longer than is allowed.
        assert (talk.present.turn is None) == (talk.present.state in RESTING)
        assert talk.present.turn is None or talk.conversation.timer_ns is not None or talk.speaks
        assert talk.conversation.holds is None or Timer.QUIET in talk.present.timers
    if talk.speaks:
        talk.user()
    talk.finish()
    talk.exchange(talk.at + 5000, "and now", "It is so.")
    assert (talk.turns[-1]["transcript"], talk.turns[-1]["heard"]) == ("and now", "It is so.")

    assert len([done for done in talk.of(m.Done) if done.number < 90]) == talk.commands
    tags = [event["tag"] for event in talk.named("answer.ended")]
    assert tags == sorted(set(tags))
    assert all(event["text"].startswith(event["heard"]) for event in talk.named("answer.ended"))
    changes = [event["state"] for event in talk.named("session")]
    assert changes == ["began", "ended"] * (len(changes) // 2) + ["began"] * (len(changes) % 2)
    shown = [event["state"] for event in talk.named("state")]
    assert all(one != other for one, other in pairwise(shown))
    pauses = [event["event"] for event in talk.events if event["event"] in ("answer.paused", "answer.resumed")]
    assert "answer.resumed" not in (one for one, other in pairwise(["answer.resumed", *pauses]) if one == other)
    for event in talk.named("answer.started"):
        told = [each["event"] for each in talk.events if each["tag"] == event["tag"] and each["event"] in OF_AN_ANSWER]
        assert told[0] == "answer.started"
        assert told[-1] == "answer.ended"
