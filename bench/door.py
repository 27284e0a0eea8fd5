"""The door, measured: how long an event takes from where it happens to a client in another process, with one client
and with twenty, one of which never reads; and whether they change how soon the engine answers.

    python bench/door.py [--turns 4] [--json FILE]

Converses in real time through the virtual sound card, three times. Latency: from an event's `mono_ns` to the moment
at which the client has read it, from the first visitor's first word until the engine begins to stop.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

QUESTION = Path(__file__).parents[1] / "engine" / "data" / "question.wav"
RATE = 16000
ANSWER_S = 4.2
"""From the end of one question to the beginning of the next: time to answer it."""
CONFIGURATION = """
[[llm.phrasebook.entries]]
patterns = ["* museum *", "what *"]
answers = ["From ten in the morning to six in the evening, every day."]
"""
GOAL_MS = 2.0


def track(path: Path, turns: int) -> Path:
    """The question that comes with the project, so many times."""
    with wave.open(str(QUESTION)) as file:
        question = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    silence = np.zeros(round(ANSWER_S * RATE), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.concatenate([question, silence] * turns).tobytes())
    return path


def connect(path: Path, clients: int) -> list[socket.socket]:
    connected = [socket.socket(socket.AF_UNIX) for _ in range(clients)]
    for client in connected:
        client.connect(str(path))
    return connected


def listen(path: Path, clients: int) -> list[float]:
    """Be so many clients until the engine ends; the latency of each event of the conversation at each of them, ms."""
    selector = selectors.DefaultSelector()
    received: dict[socket.socket, list[tuple[int, bytes]]] = {}
    for client in connect(path, clients):
        selector.register(client, selectors.EVENT_READ, client)
        received[client] = []
    while selector.get_map():
        for key, _ in selector.select():
            data = key.data.recv(1 << 16)
            received[key.data].append((time.monotonic_ns(), data))  # looked into afterwards, it takes time
            if not data:
                selector.unregister(key.data)
    return [latency for chunks in received.values() for latency in latencies_of(chunks)]


def latencies_of(chunks: list[tuple[int, bytes]]) -> Iterator[float]:
    """What one client received, and when: the latency of each event of the conversation."""
    conversing, rest = False, b""
    for now, data in chunks:
        *lines, rest = (rest + data).split(b"\n")
        for event in map(json.loads, lines):
            conversing = (conversing or event["event"] == "session") and event.get("state") != "stopping"
            if conversing:
                yield (now - event["mono_ns"]) / 1e6


def converse(work: Path, turns: int, readers: int, sleepers: int) -> dict[str, Any]:
    """One conversation, with so many clients that read and so many that do not."""
    door, report, config = work / "door", work / "report.json", work / "config.toml"
    config.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "engine", "run", "--input", str(track(work / "track.wav", turns))]
    options = ["--config", str(config), "--report", str(report), "--set", f"door.socket={door}"]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as engine:
        while not door.exists():
            time.sleep(0.01)
        sleeping = connect(door, sleepers)
        latencies = []
        if readers:
            command = [sys.executable, __file__, "--listen", str(readers), "--door", str(door)]
            latencies = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        if engine.wait():
            raise SystemExit(f"the engine ended with exit code {engine.returncode}")
        for client in sleeping:
            client.close()
    answered = [turn["response_ms"] for turn in json.loads(report.read_text())["turns"] if turn["response_ms"]]
    return {"clients": readers + sleepers, "latencies": latencies, "responses": answered}


def row(result: dict[str, Any]) -> str:
    """A line of the table."""
    latencies, responses = sorted(result["latencies"]), result["responses"]
    cells = ["", "", "", "", ""]
    if latencies:
        p99 = latencies[round(0.99 * (len(latencies) - 1))]
        cells = [str(len(latencies)), *(f"{ms:.2f}" for ms in (statistics.median(latencies), p99, latencies[-1]))]
        cells.append("yes" if p99 <= GOAL_MS else "no")
    response = (
        f"{statistics.median(responses):.0f} ({min(responses):.0f} to {max(responses):.0f})" if responses else "-"
    )
    widths = (8, 8, 8, 8, 8, 10)
    parts = [str(result["clients"]), *cells]
    return "".join(part.rjust(width) for part, width in zip(parts, widths, strict=True)) + f"   {response}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the door.")
    parser.add_argument("--turns", type=int, default=4, help="questions in each conversation")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--listen", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--door", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.listen:
        print(json.dumps(listen(arguments.door, arguments.listen)))
        return
    results = []
    for readers, sleepers in ((0, 0), (1, 0), (19, 1)):
        with tempfile.TemporaryDirectory() as work:
            results.append(converse(Path(work), arguments.turns, readers, sleepers))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; event to client, ms")
    print(" clients  events     p50     p99     max    <= 2 ms   response in ms: p50 (least to most)")
    for result in results:
        print(row(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
