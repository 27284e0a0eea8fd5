"""Which backends are measured, and with what: those at hand, those of a configuration, full sizes for a GPU."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import Config, load
from engine.ladders import distinct, ladder
from workers.backends.registry import rung

NO_FILES = {"ANTIPHON_SYSTEM_CONFIG": "", "XDG_CONFIG_HOME": "/nonexistent"}


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend and a rung of it. name: of the rung, in the table. rung: what it is loaded with. seconds: of sound that
    a recogniser hears. words: of the past that a language model is told. due_ms: what is asked for."""

    stage: str
    backend: str
    name: str
    rung: dict[str, Any]
    python: str = ""
    seconds: float = 2.6
    words: int = 0
    due_ms: int = 0


def subject(stage: str, name: str, config: Config, **more: Any) -> Subject:
    """A stage's backend as a configuration has it."""
    section, made = getattr(config, stage), rung(stage, config)
    settings = {each: getattr(made, each) for each in ("language", "rate", "threads", "expected")}
    tables = {"settings": dict(made.settings), "lexicon": dict(made.lexicon)}
    return Subject(stage, section.backend, name, {**settings, **tables}, python=section.python, **more)


def with_sets(stage: str, backend: str, name: str, *sets: str, **more: Any) -> Subject:
    """A backend with the packaged settings and these, `key=value` of its own table."""
    table = f"{stage}.{backend}"
    config = load(sets=[f"{stage}.backend={backend}", *(f"{table}.{each}" for each in sets)], environ=NO_FILES)
    return subject(stage, name, config, **more)


def configured(path: Path) -> Iterator[Subject]:
    """The backends of a configuration, every rung of theirs."""
    yield from _rungs(load(config=path))


def _rungs(config: Config) -> Iterator[Subject]:
    for stage in config.stages:
        steps = ladder(config, stage)
        for number in distinct(config, stage):  # a ladder of another backend may be left standing
            yield subject(stage, steps[number].name, steps[number].config)


def at_hand(folder: Path) -> Iterator[Subject]:
    """What is installed and has a model, and tiny models, built in a folder, for what is installed and has none."""
    yield from _rungs(load(environ=NO_FILES))
    if _here("espeakng_loader"):
        yield with_sets("vocoder", "espeak", "as it comes")
    yield from _tiny(folder)


def _tiny(folder: Path) -> Iterator[Subject]:
    """The tests' models: what they cost is the way there and back, and not what a model costs that says anything."""
    from tests.models import llama, transducer, voices, whisper

    def made(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    if _here("sherpa_onnx", "onnx"):
        transducer.build(made("transducer"))
        yield with_sets("asr", "sherpa", "tiny model", f"model={folder}/transducer")
    if _here("onnx"):
        for export, phonemes in (("A", "flite"), ("B", "espeak")):
            if phonemes == "flite" or _here("espeakng_loader"):
                home = voices.kokoro(made(f"kokoro{export}"), export, burden=8 if export == "A" else 0)
                name = f"humming net, {phonemes}"
                yield with_sets("vocoder", "kokoro", name, f"model={home}", f"phonemes={phonemes}")
        home = voices.piper(made("piper"))
        yield with_sets("vocoder", "piper", "humming net, flite", f"model={home}", "phonemes=flite")
        home = voices.piper(made("pair"), streaming=True)
        yield with_sets("vocoder", "piper", "humming pair, flite", f"model={home}", "phonemes=flite")
    if _here("ctranslate2", "torch", "transformers"):
        importlib.import_module("transformers.utils.logging").disable_progress_bar()
        whisper.build(made("whisper"), multilingual=True)
        for name, context in (("tiny model, 30 s", 30), ("tiny model, 10 s", 10)):
            own = (f"model={folder}/whisper", "no_speech=1.0", f"audio_context_s={context}")
            yield with_sets("asr", "whisper", name, *own)
        llama.build_ct2(made("llama"), endless=True)
        own = (f"model={folder}/llama", "device=cpu", "context_tokens=1024")
        yield with_sets("llm", "ctranslate2", "tiny model", *own)


def full_size(folder: Path) -> Iterator[Subject]:
    """Shapes of models that people run. What is asked for is what users state for an L4."""
    from stagebench import full

    whisper = full.whisper(folder)
    own = (f"model={whisper}", "device=cuda", "no_speech=1.0")
    for compute in ("float16", "int8_float16"):
        name = f"distil-medium.en, {compute}"
        yield with_sets("asr", "whisper", name, *own, f"compute_type={compute}", seconds=4.0, due_ms=350)
    llama = full.llama(folder)
    for compute in ("float16", "int8_float16"):
        own = (f"model={full.converted(llama)}", "device=cuda", f"compute_type={compute}")
        yield with_sets("llm", "ctranslate2", f"8 B, {compute}", *own, words=full.WORDS, due_ms=200)
    for name in ("exllamav2", "exllamav3"):
        if _here(name):
            yield with_sets("llm", name, "8 B, fp16", f"model={llama}", words=full.WORDS, due_ms=200)
            packed = full.llama(folder, bits=4)
            yield with_sets("llm", name, "8 B, 4 bits", f"model={packed}", words=full.WORDS, due_ms=200)
    yield with_sets("vocoder", "kokoro", "82 M", f"model={full.kokoro(folder)}", "device=cuda", due_ms=200)


def no_gpu() -> str:
    """Why nothing can be measured on a GPU here; empty if nothing speaks against it."""
    if shutil.which("nvidia-smi") is None:
        return "there is no NVIDIA GPU (no nvidia-smi)"
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return "" if listed.returncode == 0 and listed.stdout else f"nvidia-smi: {listed.stdout or listed.stderr}".strip()


def machine() -> str:
    """What it was measured on."""
    gpu = "no GPU"
    if not no_gpu():
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        gpu = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip().replace("\n", ", ")
    return f"{platform.machine()}, {os.cpu_count()} cores, {gpu}, Python {platform.python_version()}"


def _here(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)
