"""A stage whose backend is a class of the user's own, named in the configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.config import Config, load
from engine.errors import BackendError, ConfigError
from workers.backends.registry import make

OWN = """
from workers.backends.spoken import Spoken

class Parrot(Spoken):
    def load(self, rung): pass
    def answer(self, job): return job.text
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "parrots.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "parrots", raising=False)
    return tmp_path


def config(backend: str) -> Config:
    return load(sets=[f"llm.backend={backend}"], environ={"ANTIPHON_SYSTEM_CONFIG": ""})


@pytest.mark.usefixtures("folder")
def test_it_is_found_by_module_and_class() -> None:
    assert type(make("llm", config("parrots:Parrot"))).__name__ == "Parrot"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["parrots:Cockatoo", "cockatoos:Parrot"])
def test_one_that_is_not_there_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(BackendError, match=f"llm.backend {name}"):
        make("llm", config(name))


@pytest.mark.parametrize("name", ["parrot", "parrots.Parrot", "parrots:", "parrots:Par rot", "a:b:c"])
def test_what_names_neither_a_backend_nor_a_class_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"llm\.backend must be .*package\.module:Class"):
        config(name)
