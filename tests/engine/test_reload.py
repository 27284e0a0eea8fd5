"""What of a changed configuration is applied at once, and what has to wait for a restart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.config import Config, load
from engine.config_layers import PACKAGED, SYSTEM_CONFIG
from engine.conflicts import conflicts
from engine.reload import is_live, merge
from engine.schema import Key, dotted, setting_keys
from engine.settings import Settings


def config(*sets: str, text: str = "", folder: Path | None = None) -> Config:
    file = None
    if folder is not None:
        file = folder / "changed.toml"
        file.write_text(text)
    return load(sets=sets, config=file, environ={SYSTEM_CONFIG: ""})


def test_live_settings_are_applied_and_the_others_named() -> None:
    old = config()
    new = config("turns.end_of_speech_ceiling_ms=800", "audio.volume=40", "audio.block_ms=20", "llm.backend=repeat")
    changed = merge(old, new)
    assert set(changed.applied) == {"turns.end_of_speech_ceiling_ms", "audio.volume"}
    assert set(changed.restart_needed) == {"audio.block_ms", "llm.backend"}
    merged = changed.config
    assert (merged.turns.end_of_speech_ceiling_ms, merged.audio.volume) == (800, 40)
    assert (merged.audio.block_ms, merged.llm.backend) == (old.audio.block_ms, "facts")  # workers see no others


def test_nothing_changed_is_nothing_to_do() -> None:
    changed = merge(config(), config())
    assert (changed.applied, changed.restart_needed, changed.config) == ((), (), config())


def test_facts_and_phrases_and_what_is_expected_are_live(tmp_path: Path) -> None:
    text = """
        [asr]
        expect = ["where is the lift"]
        [phrases.en]
        failed = "Oh no."
        [[llm.phrasebook.entries]]
        patterns = ["* lift *"]
        answers = ["Behind you."]
    """
    changed = merge(config(), config(text=text, folder=tmp_path))
    # The packaged facts are put aside by the entries.
    assert set(changed.applied) == {"asr.expect", "phrases.en.failed", "llm.phrasebook.entries", "facts"}
    assert changed.restart_needed == ()
    assert changed.config.llm.phrasebook.entries[0].answers == ("Behind you.",)


CALLS = ("call_begun", "call_done", "call_failed", "call_refused")
PHRASES = ("unknown", "not_heard", "failed", "hold", "reprompt", "impaired", *CALLS)
OWN = "".join(f'{name} = "a"\n' for name in PHRASES)
GERMAN = f'[phrases.de]\n{OWN}repeat = "{{text}}"\nmurmurs = []\ncommands = []\n'


def test_a_language_may_come_and_go_but_not_the_one_that_is_spoken(tmp_path: Path) -> None:
    german = config(text=GERMAN, folder=tmp_path)
    assert set(merge(config(), german).config.phrases) == {"en", "de"}
    assert set(merge(german, config()).config.phrases) == {"en"}
    spoken = config("language=de", text=GERMAN, folder=tmp_path)
    changed = merge(spoken, config())
    assert changed.config.language == "de"
    assert "de" in changed.config.phrases
    assert "language" in changed.restart_needed


def test_what_does_not_go_with_what_has_to_stay_waits_for_the_restart_too() -> None:
    changed = merge(config(), config("turns.max_utterance_s=100", "audio.history_s=200", "audio.volume=1"))
    assert set(changed.restart_needed) == {"turns.max_utterance_s", "audio.history_s"}
    assert changed.applied == ("audio.volume",)
    assert list(conflicts(changed.config)) == []


def test_what_was_merged_can_be_published_and_read_again() -> None:
    merged = merge(config(), config("vad.threshold=0.6")).config
    assert Config.from_dict(merged.as_dict()) == merged
    assert merged.origin("vad.threshold") == "--set"


def commented_live(text: str) -> set[str]:
    """The settings whose comment in config.toml says (live). A list of tables has its comment a line above it."""
    live: set[str] = set()
    section = ""
    for comment, gap, name in re.findall(r"^((?:#.*\n)*)(\n?)(\[*[\w.]+)(?:\]+| =)", text, re.MULTILINE):
        key = name.lstrip("[") if name.startswith("[") else f"{section}{name}"
        if name.startswith("["):
            section = f"{key}."
        if "(live)" in comment and (not gap or name.startswith("[[")):
            live.add(key)
    return live


def settings() -> list[Key]:
    """Every setting of the packaged file: that of a language stands for all."""
    return [tuple("en" if part == "*" else part for part in key) for key in setting_keys(Settings)]


def test_the_packaged_file_says_of_each_setting_whether_it_is_live() -> None:
    # The words of the lexicon are the user's own: what holds for them stands above their table.
    marked = {dotted(key[:1] if key[0] == "lexicon" else key) for key in settings() if is_live(key)}
    assert marked == commented_live(PACKAGED.read_text())


@pytest.mark.parametrize(
    ("key", "live"),
    [
        (("audio", "volume"), True),
        (("asr", "expect"), True),
        (("phrases", "de", "failed"), True),
        (("llm", "phrasebook", "entries"), True),
        (("facts",), True),
        (("tools",), True),
        (("persona", "name"), True),
        (("audio", "virtual", "unplug_s"), False),
        (("language",), False),
        (("door", "socket"), False),
    ],
)
def test_the_mark_is_found_on_the_setting_or_on_what_it_is_a_list_of(key: Any, live: bool) -> None:
    assert is_live(key) is live
