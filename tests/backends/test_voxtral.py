"""Voxtral by transformers, on a tiny model with random weights in the files and layout of the real one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.contract import Backend, Event, Job, Rung, Tag, Token
from engine.errors import BackendError
from tests.backends.conformance import Driven, Subject, ends
from tests.backends.conformance_gpu import Gpu
from tests.backends.conformance_listener import ListenerConformance
from tests.backends.voxtral_desk import Watched, rung
from tests.engine_run import question
from workers.backends.registry import EXPERIMENTAL, named
from workers.backends.voxtral import Voxtral
from workers.backends.voxtral_model import VoxtralModel

pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import


@pytest.fixture(scope="session")
def model(voxtral_directory: Path) -> Path:
    return voxtral_directory


def spoilt(model: Path, place: Path, spoil: Callable[[Path], object]) -> Rung:
    shutil.copytree(model, place)
    spoil(place)
    return rung(place)


def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def rewrite(file: Path, **changed: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def lose_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights[next(name for name in weights if "lm_head" in name)]
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})


def forget_audio(folder: Path) -> None:
    named = json.loads((folder / "tekken.json").read_text())["special_tokens"]
    rewrite(folder / "tekken.json", special_tokens=[each for each in named if each["token_str"] != "[BEGIN_AUDIO]"])


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
    "config is not json": (lambda folder: (folder / "config.json").write_text("{"), "config.json cannot be read"),
    "another kind": (lambda folder: rewrite(folder / "config.json", model_type="llama"), "of the type llama"),
    "no model": (lambda folder: (folder / "model.safetensors").unlink(), "has no *.safetensors"),
    "empty model": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "model.safetensors is empty"),
    "model cut off": (lambda folder: truncate(folder / "model.safetensors"), "cannot load it"),
    "weights missing": (lose_weights, "lack 1 weights, lm_head.weight"),
    "no tokenizer": (lambda folder: (folder / "tekken.json").unlink(), "has no tekken.json"),
    "tokenizer cut off": (lambda folder: truncate(folder / "tekken.json"), "tekken.json is no tokenizer"),
    "tokenizer without sound": (forget_audio, "knows no [BEGIN_AUDIO]"),
}


class TestVoxtral(ListenerConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        place = tmp_path_factory.mktemp("spoilt")
        broken = {
            name: (spoilt(model, place / name.replace(" ", "-"), spoil), what) for name, (spoil, what) in SPOILT.items()
        }
        broken["no model set"] = (rung(""), "voxtral.model is not set")
        broken["nowhere"] = (rung(place / "nowhere"), "there is no")
        broken["a setting that is none"] = (rung(model, temprature=1.0), "temprature is not a setting")
        broken["a setting out of bounds"] = (rung(model, top_p=9.0), "top_p must be between 0.01 and 1")
        broken["more context than it has"] = (rung(model, context_tokens=8192), "has room for 4096")
        broken["no context left"] = (rung(model, system_prompt="long " * 400), "has no room for the prompt")
        return Subject(
            make=Voxtral,
            rung=rung(model, max_tokens=8),
            other=rung(model, trim_audio=True, prefill_tokens=16, max_tokens=4, temperature=1.0),
            broken=broken,
            library=("tiktoken", 'pip install "antiphon[voxtral]"'),
            gpu=Gpu(
                lambda required: rung(model, device="cuda", require_device=required), no_gpu, (VoxtralModel, "hear")
            ),
        )


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_a_missing_library_is_told_whichever_it_is(model: Path, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendError, match=r'pip install "antiphon\[voxtral\]"'):
        Voxtral().load(rung(model))


def test_it_fails_a_job_that_cannot_be_computed_and_the_next_is_clean(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch, rung(model))
    before = watched.ask(Job(Tag(1, 1)))

    def fail(*_: Any) -> Any:
        raise RuntimeError("out of memory\nat line 7")

    job = Job(Tag(1, 2))
    with monkeypatch.context() as patch:
        patch.setattr(VoxtralModel, "hear", fail)
        watched.hear(job)
        watched.driven.backend.finish(job)
        events: list[Event] = watched.driven.until_ended(job)
    assert [getattr(event, "text", "") for event in events] == ["out of memory"]
    assert ends(events) == [(job.tag, "failed")]
    assert watched.ask(Job(Tag(1, 3))) == before


def test_it_is_reached_by_its_class_as_no_stage_has_it() -> None:
    assert isinstance(named("llm", EXPERIMENTAL["voxtral"]), Backend)


def test_every_piece_is_a_tokens_text(model: Path) -> None:
    driven = Driven(Subject(Voxtral, rung(model, max_tokens=40)))
    job = Job(Tag(1))
    driven.backend.begin(job)
    driven.backend.feed(job, question())
    driven.backend.finish(job)
    assert 20 < len([event for event in driven.until_ended(job) if isinstance(event, Token)]) <= 40
