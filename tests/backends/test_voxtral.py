"""Voxtral by transformers, on a tiny model with random weights in the files and layout of the real one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Backend, Event, Exchange, Job, Rung, Tag, Token
from engine.errors import BackendError
from tests.backends.conformance import Driven, Subject, ends
from tests.backends.conformance_listener import ListenerConformance, text
from tests.engine_run import question
from tests.models import voxtral
from tests.models.built import built
from workers.backends.log_mel import LogMel
from workers.backends.registry import EXPERIMENTAL, named
from workers.backends.tekken import Tekken
from workers.backends.torch_library import torch_on
from workers.backends.voxtral import Voxtral
from workers.backends.voxtral_model import VoxtralModel, audio_tokens
from workers.backends.voxtral_prompt import Prompts

CLOSE = 1e-4
"""Logits that may differ by this are the same: sums in another order."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory, "voxtral", voxtral.build)


def rung(folder: Path | str, rate: int = 16000, **settings: Any) -> Rung:
    """Always the likeliest, so that the same comes of the same."""
    fixed = {"model": str(folder), "device": "cpu", "temperature": 0.0, "max_tokens": 16, "context_tokens": 2048}
    return Rung({**fixed, "system_prompt": "You are a kiosk.", **settings}, rate=rate)


def spoilt(model: Path, place: Path, spoil: Callable[[Path], object]) -> Rung:
    shutil.copytree(model, place)
    spoil(place)
    return rung(place)


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
            rung=rung(model),
            other=rung(model, trim_audio=True, prefill_tokens=16, max_tokens=8, temperature=1.0),
            broken=broken,
            library=("tiktoken", 'pip install "antiphon[voxtral]"'),
        )


@pytest.mark.parametrize("module", ["torch", "transformers"])
def test_a_missing_library_is_told_whichever_it_is(model: Path, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendError, match=r'pip install "antiphon\[voxtral\]"'):
        Voxtral().load(rung(model))


class Watched:
    """A loaded backend, the logits of every token it has said, and how many tokens it took in for that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, wanted: Rung) -> None:
        self.driven = Driven(Subject(Voxtral, wanted))
        self.logits: list[Any] = []
        self.taken: list[int] = []
        extend = VoxtralModel.extend

        def watched(model: VoxtralModel, cache: Any, embeddings: Any) -> Any:
            self.taken.append(len(embeddings))
            self.logits.append(extend(model, cache, embeddings))
            return self.logits[-1]

        monkeypatch.setattr(VoxtralModel, "extend", watched)

    def hear(self, job: Job) -> None:
        self.driven.backend.begin(job)
        self.driven.backend.feed(job, question())
        assert self.driven.steps() == []

    def answer(self, job: Job) -> str:
        """Finish it; `logits` and `taken` are those of this alone."""
        self.logits.clear()
        self.taken.clear()
        self.driven.backend.finish(job)
        return text(self.driven.until_ended(job))

    def ask(self, job: Job) -> str:
        self.hear(job)
        return self.answer(job)


@pytest.mark.parametrize(
    "settings", [{}, {"trim_audio": True}, {"prefill_tokens": 7}], ids=["whole", "trimmed", "pieces"]
)
def test_with_the_cache_every_logit_is_as_from_scratch(
    model: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound out, placeholder in, the answer cut to what was heard; and then the next question on top of that."""
    watched = Watched(monkeypatch, rung(model, **settings))
    first = watched.ask(Job(Tag(1, 1)))
    watched.driven.backend.settle(Tag(1, 1), first[:4])
    watched.driven.steps()
    history = (Exchange("", first[:4]),)
    second = watched.ask(Job(Tag(1, 2), history=history))
    cached, computed = list(watched.logits), sum(watched.taken)
    scratch = Job(Tag(2, 1), history=history)
    assert watched.ask(scratch) == second
    assert len(cached) == len(watched.logits)
    for one, other in zip(cached, watched.logits, strict=True):
        assert float((one - other).abs().max()) < CLOSE
    _, tokens = audio_tokens(len(question()), 375, 3000, bool(settings.get("trim_audio")))
    # Of the prompt nothing but the new sound, with what stands around it, and of the answer each token but the last.
    assert computed == 1 + tokens + 1 + 15


def test_what_was_said_before_is_taken_in_while_the_user_speaks(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, rung(model))
    watched.hear(Job(Tag(1), history=(Exchange("where is it", "over there"),)))
    assert sum(watched.taken) > 20
    watched.answer(Job(Tag(1)))
    assert sum(watched.taken) == 1 + 375 + 1 + 15


