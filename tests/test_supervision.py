"""Workers that die or hang, an engine that is told to end or is killed: the conversation goes on, nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine import audible, supervisor
from engine.channels import PROCESSES
from engine.worker import Worker
from tests.conftest import Start
from tests.engine_run import RATE, SHM, WORKERS, Engine, question, recorded, report, silence, understood, write
from tests.rings import Rings

ANSWER = "From ten to six, every day."
GENEROUS_S = 60
"""The engine has a second or two to end; how long it really takes is for the benchmark to say."""


def playing(engine: Engine) -> bool:
    """The answer of the present turn is heard."""
    turn = audible.tag_of(engine.get("audio.audible")).turn
    return turn == engine.get("turns.turn") > 0 and engine.get("audio.played") > 0


@pytest.mark.parametrize("worker", WORKERS)
def test_a_killed_worker_comes_back_and_the_conversation_goes_on(
    start: Start, tmp_path: Path, short_answers: Path, worker: str
) -> None:
    """Killed while nobody speaks, in the middle of a question, and in the middle of an answer."""
    # A recogniser needs longer to come back than anyone else, and has all it missed to hear again.
    pause_s = 12 if worker == "asr" else 8
    sound = np.concatenate([silence(2.5), question(), silence(pause_s), question()])
    output, written = tmp_path / "o.wav", tmp_path / "r.json"
    files = ("--input", str(write(tmp_path / "q.wav", sound)), "--output", str(output), "--report", str(written))
    # Nothing is taken out of what is heard: where the question comes while an answer is heard it must stay exact.
    # And nothing takes over from what takes a while to come back: what this is about is that nothing is lost.
    patient = ("--set", f"turns.response_budget_ms={min(1000 * pause_s, 10_000)}")
    # Nor is it about how much of a busy machine it gets: a recogniser has a model to load, and to catch up.
    favoured = ("--set", 'realtime.nice=["asr: -19"]')
    engine = start(*files, "--config", str(short_answers), "--set", "audio.aec=off", *patient, *favoured)
    engine.until_ready()
    pids = {engine.pid(worker)}

    def kill_and_see(times: int) -> None:
        engine.kill(worker)
        engine.until_restarted(worker, times)
        pids.add(engine.pid(worker))

    kill_and_see(1)
    engine.until_sample(int(4.0 * RATE))  # "what time does the | museum close"
    kill_and_see(2)
    engine.until(lambda: playing(engine), "an answer was heard")
    kill_and_see(3)

    assert engine.end() == 0
    assert len(pids) == 4
    told = report(written)
    assert told["totals"]["restarts"] == 3
    last = told["turns"][-1]
    what_became = [(t["transcript"], t["outcome"], t["floor"], t["late"], t["speech"]) for t in told["turns"]]
    assert understood(last), what_became
    assert last["answer"] == ANSWER
    assert last["speech"]["start_s"] > 10
    assert last["outcome"] == "answered"
    assert [turn["turn"] for turn in told["turns"]] == sorted({turn["turn"] for turn in told["turns"]})
    if worker not in ("audio", "turns"):
        # The first question was answered all the same. (Words are lost with the sound that a dead audio worker did
        # not fetch, and the record of a turn with a dead turns worker.)
        assert [understood(turn) for turn in told["turns"]] == [True, True], what_became

    heard, played = recorded(output).T
    same = heard[: len(sound)] == sound
    if worker == "audio":  # what it did not fetch in time is silent, everything else stands where it was said
        assert not heard[: len(sound)][~same].any()
        assert same[-len(question()) :].all()
    else:
        assert same.all()
    answered = round(RATE * (last["speech"]["end_s"] + last["stages"]["audio"]["first"] / 1000))
    assert played[answered : answered + RATE].any()


def test_a_worker_that_dies_while_the_last_answer_is_heard_does_not_keep_the_engine_from_ending(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    engine = start("--input", str(write(tmp_path / "q.wav", question())), "--config", str(short_answers))
    engine.until_ready()
    engine.until(lambda: playing(engine) and engine.get("audio.input_end"), "the answer to the end of the input")
    engine.kill("turns")
    assert engine.end() == 0


def test_a_worker_that_hangs_is_replaced(start: Start, tmp_path: Path, short_answers: Path) -> None:
    sound = np.concatenate([silence(6), question()])
    written = tmp_path / "r.json"
    engine = start(
        *("--input", str(write(tmp_path / "q.wav", sound)), "--report", str(written)),
        *("--config", str(short_answers), "--set", "engine.heartbeat_timeout_s=4"),
    )
    engine.until_ready()
    engine.kill("asr", signal.SIGSTOP)
    engine.until_restarted("asr", 1)
    assert engine.end() == 0
    told = report(written)
    assert told["totals"]["restarts"] == 1  # nobody else was taken for hanging
    assert [turn["answer"] for turn in told["turns"]] == [ANSWER]


def test_a_supervisor_that_stood_still_itself_takes_nobody_for_hanging_before_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container that was paused for ten seconds: every heartbeat is old when it goes on."""
    looks, killed = iter([0.0, 0.0, 0.5, 10.5, 11.0, 12.6, 14.2]), list[float]()
    now = 0.0

    def clock() -> int:
        nonlocal now
        now = next(looks)
        return round(now * 1e9)

    async def sleep(_seconds: float) -> None: ...

    def kill(_why: str) -> None:
        killed.append(now)

    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic_ns=clock))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    watching = supervisor.Supervisor.__new__(supervisor.Supervisor)
    watching._switchboard = SimpleNamespace(scrub=lambda: None)  # type: ignore[assignment]
    watching.telemetry = SimpleNamespace(set=lambda _name, _value: None)  # type: ignore[assignment]
    silent = SimpleNamespace(hangs=lambda at_ns: "its silence" if at_ns > 5e9 else "", patience=(0, ""), kill=kill)
    watching.workers = [silent]  # type: ignore[list-item]
    with pytest.raises(RuntimeError):  # there are no more looks
        asyncio.run(watching._watch())
    assert killed == [11.0, 14.2]  # and it is excused once, however late it goes on being


