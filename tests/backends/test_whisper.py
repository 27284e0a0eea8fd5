"""Whisper on CTranslate2, on tiny models with random weights in the files and layout of real ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Ended, Heard, Job, Rung, Tag
from engine.errors import BackendError
from tests.backends.conformance import Driven, Subject
from tests.backends.conformance_asr import RecogniserConformance, heard
from tests.backends.conformance_gpu import Gpu
from tests.engine_run import question
from tests.models import whisper
from tests.models.built import built
from workers.backends.ct2 import Place
from workers.backends.log_mel import Frames
from workers.backends.whisper import Whisper, lengths
from workers.backends.whisper_model import Model

pytest.importorskip("ctranslate2")
pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import, and builds the models
EXTRA = 'pip install "antiphon[ctranslate2]"'


@pytest.fixture(scope="session")
def multilingual(whisper_ct2: Path) -> Path:
    return whisper_ct2


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory, "whisper.en", lambda folder: whisper.build(folder, multilingual=False, bands=128))


def rung(folder: Path, language: str = "en", expected: tuple[str, ...] = (), **settings: object) -> Rung:
    """no_speech: random weights find no speech in anything."""
    return Rung({"model": str(folder), "no_speech": 1.0, **settings}, language=language, expected=expected)


def without(folder: Path, copy: Path, name: str) -> Path:
    return spoilt(folder, copy, name, lambda path: path.unlink())


def spoilt(folder: Path, copy: Path, name: str, spoil: Callable[[Path], object]) -> Path:
    """A copy of a model of which one file is spoilt."""
    shutil.copytree(folder, copy)
    spoil(copy / name)
    return copy


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


class TestMultilingual(RecogniserConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, multilingual: Path, english: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
        place = tmp_path_factory.mktemp("broken")
        broken = {
            "no model": (Rung({"model": ""}), "asr.whisper.model"),
            "no directory": (rung(place / "nowhere"), "there is no"),
            "model cut short": (rung(spoilt(multilingual, place / "cut", "model.bin", cut)), "cannot load"),
            "no tokenizer": (rung(without(multilingual, place / "a", "tokenizer.json")), "has no tokenizer.json"),
            "no weights": (rung(without(multilingual, place / "b", "model.bin")), "has no model.bin"),
            "no vocabulary": (rung(without(multilingual, place / "c", "vocabulary.json")), "vocabulary.txt"),
            "bad tokenizer": (
                rung(spoilt(multilingual, place / "d", "tokenizer.json", lambda path: path.write_text("{}"))),
                "is no tokenizer",
            ),
            "bad config": (
                rung(spoilt(multilingual, place / "e", "config.json", lambda path: path.write_text("{"))),
                "config.json cannot be read",
            ),
            "another kind": (
                rung(spoilt(multilingual, place / "f", "config.json", lambda path: path.write_text("{}"))),
                "is no Whisper",
            ),
            "other features": (
                rung(
                    spoilt(
                        multilingual,
                        place / "g",
                        "preprocessor_config.json",
                        lambda path: path.write_text(json.dumps({"hop_length": 320})),
                    )
                ),
                "hop_length 320",
            ),
            "unknown language": (rung(multilingual, "fr"), '"fr"'),
            "no such numbers here": (rung(multilingual, compute_type="float16"), "compute_type"),
        }
        return Subject(
            Whisper,
            rung(multilingual),
            other=rung(english, audio_context_s=10, beam_size=3, expected_tokens=50, expected=("where is the lift",)),
            broken=broken,
            library=("ctranslate2", EXTRA),
            gpu=Gpu(
                lambda required: rung(multilingual, device="cuda", require_device=required, compute_type="float16"),
                lambda patch: patch.setattr("ctranslate2.get_cuda_device_count", lambda: 0),
                (Model, "hear"),
            ),
        )


class TestEnglish(RecogniserConformance):
    """An .en model, of 128 bands, with a short context."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, english: Path) -> Subject:
        broken = {"another language": (rung(english, "de"), "English alone")}
        return Subject(Whisper, rung(english, audio_context_s=5), broken=broken, library=("tokenizers", EXTRA))


