"""What the examples of clients say when something is wrong. What they do otherwise needs an engine: test_engine.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.door.server import MOST_CLIENTS
from tests.door.house import House

EXAMPLES = Path(__file__).parents[2] / "examples"
CLIENTS = {
    "python": [sys.executable, "-I", "-S", str(EXAMPLES / "door_client.py")],
    "sh": ["sh", str(EXAMPLES / "door.sh")],
}


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fails(client: str, *arguments: str) -> list[str]:
    """The lines it ends with, without a traceback."""
    done = subprocess.run([*CLIENTS[client], *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()


def test_what_is_refused_goes_to_stderr(tmp_path: Path, client: str) -> None:
    with House(tmp_path) as house:
        assert fails(client, str(house.place.path), " ") == ["text must not be empty"]


def test_one_client_too_many_is_told_so(tmp_path: Path, client: str) -> None:
    with House(tmp_path) as house:
        for _ in range(MOST_CLIENTS):
            house.client()
        assert fails(client, str(house.place.path), "Hello.") == ["64 clients are here already; let one go"]


def test_a_wrong_path_is_one_line(tmp_path: Path, client: str) -> None:
    (line,) = fails(client, str(tmp_path / "nobody"), "Hello.")
    assert str(tmp_path / "nobody") in line
    assert "No such file or directory" in line


def test_without_arguments_they_say_what_they_need(client: str) -> None:
    assert any("SOCKET TEXT" in line or ".sock " in line for line in fails(client))


def test_an_engine_that_ends_is_no_success(tmp_path: Path, client: str) -> None:
    with House(tmp_path) as house:
        command = [*CLIENTS[client], str(house.place.path), "Hello."]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "hello listening\n"
            house.close()
            _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "the engine has ended" in errors or "the engine is ending" in errors


def test_the_one_in_python_is_thirty_lines_without_the_project() -> None:
    text = (EXAMPLES / "door_client.py").read_text()
    assert len(text.splitlines()) <= 30
    assert {line for line in text.splitlines() if "import" in line} == {"import json", "import socket", "import sys"}
