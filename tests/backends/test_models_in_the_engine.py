"""The whole engine with models: a spoken question, words and an answer by them, spoken and reported. Two stages a run,
since an engine takes its time."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.backends.scripted_server import serving
from tests.conftest import Start
from tests.engine_run import SHORT_ANSWERS, UNHURRIED, question, report, understood, write
from tests.models.llama import SAID


def answered(start: Start, folder: Path, *sets: str) -> tuple[dict[str, Any], str]:
    """The only turn of an engine that hears the question, and what it complained of."""
    (folder / "c.toml").write_text(SHORT_ANSWERS)
    files = ("--input", str(write(folder / "q.wav", question())), "--report", str(folder / "r.json"))
    options = [part for each in sets for part in ("--set", each)]
    engine = start(*files, "--config", str(folder / "c.toml"), *UNHURRIED, *options)
    assert engine.end() == 0, engine.stderr
    (turn,) = report(folder / "r.json")["turns"]
    assert turn["outcome"] == "answered"
    return turn, "\n".join(engine.errors)


@pytest.mark.xdist_group("torch")
def test_models_on_this_machine_hear_and_answer(
    start: Start, tmp_path: Path, whisper_ct2: Path, llama_ct2: Path
) -> None:
    hears = ("asr.backend=whisper", f"asr.whisper.model={whisper_ct2}", "asr.whisper.no_speech=1.0")
    sets = (f"llm.ctranslate2.model={llama_ct2}", "llm.ctranslate2.temperature=0.0", "llm.ctranslate2.device=cpu")
    window = ("llm.ctranslate2.context_tokens=2048", "llm.max_tokens=100")
    turn, errors = answered(start, tmp_path, *hears, "llm.backend=ctranslate2", *sets, *window)
    assert turn["transcript"]
    assert (turn["answer"], errors) == (SAID, "")


def test_a_streaming_recogniser_and_a_server_hear_and_answer(start: Start, tmp_path: Path, transducer: Path) -> None:
    pytest.importorskip("sherpa_onnx")
    hears = ("asr.backend=sherpa", f"asr.sherpa.model={transducer}")
    with serving() as server:
        turn, errors = answered(start, tmp_path, *hears, "llm.backend=openai", f"llm.openai.base_url={server.url}")
        asked = [body["messages"][-1]["content"] for body in server.questions]
    assert turn["answer"] == SAID
    assert turn["transcript"] in asked
    assert all("lean towards the expected phrases" in line for line in errors.splitlines())


def test_without_its_server_the_fallback_answers_and_the_owner_is_told(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    sets = ("llm.backend=openai", f"llm.openai.base_url={url}", "llm.openai.fallback=phrasebook")
    turn, errors = answered(start, tmp_path, *sets)
    assert understood(turn)
    assert turn["answer"] == "From ten to six, every day."
    (line,) = errors.splitlines()
    assert line.startswith(f"engine:llm: the server {url}: ")
    assert line.endswith("; phrasebook answers meanwhile")


def test_a_model_that_is_missing_is_one_line_that_names_the_setting(start: Start, tmp_path: Path) -> None:
    engine = start("--input", str(write(tmp_path / "q.wav", question())), "--set", "asr.backend=whisper")
    assert engine.end() == 6
    assert [line for line in engine.errors if "asr.whisper.model is not set; fetch" in line]
    assert "Traceback" not in engine.stderr