def test_the_language_of_a_job_counts_and_one_that_it_does_not_know_fails_the_job(multilingual: Path) -> None:
    driven = Driven(Subject(Whisper, rung(multilingual)))
    backend = driven.backend
    texts = {}
    for language in ("en", "de-at", "zh"):
        job = Job(Tag(1), language=language)
        backend.begin(job)
        backend.feed(job, question())
        backend.step(0)
        backend.finish(job)
        (final,) = heard(driven.until_ended(job))
        texts[final.language] = final.text
    assert list(texts) == ["en", "de", "zh"]
    assert texts["en"] != texts["de"]
    backend.begin(Job(Tag(2), language="fr"))
    (ended,) = backend.step(0)
    assert isinstance(ended, Ended)
    assert (ended.reason, '"fr"' in ended.text) == ("failed", True)
    backend.unload()


def test_where_the_gpu_need_not_be_had_the_processor_does_it_and_a_remark_says_so(multilingual: Path) -> None:
    driven = Driven(Subject(Whisper, rung(multilingual, device="cuda", require_device=False, compute_type="float16")))
    assert driven.backend.remarks == (
        "asr.whisper shall run on cuda, but CUDA finds no NVIDIA GPU: it runs on the processor",
    )
    job = Job(Tag(1))
    driven.backend.begin(job)
    driven.backend.finish(job)
    assert driven.until_ended(job)[-1] == Ended(job.tag)


