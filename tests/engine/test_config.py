"""Layers, profiles and origins: whose word counts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from engine.config import Config, load, read
from engine.config_layers import PREFIX, RESERVED, SYSTEM_CONFIG
from engine.errors import ConfigError, UsageError
from engine.schema import setting_keys
from engine.settings import Settings
from engine.toml_write import write as dump

NOTHING: Mapping[str, str] = {SYSTEM_CONFIG: ""}
"""An environment with no files but the packaged one."""
ROOT = Path(__file__).parents[2]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("sources", "expected", "origin"),
    [
        ((), 700, "config.toml:"),
        (("system",), 501, "{system}:2"),
        (("system", "user"), 502, "{user}:2"),
        (("system", "user", "file"), 503, "{file}:2"),
        (("system", "user", "file", "environment"), 504, "environment ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS"),
        (("system", "user", "file", "environment", "set"), 505, "--set"),
        (("set", "system"), 505, "--set"),
        (("environment", "file"), 504, "environment ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS"),
        (("file", "system"), 503, "{file}:2"),
    ],
)
def test_the_stronger_layer_wins_and_is_named(
    tmp_path: Path, sources: tuple[str, ...], expected: int, origin: str
) -> None:
    paths = {
        "system": tmp_path / "system.toml",
        "user": tmp_path / "home" / "antiphon" / "config.toml",
        "file": tmp_path / "kiosk.toml",
    }
    for number, (name, path) in enumerate(paths.items(), 501):
        if name in sources:
            write(path, f"[turns]\nend_of_speech_ceiling_ms = {number}\n")
    environ = {SYSTEM_CONFIG: str(paths["system"]), "XDG_CONFIG_HOME": str(tmp_path / "home")}
    if "environment" in sources:
        environ["ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS"] = "504"
    config = load(
        config=paths["file"] if "file" in sources else None,
        sets=["turns.end_of_speech_ceiling_ms=505"] if "set" in sources else [],
        environ=environ,
    )
    assert config.turns.end_of_speech_ceiling_ms == expected
    assert config.origin("turns.end_of_speech_ceiling_ms").startswith(origin.format(**paths))
    assert config.turns.hard_limit_s == load(environ=NOTHING).turns.hard_limit_s


@pytest.mark.parametrize(
    ("user", "file", "profile", "expected"),
    [
        ("", "", "patient", 1500),
        ("", "", None, 700),
        # A plain value of a stronger file beats the profile of a weaker one ...
        ("[turns]\nend_of_speech_ceiling_ms = 600", "", "patient", 600),
        (
            "[profiles.patient.turns]\nend_of_speech_ceiling_ms = 700",
            "[turns]\nend_of_speech_ceiling_ms = 600",
            "patient",
            600,
        ),
        # ... and loses to the profile of its own file.
        (
            "[turns]\nend_of_speech_ceiling_ms = 600\n[profiles.patient.turns]\nend_of_speech_ceiling_ms = 700",
            "",
            "patient",
            700,
        ),
        (
            "[turns]\nend_of_speech_ceiling_ms = 600\n[profiles.patient.turns]\nend_of_speech_ceiling_ms = 700",
            "",
            None,
            600,
        ),
        # A file may choose a profile, and define new ones.
        ('profile = "patient"', "", None, 1500),
        ('profile = "patient"', "", "realtime", 700),
        ('profile = "patient"', 'profile = "realtime"', None, 700),
        ('profile = "hall"\n[profiles.hall.turns]\nend_of_speech_ceiling_ms = 800', "", None, 800),
        ("[profiles.hall.turns]\nend_of_speech_ceiling_ms = 800", 'profile = "hall"', None, 800),
    ],
)
def test_a_profile_stands_just_above_the_plain_values_of_its_own_file(
    tmp_path: Path, user: str, file: str, profile: str | None, expected: int
) -> None:
    write(tmp_path / "antiphon" / "config.toml", user)
    config = load(
        profile,
        write(tmp_path / "kiosk.toml", file) if file else None,
        environ={**NOTHING, "XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert config.turns.end_of_speech_ceiling_ms == expected


def test_a_profile_stands_below_environment_and_command_line() -> None:
    environ = {**NOTHING, "ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS": "777"}
    assert load("patient", environ=environ).turns.end_of_speech_ceiling_ms == 777
    assert (
        load("patient", sets=["turns.end_of_speech_ceiling_ms=778"], environ=environ).turns.end_of_speech_ceiling_ms
        == 778
    )


def test_the_profile_may_be_chosen_by_environment_and_set_and_the_option_beats_both() -> None:
    environ = {**NOTHING, "ANTIPHON_PROFILE": "patient"}
    assert (load(environ=environ).profile, load(environ=environ).turns.end_of_speech_ceiling_ms) == ("patient", 1500)
    assert load(environ=environ).origin("profile") == "environment ANTIPHON_PROFILE"
    assert load(sets=["profile=realtime"], environ=environ).profile == "realtime"
    chosen = load("patient", sets=["profile=realtime"], environ=NOTHING)
    assert (chosen.profile, chosen.origin("profile")) == ("patient", "--profile")


def test_an_unknown_profile_is_told_with_the_known_ones_and_the_near_one() -> None:
    with pytest.raises(
        UsageError,
        match=r"^--profile: profile \"patent\" is not one of computing, hall, patient, realtime; did you mean",
    ):
        load("patent", environ=NOTHING)
    with pytest.raises(ConfigError, match=r"^environment ANTIPHON_PROFILE: profile \"x\" is not one of computing, "):
        load(environ={**NOTHING, "ANTIPHON_PROFILE": "x"})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CONFIG_HOME": "{0}/xdg", "HOME": "{0}/home"}, 1),
        ({"HOME": "{0}/home"}, 2),
        ({"XDG_CONFIG_HOME": "", "HOME": "{0}/home"}, 2),
        ({"XDG_CONFIG_HOME": "xdg", "HOME": "{0}/home"}, 2),
        ({}, 10),
    ],
)
def test_the_users_file_is_where_xdg_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: int
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "xdg" / "antiphon" / "config.toml", "[engine]\nrestarts_per_minute = 1")
    write(tmp_path / "home" / ".config" / "antiphon" / "config.toml", "[engine]\nrestarts_per_minute = 2")
    filled = {name: value.format(tmp_path) for name, value in environ.items()}
    assert load(environ={**NOTHING, **filled}).engine.restarts_per_minute == expected


def test_files_that_were_read_are_listed_weakest_first(tmp_path: Path) -> None:
    file = write(tmp_path / "kiosk.toml", "")
    user = write(tmp_path / "antiphon" / "config.toml", "")
    environ = {SYSTEM_CONFIG: str(tmp_path / "absent.toml"), "XDG_CONFIG_HOME": str(tmp_path)}
    assert read(config=file, environ=environ).files == ("config.toml", str(user), str(file))


@pytest.mark.parametrize(
    ("name", "text", "key", "expected"),
    [
        ("ANTIPHON_TURNS_HARD_LIMIT_S", "3", "turns.hard_limit_s", 3.0),
        ("ANTIPHON_TURNS_HARD_LIMIT_S", " 3.5 ", "turns.hard_limit_s", 3.5),
        ("ANTIPHON_LANGUAGE", "en", "language", "en"),
        ("ANTIPHON_LANGUAGE", '"en"', "language", "en"),
        ("ANTIPHON_ENGINE_INSTANCE", "007", "engine.instance", "007"),
        ("ANTIPHON_ENGINE_INSTANCE", "7", "engine.instance", "7"),
        ("ANTIPHON_ENGINE_INSTANCE", "true", "engine.instance", "true"),
        ("ANTIPHON_ENGINE_INSTANCE", "", "engine.instance", ""),
        ("ANTIPHON_VAD_PYTHON", "/opt/my python/bin/python", "vad.python", "/opt/my python/bin/python"),
        ("ANTIPHON_ASR_POCKETSPHINX_BIAS", "0.5", "asr.pocketsphinx.bias", 0.5),
        ("ANTIPHON_ASR_EXPECT", '["where is the lift", "hello"]', "asr.expect", ("where is the lift", "hello")),
        ("ANTIPHON_PHRASES_EN_NOT_HEARD", "Pardon?", "phrases.en.not_heard", "Pardon?"),
    ],
)
def test_the_environment_is_read_as_toml_and_texts_need_no_quotes(
    name: str, text: str, key: str, expected: object
) -> None:
    section, _, last = key.rpartition(".")
    for config in (load(environ={**NOTHING, name: text}), load(sets=[f"{key}={text}"], environ=NOTHING)):
        table: object = config
        for part in section.split(".") if section else []:
            table = table[part] if isinstance(table, Mapping) else getattr(table, part)
        found = getattr(table, last)
        assert found == expected
        assert type(found) is type(expected)


def test_every_setting_has_one_name_in_the_environment() -> None:
    keys = list(setting_keys(Settings))
    assert len({"_".join(map(str, key)).upper() for key in keys}) == len(keys)


def test_variables_that_are_no_settings_are_left_alone() -> None:
    environ = {**NOTHING, "ANTIPHONY": "1", "PATH": "/bin", **dict.fromkeys(RESERVED, "")}
    assert load(environ=environ).profile == "realtime"
    assert PREFIX == "ANTIPHON_"


def test_a_later_set_wins() -> None:
    assert load(sets=["audio.block_ms=10", "audio.block_ms=30"], environ=NOTHING).audio.block_ms == 30


def test_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_bytes(b"\xef\xbb\xbf# kiosk\r\n\r\n[turns]\r\nend_of_speech_ceiling_ms = 600\r\n")
    config = load(config=file, environ=NOTHING)
    assert config.turns.end_of_speech_ceiling_ms == 600
    assert config.origin("turns.end_of_speech_ceiling_ms") == f"{file}:4"


def test_a_configuration_cannot_be_changed() -> None:
    config = load(environ=NOTHING)
    with pytest.raises(FrozenInstanceError):
        config.turns.end_of_speech_ceiling_ms = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.phrases["de"] = config.phrases["en"]  # type: ignore[index]


def test_a_worker_gets_the_same_configuration_as_json() -> None:
    config = load("patient", sets=['asr.expect=["über"]'], environ=NOTHING)
    assert Config.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_a_configuration_for_a_worker_is_checked_too() -> None:
    table = load(environ=NOTHING).as_dict()
    table["turns"]["end_of_speech_ceiling_ms"] = 5
    with pytest.raises(
        ConfigError, match=r"configuration: turns.end_of_speech_ceiling_ms must be between 100 and 3000, not 5"
    ):
        Config.from_dict(table)
    del table["turns"]
    with pytest.raises(ConfigError, match=r"turns\.end_of_speech_floor_ms is missing"):
        Config.from_dict(table)


def test_a_workers_python_needs_no_tomllib() -> None:
    code = "import json, sys; sys.modules['tomllib'] = sys.modules['tomli'] = None\n"
    code += "from engine.config import Config\n"
    code += "print(Config.from_dict(json.load(sys.stdin)).turns.end_of_speech_ceiling_ms)"
    given = json.dumps(load(environ=NOTHING).as_dict())
    done = subprocess.run(
        [sys.executable, "-c", code], input=given, capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "700\n"


def test_a_backend_gets_its_own_table() -> None:
    config = load(sets=["asr.pocketsphinx.bias=0.5", "llm.backend=repeat"], environ=NOTHING)
    assert config.backend_settings("asr") == {
        "model": "",
        "bias": 0.5,
        "denoise": True,
        "most_units": 3000,
        "most_words": 10,
    }
    assert config.backend_settings("vocoder") == {"voice": "slt", "speed": 1.0, "pitch_hz": 0, "pause_ms": 200}
    assert config.backend_settings("llm") == {}


def test_expected_phrases_are_those_asked_for_and_the_whole_ones_of_the_phrasebook(tmp_path: Path) -> None:
    file = write(
        tmp_path / "kiosk.toml",
        """
        asr.expect = ["where is the lift", "hello"]
        [[llm.phrasebook.entries]]
        patterns = ["hello", "good day", "* ticket *"]
        answers = ["Hello."]
        """,
    )
    assert load(config=file, environ=NOTHING).expected_phrases() == ("where is the lift", "hello", "good day")
    repeat = load(config=file, sets=["llm.backend=repeat"], environ=NOTHING)
    assert repeat.expected_phrases() == ("where is the lift", "hello")
    assert repeat.loaded_with("asr")["alike"] == ()


TOLD = """
facts = ["The lift is behind you."]
[persona]
name = "Robin"
[[tools]]
name = "drive"
description = "Drive"
confirm = true
parameters = { side = ["left", "right"], far = { type = "number", minimum = 0, unit = "meters", required = false } }
"""


def test_what_a_partner_is_told_comes_back_as_it_was_written(tmp_path: Path) -> None:
    config = load(config=write(tmp_path / "kiosk.toml", TOLD), environ=NOTHING)
    (tool,) = config.tools
    assert [(each.name, each.type, each.choices, each.required) for each in tool.parameters] == [
        ("side", "string", ("left", "right"), True),
        ("far", "number", (), False),
    ]
    assert {"drive", "left", "right"} <= {*config.expected_phrases()}
    assert {"elevator …", "how much is it"} <= {*config.loaded_with("asr")["alike"]}
    assert Config.from_dict(config.as_dict()) == config
    again = load(config=write(tmp_path / "again.toml", dump(config.as_dict() | {"profiles": {}})), environ=NOTHING)
    assert (again.tools, again.facts, again.persona) == (config.tools, config.facts, config.persona)


def test_facts_and_a_phrasebook_of_different_files_do_not_mix(tmp_path: Path) -> None:
    assert load(environ=NOTHING).facts
    assert load(environ=NOTHING).llm.phrasebook.entries
    facts = load(config=write(tmp_path / "facts.toml", TOLD), environ=NOTHING)
    assert facts.llm.phrasebook.entries == ()
    assert facts.origin("llm.phrasebook.entries").startswith("put aside by ")
    entry = 'llm.phrasebook.entries=[{ patterns = ["hi"], answers = ["Hi."] }]'
    book = load(sets=[entry], environ=NOTHING)
    assert (book.facts, len(book.llm.phrasebook.entries)) == ((), 1)
    both = load(sets=[entry, 'facts=["It is so."]'], environ=NOTHING)
    assert (len(both.facts), len(both.llm.phrasebook.entries)) == (1, 1)


def test_entries_of_a_file_replace_the_packaged_ones_and_a_language_joins_them(tmp_path: Path) -> None:
    file = write(
        tmp_path / "kiosk.toml",
        """
        language = "de"
        [phrases.de]
        unknown = "Das weiß ich nicht."
        not_heard = "Wie bitte?"
        reprompt = "Sind Sie noch da?"
        failed = "Es tut mir leid."
        impaired = "Mir geht es nicht gut."
        call_begun = "Gut."
        call_done = "Fertig."
        call_failed = "Das ging nicht."
        call_refused = "Das kann ich nicht."
        hold = "Einen Moment, bitte."
        repeat = "Sie sagten {text}."
        murmurs = ["ja"]
        commands = ["halt"]
        [[llm.phrasebook.entries]]
        patterns = ["hallo"]
        answers = ["Guten Tag."]
        """,
    )
    config = load(config=file, environ=NOTHING)
    assert [entry.answers for entry in config.llm.phrasebook.entries] == [("Guten Tag.",)]
    assert sorted(config.phrases) == ["de", "en"]
    assert config.phrases["de"].repeat == "Sie sagten {text}."
