"""The packaged config.toml: it is complete, explained, and says the same as the types."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.config import load, read
from engine.config_layers import PACKAGED, SYSTEM_CONFIG
from engine.rules import Between, OneOf, shown
from engine.schema import ANY, Key, child, dotted, is_named, kinds, setting_keys, unwrap
from engine.settings import Settings
from engine.toml import tomllib
from engine.toml_lines import key_lines

TEXT = PACKAGED.read_text(encoding="utf-8")
LINES = TEXT.splitlines()
LINE_OF = key_lines(TEXT)
# Where users choose the last name, too, the table is explained as a whole.
KEYS = [
    tuple("en" if part == ANY else part for part in (key[:-1] if key[-1] == ANY else key))
    for key in setting_keys(Settings)
]


def kind_of(key: Key) -> Any:
    kind: Any = Settings
    for part in key:
        kind = child(kind, part)
    return kind


def comment_of(key: Key) -> str:
    """The comment lines right above a setting (for a list of tables: above its first, past blank lines)."""
    line = LINE_OF[key] - 2
    if LINES[line + 1].startswith("[["):
        line -= 1
    last = line
    while LINES[line].startswith("#"):
        line -= 1
    return "\n".join(LINES[line + 1 : last + 1])


def test_it_is_right_and_needs_no_other_file() -> None:
    reading = read(environ={SYSTEM_CONFIG: ""})
    assert [str(error) for error in reading.errors] == []
    assert reading.files == ("config.toml",)


def test_it_names_every_setting_and_no_other() -> None:
    settings = {key for key in LINE_OF if not any(isinstance(part, int) for part in key)}  # and no item of a list
    named = {key for key in settings if key[0] != "profiles"}
    tables = {key[:depth] for key in KEYS for depth in range(1, len(key))}
    assert named == set(KEYS) | tables


@pytest.mark.parametrize("key", KEYS, ids=dotted)
def test_every_setting_is_explained_with_its_limits(key: Key) -> None:
    comment = comment_of(key)
    assert len(comment) > 10, f"{dotted(key)} has no comment above it"
    for rule in unwrap(kind_of(key))[1]:
        if isinstance(rule, Between):
            assert f"({rule.low:g} to {rule.high:g}" in comment.replace("\n# ", " ")
        elif isinstance(rule, OneOf):
            assert all(shown(choice) in comment for choice in rule.choices)


def test_every_section_is_explained() -> None:
    for number, line in enumerate(LINES):
        if re.fullmatch(r"\[[a-z]+\]", line):
            assert LINES[number - 1].startswith("# "), f"{line} has no comment above it"


def test_types_hold_no_defaults_of_their_own() -> None:
    def sections(section: Any) -> list[Any]:
        inner = [unwrap(kind)[0] for kind in kinds(section).values()]
        inner = [kind.__args__[1] if is_named(kind) else kind for kind in inner]
        return [section, *(one for kind in inner if is_dataclass(kind) for one in sections(kind))]

    for section in sections(Settings):
        with pytest.raises(TypeError):
            section()


@pytest.mark.parametrize("profile", tomllib.loads(TEXT)["profiles"])
def test_every_profile_of_it_can_be_used(profile: str) -> None:
    assert load(profile, environ={SYSTEM_CONFIG: ""}).profile == profile


def test_the_patient_profile_waits_longer() -> None:
    realtime, patient = (load(name, environ={SYSTEM_CONFIG: ""}) for name in ("realtime", "patient"))
    assert patient.turns.end_of_speech_ceiling_ms > realtime.turns.end_of_speech_ceiling_ms


def test_the_file_in_the_package_is_the_one_at_the_top() -> None:
    assert PACKAGED.read_bytes() == (Path(__file__).parents[2] / "config.toml").read_bytes()
