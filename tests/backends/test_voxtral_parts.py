"""What Voxtral's backend is made of: its tokenizer, its prompts, its features, how it chooses words."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from engine.contract import Exchange, Job, Tag
from tests.engine_run import question
from tests.models import voxtral
from workers.backends.log_mel import LogMel
from workers.backends.tekken import Tekken
from workers.backends.torch_library import torch_on
from workers.backends.voxtral_model import VoxtralModel, audio_tokens
from workers.backends.voxtral_prompt import Prompts

pytestmark = pytest.mark.xdist_group("torch")  # which takes long to import


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


def test_prompts_are_in_mistrals_form(voxtral_directory: Path) -> None:
    """The list of numbers is what mistral-common 1.13.1, which is none of the tests' packages, made of the same
    conversation in words with the same tekken.json (InstructTokenizerV7)."""
    tokens = Tekken(voxtral_directory, "", "")
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


def test_text_becomes_ids_and_ids_text(voxtral_directory: Path) -> None:
    tokens = Tekken(voxtral_directory, "", "")
    for said in ("where is the lift", "Grüß Gott, 12 Uhr!", "时间 🕰", ""):
        assert tokens.decode([1, 3, *tokens.encode(said), 2]) == said
    assert tokens.encode(" the") == [voxtral.SPECIAL + 256 + voxtral.MERGED.index(b" the")]


def test_sampled_answers_differ_and_stay_within_what_is_likely(voxtral_directory: Path) -> None:
    import torch

    net = VoxtralModel(voxtral_directory, torch_on("cpu", True, "auto", 1, "", ""))
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    torch.manual_seed(0)
    choose = partial(net.choose, logits)
    assert {choose(1.0, 0.9) for _ in range(200)} == {0, 1, 2}
    assert {choose(1.0, 0.01) for _ in range(50)} == {0}
    assert choose(0.0, 1.0) == 0
