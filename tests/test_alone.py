"""What runs on the device alone talks to nobody else: no process of the engine makes a socket that could leave it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.engine_run import WORKERS, question, report, silence, understood, write
from tests.pulse import PulseServer

UNIX_ONLY = [sys.executable, str(Path(__file__).with_name("unix_only.py"))]
ASK = "import socket; socket.getaddrinfo('localhost.invalid', 80)"


def test_a_question_is_answered_without_a_word_to_the_network(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    sound, written = write(tmp_path / "q.wav", question()), tmp_path / "r.json"
    files = ("--input", str(sound), "--output", str(tmp_path / "o.wav"), "--report", str(written))
    engine = start(*files, "--config", str(short_answers), wrapper=UNIX_ONLY)
    assert engine.end() == 0
    assert engine.errors == []  # nobody was killed
    (turn,) = report(written)["turns"]
    assert understood(turn)


@pytest.mark.xdist_group("devices")
def test_real_devices_are_used_without_a_word_to_the_network(
    start: Start, server: PulseServer, short_answers: Path
) -> None:
    engine = start("--config", str(short_answers), environ=server.environ, wrapper=UNIX_ONLY)
    engine.until(lambda: "loudspeaker: speaker (" in engine.stderr, "the loudspeaker was open")
    engine.until(lambda: "microphone: person.monitor (" in engine.stderr, "the microphone was open")
    engine.until_ready()
    engine.process.terminate()
    assert engine.end() == 0
    assert engine.errors == []


def test_who_asks_for_a_name_would_be_seen() -> None:
    """The evidence of the other tests rests on it."""
    assert subprocess.run([*UNIX_ONLY, sys.executable, "-c", ASK], check=False).returncode == -signal.SIGSYS


def test_every_worker_has_the_telemetry_of_its_libraries_off(start: Start, tmp_path: Path) -> None:
    engine = start("--input", str(write(tmp_path / "q.wav", silence(60))))
    engine.until_ready()
    environs = {name: Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for name, pid in engine.pids().items()}
    off = [name for name, environ in environs.items() if b"ORT_DISABLE_TELEMETRY=1" in environ]
    assert sorted(off) == sorted(set(WORKERS) - {"recorder"})
    engine.process.terminate()
    assert engine.end() == 0
