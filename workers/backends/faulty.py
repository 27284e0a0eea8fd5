"""A backend with a fault: wraps that of any stage, and keeps the contract as far as the fault lets it.

`[faults.STAGE]` in config.toml says which and when (engine/fault_settings.py). It is for tests, and for whoever wants
to see what the engine does about a model that is slow, hangs, crashes, leaks or talks nonsense. Without it nothing of
this is there.
"""

from __future__ import annotations

import functools
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.contract import (
    Abilities,
    Backend,
    Event,
    Finished,
    Heard,
    Job,
    Pcm,
    Rung,
    Sink,
    Tag,
    Token,
    Voice,
)
from engine.contract import Ended as JobEnded
from engine.fault_settings import Fault
from workers.backends.burdens import Burdens, hang, stand_still

_SIGNS = "etaoin shrdlu 0123456789 .,;:!?-'\"#@%&/ äöüß 你好 مرحبا 🙂"
"""What nonsense is made of."""
_NOISE = 6000


_BESIDE = ("pause", "changes_quickly")
"""What a backend may have beside the contract, and whose presence tells something."""


def afflicted(stage: str, backend: Backend, faults: Mapping[str, Fault]) -> Backend:
    """A backend of the stage with the fault that the configuration wants, or as it is. All backends that the stage's
    process has suffer from the same one."""
    if stage not in faults:
        return backend
    affliction = _of_the_process(faults[stage])
    beside = {name: _forwarding(name) for name in _BESIDE if hasattr(backend, name)}
    faulty: Faulty = type("Faulty", (Faulty,), beside)(backend, affliction)
    return faulty


def _forwarding(name: str) -> Callable[..., Any]:
    return lambda self, *arguments: getattr(self._backend, name)(*arguments)


@functools.cache
def _of_the_process(fault: Fault) -> Affliction:
    return Affliction(fault)


class Schedule:
    """Which jobs suffer, and when. Time begins with it."""

    def __init__(self, fault: Fault, clock: Callable[[], float] = time.monotonic) -> None:
        self._fault, self._clock, self._begin_s = fault, clock, clock()
        self._jobs = self._suffered = 0

    def begin(self) -> bool:
        """A job begins; whether it is one that suffers."""
        fault, self._jobs = self._fault, self._jobs + 1
        past = self._jobs - fault.from_job
        suffers = past >= 0 and past % fault.every == 0 and not 0 < fault.for_jobs <= self._suffered
        self._suffered += suffers
        return suffers

    @property
    def is_on(self) -> bool:
        """It is the time for it."""
        past_s, fault = self._clock() - self._begin_s, self._fault
        return past_s >= fault.from_s and not 0 < fault.for_s <= past_s - fault.from_s


class Affliction:
    """A fault, when it strikes, and what there is of it beside the stage's work."""

    def __init__(self, fault: Fault) -> None:
        self.fault, self.schedule = fault, Schedule(fault)
        self.leaked: list[bytes] = []
        self.burdens = Burdens(
            fault.busy_threads, fault.block_ms, fault.block_every_ms, from_s=fault.from_s, for_s=fault.for_s
        )