def test_a_worker_that_never_becomes_ready_again_is_taken_for_hanging(rings: Rings) -> None:
    process = next(process for process in PROCESSES if process.name == "llm")
    worker = Worker(process, rings.instance, rings.config, rings.telemetry)
    doorbell = os.eventfd(0)
    worker.start(doorbell)
    try:
        os.kill(worker.pid, signal.SIGSTOP)
        loading_ns = round(rings.config.engine.start_timeout_s * 1e9)
        assert not worker.ready
        assert not worker.hangs(time.monotonic_ns())
        assert worker.hangs(time.monotonic_ns() + loading_ns) == "engine.start_timeout_s"
    finally:
        worker.kill()
        assert worker.reap() == -signal.SIGKILL
        os.close(doorbell)


def test_a_vital_worker_that_dies_over_and_over_ends_the_engine_with_a_clear_line(start: Start, tmp_path: Path) -> None:
    engine = start(
        *("--input", str(write(tmp_path / "q.wav", silence(60)))),
        *("--set", "engine.restarts_per_minute=2", "--set", "engine.restart_backoff_ms=10"),
    )
    engine.until_ready()
    limit = time.monotonic() + 60
    while engine.process.poll() is None and time.monotonic() < limit:
        if pid := engine.pids().get("vad"):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    assert engine.end() == 8
    died = "engine:vad: was killed by signal 9 (Killed); "
    last = "deaths in the last minute: 3, allowed: 2; see its messages above, or raise engine.restarts_per_minute"
    assert engine.errors == [f"{died}it is started again"] * 2 + [died + last]


def test_no_restart_is_allowed_when_none_is(start: Start, tmp_path: Path) -> None:
    engine = start("--input", str(write(tmp_path / "q.wav", silence(60))), "--set", "engine.restarts_per_minute=0")
    engine.until_ready()
    engine.kill("vad")
    assert engine.end() == 8
    assert "deaths in the last minute: 1, allowed: 0" in engine.stderr


# SIGTERM ends every other engine of these tests.
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_everything(start: Start, tmp_path: Path, number: int, code: int) -> None:
    output, written = tmp_path / "o.wav", tmp_path / "r.json"
    sound = np.concatenate([question(), silence(60)])
    files = ("--input", str(write(tmp_path / "q.wav", sound)), "--output", str(output), "--report", str(written))
    engine = start(*files, group=True)
    engine.until_ready()
    engine.until_sample(RATE + RATE // 10)  # in the middle of a word, and the first second is surely in the recording
    # To all processes, as a terminal does: the supervisor alone decides what it means.
    os.killpg(engine.process.pid, number)
    assert engine.end(GENEROUS_S) == code
    assert engine.errors == []
    assert [turn["outcome"] for turn in report(written)["turns"]] == ["interrupted"]
    np.testing.assert_array_equal(recorded(output)[:RATE, 0], sound[:RATE])


@pytest.mark.parametrize(
    ("stage", "number", "code"),
    [
        ("the configuration is read", signal.SIGINT, 130),
        ("memory is made", signal.SIGTERM, 0),
        ("workers load", signal.SIGINT, 130),
        ("workers load", signal.SIGTERM, 0),
        ("some are ready", signal.SIGINT, 130),
    ],
)
def test_a_signal_ends_everything_while_it_starts(
    start: Start, tmp_path: Path, stage: str, number: int, code: int
) -> None:
    def ready() -> bool:
        return bool(engine.pids()) and any(engine.get(f"{name}.state") == 2 for name in WORKERS)

    engine = start("--input", str(write(tmp_path / "q.wav", silence(60))))
    reached = {
        "the configuration is read": lambda: _imports(engine.process.pid, "numpy"),
        "memory is made": engine.segments,
        "workers load": engine.pids,
        "some are ready": ready,
    }
    engine.until(reached[stage], stage)
    engine.process.send_signal(number)
    assert engine.end(GENEROUS_S) == code
    assert engine.errors == []


def _imports(pid: int, library: str) -> bool:
    """A process has begun to load a library."""
    return library in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize("when", ["while the workers load", "when all are ready"])
def test_workers_and_memory_go_with_a_killed_supervisor(start: Start, tmp_path: Path, when: str) -> None:
    engine = start("--input", str(write(tmp_path / "q.wav", silence(60))), "--output", str(tmp_path / "o.wav"))
    if when == "while the workers load":
        engine.until(lambda: len(engine.pids()) == len(WORKERS), "all workers were started")
    else:
        engine.until_ready()
    engine.process.kill()
    assert engine.end() == -signal.SIGKILL
    engine.until_nothing_is_left()
    assert engine.segments() == []


def test_the_next_start_reaps_what_a_killed_process_group_left_and_nothing_else(start: Start, tmp_path: Path) -> None:
    sound = ("--input", str(write(tmp_path / "q.wav", silence(60))))
    other = SHM / f"antiphonist.{os.getpid()}"
    other.write_bytes(b"not ours")
    try:
        first = start(*sound, group=True)
        first.until_ready()
        os.killpg(first.process.pid, signal.SIGKILL)
        assert first.end() == -signal.SIGKILL
        second = start(*sound)
        second.until_ready()
        assert first.segments() == []
        assert second.segments()
        second.process.terminate()
        assert second.end() == 0
        assert other.read_bytes() == b"not ours"
    finally:
        other.unlink()
