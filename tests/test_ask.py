"""`engine ask`: a conversation in writing, without a running engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

CONFIG = """
facts = ["The pool is open from seven to ten.", "The pool is on the roof."]
[persona]
name = "Robin"
[[tools]]
name = "drive"
description = "Drive forward or back"
[tools.parameters]
direction = ["forward", "back"]
distance = { type = "number", minimum = 0, maximum = 20, unit = "meters" }
"""


def ask(
    folder: Path, *arguments: str, config: str = CONFIG, stdout: int | IO[str] = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    file = folder / "kiosk.toml"
    file.write_text(config)
    env = {key: value for key, value in os.environ.items() if not key.startswith("ANTIPHON_")}
    env |= {"ANTIPHON_SYSTEM_CONFIG": "", "XDG_CONFIG_HOME": str(folder / "none"), "XDG_RUNTIME_DIR": str(folder)}
    command = [sys.executable, "-m", "engine", "ask", "--config", str(file), *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=env, timeout=60, check=False)


def test_each_text_is_a_turn_and_gets_a_line(tmp_path: Path) -> None:
    done = ask(tmp_path, "--json", "when does the pool open", "and where is it", "go forward ten meters")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert [each["text"] for each in (first, second)] == [
        "The pool is open from seven to ten.",
        "The pool is on the roof.",
    ]
    assert first["tool_calls"] == second["tool_calls"] == []
    assert third["tool_calls"] == [{"name": "drive", "arguments": {"direction": "forward", "distance": 10}}]
    assert all(
        each["first_token_ms"] >= 0 and set(each) == {"text", "tool_calls", "first_token_ms"} for each in (first, third)
    )


def test_for_people_it_prints_the_answer_and_what_would_be_called(tmp_path: Path) -> None:
    done = ask(tmp_path, "who are you", "drive back two meters")
    assert done.stdout.splitlines() == [
        "I am Robin, the voice of this museum.",
        "All right.",
        '→ drive {"direction": "back", "distance": 2}',
    ]


def test_another_backend_is_asked_alike(tmp_path: Path) -> None:
    done = ask(tmp_path, "--set", "llm.backend=repeat", "--json", "hello")
    assert json.loads(done.stdout)["text"] == "You said hello."


@pytest.mark.parametrize(
    ("config", "code", "says"),
    [
        ('facts = "no list"', 3, "kiosk.toml:1: facts must be a list"),
        ('[persona]\nfacts = ["a"]', 3, "did you mean facts?; write it above the first [table]"),
        ('llm.backend = "nobody:Here"', 6, "engine: llm.backend nobody:Here: "),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, config: str, code: int, says: str) -> None:
    done = ask(tmp_path, "hello", config=config)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert says in done.stderr


def test_a_reader_that_has_gone_is_no_fault_of_the_models_python(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = ask(tmp_path, "hello", stdout=full)
    assert done.returncode == 5
    assert "python" not in done.stderr.lower()


def test_what_is_no_text_is_answered_like_any_other(tmp_path: Path) -> None:
    done = ask(tmp_path, "--set", "llm.backend=repeat", "--json", os.fsdecode(b"\xff hello"))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["text"].endswith("hello.")


def test_an_engine_that_runs_is_asked_without_a_configuration(tmp_path: Path) -> None:
    done = ask(tmp_path, "--running", "hello")
    assert (done.returncode, done.stdout) == (2, "")
    assert "leave out --json, --config" in done.stderr
