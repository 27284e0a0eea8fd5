"""The command `engine`: what is said of a word that is none of its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import foreign
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


def test_a_library_that_does_not_load_is_one_line_that_names_it_and_no_fault_of_ours(tmp_path: Path) -> None:
    broken = tmp_path / "numpy"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('\\n\\nof another Python')")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-m", "engine", "ask", "hello"], env=environ, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (6, "")
    assert ran.stderr.startswith("engine: the library numpy cannot be loaded: of another Python; install it anew")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("missing", ["from engine import no_such_part", "import engine.no_such_part"])
def test_a_part_of_the_engine_that_does_not_load_stays_a_fault_of_the_engine(missing: str) -> None:
    with pytest.raises(ImportError) as raised:
        exec(missing, {"__name__": "engine.somewhere"})
    assert foreign(_without_frames_of_the_test(raised.value)) is None


def _without_frames_of_the_test(error: ImportError) -> ImportError:
    assert error.__traceback__
    return error.with_traceback(error.__traceback__.tb_next)
