"""A tiny Voxtral with random weights, in the files that Mistral publishes, saved by transformers. What it says means
nothing, only that it depends on what it was told and heard."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

SPECIAL = 32
"""Ids of special tokens, in the places of the real ones as far as these are used."""
NAMED = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]"),
    *("[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]"),
    *("[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]", "[ARGS]", "[CALL_ID]"),
    *("<SPECIAL_22>", "<SPECIAL_23>", "[AUDIO]", "[BEGIN_AUDIO]"),
)
PATTERN = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
MERGED = (b"th", b"he", b"in", b"er", b"the", b" th", b" the")
SIZE = SPECIAL + 256 + len(MERGED)
LETTERS = [SPECIAL + letter for letter in b" abcdefghijklmnopqrstuvwxyz"]


def build(folder: Path, *, model_type: str = "voxtral") -> None:
    """Write the model's directory."""
    import torch
    from transformers import (
        LlamaConfig,
        VoxtralConfig,
        VoxtralEncoderConfig,
        VoxtralForConditionalGeneration,
    )

    torch.manual_seed(0)
    audio = VoxtralEncoderConfig(
        vocab_size=128,
        hidden_size=32,
        intermediate_size=128,  # four times hidden_size: 1500 frames become 375 tokens
        num_hidden_layers=2,
        num_attention_heads=2,
        num_mel_bins=128,
        max_source_positions=1500,
    )
    text = LlamaConfig(
        vocab_size=SIZE,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=4096,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.2,
    )
    config = VoxtralConfig(audio_config=audio.to_dict(), text_config=text.to_dict(), audio_token_id=24)
    net = VoxtralForConditionalGeneration(config)
    with torch.no_grad():
        net.lm_head.weight *= 0.1
        net.lm_head.weight[LETTERS] *= 30  # it says letters
        net.model.multi_modal_projector.linear_2.weight *= 10  # and what it says depends on what it hears
    net.save_pretrained(folder)
    if model_type != "voxtral":
        written = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**written, "model_type": model_type}))
    (folder / "tekken.json").write_text(json.dumps(tekken()))


def tekken() -> dict[str, Any]:
    """The tokenizer: bytes, and a few pieces merged of them."""
    words = [bytes([each]) for each in range(256)] + list(MERGED)
    named = [*NAMED, *(f"<SPECIAL_{rank}>" for rank in range(len(NAMED), SPECIAL))]
    return {
        "config": {
            "pattern": PATTERN,
            "num_vocab_tokens": len(words),
            "default_vocab_size": SIZE,
            "default_num_special_tokens": SPECIAL,
            "version": "v7",
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(word).decode(), "token_str": None}
            for rank, word in enumerate(words)
        ],
        "special_tokens": [{"rank": rank, "token_str": name, "is_control": True} for rank, name in enumerate(named)],
    }
