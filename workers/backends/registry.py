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
from engine.contract import NO_LEASE, NO_LINE, Backend, ChangesQuickly, Lease, Line, Rung, Tag
from engine.errors import BackendError
from engine.ladders import at, ladder
from engine.levels import WARNING, say
from engine.outlet import Outlet
from workers.backends.faulty import afflicted
from workers.join import Seat
from workers.ladder import Held, Ladder, Step

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
        "facts": "workers.backends.facts:Facts",
        "reword": "workers.backends.reword:Reword",
        "phrasebook": "workers.backends.phrasebook:Phrasebook",
        "repeat": "workers.backends.repeat:Repeat",
        "ctranslate2": "workers.backends.ct2_generator:Ct2Generator",
        "openai": "workers.backends.openai_http:OpenAi",
        "host": "workers.backends.host:Host",
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


def rung(
    stage: str, config: Config, wake: Callable[[], None] = lambda: None, lease: Lease = NO_LEASE, line: Line = NO_LINE
) -> Rung:
    """What the configuration says a stage's backend shall be loaded with."""
    return Rung(
        language=config.language,
        rate=config.audio.rate_hz,
        threads=getattr(config, stage).threads,
        wake=wake,
        lease=lease,
        line=line,
        **config.loaded_with(stage),
    )


def climb(
    stage: str, config: Config, wake: Callable[[], None] = lambda: None, lease: Lease = NO_LEASE, line: Line = NO_LINE
) -> Ladder:
    """The ladder of a stage, nothing of it loaded yet. Raises BackendError when a library cannot be imported."""
    steps: list[Step] = []
    for each in ladder(config, stage):
        wanted, name = rung(stage, each.config, wake, lease, line), getattr(each.config, stage).backend
        held = next((step.held for step in steps if step.backend == name and _shares(step, wanted)), None)
        held = held or Held(afflicted(stage, make(stage, each.config), config.faults))
        steps.append(Step(each.name, name, each.resident, wanted, held))
    return Ladder(steps, lambda line: tell(stage, [line]))


def _shares(step: Step, wanted: Rung) -> bool:
    """A backend that does the work of this rung does that of another too."""
    backend = step.held.backend
    return step.rung == wanted or (isinstance(backend, ChangesQuickly) and backend.changes_quickly(step.rung, wanted))


def prepare(seat: Seat) -> Ladder:
    """The backends of a worker's stage, loaded and warmed up; what its owner should know of that goes to stderr.

    Raises BackendError with the remedy when they cannot be had. While the engine starts that is so for each rung;
    later, when one that has died is started again, for all of them.
    """
    stage, telemetry = seat.process.name, seat.telemetry
    found = climb(stage, seat.config, seat.wake, seat.apart, seat.line)
    seat.wakeable()
    found.start(telemetry.get(f"{stage}.rung"), strict=not telemetry.get("engine.go"))
    tell(stage, found.remarks)
    telemetry.set(f"{stage}.rung_at", found.at)
    return found


def tell(stage: str, remarks: Sequence[str]) -> None:
    """Let the owner know: a line on stderr for each."""
    for remark in remarks:
        say(f"engine:{stage}: {remark}", WARNING)


def forget(backend: Backend, jobs: Mapping[Tag, Any], step: Callable[[], None], session: int) -> None:
    """A visitor has left: end the jobs that are open, by `step`s of the worker's own, and let the backend forget."""
    for tag in jobs:
        backend.cancel(tag)
    while jobs:
        step()
    backend.forget(session)


class Renewal:
    """Gives a worker's backend new settings while it runs, and moves it to the rung that is wanted. `between_jobs` is
    called when no job is open. backend: what `prepare` made; another one is a ladder of one rung."""

    def __init__(self, seat: Seat, backend: Backend, out: Outlet) -> None:
        self._seat, self._out, self._stage = seat, out, seat.process.name
        if not isinstance(backend, Ladder):
            loaded = rung(self._stage, seat.config, seat.wake, seat.apart, seat.line)
            backend = Ladder([Step("", "", True, loaded, Held(backend, loaded))])
        self._ladder = backend
        self._version = seat.version
        self._config: tuple[Config, int, Config] | None = None
        self._tell("")

    @property
    def config(self) -> Config:
        """The settings, with those of the rung that the stage is on in its section."""
        whole, number = self._seat.config, self._ladder.at
        if self._config is None or self._config[0] is not whole or self._config[1] != number:
            self._config = whole, number, at(whole, self._stage, number)
        return self._config[2]

    @property
    def backend(self) -> Backend:
        """The one in use."""
        return self._ladder.backend

    def between_jobs(self) -> bool:
        """Load the backend anew if what it is loaded with has changed since; the engine is told how that went. And
        go to the rung that the governor wants.

        Where it cannot be loaded so, it goes on with what it had. Raises BackendError when that is gone too. Returns
        whether it was loaded, or is on another rung.
        """
        anew = self._version != self._seat.version and self._renew()
        return self._move() or anew

    def _renew(self) -> bool:
        self._version = self._seat.version
        refused, anew = "", False
        steps = ladder(self._seat.config, self._stage)
        seat = self._seat
        wanted = [rung(self._stage, step.config, seat.wake, seat.apart, seat.line) for step in steps]
        if wanted[: len(self._ladder.steps)] != [step.rung for step in self._ladder.steps]:
            with self._seat.bound(self._seat.config.engine.start_timeout_s):
                try:
                    anew = self._ladder.renew(wanted)
                    tell(self._stage, self._ladder.remarks if anew else ())
                except BackendError as error:
                    refused, anew = str(error), True
        self._tell(refused)
        return anew

    def _move(self) -> bool:
        telemetry, wanted = self._seat.telemetry, self._seat.telemetry.get(f"{self._stage}.rung")
        if self._ladder.needs_loading(wanted):
            with self._seat.bound(self._seat.config.engine.start_timeout_s):
                moved = self._ladder.move(wanted)
        else:
            moved = self._ladder.move(wanted)
        if moved:
            telemetry.set(f"{self._stage}.rung_at", self._ladder.at)
        return moved

    def _tell(self, refused: str) -> None:
        self._out.send(m.Renewed(stage=self._stage, version=self._version, text=refused))
