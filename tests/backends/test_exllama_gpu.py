"""exllamav2 and exllamav3 themselves, where there is an NVIDIA GPU, its compiler and one of them: the same suite, on
the tiny Llama. Seen to pass with exllamav2 0.3.2 on an H200; exllamav3 was not run yet."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.config import load
from engine.contract import Rung
from tests.backends.conformance_llm import LlmConformance, Subject
from tests.models import llama
from workers.backends.exllama import ExLlamaV2, ExLlamaV3
from workers.backends.registry import rung

pytestmark = [
    pytest.mark.xdist_group("gpu"),
    pytest.mark.skipif(
        shutil.which("nvidia-smi") is None or shutil.which("nvcc") is None, reason="needs a GPU and nvcc"
    ),
]


class Contract(LlmConformance):
    backend: type[ExLlamaV2 | ExLlamaV3]

    @pytest.fixture
    def subject(self, llama_directory: Path, llama_directory_endless: Path) -> Subject:
        name = self.backend.name
        if find_spec(name) is None:
            pytest.skip(f"needs {name}")

        def settings(model: Path, *sets: str) -> Rung:
            own = (f"llm.backend={name}", f"llm.{name}.model={model}", f"llm.{name}.context_tokens=2048")
            greedy = f"llm.{name}.temperature=0.0"
            return rung("llm", load(sets=[*own, greedy, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))

        return Subject(
            make=self.backend,
            rung=settings(llama_directory),
            question="how do you do",
            answer=llama.SAID,
            long=settings(llama_directory_endless, "llm.max_tokens=1000"),
            other=settings(llama_directory_endless, "llm.max_tokens=20", f"llm.{name}.cache=q4"),
        )


class TestV2(Contract):
    backend = ExLlamaV2


class TestV3(Contract):
    backend = ExLlamaV3
