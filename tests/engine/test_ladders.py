"""Ladders in the configuration: what a rung may change, what is wrong with one, and which are worth a move."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import licences
from engine.config import Config, load, read
from engine.config_layers import SYSTEM_CONFIG
from engine.ladders import at, distinct, ladder, sections
from engine.main import main
from engine.models import names

NOWHERE = {SYSTEM_CONFIG: ""}


def config(*sets: str, file: Path | None = None) -> Config:
    return load(config=file, sets=sets, environ=NOWHERE)


def errors(text: str, folder: Path) -> list[str]:
    path = folder / "kiosk.toml"
    path.write_text(text)
    return [str(error).removeprefix(f"{folder}/") for error in read(config=path, environ=NOWHERE).errors]


THREE = """
[llm]
backend = "ctranslate2"
max_tokens = 100

[[llm.rungs]]
name = "big"
ctranslate2.model = "/models/big"
ctranslate2.compute_type = "float32"

[[llm.rungs]]
name = "small"
resident = false
max_tokens = 50
[llm.rungs.ctranslate2]
model = "/models/small"

[[llm.rungs]]
name = "book"
backend = "phrasebook"
"""


def test_a_rung_is_the_section_with_what_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(THREE)
    big, small, book = ladder(config(file=path), "llm")
    assert [(step.name, step.resident) for step in (big, small, book)] == [
        ("big", True),
        ("small", False),
        ("book", True),
    ]
    found = [
        (step.config.llm.backend, step.config.llm.ctranslate2.model, step.config.llm.max_tokens)
        for step in (big, small, book)
    ]
    assert found == [("ctranslate2", "/models/big", 100), ("ctranslate2", "/models/small", 50), ("phrasebook", "", 100)]
    assert big.config.llm.ctranslate2.compute_type == "float32"
    assert small.config.loaded_with("llm")["settings"]["max_tokens"] == 50
    assert small.config.asr == big.config.asr


def test_without_rungs_the_section_is_the_only_one() -> None:
    (only,) = ladder(config("asr.rungs=[]"), "asr")
    assert (only.name, only.resident) == ("pocketsphinx", True)
    assert only.config.asr.backend == "pocketsphinx"
    assert [step.name for step in ladder(config(), "vad")] == ["silero"]


def test_a_number_beyond_the_last_rung_is_the_last() -> None:
    assert at(config(), "asr", 99).asr.pocketsphinx.most_units < config().asr.pocketsphinx.most_units


def test_rungs_of_the_packaged_file_are_two_for_each_stage_that_makes_an_answer() -> None:
    assert {stage: len(distinct(config(), stage)) for stage in config().stages} == {
        "vad": 1,
        "ending": 1,
        "asr": 2,
        "llm": 2,
        "vocoder": 2,
    }


def test_a_rung_that_changes_nothing_its_backend_uses_is_not_worth_a_move() -> None:
    """The packaged ladder of flite stands when another voice is chosen."""
    chosen = config("vocoder.backend=kokoro", "vocoder.kokoro.model=/models/kokoro")
    assert distinct(chosen, "vocoder") == (0,)
    sets = '[{name="a"},{name="b"},{name="c",speaker=1}]'
    assert errors_of(f"vocoder.rungs={sets}")
    sets = '[{name="a"},{name="b"},{name="c",flite={voice="rms"}},{name="d",flite={voice="rms"}}]'
    assert distinct(config(f"vocoder.rungs={sets}"), "vocoder") == (0, 2)


def errors_of(*sets: str) -> list[str]:
    return [str(error) for error in read(sets=sets, environ=NOWHERE).errors]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[[asr.rungs]]\nname = "a"\n\n[[asr.rungs]]\nname = "b"\npocketsphinx.biass = 1',
            'kiosk.toml:6: asr.rungs[1] "b": pocketsphinx.biass is not a setting; did you mean pocketsphinx.bias?',
        ),
        (
            '[[llm.rungs]]\nname = "a"\n[llm.rungs.ctranslate2]\ntop_k = "x"',
            'kiosk.toml:4: llm.rungs[0] "a": ctranslate2.top_k must be a whole number, not "x"',
        ),
        ("[[asr.rungs]]\npartial_ms = 60", 'kiosk.toml:1: asr.rungs[0]: it has no name; add name = "..."'),
        (
            '[[asr.rungs]]\nname = "a"\nbeam_size = 1',
            'kiosk.toml:3: asr.rungs[0] "a": beam_size is not a setting; did you mean whisper.beam_size?',
        ),
        (
            '[[asr.rungs]]\nname = "a"\nthreads = 2\npython = "/usr/bin/python3"',
            'kiosk.toml:4: asr.rungs[0] "a": python is the same on every rung; set asr.python',
        ),
        (
            '[[asr.rungs]]\nname = "a"\nfinal_budget_ms = 2',
            'kiosk.toml:3: asr.rungs[0] "a": final_budget_ms is the same on every rung; set asr.final_budget_ms',
        ),
        (
            '[[asr.rungs]]\nname = "The Best"',
            'kiosk.toml:2: asr.rungs[0] "The Best": name must be at most 24 small letters, digits, - or _, not ',
        ),
        (
            '[[asr.rungs]]\nname = "a"\n[[asr.rungs]]\nname = "a"',
            "kiosk.toml:1: two rungs in asr.rungs have one name; give each its own",
        ),
        ('asr.rungs = ["a"]', 'kiosk.toml:1: asr.rungs[0] must be a table, not "a"'),
        (
            '[[llm.rungs]]\nname = "a"\nbackend = "phrase"',
            'kiosk.toml:3: llm.rungs[0] "a": backend must be one of "facts", "reword", "phrasebook"',
        ),
        (
            '[[llm.rungs]]\nname = "a"\nctranslate2.model = "models:nothing-such"',
            "kiosk.toml:1: llm.rungs: there is no model nothing-such; see engine models list",
        ),
        ('[[vad.rungs]]\nname = "a"', "kiosk.toml:1: vad.rungs is not a setting"),
    ],
)
def test_what_is_wrong_is_told_with_line_key_and_rung(text: str, said: str, tmp_path: Path) -> None:
    (error,) = errors(text, tmp_path)
    assert error.startswith(said)


def test_what_is_shown_can_be_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], packaged_settings: None
) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(THREE)
    assert main(["config", "show", "--config", str(path), "llm.rungs", "--origin"]) == 0
    shown = capsys.readouterr().out
    assert f"{path}:6" in shown
    again = tmp_path / "again.toml"
    again.write_text(shown)
    assert config(file=again).llm.rungs == config(file=path).llm.rungs


def test_a_worker_gets_the_same_ladder(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(THREE)
    whole = config(file=path)
    assert Config.from_dict(whole.as_dict()).llm.rungs == whole.llm.rungs


def test_models_of_every_rung_are_known_by_their_names(tmp_path: Path) -> None:
    rungs = '[{name="a"},{name="b",backend="whisper",whisper={model="models:distil-small.en"}}]'
    chosen = config(f"asr.rungs={rungs}", f"models.directory={tmp_path}")
    assert [(use.setting, use.name) for use in names.used(chosen)] == [("asr.whisper.model", "distil-small.en")]
    assert [stage for stage, _ in names.missing(chosen)] == ["asr"]
    assert [section.backend for stage, section in sections(chosen) if stage == "asr"] == ["pocketsphinx", "whisper"]


def test_licences_tell_of_every_rung() -> None:
    rungs = '[{name="a"},{name="b",backend="espeak"}]'
    assert any("espeak" in part.why for part in licences.parts(config(f"vocoder.rungs={rungs}")))
