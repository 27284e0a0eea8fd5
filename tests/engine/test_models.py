"""Models by name: what the manifest may say, what the packaged one says, and what a name in the settings becomes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.backend_settings import ModelPath
from engine.config import Config, load
from engine.doctor import stages
from engine.doctor.finding import Visit
from engine.errors import ConfigError
from engine.licence_kinds import kind
from engine.models import disk, manifest, names
from engine.models.names import Names, UnknownModelError
from engine.rules import OnDisk
from engine.schema import child, is_table, unwrap
from engine.settings import Settings
from engine.toml_write import write
from tests.conftest import Start
from tests.engine_run import QUESTION

NOBODY = {"ANTIPHON_SYSTEM_CONFIG": ""}
LEAST = {
    "name": "tiny",
    "stage": "asr",
    "about": "for tests",
    "repo": "someone/tiny",
    "files": ["a.bin"],
    "licence": "MIT",
    "licence_url": "https://spdx.org/licenses/MIT.html",
}
HASH = "0" * 64
SMART = "ending.smart_turn.model=models:smart-turn-v3.2"


def config(*sets: str) -> Config:
    return load(sets=sets, environ=NOBODY)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A manifest of the user's own."""
    path = tmp_path / "own.toml"
    path.write_text(write({"model": [LEAST | {"path": "a.bin"}]}))
    return path


# The packaged manifest.

PACKAGED = manifest.read(manifest.PACKAGED)


@pytest.mark.parametrize("model", PACKAGED.values(), ids=PACKAGED.keys())
def test_packaged_model_says_what_a_kiosk_builder_must_know(model: manifest.Model) -> None:
    assert model.confirmed, "the name of its repository was seen nowhere"
    assert model.attribution
    assert model.licence_url
    assert kind(model.licence) != "copyleft"
    assert not model.path or model.path in model.files
    if model.setting:
        assert model.setting.split(".")[0] == model.stage
    if model.known and model.stage not in ("vocoder",):
        assert model.revision, "a hash belongs to a commit"


def test_packaged_models_are_for_every_stage_that_needs_them_from_small_to_large() -> None:
    by_stage = {stage: [model for model in PACKAGED.values() if model.stage == stage] for stage in manifest.STAGES}
    assert {stage for stage, found in by_stage.items() if found} == set(manifest.STAGES)
    assert {len(by_stage[stage]) >= 5 for stage in ("asr", "llm", "vocoder")} == {True}


@pytest.mark.parametrize("model", PACKAGED.values(), ids=PACKAGED.keys())
def test_setting_of_a_packaged_model_takes_models_by_name(model: manifest.Model) -> None:
    """Of the backends that there are: a model may be for one that comes later."""
    stage, backend, name = model.setting.split(".") if model.setting else ("", "", "")
    table = child(child(Settings, stage), backend) if stage else None
    if table is not None and is_table(table):
        assert any(isinstance(rule, OnDisk) for rule in unwrap(child(table, name))[1])


# What a manifest may say.


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"stage": "ears"}, "3: model[0].stage must be one of"),
        ({"name": "Tiny"}, "must be small letters"),
        ({"repo": "tiny"}, "must be owner/name"),
        ({"files": []}, "must name at least one file"),
        ({"files": ["../a"]}, "must be a file's path inside the repository"),
        ({"files": ["/a"]}, "must be a file's path inside the repository"),
        ({"files": ["a/../../b"]}, "must be a file's path inside the repository"),
        ({"revision": "main"}, "must be a commit, 40 hexadecimal digits"),
        ({"licence_url": "mit"}, "must be an address"),
        ({"known": [{"name": "a.bin", "size": 1, "sha256": "x"}]}, "must be 64 hexadecimal digits"),
        ({"known": [{"name": "a.bin", "sha256": HASH}]}, "has no size"),
        ({"known": [{"name": "b.bin", "size": 1, "sha256": HASH}]}, "b.bin is known, and not among the files"),
        ({"licens": "MIT"}, "model[0].licens is not a setting; did you mean model[0].licence?"),
    ],
)
def test_mistake_in_a_manifest_is_told_with_its_line(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(write({"model": [LEAST | change]}))
    with pytest.raises(ConfigError) as caught:
        manifest.read(path, "own.toml")
    assert str(caught.value).startswith("own.toml:")
    assert says in str(caught.value)


def test_what_a_manifest_must_say_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[model]]\nname = "tiny"\n')
    with pytest.raises(ConfigError, match=r"own.toml:1: model\[0\] has no stage; add stage = ..."):
        manifest.read(path, "own.toml")
    path.write_text("[models]\n")
    with pytest.raises(ConfigError, match=r"own.toml:1: there is nothing but \[\[model\]\] in a manifest"):
        manifest.read(path, "own.toml")
    path.write_text(write({"model": [LEAST, LEAST]}))
    with pytest.raises(ConfigError, match="there are two models tiny"):
        manifest.read(path, "own.toml")


def test_own_manifest_that_is_not_there_is_told() -> None:
    with pytest.raises(
        ConfigError, match=r"^--set: /nowhere.toml: cannot be read: No such file.*; correct models.manifest"
    ):
        config("models.manifest=/nowhere.toml", SMART)