def test_a_question_that_begins_before_the_last_answer_was_settled_is_not_disturbed(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch, rung(model))
    watched.ask(Job(Tag(1, 1)))
    watched.driven.backend.settle(Tag(1, 1), "yes")
    job = Job(Tag(1, 2), history=(Exchange("in words", "no"),))
    watched.hear(job)
    watched.answer(job)
    assert sum(watched.taken) == 1 + 375 + 1 + 15


def test_what_is_forgotten_is_overwritten(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caches = []
    made = VoxtralModel.cache

    def kept(net: VoxtralModel) -> Any:
        caches.append(made(net))
        return caches[-1]

    monkeypatch.setattr(VoxtralModel, "cache", kept)
    watched = Watched(monkeypatch, rung(model))
    watched.ask(Job(Tag(7)))
    layers = caches[-1].layers
    assert all(layer.keys.abs().sum() > 0 for layer in layers)
    watched.driven.backend.forget(7)
    assert all(layer.keys.abs().sum() == layer.values.abs().sum() == 0 for layer in layers)


def test_settling_is_done_by_steps_in_pieces(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, rung(model, prefill_tokens=4))
    answer = watched.ask(Job(Tag(1)))
    watched.taken.clear()
    watched.driven.backend.settle(Tag(1), answer)
    assert watched.taken == []
    assert not watched.driven.backend.idle
    watched.driven.backend.step(0)
    assert watched.taken == [4]
    watched.driven.steps()
    assert len(watched.taken) > 4
    assert max(watched.taken) == 4


def test_sound_and_words_are_put_together_as_transformers_does(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first logits are those of its own forward pass over ids with places for sound, and its own features."""
    import torch
    from transformers import VoxtralForConditionalGeneration, WhisperFeatureExtractor

    watched = Watched(monkeypatch, rung(model))
    job = Job(Tag(1), history=(Exchange("where is it", "over there"),), text="Answer.")
    watched.ask(job)
    first = next(each for each, many in zip(watched.logits, _ends(watched.taken, 375), strict=False) if many)
    prompts = Prompts(Tekken(model, "", ""), "")
    before, after = prompts.before("You are a kiosk.", job.history), prompts.after(job)
    ids = torch.tensor([[*before, prompts.sound, *[24] * 375, *after]])
    features = WhisperFeatureExtractor(feature_size=128)(
        question().astype(np.float32) / 32768, sampling_rate=16000, return_tensors="pt", padding="max_length"
    )
    net = VoxtralForConditionalGeneration.from_pretrained(str(model), dtype=torch.float32)
    with torch.no_grad():
        theirs = net(input_ids=ids, input_features=features["input_features"]).logits[0, -1]
    assert float((first - theirs).abs().max()) < 1e-3  # their spectrogram is computed in another precision


def _ends(taken: list[int], sound: int) -> list[bool]:
    """Which piece is the last of the prompt."""
    total, found = 0, []
    for many in taken:
        total += many
        found.append(total > sound)
    return found


def test_longer_sound_is_heard_in_windows_of_30_seconds(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, rung(model, longest_s=60))
    job = Job(Tag(1))
    watched.driven.backend.begin(job)
    for _ in range(14):
        watched.driven.backend.feed(job, question())
    watched.driven.steps()
    assert watched.answer(job)
    assert sum(watched.taken) == 1 + 750 + 1 + 15


@pytest.mark.parametrize(
    ("seconds", "trimmed", "expected"),
    [
        *((0, False, (3000, 375)), (1, False, (3000, 375)), (1, True, (3000, 13)), (0, True, (3000, 1))),
        *((30, True, (3000, 375)), (31, False, (6000, 750)), (31, True, (6000, 388))),
    ],
)
def test_so_much_sound_is_so_many_tokens(seconds: int, trimmed: bool, expected: tuple[int, int]) -> None:
    assert audio_tokens(seconds * 16000, 375, 3000, trimmed) == expected


def test_features_are_those_of_the_models_own_extractor() -> None:
    from transformers import WhisperFeatureExtractor

    sound = LogMel(128, 3002)
    sound.add(question())
    theirs = WhisperFeatureExtractor(feature_size=128)(
        question().astype(np.float32) / 32768, sampling_rate=16000, return_tensors="np", padding="max_length"
    )["input_features"][0]
    assert np.abs(sound.features(3000) - theirs).max() < 1e-3


def test_prompts_are_in_mistrals_form(model: Path) -> None:
    """The list of numbers is what mistral-common 1.13.1, which is none of the tests' packages, made of the same
    conversation in words with the same tekken.json (InstructTokenizerV7)."""
    tokens = Tekken(model, "", "")
    prompts, encode = Prompts(tokens, "?"), tokens.encode
    assert prompts.before("", ()) == [1, 3]
    assert prompts.before("be kind", ()) == [1, 3, *encode("be kind\n")]
    past = (Exchange("", "yes "), Exchange("well", ""), Exchange("and", "no"))
    line = [*encode("be kind\n"), *encode("?")]
    assert prompts.before("be kind", past) == [
        *(1, 3, *line, 4, *encode("yes"), 2),
        *(3, *encode("well\n"), *encode("and"), 4, *encode("no"), 2, 3),
    ]
    asked = [*prompts.before("be kind", past), *prompts.after(Job(Tag(1), text="Answer."))]
    theirs = (
        "1 3 130 133 64 139 290 132 42 95 4 153 133 147 2 3 151 133 140 140 42 129 142 132 4 142 143 2 3"
        " 97 142 147 151 291 78 4"
    )
    assert asked == [int(number) for number in theirs.split()]
    assert prompts.after(Job(Tag(1))) == [4]
    assert prompts.after(Job(Tag(1), text="Answer.")) == [*encode("Answer."), 4]


def test_text_becomes_ids_and_ids_text(model: Path) -> None:
    tokens = Tekken(model, "", "")
    for said in ("where is the lift", "Grüß Gott, 12 Uhr!", "时间 🕰", ""):
        assert tokens.decode([1, 3, *tokens.encode(said), 2]) == said
    assert tokens.encode(" the") == [voxtral.SPECIAL + 256 + voxtral.MERGED.index(b" the")]


def test_visitors_beyond_what_is_kept_are_told_anew_and_answered_the_same(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch, rung(model))
    answers = {watched.ask(Job(Tag(session, 1))) for session in (1, 2, 3, 4, 5, 6, 1)}
    assert len(answers) == 1


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


def test_a_cache_that_cannot_be_settled_is_given_up(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, rung(model))
    before = watched.ask(Job(Tag(1, 1)))

    def fail(*_: Any) -> Any:
        raise RuntimeError("out of memory")

    watched.driven.backend.settle(Tag(1, 1), "yes")
    with monkeypatch.context() as patch:
        patch.setattr(VoxtralModel, "read", fail)
        assert watched.driven.steps() == []
    assert watched.ask(Job(Tag(1, 2))) == before


def test_a_gpu_that_is_not_there_is_an_error_or_a_remark_by_choice(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    backend = Voxtral()
    with pytest.raises(BackendError, match=r"shall run on cuda.*require_device"):
        backend.load(rung(model, device="cuda"))
    backend.load(rung(model, device="cuda", require_device=False))
    assert any("runs on the processor" in remark for remark in backend.remarks)


def test_a_missing_cuda_library_is_found_by_warm_up(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("libcudnn.so.9: cannot open shared object file")

    backend = Voxtral()
    backend.load(rung(model))
    monkeypatch.setattr(VoxtralModel, "hear", fail)
    with pytest.raises(BackendError, match=r"does not run \(libcudnn.*nvidia-smi"):
        backend.warm_up()


def test_sampled_answers_differ_and_stay_within_what_is_likely(model: Path) -> None:
    import torch

    net = VoxtralModel(model, torch_on("cpu", True, "auto", 1, "", ""))
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    torch.manual_seed(0)
    choose = partial(net.choose, logits)
    assert {choose(1.0, 0.9) for _ in range(200)} == {0, 1, 2}
    assert {choose(1.0, 0.01) for _ in range(50)} == {0}
    assert choose(0.0, 1.0) == 0


def test_it_is_reached_by_its_class_as_no_stage_has_it() -> None:
    assert isinstance(named("llm", EXPERIMENTAL["voxtral"]), Backend)


def test_every_piece_is_a_tokens_text(model: Path) -> None:
    driven = Driven(Subject(Voxtral, rung(model, max_tokens=40)))
    job = Job(Tag(1))
    driven.backend.begin(job)
    driven.backend.feed(job, question())
    driven.backend.finish(job)
    assert 20 < len([event for event in driven.until_ended(job) if isinstance(event, Token)]) <= 40
