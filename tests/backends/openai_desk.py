"""What tests of the language models behind HTTP share: settings, and servers that are there or not."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from engine.config import load
from engine.contract import Rung, Tag
from tests.backends.llm_driver import Driver
from workers.backends.registry import rung

TAG = Tag(1, 1, 1)
Loaded: TypeAlias = Callable[..., Driver]
LOCAL = "From ten to six."
"""What the phrasebook says that stands in."""


@cache
def settings(url: str, *sets: str) -> Rung:
    """What the engine would load it with."""
    entries = f'llm.phrasebook.entries=[{{ patterns = ["*"], answers = ["{LOCAL}"] }}]'
    own = ("llm.backend=openai", f"llm.openai.base_url={url}", entries)
    return rung("llm", load(sets=[*own, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))


FALLBACK = "llm.openai.fallback=phrasebook"
QUICK = ("llm.openai.first_token_s=0.3", "llm.openai.between_tokens_s=0.3", "llm.openai.connect_s=0.3")


def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"
