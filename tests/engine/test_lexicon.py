"""The lexicon: any word as a key, phonemes for voices that are fed them, live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config import Config, is_phonemes, load
from engine.errors import ConfigError
from engine.reload import merge

TABLE = """
[lexicon]
antiphon = "anti fon"
"Käfer & Co." = "kayfer and company"
zorblax = "/zˈɔːɹblæks/"
"""
NONE = {"ANTIPHON_SYSTEM_CONFIG": ""}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "kiosk.toml"
    path.write_text(TABLE)
    return load(config=path, environ=NONE)


def test_it_is_empty_as_it_comes_and_any_word_may_be_a_key(config: Config) -> None:
    assert dict(load(environ=NONE).lexicon) == {}
    assert config.lexicon["Käfer & Co."] == "kayfer and company"
    assert len(config.lexicon) == 3


def test_it_reaches_a_worker_as_it_is(config: Config) -> None:
    assert Config.from_dict(json.loads(json.dumps(config.as_dict()))).lexicon == config.lexicon


def test_a_voice_is_loaded_with_the_phonemes_alone_and_no_other_stage_with_any(config: Config) -> None:
    assert config.loaded_with("vocoder")["lexicon"] == {"zorblax": "zˈɔːɹblæks"}
    assert config.loaded_with("asr")["lexicon"] == {}


def test_a_change_is_applied_while_the_engine_runs(config: Config) -> None:
    before = load(environ=NONE)
    there, back = merge(before, config), merge(config, before)
    assert there.config.lexicon == config.lexicon
    assert dict(back.config.lexicon) == {}
    assert there.restart_needed == back.restart_needed == ()


@pytest.mark.parametrize("line", ['word = ""', 'word = " "', "word = 5", "word = []"])
def test_a_word_must_be_said_somehow(tmp_path: Path, line: str) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(f"[lexicon]\n{line}\n")
    with pytest.raises(ConfigError, match=r"kiosk\.toml:2: lexicon\.word must "):
        load(config=path, environ=NONE)


@pytest.mark.parametrize(("said", "phonemes"), [("/a/", True), ("//", False), ("a/b", False), ("/a", False)])
def test_phonemes_stand_between_slashes(said: str, phonemes: bool) -> None:
    assert is_phonemes(said) == phonemes
