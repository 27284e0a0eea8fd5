"""Every backend there is keeps the contract, and is given what it makes use of and no more."""

from __future__ import annotations

import pytest

from engine.config import Config, load
from engine.contract import Backend
from workers.backends.registry import REGISTRY, make, rung

ALL = [(stage, name) for stage, names in REGISTRY.items() for name in names]
ENTRIES = 'llm.phrasebook.entries=[{patterns=["a"],answers=["b"]}]'


def config(*sets: str) -> Config:
    return load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""})


@pytest.mark.parametrize(("stage", "name"), ALL)
def test_it_keeps_the_contract(stage: str, name: str) -> None:
    assert isinstance(make(stage, config(f"{stage}.backend={name}")), Backend)


@pytest.mark.parametrize("stage", REGISTRY)
def test_a_setting_of_another_stage_is_no_reason_to_load_it_anew(stage: str) -> None:
    others = {
        "vad.threshold=0.6": REGISTRY,
        "asr.final_budget_ms=70": REGISTRY,
        "turns.end_of_speech_ceiling_ms=700": REGISTRY,
        "llm.max_tokens=100": REGISTRY,
        "vocoder.first_audio_budget_ms=70": REGISTRY,
        'phrases.en.failed="Oh."': ("vad", "asr", "vocoder"),
        ENTRIES: ("vad", "vocoder"),
        'asr.expect=["lift"]': ("vad", "llm", "vocoder"),
        "vocoder.flite.speed=1.5": ("vad", "asr", "llm"),
    }
    sets = [setting for setting, stages in others.items() if stage in stages]
    assert rung(stage, config(*sets)) == rung(stage, config())


@pytest.mark.parametrize(
    ("stage", "setting"),
    [
        ("asr", 'asr.expect=["lift"]'),
        ("asr", ENTRIES),
        ("llm", ENTRIES),
        ("llm", 'phrases.en.unknown="Oh."'),
        ("vocoder", "vocoder.flite.speed=1.5"),
    ],
)
def test_a_setting_that_it_makes_use_of_is_one(stage: str, setting: str) -> None:
    assert rung(stage, config(setting)) != rung(stage, config())
