"""The whole configurations of docs/models.md: the engine reads them, every model that they name has the files that its
backend asks for, and the one for a processor alone really loads, on tiny models in the places of the real ones."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.config import Config, load
from engine.models import manifest
from tests.models import llama, voices, whisper
from tests.models.built import built
from tests.workers.test_smart_turn import network
from workers.backends import ct2_generator, exllama, kokoro_files, piper, whisper_model
from workers.backends.model_files import directory
from workers.backends.registry import REGISTRY, make, rung

PAGE = (Path(__file__).parents[1] / "docs" / "models.md").read_text()
MACHINES = dict(re.findall(r"```toml\n# (\w+)\.toml\n(.*?)```", PAGE, re.DOTALL))
ON_GPU = {"cpu": (), "jetson": ("asr",), "gpu": ("asr", "vocoder")}
"""Stages whose `device` is cuda; exllama's is nothing else."""


USUAL = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocabulary.json")
"""What a repository has that a manifest's pattern means."""


def read(machine: str, tmp_path: Path, *sets: str) -> Config:
    path = tmp_path / f"{machine}.toml"
    path.write_text(MACHINES[machine])
    models = f"models.directory={tmp_path}/models"
    return load(config=path, sets=[models, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": "", "XDG_CONFIG_HOME": "/none"})


def needs(names: Sequence[str]) -> Callable[[str], object]:
    return lambda path: directory(path, "model", names, "")


FILES: dict[tuple[str, str], Callable[[str], object]] = {
    ("asr", "whisper"): needs(whisper_model.FILES),
    ("llm", "ctranslate2"): needs(ct2_generator.NEEDED),
    ("llm", "exllamav2"): needs(exllama.NEEDED),
    ("vocoder", "kokoro"): kokoro_files.net_file,
    ("vocoder", "piper"): lambda path: piper.files(Path(path)),
    ("ending", "smart_turn"): lambda path: Path(path).read_bytes(),
}
"""How a backend looks for its files. Raises where one is missing."""


@pytest.mark.parametrize("machine", MACHINES)
def test_the_engine_reads_it_and_knows_every_backend(machine: str, tmp_path: Path) -> None:
    config = read(machine, tmp_path)
    for stage in config.stages:
        assert getattr(config, stage).backend in REGISTRY[stage]
        assert rung(stage, config).settings is not None
    devices = {stage for stage in config.stages if config.backend_settings(stage).get("device") == "cuda"}
    assert devices == set(ON_GPU[machine])


@pytest.mark.parametrize("machine", MACHINES)
def test_its_models_have_the_files_that_their_backends_ask_for(machine: str, tmp_path: Path) -> None:
    for model in manifest.read(manifest.PACKAGED).values():
        for pattern in model.files if machine in model.used_by else ():
            for name in fnmatch.filter([pattern, *USUAL], pattern):
                file = tmp_path / "models" / model.name / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"{}")
    config = read(machine, tmp_path)
    for stage in config.stages:
        backend = getattr(config, stage).backend
        if path := config.backend_settings(stage).get("model"):
            FILES[stage, backend](path)


@pytest.mark.xdist_group("torch")  # which takes long to import, and builds the models
def test_without_a_gpu_every_stage_loads_and_runs(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("ctranslate2")
    models = tmp_path / "models"
    (models / "smart-turn-v3.2").mkdir(parents=True)
    network(models / "smart-turn-v3.2" / "smart-turn-v3.2-cpu.onnx")
    english = built(tmp_path_factory, "whisper.en.80", lambda folder: whisper.build(folder, multilingual=False))
    (models / "distil-small.en").symlink_to(english)
    (models / "qwen2.5-0.5b-ct2").symlink_to(built(tmp_path_factory, "llama-ct2", llama.build_ct2))
    (models / "kokoro-q8").mkdir()
    voices.kokoro(models / "kokoro-q8", "B")
    config = read("cpu", tmp_path, f"llm.ctranslate2.context_tokens={llama.CONTEXT}")
    for stage in config.stages:
        backend = make(stage, config)
        backend.load(rung(stage, config))
        backend.warm_up()
        assert not [remark for remark in backend.remarks if "processor" in remark]
        backend.unload()
