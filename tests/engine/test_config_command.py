"""`engine config show` and `engine config check`, as people call them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from engine.config import load
from engine.config_command import add_config_options, add_parser, load_from_args
from engine.errors import ConfigError, UsageError
from engine.schema import kinds
from engine.settings import Settings
from engine.toml import tomllib

pytestmark = pytest.mark.usefixtures("packaged_settings")


def engine(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="engine")
    add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["config", *words])
    code: int = args.run(args)
    return code


KIOSK = """
profile = "hall"
[profiles.hall.turns]
end_of_speech_ceiling_ms = 700
[phrases.de]
unknown = "Das \\"weiß\\" ich\\nnicht. \\\\ 😀"
not_heard = "Wie bitte?"
impaired = "Mir geht es nicht gut."
call_begun = "Gut."
call_done = "Fertig."
call_failed = "Das ging nicht."
call_refused = "Das kann ich nicht."
reprompt = "Sind Sie noch da?"
failed = "Es tut mir leid."
hold = "Einen Moment, bitte."
repeat = "{text}"
murmurs = ["ja", "ach so"]
commands = ["halt"]
[asr]
expect = ["a very long phrase that nobody is expected to say aloud in front of a kiosk", "and another one of that kind"]
[vocoder.flite]
speed = 1
"""


@pytest.mark.parametrize(
    "options", [[], ["--origin"], ["--set", "llm.phrasebook.entries=[]"], ["--profile", "patient"]]
)
def test_what_show_prints_is_read_back_as_the_same_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    kiosk, again = tmp_path / "kiosk.toml", tmp_path / "again.toml"
    kiosk.write_text(KIOSK, encoding="utf-8")
    assert engine("show", "--config", str(kiosk), *options) == 0
    again.write_text(capsys.readouterr().out, encoding="utf-8")
    assert engine("show", "--config", str(again)) == 0
    second = capsys.readouterr().out
    args = argparse.ArgumentParser()
    add_config_options(args)
    options = [option for option in options if option != "--origin"]
    expected = load_from_args(args.parse_args(["--config", str(kiosk), *options]))
    assert load(config=again) == expected
    assert tomllib.loads(second) == tomllib.loads(again.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("language", {"language": "en"}),
        ("vocoder.espeak", {"vocoder": {"espeak": {"voice": "en-us", "speed": 1.0, "pitch": 50, "pause_ms": 200}}}),
        ("audio.block_ms", {"audio": {"block_ms": 10}}),
        ("phrases.en.not_heard", {"phrases": {"en": {"not_heard": "Sorry, I did not catch that."}}}),
    ],
)
def test_show_can_be_asked_for_a_part(
    capsys: pytest.CaptureFixture[str], wanted: str, expected: dict[str, object]
) -> None:
    assert engine("show", wanted) == 0
    assert tomllib.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("turn", "turn is not a setting; did you mean turns?"),
        (
            "turns.end_of_speach_ceiling_ms",
            "turns.end_of_speach_ceiling_ms is not a setting; did you mean turns.end_of_speech_ceiling_ms?",
        ),
        ("turns.python.x", "turns.python.x is not a setting"),
        ("phrases.de", "phrases.de is not a setting; there is en"),
        ("zzz.zzz", "zzz.zzz is not a setting; the file may have " + ", ".join(kinds(Settings))),
        ("", '"" is not a setting; the file may have ' + ", ".join(kinds(Settings))),
    ],
)
def test_show_of_something_unknown_is_a_wrong_command_line(wanted: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        engine("show", wanted)
    assert str(caught.value) == message


def test_show_says_where_each_value_came_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk = tmp_path / "kiosk.toml"
    kiosk.write_text(KIOSK, encoding="utf-8")
    monkeypatch.setenv("ANTIPHON_TURNS_HARD_LIMIT_S", "4")
    engine("show", "turns", "--origin", "--config", str(kiosk), "--set", "turns.python=python3")
    lines = capsys.readouterr().out.splitlines()
    assert f"end_of_speech_ceiling_ms = 700  # {kiosk}:4" in lines
    assert "hard_limit_s = 4.0  # environment ANTIPHON_TURNS_HARD_LIMIT_S" in lines
    assert 'python = "python3"  # --set' in lines
    assert any(line.startswith("max_utterance_s = 30.0  # config.toml:") for line in lines)


def test_check_says_ok_and_names_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kiosk = tmp_path / "kiosk.toml"
    kiosk.write_text(KIOSK, encoding="utf-8")
    assert engine("check", "--config", str(kiosk)) == 0
    assert capsys.readouterr() == (f"ok: config.toml, {kiosk}\n", "")


def test_check_tells_every_error_in_a_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kiosk = tmp_path / "kiosk.toml"
    kiosk.write_text("[turns]\nend_of_speach_ceiling_ms = 5\npython = 5\n", encoding="utf-8")
    assert engine("check", "--config", str(kiosk)) == ConfigError.code == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.removeprefix(f"{kiosk}:").split(" ")[0] for line in err.splitlines()] == ["2:", "3:"]


def test_check_of_an_unknown_profile_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert engine("check", "--profile", "patent") == UsageError.code == 2
    assert "did you mean patient?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-h"], ["show", "-h"], ["check", "-h"]])
def test_help_explains_itself(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        engine(*words)
    assert caught.value.code == 0
    assert len(capsys.readouterr().out) > 200