@pytest.mark.parametrize("required", [True, False])
def test_a_cuda_library_that_is_missing_is_found_by_warm_up(
    multilingual: Path, monkeypatch: pytest.MonkeyPatch, required: bool
) -> None:
    """CTranslate2 misses it at the first multiplication. That is acted here: there is no GPU."""
    backend = Whisper()
    backend.load(rung(multilingual))
    assert backend._placed is not None
    backend._placed.place = Place("asr.whisper", "cuda", required=required)
    hear = Model.hear
    calls: list[int] = []

    def missing(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")
        return hear(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Model, "hear", missing)
    if required:
        with pytest.raises(BackendError, match=r"libcublas\.so\.12.*pip install .nvidia-cublas-cu12"):
            backend.warm_up()
    else:
        backend.warm_up()
        assert "libcublas.so.12" in backend.remarks[0]
        assert "\n" not in backend.remarks[0]
    backend.unload()


@pytest.mark.parametrize(
    ("context", "expected"), [(30, [3000]), (10, [1000, 2000, 3000]), (5.02, [502, 1004, 2008, 3000])]
)
def test_contexts_grow_by_steps_that_are_warmed_up(context: float, expected: list[int]) -> None:
    assert lengths(context) == expected


def test_a_short_context_is_at_least_what_was_said(multilingual: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driven = Driven(Subject(Whisper, rung(multilingual, audio_context_s=2)))
    shapes: list[int] = []
    hear = Model.hear

    def seen(model: Model, features: Frames, *rest: Any) -> Any:
        shapes.append(features.shape[1])
        return hear(model, features, *rest)

    monkeypatch.setattr(Model, "hear", seen)
    job = Job(Tag(1))
    driven.backend.begin(job)
    driven.backend.feed(job, question())  # 2.6 s
    driven.steps()
    driven.backend.finish(job)
    driven.until_ended(job)
    assert set(shapes) == {400}
    driven.backend.unload()


def prompts(folder: Path, bands: int) -> tuple[Model, object]:
    """Our model, and faster-whisper's."""
    reference = pytest.importorskip("faster_whisper")
    ours = Model(folder, Place("asr.whisper"), 1, "en")
    return ours, reference.WhisperModel(str(folder), device="cpu", compute_type="int8")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("phrases", [(), ("where is the lift", "open the gate")])
def test_prompts_are_those_of_faster_whisper(multilingual: Path, language: str, phrases: tuple[str, ...]) -> None:
    from faster_whisper.tokenizer import Tokenizer

    ours, theirs = prompts(multilingual, 80)
    tokenizer = Tokenizer(theirs.hf_tokenizer, True, task="transcribe", language=language)  # type: ignore[attr-defined]
    hotwords = ", ".join(phrases) or None
    wanted = theirs.get_prompt(tokenizer, [], without_timestamps=True, hotwords=hotwords)  # type: ignore[attr-defined]
    assert ours.prompt(language, ours.hints(phrases, 200)[0]) == wanted


def test_an_english_model_is_prompted_without_a_language(english: Path) -> None:
    from faster_whisper.tokenizer import Tokenizer

    ours, theirs = prompts(english, 128)
    tokenizer = Tokenizer(theirs.hf_tokenizer, False)  # type: ignore[attr-defined]
    assert ours.prompt("en", []) == theirs.get_prompt(tokenizer, [], without_timestamps=True)  # type: ignore[attr-defined]


def test_expected_phrases_are_told_whole_or_not_at_all(multilingual: Path) -> None:
    model = Model(multilingual, Place("asr.whisper"), 1, "en")
    one, left = model.hints(("open the gate", "the lift"), 14)
    assert left == 1
    assert one == model.hints(("open the gate",), 200)[0]
    backend = Whisper()
    backend.load(rung(multilingual, expected=("open the gate", "the lift"), expected_tokens=14))
    assert backend.remarks == ("1 of the expected phrases do not fit into asr.whisper.expected_tokens",)
    backend.unload()


def test_what_it_is_told_to_expect_changes_what_it_hears(multilingual: Path) -> None:
    finals = []
    for tokens in (0, 100):
        told = rung(multilingual, expected=("open the gate", "what is it"), expected_tokens=tokens)
        driven = Driven(Subject(Whisper, told))
        job = Job(Tag(1))
        driven.backend.begin(job)
        driven.backend.feed(job, question())
        driven.backend.step(0)
        driven.backend.finish(job)
        finals.append(heard(driven.until_ended(job))[-1])
        driven.backend.unload()
    assert finals[0].text != finals[1].text


def test_no_more_tokens_are_made_than_were_asked_for(multilingual: Path) -> None:
    """The library takes the prompt off what it is allowed, and halves it."""
    model = Model(multilingual, Place("asr.whisper"), 1, "en")
    features = np.random.default_rng(0).standard_normal((80, 3000)).astype(np.float32)
    for seconds, most in ((0.1, 17), (3, 52), (30, 224)):
        found = model.hear(features, seconds, model.prompt("en", []), 1, 1.0, lambda: True)
        assert found is not None
        assert 0 < len(found.text.split()) <= most  # each word is a token


def test_a_pass_that_nobody_wants_any_more_ends_between_its_two_calls(multilingual: Path) -> None:
    model = Model(multilingual, Place("asr.whisper"), 1, "en")
    features = np.zeros((80, 3000), np.float32)
    assert model.hear(features, 1, model.prompt("en", []), 1, 1.0, lambda: False) is None


def test_where_it_finds_no_speech_an_unsure_text_is_none(multilingual: Path) -> None:
    model = Model(multilingual, Place("asr.whisper"), 1, "en")
    features = np.zeros((80, 3000), np.float32)
    found = [model.hear(features, 1, model.prompt("en", []), 1, limit, lambda: True) for limit in (0.0, 1.0)]
    assert [each.text == "" for each in found if each] == [True, False]


def test_nothing_of_the_sound_is_left_when_a_job_has_ended(multilingual: Path) -> None:
    driven = Driven(Subject(Whisper, rung(multilingual)))
    job = Job(Tag(1))
    driven.backend.begin(job)
    driven.backend.feed(job, question())
    driven.steps()
    now = driven.backend._open[job.tag]  # type: ignore[attr-defined]
    assert now.sound._logs.any()
    driven.backend.finish(job)
    driven.until_ended(job)
    assert not now.sound._logs.any()
    assert not now.sound._rest.any()
    driven.backend.unload()


def test_the_words_of_one_visitor_do_not_change_those_of_the_next(multilingual: Path) -> None:
    finals: list[Heard] = []
    driven = Driven(Subject(Whisper, rung(multilingual)))
    for sound in (question(), question()[::-1].copy(), question()):
        job = Job(Tag(1))
        driven.backend.begin(job)
        driven.backend.feed(job, sound)
        driven.backend.step(0)
        driven.backend.finish(job)
        finals += heard(driven.until_ended(job))[-1:]
        driven.backend.forget(1)
    assert finals[0] == finals[2] != finals[1]
    driven.backend.unload()


def test_settings_that_the_model_does_not_depend_on_do_not_load_it_again(multilingual: Path) -> None:
    """Loading takes seconds, in which nobody is heard."""
    backend = Whisper()
    backend.load(rung(multilingual, expected=("open the gate",), expected_tokens=3))
    model, remarks = backend._model, backend.remarks
    assert len(remarks) == 1
    backend.load(rung(multilingual, expected=("open the gate", "what is it"), expected_tokens=100, beam_size=2))
    assert backend._model is model
    assert backend.remarks == ()
    backend.load(rung(multilingual, compute_type="float32"))
    assert backend._model is not model
    backend.unload()
