"""What Voxtral keeps of a conversation: the same comes of it as if all of it were told anew, in less work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Exchange, Job, Tag
from tests.backends.voxtral_desk import Watched, rung
from tests.engine_run import question
from workers.backends.tekken import Tekken
from workers.backends.voxtral_model import VoxtralModel, audio_tokens
from workers.backends.voxtral_prompt import Prompts

pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import
CLOSE = 1e-4
"""Logits that may differ by this are the same: sums in another order."""


@pytest.fixture(scope="session")
def model(voxtral_directory: Path) -> Path:
    return voxtral_directory


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


def test_visitors_beyond_what_is_kept_are_told_anew_and_answered_the_same(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch, rung(model))
    answers = {watched.ask(Job(Tag(session, 1))) for session in (1, 2, 3, 4, 5, 6, 1)}
    assert len(answers) == 1


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
