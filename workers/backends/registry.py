"""Every backend there is: stage, name, where its class is. A new one is a file, a line here, and its settings: the
name in `Backend`, and a table of its own where it has any (engine/settings.py, config.toml). A user's own, which is
named in the configuration by its module and class, needs none of that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from engine import messages as m
from engine.config import Config
from engine.contract import Backend, Rung, Tag
from engine.errors import BackendError
from engine.outlet import Outlet
from workers.join import Seat

REGISTRY = {
    "vad": {"silero": "workers.backends.silero:Silero"},
    "asr": {
        "pocketsphinx": "workers.backends.pocketsphinx:PocketSphinx",
        "whisper": "workers.backends.whisper:Whisper",
        "sherpa": "workers.backends.sherpa:Sherpa",
        "computing": "workers.backends.computing_asr:ComputingRecogniser",
    },
    "ending": {
        "prosody": "workers.backends.prosody:Prosody",
        "smart_turn": "workers.backends.smart_turn:SmartTurn",
    },
    "llm": {
        "phrasebook": "workers.backends.phrasebook:Phrasebook",
        "repeat": "workers.backends.repeat:Repeat",
        "ctranslate2": "workers.backends.ct2_generator:Ct2Generator",
        "openai": "workers.backends.openai_http:OpenAi",
        "exllamav2": "workers.backends.exllama:ExLlamaV2",
        "exllamav3": "workers.backends.exllama:ExLlamaV3",
        "computing": "workers.backends.computing_llm:ComputingAnswers",
    },
    "vocoder": {
        "flite": "workers.backends.flite:Flite",
        "espeak": "workers.backends.espeak:Espeak",
        "kokoro": "workers.backends.kokoro:Kokoro",
        "piper": "workers.backends.piper:Piper",
        "computing": "workers.backends.computing_vocoder:ComputingVoice",
    },
}

EXPERIMENTAL = {
    "moshi": "workers.backends.moshi:Moshi",
    "voxtral": "workers.backends.voxtral:Voxtral",
}
"""Backends that keep the contract and that no stage drives yet: what they hear and say is more than one stage's."""


def make(stage: str, config: Config) -> Backend:
    """The backend that the configuration names for a stage, not yet loaded.

    Raises BackendError when its library cannot be imported.
    """
    return named(stage, getattr(config, stage).backend)


def named(stage: str, name: str) -> Backend:
    """A stage's backend by its name, not yet loaded. Raises BackendError when its library cannot be imported."""
    module, _, cls = REGISTRY[stage].get(name, name).partition(":")
    try:
        backend: Backend = getattr(import_module(module), cls)()
    except (ImportError, AttributeError) as error:
        remedy = f"install what it needs into {sys.executable}, or choose another backend"
        raise BackendError(f"{stage}.backend {name}: {error}", remedy) from error
    return backend


def rung(stage: str, config: Config, wake: Callable[[], None] = lambda: None) -> Rung:
    """What the configuration says a stage's backend shall be loaded with."""
    return Rung(
        language=config.language,
        rate=config.audio.rate_hz,
        threads=getattr(config, stage).threads,
        wake=wake,
        **config.loaded_with(stage),
    )


def prepare(seat: Seat) -> Backend:
    """The backend of a worker's stage, loaded and warmed up; what its owner should know of that goes to stderr.

    Raises BackendError with the remedy when it cannot be had.
    """
    stage = seat.process.name
    backend = make(stage, seat.config)
    seat.wakeable()
    _load(stage, backend, rung(stage, seat.config, seat.wake))
    return backend


def _load(stage: str, backend: Backend, wanted: Rung) -> None:
    backend.load(wanted)
    backend.warm_up()
    tell(stage, backend.remarks)


def tell(stage: str, remarks: Sequence[str]) -> None:
    """Let the owner know: a line on stderr for each."""
    for remark in remarks:
        print(f"engine:{stage}: {remark}", file=sys.stderr, flush=True)


def forget(backend: Backend, jobs: Mapping[Tag, Any], step: Callable[[], None], session: int) -> None:
    """A visitor has left: end the jobs that are open, by `step`s of the worker's own, and let the backend forget."""
    for tag in jobs:
        backend.cancel(tag)
    while jobs:
        step()
    backend.forget(session)


class Renewal:
    """Gives a worker's backend new settings while it runs. `between_jobs` is called when no job is open."""

    def __init__(self, seat: Seat, backend: Backend, out: Outlet) -> None:
        self._seat, self._backend, self._out = seat, backend, out
        self._loaded = rung(seat.process.name, seat.config, seat.wake)
        """What the backend was loaded with."""
        self._version = seat.version
        self._tell("")

    def between_jobs(self) -> bool:
        """Load the backend anew if what it is loaded with has changed since; the engine is told how that went.

        Where it cannot be loaded so, it goes on with what it had. Raises BackendError when that is gone too. Returns
        whether it was loaded.
        """
        if self._version == self._seat.version:
            return False
        self._version = self._seat.version
        stage, refused = self._seat.process.name, ""
        wanted = rung(stage, self._seat.config, self._seat.wake)
        anew = wanted != self._loaded
        if anew:
            with self._seat.bound():
                try:
                    _load(stage, self._backend, wanted)
                    self._loaded = wanted
                except BackendError as error:
                    refused = str(error)
                    _load(stage, self._backend, self._loaded)
        self._tell(refused)
        return anew

    def _tell(self, refused: str) -> None:
        self._out.send(m.Renewed(stage=self._seat.process.name, version=self._version, text=refused))
