"""Questions as a recogniser hears them: said by a voice, in noise if wanted, and recognised with what the sheet makes
it expect."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.config import Config
from engine.contract import Ended, Event, Exchange, HasAlternatives, Heard, HearsPauses, Job, Pcm, Rung, Tag
from engine.errors import BackendError
from engine.schema import plain
from engine.turns.deadlines import SURE_AFTER_MS
from engine.turns.finalising import TAIL_MS
from workers.asr import LAST_MS, SPARE_MS
from workers.backends.kept import say
from workers.backends.registry import make, named, rung
from workers.reconsider import Pause, Reconsider

RATE = 16000
_PAUSE = np.zeros(RATE // 4, np.int16)
_LAST = LAST_MS * RATE // 1000
_STEP_NS = 1_000_000_000
_C = ctypes.CDLL(None)


class Voice:
    """One that speaks: one of flite's, "rms", or of another backend's, "espeak:en-gb+f3". noise_db: how far white noise
    lies below it; None: there is none."""

    def __init__(self, config: Config, name: str, noise_db: float | None) -> None:
        backend, _, voice = name.rpartition(":")
        backend = backend or "flite"
        settings = {**plain(getattr(config.vocoder, backend, {})), "voice": voice}
        self._backend = named("vocoder", backend)
        self._backend.load(Rung(settings, rate=RATE))
        self._backend.warm_up()
        self._noise_db = noise_db

    def say(self, text: str, seed: int) -> Pcm:
        """The sound of a text, a quarter of a second of silence around it. With the same seed it sounds the same: the
        noise, and flite's breath, which is C's rand()."""
        _C.srand(crc32(f"{seed} {text}".encode()))
        spoken = say(self._backend, text).sound.astype(np.float64)
        sound: NDArray[np.float64] = np.concatenate([_PAUSE, spoken, _PAUSE])
        if self._noise_db is not None:
            loud = float(np.sqrt(np.mean(spoken**2)))
            dice = np.random.default_rng([seed, crc32(text.encode())])
            sound += dice.normal(0, loud * 10 ** (-self._noise_db / 20), sound.size)
        return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


class Ears:
    """The configured recogniser. expecting: it leans towards what the configuration makes it expect."""

    def __init__(self, config: Config, expecting: bool = True) -> None:
        usual = rung("asr", config)
        self._piece = config.asr.partial_ms * RATE // 1000
        self._backend = make("asr", config)
        self._backend.load(usual if expecting else replace(usual, expected=(), alike=()))
        self._backend.warm_up()
        has_others = expecting and isinstance(self._backend, HasAlternatives)
        self._reconsider = Reconsider.of(config) if has_others else None
        self._partial_ns = (config.asr.partial_budget_ms - SPARE_MS) * 1_000_000
        self._final_ns = (config.asr.final_budget_ms - SPARE_MS) * 1_000_000

    def hear(
        self,
        sound: Pcm,
        history: Sequence[Exchange] = (),
        context: Sequence[str] = (),
        calls: Callable[[str], bool] = lambda _: False,
    ) -> tuple[str, str]:
        """The words of a sound, as they were heard and as they were meant. history, context: what they may lean on;
        calls: whether something would be done upon words.

        It comes in as in the engine, piece by piece: what is said later tells nothing of what was said before. As
        there, a little of the pause after them is heard, and final words are only waited for where none are settled
        then, or something would be done upon them."""
        job = Job(Tag(1, 1, 1), history=tuple(history), context=tuple(context))
        self._backend.begin(job)
        end = len(sound) - _PAUSE.size
        known = (end + SURE_AFTER_MS * RATE // 1000) // self._piece * self._piece
        for start in range(0, known, self._piece):  # until it is known that it was the end
            self._feed(job, sound[start : start + self._piece])
        if isinstance(self._backend, HearsPauses):
            self._backend.pause(job, end)
        pause = Pause(end, RATE)
        heard, text, settled = None, "", False
        for start in range(known, end + TAIL_MS * RATE // 1000, _LAST):
            newer = _heard(self._feed(job, sound[start : start + _LAST]))
            if newer is not None and newer.upto >= end:
                heard, (text, settled) = newer, self._meant(job, newer, time.monotonic_ns() + self._partial_ns, pause)
        if heard is not None and settled and not calls(text):
            self._backend.cancel(job.tag)
            self._until_ended()
            return heard.text, text
        began_ns = time.monotonic_ns()
        self._backend.finish(job)
        heard = _heard(self._until_ended())
        if heard is None:
            return "", ""
        return heard.text, self._meant(job, heard, began_ns + self._final_ns)[0]

    def _feed(self, job: Job, sound: Pcm) -> Sequence[Event]:
        self._backend.feed(job, sound)
        return self._backend.step(_STEP_NS)

    def _meant(self, job: Job, heard: Heard, until_ns: int, pause: Pause | None = None) -> tuple[str, bool]:
        job, ears, reconsider = replace(job, text=heard.text), self._backend, self._reconsider
        if reconsider is None or not isinstance(ears, HasAlternatives):
            return heard.text, True
        if pause is not None:
            return pause.text(reconsider, job, ears, heard.upto, until_ns)
        return reconsider.text(job, ears, until_ns)

    def _until_ended(self) -> Sequence[Event]:
        events: list[Event] = []
        while not (ended := [event for event in events if isinstance(event, Ended)]):
            events += self._backend.step(_STEP_NS)
        if ended[0].reason == "failed":
            raise BackendError(f"the recogniser failed: {ended[0].text}", "look at asr.backend")
        return events

    def close(self) -> None:
        self._backend.unload()


def _heard(events: Sequence[Event]) -> Heard | None:
    """What was heard last."""
    return next((event for event in reversed(events) if isinstance(event, Heard)), None)
