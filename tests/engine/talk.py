"""A conversation for tests, with the time in hand and the stages played by the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from engine import audible
from engine import messages as m
from engine.config import Config, load
from engine.contract import Tag
from engine.turns.conversation import Conversation

RATE = 16000
MS = 1_000_000
WAIT = 450
M = TypeVar("M", bound=m.Message)


def fixed_wait(ms: int) -> tuple[str, str]:
    """Settings by which the end-of-speech wait is always the same."""
    return f"turns.end_of_speech_floor_ms={ms}", f"turns.end_of_speech_ceiling_ms={ms}"


def config(*sets: str) -> Config:
    """The packaged configuration with a fixed end-of-speech wait, without speculation, words as they are heard, and
    these settings."""
    usual = (*fixed_wait(WAIT), "turns.speculations=0", "asr.reconsider=false")
    return load(sets=[*usual, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""})


class Talk:
    """Time 0 is sample 0; `at` is the present in ms."""

    def __init__(self, *sets: str) -> None:
        self.conversation = Conversation(config(*sets), RATE)
        self.present = self.conversation.present
        self.at = 0.0
        self.played = 0
        self.floor = False
        """There is a floor that takes steps over."""
        self.hands = 0
        """How many hosts do what is called."""
        self.absent: set[str] = set()
        """The stages that are not there."""
        self.sent: list[tuple[str, m.Message]] = []
        self.conversation.start(0)
        self._collect()

    @property
    def now(self) -> int:
        return round(self.at * MS)

    @property
    def tag(self) -> Tag:
        return self.present.current.tag

    @property
    def ear(self) -> Tag:
        """The tag of what is heard of the turn."""
        return self.present.current.ear

    def state(self) -> str:
        return self.present.state.name

    def until(self, ms: float) -> None:
        """Let time pass; timers fire on time and the VAD keeps up."""
        while (timer := self.conversation.timer_ns) is not None and timer <= ms * MS:
            self.at = max(self.at, timer / MS)
            self._see()
            self.conversation.expire(self.now)
        self.at = ms
        self._see()
        self._collect()

    def say(self, message: m.Message) -> None:
        self._see()
        self.conversation.handle(message, self.now)
        self._collect()

    def _see(self) -> None:
        self.conversation.see(round(self.at * RATE / 1000), self.played, self.floor, self.absent, self.hands)

    def _collect(self) -> None:
        self.sent += self.conversation.outbox
        self.conversation.outbox.clear()

    # The user and the stages.

    def speech(self, start: float, end: float) -> None:
        """The user speaks from `start` to `end` ms."""
        self.begin(start)
        self.pause(end)

    def begin(self, start: float) -> None:
        """The user begins to speak."""
        self.until(start + 64)
        self.say(m.SpeechBegan(start=round(start * 16), capture_ns=round(start * MS)))

    def pause(self, end: float) -> None:
        """The user stops speaking."""
        self.until(end + 32)
        self.say(m.SpeechPaused(end=round(end * 16), capture_ns=round(end * MS)))

    def maybe(self, start: float, upto: float, clear: float) -> None:
        """The VAD hears what may be a voice, hop by hop from `start` to `upto` ms, of which `clear` ms are at the end
        of it without doubt a voice. It begins to be speech after 64 ms."""
        for end in range(round(start) + 32, round(upto) + 1, 32):
            self.until(end)
            if end == round(start) + 64:
                self.say(m.SpeechBegan(start=round(start * 16), capture_ns=round(start * MS)))
            sure = max(0.0, clear - (upto - end))
            self.say(
                m.VoiceHeard(
                    start=round(start * 16),
                    upto=end * 16,
                    clear=round(sure * 16),
                    speech=int(end >= start + 64),
                    capture_ns=(end - 32) * MS,
                )
            )

    def quiet(self, end: float) -> None:
        """The voice is gone at `end` ms, and with it the speech, if it was that."""
        if any(not speech.end for speech in self.present.kept) or self.state() == "HEARING":
            self.pause(end)
        self.gone(end)

    def gone(self, end: float) -> None:
        """The voice is gone at `end` ms; that it was the end of speech is known later."""
        self.until(max(self.at, end + 32))
        self.say(m.VoiceGone(end=round(end * 16), capture_ns=round(end * MS)))

    def text(self, text: str, *, final: bool = True, upto: int = 0, settled: int = 0) -> None:
        values = {"language": "en", "confidence": 0.9, "final": int(final), "upto": upto, "settled": settled}
        self.say(m.Text(tag=self.ear, text=text, **values))  # type: ignore[arg-type]

    def answer(self, text: str, stage: str = "") -> None:
        """The answer comes. stage: from whom, unless it is whoever makes it."""
        stage = stage or self.present.current.attempt.answerer
        for piece in text.split(" "):
            self.say(m.Piece(tag=self.tag, text=piece + " ", stage=stage))
        self.say(m.PiecesEnded(tag=self.tag, reason="done", stage=stage))

    @property
    def speaker(self) -> str:
        """Who speaks the answer."""
        return "floor" if self.present.current.attempt.voice == audible.FLOOR else "vocoder"

    def voice(self, samples: int = 1000, stage: str = "") -> None:
        """All clauses are voiced, each in so many samples. stage: by whom, unless it is whoever speaks it."""
        stage = stage or self.speaker
        for number, _ in enumerate(self.present.current.attempt.clauses):
            self.say(m.ClauseVoiced(tag=self.tag, number=number, samples=samples, stage=stage))
        self.say(m.VoiceEnded(tag=self.tag, reason="done", stage=stage))

    def begins(self, ahead_ms: float = 0, sample: int = 0) -> None:
        """The loudspeaker tells that the answer will be heard in so many ms, or goes on."""
        at_ns, source = round((self.at + ahead_ms) * MS), self.present.current.attempt.voice
        self.say(m.PlaybackBegan(tag=self.tag, at_ns=at_ns, sample=sample, source=source))

    def play(self, begin: float, end: float) -> None:
        """All clauses are voiced at once, heard from `begin` to `end` ms."""
        self.voice()
        self.until(begin)
        self.begins()
        self.hear_out(end)

    def hear_out(self, end: float) -> None:
        """The answer is heard to its end, at `end` ms."""
        self.until(end)
        source = self.present.current.attempt.voice
        self.say(m.PlaybackEnded(tag=self.tag, at_ns=round(end * MS), samples=1000, source=source))
        self.until(end)

    def ask(self, start: float, text: str) -> None:
        """The user says `text` within a second from `start` ms on, and has finished."""
        self.speech(start, start + 1000)
        self.until(start + 1000 + WAIT + 10)
        self.text(text)

    def exchange(self, start: float, text: str, answer: str) -> None:
        """The user says `text` from `start` ms on and hears the answer to its end, three seconds later."""
        self.ask(start, text)
        self.answer(answer)
        self.play(start + 2000, start + 3000)

    def heard_from(self, begin: float) -> None:
        """The answer, or the host's words, are voiced in 1000 samples a clause and begin to be heard at `begin` ms."""
        self.voice()
        self.until(begin)
        self.begins()
        self.until(begin)

    def begin_answer(self, text: str) -> None:
        """The answer is `text`, and begins to be heard."""
        self.answer(text)
        self.heard_from(self.at + 40)

    def bring_to(self, state: str) -> None:
        """From the beginning, into this state: what the user says is "hello", and the answer "Yes. It is."."""
        if state in ("ANNOUNCING", "INSISTING"):
            self.host(m.Say(number=90, text="Dear visitors.", mode="queue", interruptible=int(state == "ANNOUNCING")))
        elif state == "ASLEEP":
            self.host(m.FallAsleep(number=90))
        elif state == "MUTED":
            self.say(m.MicrophoneMuted(on=1))
        elif state != "LISTENING":
            self.begin(1000)
            steps: dict[str, Callable[[], None]] = {
                "ENDING": lambda: self.pause(2000),
                "FINALISING": lambda: self.until(2000 + WAIT + 10),
                "THINKING": lambda: self.text("hello"),
                "SPEAKING": lambda: self.begin_answer("Yes. It is."),
            }
            for reached, step in steps.items():
                if self.state() != state:
                    step()
                    assert self.state() == reached
        assert self.state() == state

    def host(self, command: m.Message) -> m.Done:
        """The host commands something: how it was answered."""
        before = len(self.of(m.Done))
        self.say(command)
        (done,) = self.of(m.Done)[before:]
        assert done.number == command.number  # type: ignore[attr-defined]
        return done

    def finish(self) -> None:
        """Play on until nobody has the turn: the user stops speaking, and everything is answered and heard."""
        while (state := self.state()) != "LISTENING":
            if state == "HEARING":
                self.pause(self.at)
            elif state == "ENDING":
                self.until(self.at + WAIT + 10)
            elif state == "FINALISING":
                self.text("so much")
            elif state == "ASLEEP":
                self.host(m.ListenNow(number=91))
            elif state == "MUTED":
                self.say(m.MicrophoneMuted(on=0))
            else:
                attempt = self.present.current.attempt
                if not attempt.ended:
                    self.answer("Yes. It is.")
                if not attempt.began_ns:
                    self.heard_from(self.at + 40)
                elif not attempt.is_voiced:
                    self.voice()
                if attempt.ended_ns:  # its end was told already
                    self.until(self.at + 1000)
                else:
                    self.hear_out(self.at + 1000)

    # What came of it.

    def of(self, kind: type[M]) -> list[M]:
        return [message for _, message in self.sent if isinstance(message, kind)]

    def on(self, channel: str) -> list[m.Message]:
        return [message for name, message in self.sent if name == channel]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Everything that was told, with whose it was and when: tag, at_ms."""
        return [
            {**json.loads(message.event), "tag": message.tag, "at_ms": message.at_ns / MS}
            for message in self.of(m.Happened)
        ]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    @property
    def turns(self) -> list[dict[str, Any]]:
        return [event["record"] for event in self.named("answer.ended")]