def test_own_models_count_more_than_packaged_ones(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(write({"model": [LEAST | {"name": "kokoro", "stage": "vocoder"}]}))
    found = manifest.models(str(path))
    assert found["kokoro"].repo == "someone/tiny"
    assert found.keys() == PACKAGED.keys()


def test_known_files_are_among_those_wanted_by_pattern() -> None:
    model = manifest.Model(**LEAST | {"files": ("*.json", "voices/*.bin")})  # type: ignore[arg-type]
    assert [model.wants(name) for name in ("config.json", "voices/a.bin", "a.bin")] == [True, True, False]


# Names in the settings.


def test_name_becomes_the_place_of_the_model(tmp_path: Path, own: Path) -> None:
    sets = (f"models.directory={tmp_path}/models", f"models.manifest={own}")
    assert config(*sets, SMART).ending.smart_turn.model == (
        f"{tmp_path}/models/smart-turn-v3.2/smart-turn-v3.2-cpu.onnx"
    )
    assert config(*sets, "vad.silero.model=models:tiny").vad.silero.model == f"{tmp_path}/models/tiny/a.bin"
    assert config(*sets, "vad.silero.model=models:tiny/b/c.onnx").vad.silero.model.endswith("/models/tiny/b/c.onnx")


def test_path_stays_as_it_was_written() -> None:
    for path in ("", "my.onnx", "~/models/x", "/a/models:b"):
        assert config(f"vad.silero.model={json.dumps(path)}").vad.silero.model == path


def test_workers_get_paths_and_need_no_manifest(tmp_path: Path) -> None:
    read = config(f"models.directory={tmp_path}", SMART)
    there = Config.from_dict(json.loads(json.dumps(read.as_dict())))
    assert there.backend_settings("ending") == {}  # prosody's
    assert there.ending.smart_turn.model.startswith(str(tmp_path))


def test_name_that_there_is_not_is_told_where_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_text('[ending.smart_turn]\nmodel = "models:smart-turn"\n')
    with pytest.raises(ConfigError) as caught:
        load(config=file, environ=NOBODY)
    assert str(caught.value) == (
        f"{file}:2: ending.smart_turn.model: there is no model smart-turn; did you mean smart-turn-v3.2?"
    )


@pytest.mark.parametrize("value", ["models:", "models:A", "models:x/../y", "models:x y"])
def test_name_that_is_no_name_is_told(value: str) -> None:
    with pytest.raises(ConfigError, match='must be a path, or "models:NAME"'):
        config(f"vad.silero.model={value}")


def test_text_that_is_no_model_may_look_like_a_name() -> None:
    assert config("phrases.en.unknown=models:kokoro").phrases["en"].unknown == "models:kokoro"


@dataclass(frozen=True)
class Step:
    """As a ladder of rungs would be set."""

    model: ModelPath
    note: str


def test_names_are_found_in_lists_and_tables(tmp_path: Path) -> None:
    steps = (Step("models:kokoro", "models:kokoro"), Step("x", ""))
    found = Names(str(tmp_path), "").resolved(steps, tuple[Step, ...])
    assert found == (Step(f"{tmp_path}/kokoro", "models:kokoro"), Step("x", ""))
    with pytest.raises(UnknownModelError):
        Names(str(tmp_path), "").resolved((Step("models:nothing", ""),), tuple[Step, ...])


@pytest.mark.parametrize(
    ("configured", "environ", "place"),
    [
        ("/a/b", {}, "/a/b"),
        ("", {"XDG_DATA_HOME": "/data", "HOME": "/h"}, "/data/antiphon/models"),
        ("", {"XDG_DATA_HOME": "data", "HOME": "/h"}, "/h/.local/share/antiphon/models"),
        ("", {"HOME": "/h"}, "/h/.local/share/antiphon/models"),
        ("", {}, "/var/lib/antiphon/models"),
    ],
)
def test_models_lie_where_their_user_keeps_data(configured: str, environ: dict[str, str], place: str) -> None:
    assert str(disk.directory(configured, environ)) == place


# A model that nobody has pulled.


def test_model_that_is_not_there_is_told_with_the_line_that_fetches_it(start: Start, tmp_path: Path) -> None:
    sets = (f"models.directory={tmp_path}", "ending.backend=smart_turn", SMART)
    engine = start("--input", str(QUESTION), *(part for one in sets for part in ("--set", one)))
    assert engine.end() == 6
    assert engine.stderr == (
        "engine: ending.smart_turn.model: model smart-turn-v3.2 is not on this disk "
        f"({tmp_path}/smart-turn-v3.2/smart-turn-v3.2-cpu.onnx); engine models pull smart-turn-v3.2\n"
    )
    found = list(stages.backends(Visit(config(*sets, "asr.pocketsphinx.model=/nowhere"), 0)))
    ill = {one.what.split(":")[0].split(".")[0]: one for one in found if one.level == "problem"}
    assert sorted(ill) == ["asr", "ending"]
    assert ill["ending"].remedy == "engine models pull smart-turn-v3.2"


def test_model_of_a_backend_that_is_not_chosen_is_not_missed(tmp_path: Path) -> None:
    assert list(names.missing(config(f"models.directory={tmp_path}", SMART))) == []
    assert list(names.used(config(f"models.directory={tmp_path}", SMART))) == []
