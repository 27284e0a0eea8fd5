"""A model's own settings may be wrong in any way: every value of every JSON file of another type, every file cut off.
What comes of it is a backend that runs, or one line with a remedy; nothing else."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.contract import Backend, Rung
from engine.errors import BackendError
from tests.models import voices
from workers.backends.ct2_generator import Ct2Generator
from workers.backends.kokoro import Kokoro
from workers.backends.piper import Piper
from workers.backends.whisper import Whisper

pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import, and builds the models
WRONG: tuple[Any, ...] = (None, [], {}, "x", -1, 0, True, 1e300, ["x"], {"x": []})
LLM = {"device": "cpu", "require_device": True, "compute_type": "default", "context_tokens": 1024, "max_tokens": 20}
LLM |= {"temperature": 0.0, "top_k": 1, "top_p": 1.0, "repetition_penalty": 1.0, "system_prompt": "Hi."}


def places(value: Any, deep: int) -> Iterator[tuple[Any, ...]]:
    """Where something stands in it, the whole first; of long lists and tables the first few."""
    yield ()
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(inner)[: 12 if deep else 0]:
        for rest in places(each, deep - 1):
            yield (key, *rest)


def changed(value: Any, place: tuple[Any, ...], wrong: Any) -> Any:
    if not place:
        return wrong
    made = copy.copy(value)
    made[place[0]] = changed(value[place[0]], place[1:], wrong)
    return made


def tried(make: Callable[[], Backend], rung: Rung) -> str:
    """What it says to that; empty where it runs."""
    backend, said = make(), None
    try:
        backend.load(rung)
        backend.warm_up()
        backend.unload()
    except BackendError as error:
        said = error
    if said is None:
        return ""
    assert said.remedy
    assert "\n" not in str(said)
    return str(said)


def kokoro(place: Path) -> Path:
    return voices.kokoro(place, "A")


def exported(place: Path) -> Path:
    return voices.kokoro(place, "B")


def pair(place: Path) -> Path:
    return voices.piper(place, streaming=True, speakers=2)


VOICES: dict[str, tuple[Callable[[], Backend], Callable[[Path], Path], str]] = {
    "kokoro": (Kokoro, kokoro, "config.json"),
    "kokoro, exported": (Kokoro, exported, "tokenizer.json"),
    "piper": (Piper, voices.piper, "voice.onnx.json"),
    "piper, a pair": (Piper, pair, "voice.onnx.json"),
}


def settings_of(name: str, folder: Path) -> Rung:
    return Rung({"model": str(folder), "phonemes": "flite", "no_speech": 1.0, **(LLM if name == "llama" else {})})


@pytest.mark.parametrize("name", VOICES)
def test_a_voice_whose_description_is_wrong_in_any_value(name: str, tmp_path: Path) -> None:
    make, build, file = VOICES[name]
    everything_wrong_in(make, name, build(tmp_path), file, 2)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_a_language_model_whose_settings_are_wrong_in_any_value(file: str, llama_ct2: Path, tmp_path: Path) -> None:
    everything_wrong_in(Ct2Generator, "llama", Path(shutil.copytree(llama_ct2, tmp_path / "m")), file, 1)


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_a_recogniser_whose_settings_are_wrong_in_any_value(file: str, whisper_ct2: Path, tmp_path: Path) -> None:
    everything_wrong_in(Whisper, "whisper", Path(shutil.copytree(whisper_ct2, tmp_path / "m")), file, 1)


def everything_wrong_in(make: Callable[[], Backend], name: str, folder: Path, file: str, deep: int) -> None:
    good = json.loads((folder / file).read_text())
    refused = 0
    for place in places(good, deep):
        for wrong in WRONG:
            (folder / file).write_text(json.dumps(changed(good, place, wrong)))
            try:
                refused += bool(tried(make, settings_of(name, folder)))
            except Exception as error:
                raise AssertionError(f"{'.'.join(map(str, place))} = {wrong!r}") from error
    assert refused
    (folder / file).write_text(json.dumps(good))
    assert tried(make, settings_of(name, folder)) == ""


@pytest.mark.parametrize("name", VOICES)
def test_a_voice_with_a_file_that_is_cut_off_or_noise(name: str, tmp_path: Path) -> None:
    make, build, _ = VOICES[name]
    folder = build(tmp_path)
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        whole = path.read_bytes()
        for spoilt in (b"", whole[:-1], whole[: len(whole) // 2], b"\xff\x00" * 99, b"[" * 99_999):
            path.write_bytes(spoilt)
            tried(make, settings_of(name, folder))
        path.unlink()
        tried(make, settings_of(name, folder))
        path.write_bytes(whole)
    assert tried(make, settings_of(name, folder)) == ""
