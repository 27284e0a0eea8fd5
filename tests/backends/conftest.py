"""The tiny models that tests of backends run on, built once a session, and a server that is scripted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.backends.llm_driver import Driver
from tests.backends.openai_desk import Loaded, settings
from tests.backends.scripted_server import ScriptedServer, serving
from tests.models import llama, voxtral, whisper
from tests.models import transducer as transducers
from tests.models.built import built
from workers.backends.openai_http import OpenAi


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


@pytest.fixture(scope="session")
def whisper_ct2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper for CTranslate2, of several languages."""
    return built(tmp_path_factory, "whisper", partial(whisper.build, multilingual=True))


@pytest.fixture(scope="session")
def transducer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A streaming transducer for sherpa-onnx."""
    return built(tmp_path_factory, "transducer", transducers.build)


@pytest.fixture(scope="session")
def voxtral_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Voxtral as it comes from a hub."""
    return built(tmp_path_factory, "voxtral", voxtral.build)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as made:
        yield made


@pytest.fixture
def loaded(server: ScriptedServer) -> Iterator[Loaded]:
    """loaded(*sets) is a backend that is loaded with the server."""
    drivers: list[Driver] = []

    def make(*sets: str, url: str = "") -> Driver:
        drivers.append(Driver(OpenAi()))
        drivers[-1].load(settings(url or server.url, *sets))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.backend.unload()
