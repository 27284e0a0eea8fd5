"""Faults that are injected on purpose: they happen when the configuration says, and otherwise the contract is kept."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.contract import (
    Ended,
    Event,
    Finished,
    HasAlternatives,
    Heard,
    HearsPauses,
    Job,
    Pcm,
    Rung,
    Tag,
    Token,
    Voice,
)
from engine.fault_settings import Fault
from tests.backends.conformance_llm import LlmConformance, Subject
from workers.backends import faulty
from workers.backends.burdens import Burdens
from workers.backends.faulty import Affliction, Faulty, Schedule, afflicted
from workers.backends.phrasebook import Phrasebook
from workers.backends.pocketsphinx import PocketSphinx

ROOT = Path(__file__).parents[2]


def settings(answer: str) -> dict[str, object]:
    return {"entries": [{"patterns": ["hello"], "answers": [answer]}], "unknown": "I don't know that."}


class TestWithoutAFault(LlmConformance):
    """What is wrapped and suffers nothing is as before."""

    @pytest.fixture
    def subject(self) -> Subject:
        long = Rung(settings("one two three four five six seven eight nine ten eleven twelve"))
        rung = Rung(settings("Good day to you."))
        return Subject(lambda: faulted(Fault()), rung, "hello", "Good day to you.", long, long, too_long=False)


def faulted(fault: Fault) -> Faulty:
    backend = Faulty(Phrasebook(), Affliction(fault))
    backend.load(Rung(settings("Good day to you.")))
    return backend


def ask(backend: Faulty, number: int) -> list[Event]:
    job = Job(Tag(1, number), text="hello")
    events: list[Event] = []
    backend.begin(job)
    while not backend.idle:
        events += backend.step(0)
    return events


def text(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


# When.


@pytest.mark.parametrize(
    ("fault", "suffer"),
    [
        (Fault(), [1, 2, 3, 4, 5, 6, 7, 8]),
        (Fault(from_job=3), [3, 4, 5, 6, 7, 8]),
        (Fault(every=3), [1, 4, 7]),
        (Fault(from_job=2, every=2, for_jobs=2), [2, 4]),
    ],
)
def test_the_jobs_that_suffer(fault: Fault, suffer: list[int]) -> None:
    schedule = Schedule(fault)
    assert [number for number in range(1, 9) if schedule.begin()] == suffer


def test_the_time_in_which_they_do() -> None:
    now = [100.0]
    schedule = Schedule(Fault(from_s=2, for_s=3), lambda: now[0])
    seen = []
    for second in range(8):
        now[0] = 100.0 + second
        seen.append(schedule.is_on)
    assert seen == [False, False, True, True, True, False, False, False]


# What.


def test_slow_takes_so_many_times_as_long_and_so_much_more(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    assert text(ask(faulted(Fault("slow", ms=250)), 1)) == "Good day to you."
    assert len(slept) == 5  # four words and the end
    assert min(slept) >= 0.25


def test_rubbish_is_of_the_right_kind_and_length_and_ends_with_the_job() -> None:
    backend = faulted(Fault("rubbish", for_jobs=1))
    nonsense = ask(backend, 1)
    assert text(nonsense) != "Good day to you."
    assert len(text(nonsense)) == len("Good day to you.")
    assert nonsense[-1] == Ended(Tag(1, 1))
    assert text(ask(backend, 2)) == "Good day to you."


class Says:
    """A backend that says one thing at each step."""

    def __init__(self, event: Event) -> None:
        self._event, self.idle = event, False

    def begin(self, job: Job) -> None:
        self.job = job

    def step(self, _budget_ns: int) -> Sequence[Event]:
        return [self._event]


@pytest.mark.parametrize(
    "event", [Voice(Tag(1), 2.0), Heard(Tag(1), "hello", 2.0, "en", True), Finished(Tag(1), 2.0)], ids=lambda e: type(e)
)
def test_rubbish_of_every_stage_stays_within_what_the_contract_allows(event: Event) -> None:
    backend = Faulty(Says(event), Affliction(Fault("rubbish")))  # type: ignore[arg-type]
    backend.begin(Job(Tag(1)))
    (told,) = backend.step(0)
    assert type(told) is type(event)
    assert told != event
    for name in ("probability", "confidence", "complete"):
        assert 0 <= getattr(told, name, 0) <= 1


def test_a_voice_that_talks_rubbish_makes_as_much_noise_as_it_would_have_said() -> None:
    got: list[Pcm] = []

    class Sink:
        def write(self, pcm: Pcm) -> bool:
            got.append(pcm)
            return True

    says = Says(Ended(Tag(1)))
    Faulty(says, Affliction(Fault("rubbish"))).begin(Job(Tag(1), sink=Sink()))  # type: ignore[arg-type]
    assert says.job.sink is not None
    assert says.job.sink.write(np.zeros(320, np.int16))
    (noise,) = got
    assert noise.shape == (320,)
    assert noise.dtype == np.int16
    assert noise.std() > 1000


class Fluent(Says):
    """A voice that computes for 30 ms before each of two pieces of sound, and for 10 ms at the end."""

    def __init__(self, now: list[float]) -> None:
        super().__init__(Ended(Tag(1)))
        self._now = now

    def step(self, budget_ns: int) -> Sequence[Event]:
        for _ in range(2):
            self._now[0] += 0.03
            assert self.job.sink is not None
            assert self.job.sink.write(np.zeros(320, np.int16))
        self._now[0] += 0.01
        return super().step(budget_ns)


def test_a_slow_voice_is_slow_before_each_piece_of_sound_and_waiting_for_room_makes_it_no_slower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, slept = [100.0], list[tuple[float, float]]()

    def sleep(seconds: float) -> None:
        slept.append((now[0], seconds))
        now[0] += seconds

    class Full:
        """A ring that has room a second later."""

        def write(self, _pcm: Pcm) -> bool:
            now[0] += 1
            return True

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    backend = Faulty(Fluent(now), Affliction(Fault("slow", factor=10, ms=5)))  # type: ignore[arg-type]
    backend.begin(Job(Tag(1), sink=Full()))
    assert backend.step(0) == [Ended(Tag(1))]
    times, waits = zip(*slept, strict=True)
    assert waits == pytest.approx([0.27, 0.27, 0.095])
    assert times == pytest.approx([100.03, 101.33, 102.61])
    assert now[0] == pytest.approx(100 + 10 * 0.07 + 2 + 0.005)


def test_a_leak_grows_with_each_job() -> None:
    backend = faulted(Fault("leak", mb=3))
    for number in (1, 2):
        ask(backend, number)
        assert sum(map(len, backend._affliction.leaked)) == number * 3 << 20


def run(fault: str) -> subprocess.Popen[bytes]:
    """A process in which a job suffers."""
    code = (
        "from tests.backends.test_faulty import *\n"
        f"backend = faulted({fault})\n"
        "threading.Thread(target=lambda: print('beside', flush=True) or time.sleep(60), daemon=True)\n"
        "print('begins', flush=True)\n"
        "ask(backend, 1)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def test_a_crash_is_one_by_a_signal() -> None:
    with run("Fault('crash')") as process:
        assert process.wait(60) == -signal.SIGSEGV


@pytest.mark.parametrize("keep_lock", [False, True])
def test_what_hangs_does_not_come_back_and_can_be_killed(keep_lock: bool) -> None:
    with run(f"Fault('hang', hold_lock={keep_lock})") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL


def test_it_hangs_for_a_while_once_in_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    assert text(ask(faulted(Fault("hang", ms=700)), 1)) == "Good day to you."
    assert slept == [0.7]


def test_burdens_begin_and_end() -> None:
    before = threading.active_count()
    burdens = Burdens(busy_threads=2, block_ms=1, block_every_ms=10)
    assert threading.active_count() == before + 3
    burdens.stop()
    assert threading.active_count() == before
    over = Burdens(busy_threads=1, block_ms=1, block_every_ms=10, from_s=0.01, for_s=0.01)
    for thread in over._threads:
        thread.join(60)
    assert threading.active_count() == before


# Where.


class Listens(Says):
    def pause(self, job: Job, end: int) -> None:
        self.paused = end


@pytest.fixture(autouse=True)
def _another_process() -> Iterator[None]:
    faulty._of_the_process.cache_clear()
    yield
    faulty._of_the_process.cache_clear()


def test_only_the_stage_that_shall_suffer_is_wrapped_and_all_its_backends_alike() -> None:
    config = load(sets=["faults.llm.kind=slow", "faults.llm.from_job=2"], environ={SYSTEM_CONFIG: ""})
    assert config.faults == {"llm": Fault("slow", from_job=2)}
    phrasebook = Phrasebook()
    assert afflicted("asr", phrasebook, config.faults) is phrasebook
    one, other = (afflicted("llm", Phrasebook(), config.faults) for _ in range(2))
    assert isinstance(one, Faulty)
    assert isinstance(other, Faulty)
    assert one._schedule is other._schedule
    assert any("[faults]" in remark for remark in one.remarks)


def test_what_it_has_beside_the_contract_it_keeps_and_gets_no_more() -> None:
    faults = {"asr": Fault()}
    listens = Listens(Ended(Tag(1)))
    wrapped = afflicted("asr", listens, faults)  # type: ignore[arg-type]
    assert isinstance(wrapped, HearsPauses)
    wrapped.pause(Job(Tag(1)), 480)
    assert listens.paused == 480
    assert not isinstance(afflicted("asr", Says(Ended(Tag(1))), faults), HearsPauses)  # type: ignore[arg-type]


def test_what_it_would_have_heard_without_its_fault_is_not_to_be_had() -> None:
    """Else what is nonsense would be put right again."""
    backend = PocketSphinx()
    assert isinstance(backend, HasAlternatives)
    assert not isinstance(afflicted("asr", backend, {"asr": Fault()}), HasAlternatives)
