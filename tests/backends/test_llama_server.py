"""The HTTP backend against a real server that is not ours: llama-cpp-python's, on a tiny GGUF.

By a command of its own, `make test-llama-server`, since that compiles llama.cpp; it names a Python that has the server.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config import load
from engine.contract import Rung
from tests.backends.conformance_llm import LlmConformance, Subject
from tests.models import llama
from workers.backends.openai_http import OpenAi
from workers.backends.registry import rung

PYTHON = os.environ.get("ANTIPHON_LLAMA_SERVER", "")
START_S = 60

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="needs llama.cpp: make test-llama-server"),
    pytest.mark.xdist_group("llama-server"),
]


def settings(url: str, *sets: str) -> Rung:
    own = ("llm.backend=openai", f"llm.openai.base_url={url}", "llm.openai.temperature=0.0", "llm.max_tokens=400")
    return rung(
        "llm", load(sets=[*own, "llm.openai.context_tokens=2048", *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""})
    )


class Servers:
    """The two servers of these tests: one whose answers end, one whose answers do not."""

    def __init__(self, folder: Path) -> None:
        self.urls: dict[str, str] = {}
        self._processes = []
        for kind in ("", "endless"):
            model = folder / f"tiny{kind}.gguf"
            subprocess.run([PYTHON, str(Path(llama.__file__).with_name("gguf_llama.py")), str(model), kind], check=True)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
            command = [PYTHON, "-m", "llama_cpp.server", "--model", str(model), "--host", "127.0.0.1"]
            command += ["--port", str(port), "--n_ctx", str(llama.CONTEXT), "--n_threads", "1"]
            command += ["--interrupt_requests", "false"]  # or a second question would end the answer to the first
            with (folder / f"server{kind}.log").open("wb") as log:
                self._processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
            self.urls[kind] = f"http://127.0.0.1:{port}/v1"
        for url in self.urls.values():
            self._wait(f"{url}/models")

    def _wait(self, url: str) -> None:
        limit = time.monotonic() + START_S
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except OSError:
                assert time.monotonic() < limit, "the server does not come up"
                assert all(process.poll() is None for process in self._processes), "the server has ended"
                time.sleep(0.1)
            else:
                return

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers(tmp_path_factory.mktemp("llama-server"))
    yield made
    made.close()


class TestContract(LlmConformance):
    @pytest.fixture
    def subject(self, servers: Servers) -> Subject:
        return Subject(
            make=OpenAi,
            rung=settings(servers.urls[""]),
            question="how do you do",
            answer=llama.SAID,
            long=settings(servers.urls["endless"]),
            other=settings(servers.urls["endless"], "llm.max_tokens=20"),
            broken={"no such path": (settings(servers.urls[""] + "/no"), "it answers 404 Not Found")},
        )
