"""Every backend there is: stage, name, where its class is. A new one is a file, a line here, and its settings: the
name in `OneOf`, and a table of its own where it has any (engine/settings.py, config.toml)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module

from engine.config import Config
from engine.contract import Backend, Rung
from engine.errors import BackendError
from workers.join import Seat

REGISTRY = {
    "vad": {"silero": "workers.backends.silero:Silero"},
    "asr": {"pocketsphinx": "workers.backends.pocketsphinx:PocketSphinx"},
    "llm": {"phrasebook": "workers.backends.phrasebook:Phrasebook", "repeat": "workers.backends.repeat:Repeat"},
    "vocoder": {"flite": "workers.backends.flite:Flite", "espeak": "workers.backends.espeak:Espeak"},
}


def make(stage: str, config: Config) -> Backend:
    """The backend that the configuration names for a stage, not yet loaded.

    Raises BackendError when its library cannot be imported.
    """
    name = getattr(config, stage).backend
    module, _, cls = REGISTRY[stage][name].partition(":")
    try:
        backend: Backend = getattr(import_module(module), cls)()
    except ImportError as error:
        remedy = "install what it needs, or choose another backend"
        raise BackendError(f"{stage}.backend {name}: {error}", remedy) from error
    return backend


def rung(stage: str, config: Config, wake: Callable[[], None] = lambda: None) -> Rung:
    """What the configuration says a stage's backend shall be loaded with: its own table, and the engine's phrases in
    the language that is spoken."""
    section = getattr(config, stage)
    return Rung(
        settings={**asdict(config.phrases[config.language]), **config.backend_settings(stage)},
        language=config.language,
        rate=config.audio.rate_hz,
        threads=section.threads,
        expected=config.expected_phrases(),
        wake=wake,
    )


def prepare(seat: Seat) -> Backend:
    """The backend of a worker's stage, loaded and warmed up; what its owner should know of that goes to stderr.

    Raises BackendError with the remedy when it cannot be had.
    """
    stage = seat.process.name
    backend = make(stage, seat.config)
    backend.load(rung(stage, seat.config, seat.wake))
    seat.wakeable()
    backend.warm_up()
    for remark in backend.remarks:
        print(f"engine:{stage}: {remark}", file=sys.stderr, flush=True)
    return backend
