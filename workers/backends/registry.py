"""Every backend there is: stage, name in config.toml, where its class is. A new one is a file and a line here."""

from __future__ import annotations

import sys
from dataclasses import asdict
from importlib import import_module

from engine.config import Config
from engine.contract import Backend, Rung
from engine.errors import BackendError

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


def rung(stage: str, config: Config) -> Rung:
    """What the configuration says a stage's backend shall be loaded with: its own table, and the engine's phrases in
    the language that is spoken."""
    section = getattr(config, stage)
    return Rung(
        settings={**asdict(config.phrases[config.language]), **config.backend_settings(stage)},
        language=config.language,
        rate=config.audio.rate_hz,
        threads=section.threads,
        expected=config.expected_phrases(),
    )


def prepare(stage: str, config: Config) -> Backend:
    """A stage's backend, loaded and warmed up; what its owner should know of that goes to stderr.

    Raises BackendError with the remedy when it cannot be had.
    """
    backend = make(stage, config)
    backend.load(rung(stage, config))
    backend.warm_up()
    for remark in backend.remarks:
        print(f"engine:{stage}: {remark}", file=sys.stderr, flush=True)
    return backend
