"""One backend, driven as its worker drives it, in a process of its own: reads what to load from stdin, as JSON, and
prints what it found, as JSON. Needs `engine`, `workers` and NumPy, so that any stage's own Python will do."""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
import wave
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from engine.contract import Backend, Ended, Event, Exchange, Heard, HearsPauses, Job, Pcm, Rung, Tag, Token, Voice
from engine.errors import BackendError
from workers.backends.registry import named

RATE, BLOCK = 16000, 960
STEP_NS = 20_000_000
TRIES = 5
LONGEST_S = 120
CLAUSE = "The museum closes at six in the evening."
Found: TypeAlias = dict[str, float]
"""first_ms, all_ms, rate, cancel_ms: those that a stage has."""


class Driver:
    """Steps while there is something to do, sleeps until it is woken, and notes when each event came."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.woken = threading.Event()
        self.jobs = 0
        self._came: deque[tuple[float, Event]] = deque()

    def job(self, **options: Any) -> Job:
        """A new one."""
        self.jobs += 1
        return Job(Tag(1, self.jobs, 1), **options)

    def steps(self) -> Iterator[tuple[float, Event]]:
        """Until it is idle."""
        while self._came or not self.backend.idle:
            if not self._came:
                self.step()
            while self._came:
                yield self._came.popleft()

    def step(self) -> None:
        """One, whether it is idle or not."""
        self._came += [(time.monotonic(), event) for event in self.backend.step(STEP_NS)]

    def until_ended(self, job: Job) -> Iterator[tuple[float, Event]]:
        """Until the job has ended. Raises BackendError where it does not, or fails."""
        limit = time.monotonic() + LONGEST_S
        while time.monotonic() < limit:
            self.woken.clear()
            for at, event in self.steps():
                yield at, event
                if isinstance(event, Ended) and event.tag == job.tag:
                    if event.reason == "failed":
                        raise BackendError(event.text)
                    return
            self.woken.wait(0.1)
        raise BackendError(f"a job did not end within {LONGEST_S} s")

    def cancelled_ms(self, job: Job) -> float:
        """How long it takes to end a job that is at work."""
        began = time.monotonic()
        self.backend.cancel(job.tag)
        return max((at - began for at, event in self.until_ended(job) if isinstance(event, Ended)), default=0.0) * 1000


@dataclass(slots=True)
class Sink:
    """Takes sound as quickly as it comes."""

    first: float = 0.0
    last: float = 0.0
    samples: int = 0
    during: Callable[[], None] = field(default=lambda: None)

    def write(self, pcm: Pcm) -> bool:
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.samples += len(pcm)
        self.during()
        return True


def hears(driver: Driver, asked: Mapping[str, Any]) -> Found:
    """A recogniser: in real time, then as quickly as it can, then cancelled in the middle."""
    backend = driver.backend
    sound = np.resize(_question(asked["question"]), int(asked["seconds"] * RATE))
    job, began, first, final = driver.job(), time.monotonic(), 0.0, 0.0
    backend.begin(job)
    for at in range(0, len(sound), BLOCK):
        _sleep_until(began + (at + BLOCK) / RATE)
        backend.feed(job, sound[at : at + BLOCK])
        driver.step()
        for came, event in driver.steps():
            first = first or (came if isinstance(event, Heard) else 0.0)
    spoken = time.monotonic()
    if isinstance(backend, HearsPauses):
        backend.pause(job, len(sound))
    backend.finish(job)
    for came, event in driver.until_ended(job):
        final = came if isinstance(event, Heard) and event.final else final
        first = first or (came if isinstance(event, Heard) else 0.0)

    def fed(stop: int) -> Job:
        job = driver.job()
        backend.begin(job)
        for at in range(0, stop, BLOCK):
            backend.feed(job, sound[at : at + BLOCK])
            driver.step()
            list(driver.steps())
        return job

    quick = time.monotonic()
    job = fed(len(sound))
    backend.finish(job)
    list(driver.until_ended(job))
    rate = len(sound) / RATE / (time.monotonic() - quick)
    cancel = max(driver.cancelled_ms(fed(len(sound) * (each + 1) // (TRIES + 1))) for each in range(TRIES))
    return {"first_ms": (first - began) * 1000, "all_ms": (final - spoken) * 1000, "rate": rate, "cancel_ms": cancel}


def answers(driver: Driver, asked: Mapping[str, Any]) -> Found:
    """A language model: with a past of so many words, then cancelled after its third piece."""
    backend = driver.backend
    past = (Exchange("word " * asked["words"], "Yes."),) if asked["words"] else ()
    firsts, alls, rates, cancels = [], [], [], []
    for each in range(TRIES):
        # Another past each time: nothing of it shall be known already.
        job = driver.job(text="where is the lift", history=tuple(Exchange(f"{each} {p.user}", p.answer) for p in past))
        began = time.monotonic()
        backend.begin(job)
        backend.finish(job)
        pieces = [at for at, event in driver.until_ended(job) if isinstance(event, Token)]
        if not pieces:
            raise BackendError("it said nothing")
        firsts.append(pieces[0] - began)
        alls.append(pieces[-1] - began)
        if len(pieces) > 4:
            rates.append((len(pieces) - 1) / (pieces[-1] - pieces[0]))
        job, said = driver.job(text="where is the lift"), 0
        backend.begin(job)
        for _, event in driver.until_ended(job):
            said += isinstance(event, Token)
            if said == 3:
                cancels.append(driver.cancelled_ms(job))
                break
    found = {"first_ms": 1000 * statistics.median(firsts), "all_ms": 1000 * statistics.median(alls)}
    found |= {"rate": statistics.median(rates)} if rates else {}
    return found | ({"cancel_ms": max(cancels)} if cancels else {})


def speaks(driver: Driver, asked: Mapping[str, Any]) -> Found:
    """A voice: a clause, then cancelled by another thread a third of its time after it was begun."""
    backend = driver.backend
    firsts, alls, rates, cancels = [], [], [], []
    for _ in range(TRIES):
        sink = Sink()
        job, began = driver.job(sink=sink), time.monotonic()
        backend.begin(job)
        backend.feed(job, CLAUSE)
        backend.finish(job)
        list(driver.until_ended(job))
        firsts.append(sink.first - began)
        alls.append(sink.last - began)
        rates.append(sink.samples / RATE / (sink.last - began))
    for _ in range(TRIES):
        asked_at: list[float] = []
        job = driver.job(sink=Sink())

        def cancel(job: Job = job, asked_at: list[float] = asked_at) -> None:
            asked_at.append(time.monotonic())
            backend.cancel(job.tag)

        timer = threading.Timer(statistics.median(alls) / 3, cancel)
        backend.begin(job)
        backend.feed(job, CLAUSE)
        timer.start()
        ended = [at for at, event in driver.until_ended(job) if isinstance(event, Ended)]
        timer.join()
        cancels.append(max(0.0, ended[0] - asked_at[0]))
    times = {"first_ms": firsts, "all_ms": alls}
    found = {name: 1000 * statistics.median(values) for name, values in times.items()}
    return {**found, "rate": statistics.median(rates), "cancel_ms": 1000 * max(cancels)}


def watches(driver: Driver, asked: Mapping[str, Any]) -> Found:
    """Voice activity: a frame at a time."""
    backend, can = driver.backend, driver.backend.abilities
    sound = _question(asked["question"])
    job, took = driver.job(), []
    backend.begin(job)
    for at in range(0, len(sound) - can.context - can.frame, can.frame):
        began = time.monotonic()
        backend.feed(job, sound[at : at + can.context + can.frame])
        heard = [event for event in backend.step(STEP_NS) if isinstance(event, Voice)]
        took.append(time.monotonic() - began)
        assert len(heard) == 1
    middle = statistics.median(took)
    cancel = driver.cancelled_ms(job)
    return {"first_ms": 1000 * middle, "rate": can.frame / RATE / middle, "cancel_ms": cancel}


def judges(driver: Driver, asked: Mapping[str, Any]) -> Found:
    """Whether the user has finished, by the last eight seconds of sound."""
    backend, took = driver.backend, []
    sound = np.resize(_question(asked["question"]), 8 * RATE)
    for _ in range(TRIES):
        job, began = driver.job(), time.monotonic()
        backend.begin(job)
        backend.feed(job, sound)
        backend.finish(job)
        list(driver.until_ended(job))
        took.append(time.monotonic() - began)
    middle = statistics.median(took)
    return {"first_ms": 1000 * middle, "rate": len(sound) / RATE / middle}


STAGES: Mapping[str, Callable[[Driver, Mapping[str, Any]], Found]] = {
    "vad": watches,
    "asr": hears,
    "ending": judges,
    "llm": answers,
    "vocoder": speaks,
}


def _question(path: str) -> Pcm:
    """The question that comes with the engine, without the silence around it."""
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)[int(0.6 * RATE) : int(3.2 * RATE)]


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _pss_mb() -> float:
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def measure(asked: Mapping[str, Any]) -> dict[str, Any]:
    """All of it. Raises BackendError."""
    began = time.monotonic()
    backend = named(asked["stage"], asked["backend"])
    driver = Driver(backend)
    rung = dict(asked["rung"])
    backend.load(Rung(**{**rung, "expected": tuple(rung["expected"]), "wake": driver.woken.set}))
    loaded = time.monotonic()
    backend.warm_up()
    warm = time.monotonic()
    found = STAGES[asked["stage"]](driver, asked)
    can = backend.abilities
    said = {"remarks": list(backend.remarks), "checkpoint": can.checkpoint, "memory_mb": _pss_mb()}
    return {"load_s": loaded - began, "warm_up_s": warm - loaded, **found, **said}


def main() -> None:
    try:
        found = measure(json.load(sys.stdin))
    except BackendError as error:
        found = {"error": str(error)}
    print(json.dumps(found), flush=True)
    os._exit(0)  # threads of model libraries must not keep it


if __name__ == "__main__":
    main()
