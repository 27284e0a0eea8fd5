"""`kill -9` of an engine that writes its turns down: what was told is in the file, and the next start goes on."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np

from engine.turn_log import TurnLog, entry, read
from tests.conftest import Start
from tests.door.house import Client
from tests.engine.test_trace import check
from tests.engine_run import SHORT_ANSWERS, recorded, silence, write


def test_what_was_said_is_in_the_log_when_the_engine_is_killed(start: Start, tmp_path: Path) -> None:
    from engine.main import main

    (tmp_path / "short.toml").write_text(SHORT_ANSWERS)
    log, trace = tmp_path / "turns.jsonl", tmp_path / "turn.json"
    sound = write(tmp_path / "q.wav", silence(600))
    wanted = ("--set", f"log.turns={log}", "--set", "log.audio=true")
    engine = start("--input", str(sound), "--config", str(tmp_path / "short.toml"), "--verbose", *wanted)
    engine.until_ready()
    with Client(engine.door) as client:
        client.ask({"command": "ask", "text": "When does the museum close?"})
        ended = client.until(lambda line: line.get("event") == "answer.ended")
        (kept,) = client.ask({"command": "turns"})["turns"]
        assert main(["trace", "--socket", str(engine.door), "--out", str(trace)]) == 0
    engine.until(lambda: log.exists() and log.read_text().endswith("\n"), "the turn was written down")
    engine.process.kill()
    engine.process.wait()
    engine.until_nothing_is_left()

    (line,) = read(log.read_text())
    assert line["personal"]["answer"] == ended["text"]
    assert (line["turn"], line["response_ms"], line["rungs"]) == (1, ended["record"]["response_ms"], kept["rungs"])
    assert line["pids"] == kept["pids"]
    assert {"engine", "asr", "vocoder", "audio"} <= set(line["pids"])
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    check(json.loads(trace.read_text()))
    (wav,) = (tmp_path / "turns.jsonl.audio").iterdir()
    assert wav.name == line["personal"]["sound"]
    assert np.abs(recorded(wav)[:, 1]).max() > 1000
    assert "heard after" in engine.stdout  # --verbose draws
    again = TurnLog(log, 10**9, 5)
    again.write(entry("turn", {"turn": 2}))
    again.close()
    assert [each["turn"] for each in read(log.read_text())] == [1, 2]
