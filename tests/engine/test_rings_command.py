"""`engine rings`: a running engine's rings, with the names of its stages."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys

import pytest

from engine.channels import CHANNELS, PROCESSES
from engine.config import load
from engine.errors import SharedMemoryError
from engine.rings_command import add_parser
from tests.conftest import Start
from tests.engine_run import QUESTION, SHM
from tests.rings import Rings


def engine(*words: str) -> int:
    """`engine rings …`; the exit code."""
    parser = argparse.ArgumentParser(prog="engine")
    add_parser(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["rings", *words])
    return int(arguments.run(arguments))


def test_empty_seats_are_named_after_the_stage_they_are_for(rings: Rings, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine(rings.instance.split(".")[1]) == 0
    heading, _, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert heading[0] == rings.instance
    assert f"{len(CHANNELS) + 1} rings" in " ".join(heading)
    (mic,) = [at for at, row in enumerate(rows) if row[0] == "mic"]
    assert rows[mic][-4:] == ["writer", "nobody", "(audio)", "0"]
    assert [row[:4] for row in rows[mic + 1 : mic + 5]] == [
        ["reader", str(slot), "nobody", f"({stage})"] for slot, stage in enumerate(("vad", "asr", "ending", "recorder"))
    ]


def test_a_running_engine_is_seen_with_all_its_processes(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    running = start("--input", str(QUESTION))
    running.until_ready()
    assert engine(running.name, "--json") == 0
    seen = json.loads(capsys.readouterr().out)
    of = {ring["label"]: ring for ring in seen["rings"]}
    assert list(of) == [*(channel.name for channel in CHANNELS), "bells"]
    title = {process.name: process.title for process in PROCESSES}
    absent = {process.name for process in PROCESSES if not process.wanted(load(environ={"ANTIPHON_SYSTEM_CONFIG": ""}))}
    for channel in CHANNELS:
        if channel.readers == (channel.writer,):
            continue  # a real device's, and this engine's card is the virtual one
        for stage, reader in zip(channel.readers, of[channel.name].get("readers", ()), strict=False):
            if stage in title and stage not in absent:
                assert (reader["role"]["process"], reader["role"]["alive"]) == (title[stage], True), channel
    assert of["mic"]["writer"]["process"] == "engine:audio"
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 0


def test_no_engine_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert engine("there-is-none") == 0
    assert capsys.readouterr().out == "no engine called there-is-none is running\n"


def test_a_damaged_ring_is_an_error_about_shared_memory(rings: Rings, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{rings.instance}.asks"
    os.truncate(SHM / name, 4096)
    with pytest.raises(SharedMemoryError, match=f"damaged: '{name}'; end its engine") as caught:
        engine(rings.instance.split(".")[1])
    assert caught.value.code == 7
    assert f"\nring {name} is damaged: " in capsys.readouterr().out


@pytest.mark.parametrize("words", [["rings"], ["config", "show"], ["licences"]])
def test_output_that_cannot_be_written_is_one_line_and_its_own_exit_code(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "engine", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 5
    assert done.stderr.startswith("engine: stdout cannot be written")
    assert done.stderr.count("\n") == 1
