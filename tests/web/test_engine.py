"""The page of a real engine: one conversation, seen through it."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.story import OUTCOMES
from tests.conftest import Start
from tests.engine_run import UNHURRIED, WATCHDOG_S, question, silence, write
from tests.web.stand import Follower


def get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    body = answer.read()
    connection.close()
    return body


def test_a_conversation_is_seen_on_the_page_and_in_the_metrics(
    start: Start, short_answers: Path, tmp_path: Path
) -> None:
    sound = write(tmp_path / "q.wav", np.concatenate([silence(1), question(), silence(8)]))
    shown = ("--http", "127.0.0.1:0", "--set", "http.transcript=true")
    running = start("--input", str(sound), "--config", str(short_answers), *UNHURRIED, *shown)
    running.until(lambda: "page at http://" in running.stderr, "its page was there")
    port = int(running.stderr.split("page at http://127.0.0.1:")[1].split("/")[0])
    told: list[dict[str, Any]] = []
    with Follower(port, 2 * WATCHDOG_S) as follower:
        while (message := follower.any())["event"] != "answer.ended":
            told.append(message)
        metrics = {family.name: family for family in text_string_to_metric_families(get(port, "/metrics").decode())}
        assert json.loads(get(port, "/health"))["why"] == []
        running.process.terminate()
        assert running.end() == 0
        while follower.answer.readline():
            pass
    took = sum(span["took"] or 0 for span in message["of"]["spans"])
    assert message["of"]["response_ms"] == pytest.approx(took)
    assert "museum" in message["of"]["user"]["text"]
    assert message["of"]["heard"]["text"]
    names = [one["event"] for one in told]
    assert {"user.partial", "user.final", "answer.started", "answer.word", "levels", "numbers"} <= set(names)
    # The visitor was seen in the waveform before the answer was, and the answer then.
    loud = [
        {side for side in ("microphone", "loudspeaker") if one[side]["db"] > -40}
        for one in told
        if one["event"] == "levels"
    ]
    heard = next(at for at, sides in enumerate(loud) if "microphone" in sides)
    spoke = next(at for at, sides in enumerate(loud) if "loudspeaker" in sides)
    assert heard < spoke
    ended = {sample.labels["outcome"]: sample.value for sample in metrics["antiphon_turns"].samples}
    assert sum(ended.values()) == 1
    assert set(ended) == set(OUTCOMES)  # also those that did not happen: what first appears as 1 has not grown
    stages = {one["name"]: one for one in [one for one in told if one["event"] == "numbers"][-1]["stages"]}
    assert stages["asr"]["state"] == "ready"
    assert stages["asr"]["cpu"] > 0


def test_a_port_that_is_taken_ends_the_start_before_anything_is_loaded(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        sound = write(tmp_path / "q.wav", silence(1))
        running = start("--input", str(sound), "--http", address)
        assert running.end() == 5
    assert running.errors == [
        f"engine: http.address {address}: another program listens there; end it, or choose another port"
    ]
