"""Whatever the user, the host and the stages do in whatever order, the conversation goes on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import audible
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
        tools = 'tools=[{ name = "ring", description = "Ring the bell" }]'
        super().__init__("turns.session_end_s=20", f"turns.speculations={speculations}", tools)
        self.hands = 1
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
            self.answer("Yes. It is." if len(self.sent) % 4 else "", stage="llm")

    def piece(self) -> None:
        if (attempt := self._attempt) and attempt.asked is not None and not attempt.ended:
            self.say(m.Piece(tag=self.tag, text="Well, yes. "))

    def voiced(self) -> None:
        if (attempt := self._attempt) and attempt.voiced < len(attempt.clauses):
            stage = self.speaker
            self.say(m.ClauseBegan(tag=self.tag, number=attempt.voiced, stage=stage))
            if len(self.sent) % 3:
                self.say(m.ClauseVoiced(tag=self.tag, number=attempt.voiced, samples=16000, stage=stage))

    def voiced_late(self) -> None:
        """A voice from which the floor has taken over is at work all the same."""
        if (attempt := self._attempt) and attempt.voice == audible.FLOOR:
            for number in range(len(attempt.clauses)):
                self.say(m.ClauseVoiced(tag=self.tag, number=number, samples=16000))
            self.say(m.VoiceEnded(tag=self.tag, reason="cancelled"))

    @property
    def _may_be_heard(self) -> bool:
        present = self.present
        if present.state not in HEARD or present.audible != self.tag:
            return False
        return present.source == present.current.attempt.voice

    def heard(self) -> None:
        if self._may_be_heard and self.present.current.attempt.begun:
            self.begins(30, self.played)

    def dry(self) -> None:
        if self._may_be_heard and (attempt := self.present.current.attempt).began_ns and not attempt.held:
            self.say(m.PlaybackDry(tag=self.tag, at_ns=self.now, samples=self.played, source=attempt.voice))

    def heard_out(self) -> None:
        attempt = self._attempt
        if self._may_be_heard and attempt is not None and attempt.is_voiced and attempt.began_ns:
            source = attempt.voice
            self.say(m.PlaybackEnded(tag=self.tag, at_ns=self.now + 30 * MS, samples=1, source=source))

    # The floor.

    def floor_comes_or_goes(self) -> None:
        self.floor = not self.floor

    @property
    def _floor_is_asked(self) -> bool:
        attempt = self._attempt
        return attempt is not None and attempt.asked_floor and not attempt.ended

    def floor_answers(self) -> None:
        if self._floor_is_asked:
            self.answer("Well, yes. It is.", stage="floor")

    def floor_knows_none(self) -> None:
        if self._floor_is_asked:
            self.say(m.PiecesEnded(tag=self.tag, reason="failed", stage="floor"))

    def phrase(self, *, ends: bool) -> None:
        """The phrase that holds the turn is heard."""
        if self.present.turn is not None and self.present.source == audible.HOLDING:
            self.say(m.PlaybackBegan(tag=self.tag, at_ns=self.now, source=audible.HOLDING))
            if ends:
                self.say(m.PlaybackEnded(tag=self.tag, at_ns=self.now, samples=1, source=audible.HOLDING))

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
                m.VoiceEnded(tag=self.tag, reason="failed", text="it is broken", stage=self.speaker),
            ),
        ]
        happens, message = possible[len(self.sent) % 3]
        if happens:
            self.say(message)

    # The host's tools.

    def a_host_comes_or_goes(self) -> None:
        self.hands = 1 - self.hands

    def calls(self) -> None:
        if (attempt := self._attempt) and attempt.asked is not None and not attempt.ended:
            self.say(m.CallTool(tag=self.tag, tool="ring", arguments="{}" if len(self.sent) % 5 else '{"loud": 1}'))

    def tells(self, *, ends: bool) -> None:
        """The host tells of a call; it may be over."""
        if called := self.named("tool"):
            call = called[-1 - len(self.sent) % min(2, len(called))]["call"]
            result = m.ToolResult(number=10, call=call, text="It rang.", speak=len(self.sent) % 2)
            self.command(result if ends else m.ToolProgress(number=11, call=call, text="It rings."))

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
    "no sample": Chaos.dry,
    "a late clause's sound": Chaos.voiced_late,
    "the floor comes or goes": Chaos.floor_comes_or_goes,
    "the floor answers": Chaos.floor_answers,
    "the floor knows none": Chaos.floor_knows_none,
    "the phrase begins": lambda talk: talk.phrase(ends=False),
    "the phrase": lambda talk: talk.phrase(ends=True),
    "a call": Chaos.calls,
    "progress": lambda talk: talk.tells(ends=False),
    "a result": lambda talk: talk.tells(ends=True),
    "a host comes or goes": Chaos.a_host_comes_or_goes,
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
    **{f"{stage} again": joined(stage) for stage in ("vad", "asr", "llm", "vocoder", "floor")},
}


ASKED = ("the floor comes or goes", "the user", "500 ms", "the user", "500 ms", "all words")
"""A question is asked, where there is a floor."""
OF_LATENESS = (
    *("20 ms", "500 ms", "6 s", "a call", "a piece", "an answer", "the floor answers", "the floor knows none"),
    *("a clause's sound", "a late clause's sound", "the first sample", "no sample", "the last sample", "a fault"),
    *("the phrase begins", "the phrase", "a voice", "maybe a voice", "a noise is over", "say now"),
    *("llm again", "vocoder again", "floor again", "the floor comes or goes"),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(list(STEPS)), max_size=60), st.sampled_from([0, 3]))
def test_in_any_order_nobody_is_left_waiting_and_the_next_question_is_answered(
    steps: list[str], speculations: int
) -> None:
    go_through(steps, speculations)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(OF_LATENESS), max_size=40))
def test_whoever_is_late_or_comes_after_all_nothing_is_heard_twice_and_nobody_is_left_waiting(steps: list[str]) -> None:
    go_through([*ASKED, *steps], 0)


def go_through(steps: list[str], speculations: int) -> None:
    talk = Chaos(speculations)
    heard = 0
    for step in steps:
        STEPS[step](talk)
        # What may be heard only grows: nothing that was given up is ever heard again.
        before, heard = heard, audible.pack(talk.present.source, talk.present.audible)
        assert heard >= before
        # Whoever has the turn is waited for no longer than is allowed.
        assert (talk.present.turn is None) == (talk.present.state in RESTING)
        assert talk.present.turn is None or talk.conversation.timer_ns is not None or talk.speaks
        assert talk.conversation.holds is None or Timer.QUIET in talk.present.timers
    if talk.speaks:
        talk.user()
    talk.conversation._calling.cancel_all("stopped", talk.now)
    talk.finish()
    talk.exchange(talk.at + 5000, "and now", "It is so.")
    assert (talk.turns[-1]["transcript"], talk.turns[-1]["heard"]) == ("and now", "It is so.")

    assert len([done for done in talk.of(m.Done) if done.number < 90]) == talk.commands
    called, over = ([event["call"] for event in talk.named(name)] for name in ("tool", "tool.ended"))
    assert len(set(called)) == len(called)  # each once, and each comes to one end
    assert sorted(over) == sorted(called)
    guessed = {event["tag"] for event in talk.named("tool")} - {ask.tag for ask in talk.of(m.Ask)}
    assert not guessed
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