class Faulty:
    """Does what the backend inside does, and at times what the fault says."""

    def __init__(self, backend: Backend, affliction: Affliction) -> None:
        self._backend, self._affliction = backend, affliction
        self._fault, self._schedule = affliction.fault, affliction.schedule
        self._suffering: dict[Tag, bool] = {}
        """The open jobs that suffer, and whether what happens once to a job has happened to it."""
        self._random = random.Random(1)
        self._computes_since: float | None = None
        """In a step that is slow: since when it has computed what nobody has waited for yet."""

    alternatives = None
    """What it would have heard without its fault is not to be had: see `engine.contract.HasAlternatives`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    # The fault.

    def begin(self, job: Job) -> None:
        if self._schedule.begin() and self._fault.kind != "none":
            self._suffering[job.tag] = False
            if job.sink is not None and self._fault.kind in _SINKS:
                job = replace(job, sink=_SINKS[self._fault.kind](self, job.sink))
        self._backend.begin(job)

    def step(self, budget_ns: int) -> Sequence[Event]:
        suffers = bool(self._suffering) and self._schedule.is_on and not self._backend.idle
        events = _STEPS[self._fault.kind](self, budget_ns) if suffers else self._backend.step(budget_ns)
        for event in events:
            if isinstance(event, JobEnded):
                self._suffering.pop(event.tag, None)
        return events

    def _once(self) -> bool:
        """Whether there is a job to which it has not happened yet; now it has."""
        spared = [tag for tag, done in self._suffering.items() if not done]
        self._suffering.update(dict.fromkeys(spared, True))
        return bool(spared)

    def _wait(self, seconds: float) -> None:
        (stand_still if self._fault.hold_lock else time.sleep)(seconds)

    def _slow(self, budget_ns: int) -> Sequence[Event]:
        self._computes_since = time.monotonic()
        try:
            events = self._backend.step(budget_ns)
            self.drag(self._fault.ms / 1000)
        finally:
            self._computes_since = None
        return events

    def drag(self, more_s: float = 0.0) -> None:
        """Let what was computed up to now take as long as the fault wants, and so much more."""
        if self._computes_since is not None:
            self._wait((time.monotonic() - self._computes_since) * (self._fault.factor - 1) + more_s)

    def go_on(self) -> None:
        """What has passed meanwhile was no computing."""
        if self._computes_since is not None:
            self._computes_since = time.monotonic()

    def _hang(self, budget_ns: int) -> Sequence[Event]:
        if self._once():
            if not self._fault.ms:
                hang(self._fault.hold_lock)
            self._wait(self._fault.ms / 1000)
        return self._backend.step(budget_ns)

    def _crash(self, _budget_ns: int) -> Sequence[Event]:
        """As a library does that writes where it may not."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
        raise AssertionError("the signal ends this process first")

    def _leak(self, budget_ns: int) -> Sequence[Event]:
        if self._once():
            self._affliction.leaked.append(b"\1" * (self._fault.mb << 20))
        return self._backend.step(budget_ns)

    def _rubbish(self, budget_ns: int) -> Sequence[Event]:
        return [
            _RUBBISH.get(type(event), _as_it_is)(self, event) if event.tag in self._suffering else event
            for event in self._backend.step(budget_ns)
        ]

    def _nonsense(self, length: int) -> str:
        return "".join(self._random.choices(_SIGNS, k=length))

    # As the backend inside.

    @property
    def abilities(self) -> Abilities:
        return self._backend.abilities

    def load(self, rung: Rung) -> None:
        self._backend.load(rung)

    def warm_up(self) -> None:
        self._backend.warm_up()

    @property
    def remarks(self) -> Sequence[str]:
        return [*self._backend.remarks, "a fault is injected into it, since [faults] of the configuration wants it"]

    def feed(self, job: Job, data: Any) -> None:
        self._backend.feed(job, data)

    def finish(self, job: Job) -> None:
        self._backend.finish(job)

    @property
    def idle(self) -> bool:
        return self._backend.idle

    def cancel(self, tag: Tag) -> None:
        self._backend.cancel(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        self._backend.settle(tag, heard)

    def forget(self, session: int) -> None:
        self._backend.forget(session)

    def cost_ns(self, units: int) -> int:
        return self._backend.cost_ns(units)

    def unload(self) -> None:
        self._backend.unload()


class _Noise:
    """A sink in which sound becomes noise."""

    def __init__(self, faulty: Faulty, sink: Sink) -> None:
        self._schedule, self._sink, self._random = faulty._schedule, sink, np.random.default_rng(1)

    def write(self, pcm: Pcm) -> bool:
        if self._schedule.is_on:
            pcm = self._random.integers(-_NOISE, _NOISE, pcm.shape, np.int16)
        return self._sink.write(pcm)


class _Tough:
    """The sink of a slow voice: each piece of sound comes as late as it was slow to make. That the ring has no room for
    it, which only means that enough is there to be heard, makes nothing slower."""

    def __init__(self, faulty: Faulty, sink: Sink) -> None:
        self._faulty, self._sink = faulty, sink

    def write(self, pcm: Pcm) -> bool:
        self._faulty.drag()
        try:
            return self._sink.write(pcm)
        finally:
            self._faulty.go_on()


def _as_it_is(_faulty: Faulty, event: Event) -> Event:
    return event


_STEPS: Mapping[str, Callable[[Faulty, int], Sequence[Event]]] = {
    "slow": Faulty._slow,
    "hang": Faulty._hang,
    "crash": Faulty._crash,
    "leak": Faulty._leak,
    "rubbish": Faulty._rubbish,
}
_SINKS: Mapping[str, Callable[[Faulty, Sink], Sink]] = {"slow": _Tough, "rubbish": _Noise}
_RUBBISH: Mapping[type, Callable[[Faulty, Any], Event]] = {
    Voice: lambda faulty, event: replace(event, probability=faulty._random.random()),
    Heard: lambda faulty, event: replace(
        event,
        text=faulty._nonsense(len(event.text)),
        confidence=faulty._random.random(),
        complete=faulty._random.random(),
    ),
    Finished: lambda faulty, event: replace(event, complete=faulty._random.random()),
    Token: lambda faulty, event: replace(event, text=faulty._nonsense(len(event.text))),
}
