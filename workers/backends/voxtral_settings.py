"""What can be set of Voxtral."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from engine.rules import Between, OneOf


@dataclass(frozen=True, slots=True)
class Settings:
    """model: a directory. placeholder: stands in the history for what was heard. trim_audio: tokens for the length of
    the sound alone, 12.5 a second, instead of 30 s, which is what the model's makers feed it. system_prompt and
    max_tokens are those of the stage "llm"."""

    model: str = ""
    device: Annotated[str, OneOf("cpu", "cuda")] = "cuda"
    require_device: bool = True
    dtype: Annotated[str, OneOf("auto", "float32", "bfloat16", "float16")] = "auto"
    placeholder: str = "[spoken question]"
    trim_audio: bool = False
    longest_s: Annotated[int, Between(1, 600)] = 30
    prefill_tokens: Annotated[int, Between(1, 8192)] = 256
    context_tokens: Annotated[int, Between(64, 262_144)] = 8192
    temperature: Annotated[float, Between(0, 2)] = 0.2
    top_p: Annotated[float, Between(0.01, 1)] = 0.95
    system_prompt: str = ""
    max_tokens: Annotated[int, Between(1, 4096)] = 200
