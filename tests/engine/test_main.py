"""The command `engine`: what is said of a word that is none of its commands."""

from __future__ import annotations

import pytest

from engine.main import main


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("devcies", '"devcies" is not a command; did you mean devices?'),
        ("zzz", '"zzz" is not a command; see engine --help'),
        ("a\nb", '"a\\nb" is not a command; see engine --help'),
    ],
)
def test_an_unknown_command_is_one_line_with_what_was_probably_meant(
    capsys: pytest.CaptureFixture[str], word: str, says: str
) -> None:
    assert main([word]) == 2
    assert capsys.readouterr().err == f"engine: {says}\n"
