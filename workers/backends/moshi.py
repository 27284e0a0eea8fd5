"""Speech to speech with Kyutai's Moshi (MIT; weights CC-BY-4.0): it listens and speaks all the time, 80 ms at a time.

Experimental: no stage of the engine drives it yet. Not run with real weights, and not on a GPU.

A job is a conversation. Every frame that is fed is answered by one frame in the job's sink and one `Sound`, and now and
then by a `Token`, what it says in words. It must keep up: no more than two frames wait, and when a third comes, the
oldest of them is not listened to, and its `Sound` tells how much was lost. Frames are 80 ms at the engine's rate and
become the model's 24 kHz here, as voices do it, so that whoever drives it has one rate only.

What a conversation leaves in the model is gone with its end: the next one begins from the state that was saved after
the prompt. What was not heard of an answer cannot be taken back: to the model it was said when it was said.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np

from engine.contract import Abilities, Ended, Event, Job, Pcm, Rung, Sound, Tag, Token
from engine.errors import BackendError, first_line
from engine.rules import Between, OneOf
from workers.backends.defaults import settings_of
from workers.backends.frames import Reframer
from workers.backends.moshi_model import EXTRA, FRAME_MS, RATE, REMEDY, SETTING, MoshiModel
from workers.backends.torch_library import remedy_of, torch_on

WAITING = 2
"""Frames that may wait: more would be an answer to what was said long ago."""
TRIES = 4
"""Frames of a warm-up."""


@dataclass(frozen=True, slots=True)
class Settings:
    """model: a directory. prompt: words that it takes itself to have said before a conversation begins."""

    model: str = ""
    device: Annotated[str, OneOf("cpu", "cuda")] = "cuda"
    require_device: bool = True
    dtype: Annotated[str, OneOf("auto", "float32", "bfloat16", "float16")] = "auto"
    prompt: str = ""
    temperature: Annotated[float, Between(0, 2)] = 0.8
    text_temperature: Annotated[float, Between(0, 2)] = 0.7
    top_k: Annotated[int, Between(0, 2048)] = 250
    text_top_k: Annotated[int, Between(0, 32000)] = 25


@dataclass(slots=True)
class _Conversation:
    job: Job
    frames: deque[Pcm] = field(default_factory=deque)
    """Not listened to yet."""
    finished: bool = False
    cancelled: bool = False
    """Written by any thread, read between frames."""
    failure: str = ""

    @property
    def ready(self) -> bool:
        return bool(self.frames or self.finished or self.cancelled or self.failure)


class Moshi:
    """Its settings are `Settings`. One conversation at a time: another one is refused until the first has ended."""

    def __init__(self) -> None:
        self._model: MoshiModel | None = None
        self._identity: tuple[Any, ...] = ()
        self._open: _Conversation | None = None
        self._over: list[Event] = []
        self._cost_ns = 0
        self._remarks: tuple[str, ...] = ()
        self._abilities = Abilities(checkpoint="frame", incremental=True)

    @property
    def abilities(self) -> Abilities:
        return self._abilities

    def load(self, rung: Rung) -> None:
        chosen = settings_of(Settings, rung.settings, "moshi")
        frame, odd = divmod(rung.rate * FRAME_MS, 1000)
        if odd or not 8000 <= rung.rate <= 48000:
            raise BackendError(f"moshi cannot be fed {rung.rate} samples a second", "set audio.rate_hz to 16000")
        identity = (chosen.model, chosen.device, chosen.require_device, chosen.dtype, rung.threads)
        if identity != self._identity:
            self.unload()
            torch = torch_on(chosen.device, chosen.require_device, chosen.dtype, rung.threads, SETTING, EXTRA)
            self._model, self._remarks = MoshiModel(chosen.model, torch), torch.remarks
            self._identity = identity
        assert self._model is not None
        self._prompt = chosen.prompt
        self._model.sample(chosen.temperature, chosen.text_temperature, chosen.top_k, chosen.text_top_k)
        self._heard, self._said = Reframer(rung.rate, RATE, FRAME_MS), Reframer(RATE, rung.rate, FRAME_MS)
        self._abilities = Abilities(checkpoint="frame", incremental=True, rate=rung.rate, frame=frame)

    def warm_up(self) -> None:
        """Says the prompt to itself, keeps the state after it, and tries some frames."""
        assert self._model is not None
        try:
            self._model.prepare(self._prompt)
            took = []
            for _ in range(TRIES):
                began = time.monotonic_ns()
                self._answer(np.zeros(self._abilities.frame, np.int16))
                took.append(time.monotonic_ns() - began)
        except Exception as error:  # RuntimeError: whatever torch throws
            why = first_line(error)
            raise BackendError(f"moshi does not run ({why})", remedy_of(why, REMEDY)) from error
        self._cost_ns = min(took)  # the first ones compile
        self._begin_anew()

    def begin(self, job: Job) -> None:
        if self._open is None:
            self._open = _Conversation(job)
        else:
            self._over.append(Ended(job.tag, "failed", "moshi holds one conversation at a time"))

    def feed(self, job: Job, data: Pcm) -> None:
        if (talk := self._of(job.tag)) is None:
            return
        if len(data) != self._abilities.frame:
            talk.failure = f"moshi was fed {len(data)} samples instead of {self._abilities.frame}"
            return
        talk.frames.append(np.array(data))
        if len(talk.frames) > WAITING:
            talk.frames.popleft()
            self._over.append(Sound(job.tag, 0, lost=len(data)))

    def finish(self, job: Job) -> None:
        if talk := self._of(job.tag):
            talk.finished = True

    def step(self, budget_ns: int) -> Sequence[Event]:
        """A frame at most, whatever the budget: the next one has not been heard yet."""
        events, self._over = self._over, []
        talk = self._open
        if talk is None or not talk.ready:
            return events
        if talk.frames and not (talk.cancelled or talk.failure):
            events += self._converse(talk)
        if talk.cancelled:
            events.append(self._end(talk, "cancelled"))
        elif talk.failure:
            events.append(self._end(talk, "failed"))
        elif talk.finished and not talk.frames:
            assert self._model is not None
            if rest := self._model.rest():
                events.append(Token(talk.job.tag, rest))
            events.append(self._end(talk, "done"))
        return events

    def _converse(self, talk: _Conversation) -> Sequence[Event]:
        """Hear one frame and answer it."""
        tag, sink = talk.job.tag, talk.job.sink
        began = time.monotonic_ns()
        try:
            sound, words = self._answer(talk.frames.popleft())
        except Exception as error:  # out of memory, a broken driver
            talk.failure = first_line(error)
            return ()
        self._cost_ns += (time.monotonic_ns() - began - self._cost_ns) // 8
        if not talk.cancelled and sink is not None and not sink.write(sound):
            talk.cancelled = True
        if talk.cancelled:
            return ()
        return [*([Token(tag, words)] if words else []), Sound(tag, len(sound))]

    def _answer(self, frame: Pcm) -> tuple[Pcm, str]:
        """What it says while it hears a frame, both at the engine's rate."""
        assert self._model is not None
        sound, words = self._model.frame(np.multiply(self._heard(frame), 1 / 32768, dtype=np.float32))
        return self._said(np.clip(sound * 32767, -32768, 32767).astype(np.int16)), words

    def _end(self, talk: _Conversation, reason: Literal["done", "cancelled", "failed"]) -> Event:
        self._open = None
        self._begin_anew()
        return Ended(talk.job.tag, reason, talk.failure if reason == "failed" else "")

    def _begin_anew(self) -> None:
        assert self._model is not None
        self._model.restart()
        self._heard.reset()
        self._said.reset()

    def _of(self, tag: Tag) -> _Conversation | None:
        talk = self._open
        return talk if talk is not None and talk.job.tag == tag else None

    @property
    def remarks(self) -> Sequence[str]:
        slow = self._cost_ns // 1_000_000
        late = f"moshi takes {slow} ms for {FRAME_MS} ms of sound here: it will lose what it cannot follow"
        return (*self._remarks, late) if slow >= FRAME_MS else self._remarks

    @property
    def idle(self) -> bool:
        return not self._over and (self._open is None or not self._open.ready)

    def cancel(self, tag: Tag) -> None:
        if talk := self._of(tag):
            talk.cancelled = True

    def settle(self, tag: Tag, heard: str) -> None:
        """What was said was said, and nothing outlasts a conversation."""

    def forget(self, session: int) -> None:
        """Nothing outlasts a conversation."""

    def cost_ns(self, units: int) -> int:
        """A unit is a frame."""
        return units * self._cost_ns

    def unload(self) -> None:
        self._model, self._identity, self._open, self._over = None, (), None, []
