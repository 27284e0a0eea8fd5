"""Questions as a recogniser hears them: said by a voice, in noise if wanted, and recognised with what the sheet makes
it expect."""

from __future__ import annotations

import ctypes
import time
from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from engine.config import Config
from engine.contract import Ended, Event, Heard, Job, Pcm, Rung, Tag
from engine.errors import BackendError
from engine.schema import plain
from workers.backends.kept import say
from workers.backends.registry import make, named, rung
from workers.reconsider import Reconsider

RATE = 16000
_PAUSE = np.zeros(RATE // 4, np.int16)
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
        self._reconsider = Reconsider.of(config) if expecting else None
        self._final_ns = config.asr.final_budget_ms * 1_000_000
        self._session = self._turn = 1

    def hear(self, sound: Pcm) -> str:
        """The words of a sound, which comes in as in the engine, piece by piece: what is said later tells nothing of
        what was said before. It is the next turn of its conversation."""
        job = Job(Tag(self._session, self._turn, 1))
        self._turn += 1
        events: list[Event] = []
        self._backend.begin(job)
        if self._reconsider is not None:
            self._reconsider.begin(job.tag)
        for start in range(0, len(sound), self._piece):
            self._backend.feed(job, sound[start : start + self._piece])
            events += self._backend.step(_STEP_NS)
        self._backend.finish(job)
        while not (ended := [event for event in events if isinstance(event, Ended)]):
            events += self._backend.step(_STEP_NS)
        if ended[0].reason != "done":
            raise BackendError(f"the recogniser {ended[0].reason}: {ended[0].text}", "look at asr.backend")
        heard = next((event.text for event in reversed(events) if isinstance(event, Heard)), "")
        if self._reconsider is None:
            return heard
        return self._reconsider.text(job.tag, heard, self._backend, time.monotonic_ns() + self._final_ns)

    def leave(self) -> None:
        """The visitor leaves; the next one is another."""
        self._session, self._turn = self._session + 1, 1

    def close(self) -> None:
        self._backend.unload()
