"""A signal ends every command with its exit code and without a word, from the first line of the engine's own on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.door.house import Client
from tests.engine_run import Engine, silence, write

ROOT = Path(__file__).parents[1]
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 129)]
# What every dataclass does while its module is loaded; Python takes note of a KeyboardInterrupt that comes out of it.
IN_THE_MIDDLE = "exec('import os, time; os.kill(os.getpid(), {number}); time.sleep(20)')\n"


@pytest.mark.parametrize(("number", "code"), ENDS)
@pytest.mark.parametrize("module", ["argparse", "uvloop"])
def test_a_signal_in_the_middle_of_loading_a_module(tmp_path: Path, module: str, number: int, code: int) -> None:
    """A module of ours takes the place of the first and of the last that `engine run` loads."""
    (tmp_path / f"{module}.py").write_text(IN_THE_MIDDLE.format(number=number))
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = [sys.executable, "-m", "engine", "run", "--help"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.parametrize(
    ("delay_ms", "number", "code"),
    [(delay_ms, *ENDS[at % len(ENDS)]) for at, delay_ms in enumerate((0, 20, 50, 90, 140, 200, 300, 450))],
)
def test_a_signal_at_any_time_of_the_start(start: Start, tmp_path: Path, delay_ms: int, number: int, code: int) -> None:
    """So long after the engine's first line; before that there is only Python."""
    engine = start("--input", str(write(tmp_path / "q.wav", silence(60))))
    engine.until(lambda: catches(engine, signal.SIGTERM), "its own first line")
    time.sleep(delay_ms / 1000)
    engine.process.send_signal(number)
    assert engine.end() == code
    assert engine.errors == []
    assert "Traceback" not in engine.stderr


def catches(engine: Engine, number: int) -> bool:
    """The process has a handler of its own for a signal."""
    status = Path(f"/proc/{engine.process.pid}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)


def test_an_engine_that_nohup_started_outlives_its_terminal(start: Start, tmp_path: Path) -> None:
    engine = start("--input", str(write(tmp_path / "q.wav", silence(60))), wrapper=("nohup",))
    engine.until_ready()
    with Client(engine.door) as client:
        engine.process.send_signal(signal.SIGHUP)
        for _ in range(2):
            assert client.ask({"command": "state"})["state"] == "listening"
    engine.process.terminate()
    assert engine.end() == 0
