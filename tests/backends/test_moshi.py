"""Moshi by Kyutai's package, on a tiny model with random weights in the files and layout of the real one."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Backend, Job, Rung, Sound, Tag
from tests.backends.conformance import Driven, Subject
from tests.backends.conformance_duplex import FRAMES, DuplexConformance
from tests.backends.conformance_gpu import Gpu
from tests.models import moshi
from tests.models.built import built
from workers.backends.frames import Reframer
from workers.backends.moshi import Moshi
from workers.backends.moshi_model import MoshiModel
from workers.backends.registry import EXPERIMENTAL, named
from workers.backends.torch_library import torch_on

# SentencePiece is bound by an old SWIG.
pytestmark = [
    pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute:DeprecationWarning"),
    pytest.mark.xdist_group("torch"),
]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory, "moshi", moshi.build)


def rung(folder: Path | str, rate: int = 24000, **settings: Any) -> Rung:
    """Always the likeliest, so that the same comes of the same."""
    fixed = {"model": str(folder), "device": "cpu", "temperature": 0.0, "text_temperature": 0.0}
    return Rung({**fixed, **settings}, rate=rate)


def spoilt(model: Path, place: Path, spoil: Callable[[Path], object]) -> Rung:
    shutil.copytree(model, place)
    spoil(place)
    return rung(place)


def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def say_kind(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "stt"}))


def lose_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop("text_linear.weight")
    save_file(weights, str(folder / "model.safetensors"))


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
    "config is not json": (lambda folder: (folder / "config.json").write_text("{"), "config.json cannot be read"),
    "another kind": (say_kind, "of the type stt"),
    "no model": (lambda folder: (folder / "model.safetensors").unlink(), "has no model.safetensors"),
    "no codec": (lambda folder: (folder / "mimi.safetensors").unlink(), "has no mimi.safetensors"),
    "no tokenizer": (lambda folder: (folder / "words.model").unlink(), "has no words.model"),
    "empty model": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "model.safetensors is empty"),
    "model cut off": (lambda folder: truncate(folder / "model.safetensors"), "cannot load it"),
    "codec cut off": (lambda folder: truncate(folder / "mimi.safetensors"), "cannot load it"),
    "weights missing": (lose_weights, "cannot load it"),
    "tokenizer is none": (lambda folder: (folder / "words.model").write_bytes(b"words"), "cannot load it"),
}


class TestMoshi(DuplexConformance):
    """At the model's own rate; at the engine's as the other rung."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        place = tmp_path_factory.mktemp("spoilt")
        broken = {
            name: (spoilt(model, place / name.replace(" ", "-"), spoil), what) for name, (spoil, what) in SPOILT.items()
        }
        broken["no model set"] = (rung(""), "moshi.model is not set")
        broken["nowhere"] = (rung(place / "nowhere"), "there is no")
        broken["a setting that is none"] = (rung(model, temprature=1.0), "temprature is not a setting")
        broken["a setting out of bounds"] = (rung(model, temperature=9.0), "temperature must be between 0 and 2")
        return Subject(
            make=Moshi,
            rung=rung(model),
            other=rung(model, rate=16000, prompt="yes please"),
            broken=broken,
            library=("moshi", 'pip install "antiphon[moshi]"'),
            gpu=Gpu(
                lambda required: rung(model, device="cuda", require_device=required), no_gpu, (MoshiModel, "frame")
            ),
        )

    def test_it_says_words_too(self, driven: Driven) -> None:
        words, _, _ = self.usual(driven)
        assert words.strip()

    def test_a_prompt_changes_what_it_says_from_the_first_frame(self, driven: Driven, model: Path) -> None:
        plain = self.said(driven, self.frames(driven, 1), Tag(1))
        driven.load(rung(model, prompt="where is the lift"))
        prompted = self.said(driven, self.frames(driven, 1), Tag(2))
        driven.load(driven.subject.rung)
        assert prompted != plain
        assert self.said(driven, self.frames(driven, 1), Tag(3)) == plain

    def test_more_frames_than_its_context_holds_are_answered(self, driven: Driven) -> None:
        """32 frames in the tiny model, 3 000 in the real one; and the state before them is found again."""
        before = self.usual(driven)
        self.said(driven, self.frames(driven, 40), Tag(2))
        assert self.whole(driven, Tag(3)) == before

    def test_it_fails_a_job_whose_frame_cannot_be_computed_and_the_next_is_clean(
        self, driven: Driven, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = self.usual(driven)

        def fail(*_: Any) -> Any:
            raise RuntimeError("out of memory\nat line 7")

        with monkeypatch.context() as patch:
            patch.setattr(MoshiModel, "frame", fail)
            events = self.start_half(driven, Job(Tag(2)))
        assert [(type(event).__name__, getattr(event, "text", "")) for event in events] == [("Ended", "out of memory")]
        assert self.whole(driven, Tag(3)) == before


def test_at_the_engines_rate_it_answers_as_at_its_own(model: Path) -> None:
    """The same voice, resampled: as loud, and as long."""
    case = DuplexConformance()
    loudness = []
    for rate in (24000, 16000):
        driven = Driven(Subject(Moshi, rung(model, rate=rate)))
        case.speakers = {}
        silent = case.frames(driven, FRAMES, loud=0.0)
        case.said(driven, silent, Tag(1))
        sound = case.speakers[Tag(1)].sound.astype(np.float64)
        assert len(sound) == FRAMES * rate * 80 // 1000
        loudness.append(np.sqrt(np.mean(sound**2)))
    assert loudness[1] == pytest.approx(loudness[0], rel=0.5)


@pytest.mark.parametrize("prompt", ["", "where is the lift"])
def test_the_state_it_goes_back_to_is_the_one_it_was_in_after_the_prompt(model: Path, prompt: str) -> None:
    """In every tensor: what follows is the same as when it went straight on."""
    net = MoshiModel(str(model), torch_on("cpu", True, "auto", 1, "", ""))
    net.sample(0.0, 0.0, 0, 0)
    net.prepare(prompt)
    noise = np.random.default_rng(0).normal(0, 0.1, (6, 1920)).astype(np.float32)
    straight_on = [net.frame(frame) for frame in noise]
    for _ in range(2):
        net.restart()
        again = [net.frame(frame) for frame in noise]
        assert [words for _, words in again] == [words for _, words in straight_on]
        for (one, _), (other, _) in zip(again, straight_on, strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize(("source", "target"), [(16000, 24000), (24000, 16000), (24000, 24000), (48000, 24000)])
def test_frames_at_another_rate_come_out_whole_a_few_milliseconds_later(source: int, target: int) -> None:
    convert, size = Reframer(source, target, 80), source * 80 // 1000
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(50 * size) / source)).astype(np.int16)
    for _ in range(2):
        frames = [convert(tone[at : at + size]) for at in range(0, len(tone), size)]
        assert {len(frame) for frame in frames} == {target * 80 // 1000}
        heard = np.concatenate(frames)[target:].astype(np.float64)
        late = [
            float(np.max(np.abs(heard - 8000 * np.sin(2 * np.pi * 440 * (np.arange(len(heard)) / target - ms / 1000)))))
            for ms in np.arange(0, 6, 1 / 16)
        ]
        assert min(late) < 100
        convert.reset()


def test_who_cannot_follow_says_so(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Moshi()
    backend.load(rung(model))
    now = iter(range(0, 10**12, 90_000_000))
    monkeypatch.setattr(time, "monotonic_ns", partial(next, now))
    backend.warm_up()
    assert any("90 ms for 80 ms of sound" in remark for remark in backend.remarks)


def test_nothing_looks_for_files_on_the_network(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from moshi.models import loaders

    def download(*_: Any, **__: Any) -> Any:
        raise AssertionError("it has asked the hub")

    monkeypatch.setattr(loaders, "hf_hub_download", download)
    Moshi().load(rung(model))


def test_it_is_reached_by_its_class_as_no_stage_has_it() -> None:
    assert isinstance(named("vocoder", EXPERIMENTAL["moshi"]), Backend)


def test_what_is_lost_is_told_in_samples_of_the_engines_rate(model: Path) -> None:
    driven = Driven(Subject(Moshi, rung(model, rate=16000)))
    case = DuplexConformance()
    job = Job(Tag(1))
    driven.backend.begin(job)
    for frame in case.frames(driven, 3):
        driven.backend.feed(job, frame)
    assert next(event for event in driven.steps() if isinstance(event, Sound)) == Sound(Tag(1), 0, lost=1280)
