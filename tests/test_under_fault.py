"""A stage that does not come back, one that hangs in a call, an engine that is ended or killed in the middle of it; and
what a service manager and a host are told of that."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.channels import PROCESSES
from engine.config import load
from engine.telemetry import LOADING, READY
from engine.worker import Worker
from tests.conftest import Start
from tests.door.house import Client
from tests.engine_run import SHM, Engine, silence, write
from tests.notified import Manager
from tests.rings import Rings

ROOT = Path(__file__).parents[1]
GENEROUS_S = 60
"""The engine has a second or two to end; how long it really takes is for the benchmark to say."""
ANSWER = "Very well, thank you."
OWN = f"""
from pathlib import Path
from engine.errors import BackendError
from workers.backends.spoken import Spoken

class Fragile(Spoken):
    def load(self, rung):
        if Path("model").exists():
            return
        raise BackendError("the model is gone", "bring it back")
    def answer(self, job): return "{ANSWER}"
"""


def event(name: str, **fields: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda line: line.get("event") == name and fields.items() <= line.items()


def until_heard(client: Client, text: str) -> dict[str, Any]:
    return client.until(event("answer.ended", heard=text))


def quiet(folder: Path) -> tuple[str, ...]:
    """Nobody speaks to it, and it does not take long over anything."""
    sound = write(folder / "q.wav", silence(600))
    return "--input", str(sound), "--set", "engine.restart_backoff_ms=10", "--set", "engine.restarts_per_minute=100"


def test_a_stage_that_does_not_come_back_is_done_without_told_of_once_and_taken_back_when_it_is_mended(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "fragile.py").write_text(OWN)
    model = tmp_path / "model"
    model.touch()
    impaired = load(environ={"ANTIPHON_SYSTEM_CONFIG": ""}).phrases["en"].impaired
    with Manager(tmp_path / "notify") as manager:
        environ = {"PYTHONPATH": str(tmp_path), **manager.environ(watchdog_s=0.2)}
        engine = start(*quiet(tmp_path), "--set", "llm.backend=fragile:Fragile", environ=environ)
        door = tmp_path / "antiphon" / f"{engine.name}.sock"
        engine.until(door.exists, "its door was there")
        with Client(door) as client:
            # A client that comes while the engine starts.
            assert client.get()["state"] == "starting"
            assert not client.ask({"command": "say", "text": "too early"})["ok"]
            client.until(event("state", state="listening"))
            assert client.ask({"command": "ask", "text": "how are you"})["ok"]
            until_heard(client, ANSWER)
            assert {"READY": "1", "STATUS": "running"} in manager.told()

            model.unlink()
            engine.kill("llm")
            gone = client.until(event("error", where="llm", remedy="it is tried again in 60 s"))
            assert gone["what"] == (
                "ended with exit code 6; it could not be loaded 3 times in a row; the engine does without it"
            )
            client.until(event("stage", stage="llm", state="gone"))
            until_heard(client, impaired)
            assert engine.get("llm.gone") == 1
            assert client.ask({"command": "say", "text": "hello"})["ok"]  # what remains goes on
            until_heard(client, "hello")
            before = len(manager.told())
            engine.until(lambda: {"WATCHDOG": "1"} in manager.told()[before:], "it was told to be alive")
            assert manager.told()[before - 1 :] != []
            assert any("without llm" in told.get("STATUS", "") for told in manager.told())

            model.touch()
            assert client.ask({"command": "reload"})["ok"]
            client.until(event("stage", stage="llm", state="back"))
            assert engine.get("llm.gone") == 0
            assert client.ask({"command": "ask", "text": "how are you"})["ok"]
            until_heard(client, ANSWER)
        engine.process.terminate()
        assert engine.end(GENEROUS_S) == 0
        told = manager.told()
    life = [table for table in told if "WATCHDOG" not in table]
    assert life[0]["STATUS"] == "loading"
    assert any("RELOADING" in table for table in life)
    assert [table.get("STATUS") for table in life][-2:] == ["running", "stopping"]


def fault(stage: str, **values: Any) -> tuple[str, ...]:
    """Options of `engine run`."""
    return tuple(part for name, value in values.items() for part in ("--set", f"faults.{stage}.{name}={value}"))


def hangs(engine: Engine) -> bool:
    """The language model is in a call that it does not come back from."""
    return 0 < engine.get("llm.bound_ns") - time.monotonic_ns() < 599e9


def test_a_stage_that_hangs_in_a_call_is_killed_at_its_limit_and_the_question_is_answered(
    start: Start, tmp_path: Path
) -> None:
    hang = fault("llm", kind="hang", from_job=2, hold_lock="true")
    engine = start(*quiet(tmp_path), *hang, "--set", "llm.hard_limit_s=0.5", "--set", "llm.backend=repeat")
    engine.until_ready()
    files = len(list(Path(f"/proc/{engine.process.pid}/fd").iterdir()))
    for times in range(1, 6):
        engine.kill("ending")
        engine.until_restarted("ending", times)
    assert len(list(Path(f"/proc/{engine.process.pid}/fd").iterdir())) == files

    with Client(engine.door) as client:
        for number in ("one", "two"):  # the second of them hangs; asked anew, it is the first
            assert client.ask({"command": "ask", "text": number})["ok"]
            until_heard(client, f"You said {number}.")
    assert engine.get("llm.restarts") == 1
    assert "engine:llm: hung for longer than llm.hard_limit_s and was killed; it is started again" in engine.errors
    engine.process.terminate()
    assert engine.end(GENEROUS_S) == 0


def test_a_model_whose_own_thread_hangs_is_killed_at_its_limit_though_its_worker_goes_round(
    start: Start, tmp_path: Path
) -> None:
    sets = ("--set", "llm.hard_limit_s=0.5", "--set", "llm.backend=tests.stuck:StuckThread")
    engine = start(*quiet(tmp_path), *sets, environ={"PYTHONPATH": str(ROOT)})
    engine.until_ready()
    with Client(engine.door) as client:
        assert client.ask({"command": "ask", "text": "where is the cafe"})["ok"]
        engine.until_restarted("llm", 1)
    assert "engine:llm: hung for longer than llm.hard_limit_s and was killed; it is started again" in engine.errors
    engine.process.terminate()
    assert engine.end(GENEROUS_S) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_engine_that_is_ended_while_one_stage_hangs_one_is_stopped_and_one_is_not_back_leaves_nothing(
    start: Start, tmp_path: Path, number: int, code: int
) -> None:
    hang = fault("llm", kind="hang", hold_lock="true")
    limits = ("--set", "llm.hard_limit_s=600", "--set", "engine.restart_backoff_ms=10000")
    engine = start(*quiet(tmp_path), *hang, *limits)
    engine.until_ready()
    vad = engine.pids()["vad"]
    with Client(engine.door) as client:
        assert client.ask({"command": "ask", "text": "hello"})["ok"]
        engine.until(lambda: hangs(engine), "it hung")
        for times in (1, 2):  # the second time it waits to be started again
            engine.kill("ending")
            client.until(event("error", where="ending"))
            if times == 1:
                engine.until_restarted("ending", times)
    os.kill(vad, signal.SIGSTOP)  # it takes notice of nothing
    engine.process.send_signal(number)
    assert engine.end(GENEROUS_S) == code
    limit = time.monotonic() + GENEROUS_S
    while engine.segments() and time.monotonic() < limit:  # by Python's resource tracker, if it was killed
        time.sleep(0.01)
    assert engine.segments() == []
    assert not list(SHM.glob(f"*{engine.name}*"))


def test_how_long_a_worker_may_be_silent_depends_on_what_it_does(rings: Rings) -> None:
    config, telemetry = rings.config, rings.telemetry
    worker = Worker(next(one for one in PROCESSES if one.name == "llm"), rings.instance, config, telemetry)
    assert worker.patience == (0, "")  # it does not run
    worker._popen, worker._started_ns = SimpleNamespace(pid=1), 5
    telemetry.set("llm.bound_ns", 1)  # of a predecessor that died in the middle of a call
    seat = rings.seat("llm")
    assert telemetry.get("llm.state") == LOADING
    assert worker.patience == (5 + round(config.engine.start_timeout_s * 1e9), "engine.start_timeout_s")
    telemetry.set("llm.state", READY)
    beat = seat.beat()
    assert worker.patience == (beat + round(config.engine.heartbeat_timeout_s * 1e9), "engine.heartbeat_timeout_s")

    with seat.bound():
        until, setting = worker.patience
        assert setting == "llm.hard_limit_s"
        assert until >= beat + round(config.llm.hard_limit_s * 1e9)
        assert not worker.hangs(until)
        assert worker.hangs(until + 1) == setting
        seat.beat()  # says that the loop goes round, and the call goes on
        assert worker.patience[0] == until
        seat.progress()
        assert worker.patience[0] > until
    with seat.bound(60):
        assert worker.patience[0] >= beat + 60_000_000_000
    assert worker.patience[0] <= time.monotonic_ns() + round(config.engine.heartbeat_timeout_s * 1e9)
    seat.progress()  # no call is under way
    assert telemetry.get("llm.bound_ns") == 0


def test_how_long_a_call_of_a_models_own_thread_may_take_is_known_beside_what_its_worker_does(
    rings_with: Callable[..., Rings],
) -> None:
    rings = rings_with("llm.hard_limit_s=0.5")
    worker = Worker(next(one for one in PROCESSES if one.name == "llm"), rings.instance, rings.config, rings.telemetry)
    worker._popen = SimpleNamespace(pid=1)
    rings.telemetry.set("llm.apart_ns", 1)  # of a predecessor that died in the middle of a call
    seat = rings.seat("llm")
    rings.telemetry.set("llm.state", READY)
    assert worker.patience[1] == "engine.heartbeat_timeout_s"

    seat.apart.take(0)
    until, setting = worker.patience
    assert setting == "llm.hard_limit_s"
    assert until <= time.monotonic_ns() + 500_000_000
    with seat.bound(600):
        seat.beat()
        assert worker.patience == (until, setting)  # whatever the loop does beside it

    def leave() -> None:
        seat.apart.take(0)
        seat.apart.give()

    other = threading.Thread(target=leave)  # of a model that is being left
    other.start()
    other.join()
    assert worker.patience == (until, setting)
    seat.apart.turn(0)
    assert worker.patience[0] > until
    seat.apart.give()
    assert worker.patience[1] == "engine.heartbeat_timeout_s"
