"""The tiny models that tests of backends run on, built once a session."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.models import llama
from tests.models.built import built


@pytest.fixture(scope="session")
def llama_ct2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama for CTranslate2 that says `llama.SAID`."""
    return built(tmp_path_factory, "llama-ct2", llama.build_ct2)


@pytest.fixture(scope="session")
def llama_ct2_endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that says `llama.ENDLESS` until it is stopped."""
    return built(tmp_path_factory, "llama-ct2-endless", partial(llama.build_ct2, endless=True))


@pytest.fixture(scope="session")
def llama_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One as it comes from a hub, in float32, that says `llama.SAID`."""
    return built(tmp_path_factory, "llama-directory", llama.build_directory)


@pytest.fixture(scope="session")
def llama_directory_endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that says `llama.ENDLESS` until it is stopped."""
    return built(tmp_path_factory, "llama-directory-endless", partial(llama.build_directory, endless=True))


@pytest.fixture(scope="session")
def llama_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The text side of a Llama's directory alone."""
    return built(tmp_path_factory, "llama-tokenizer", llama.build_tokenizer)
