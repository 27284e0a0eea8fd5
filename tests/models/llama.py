"""A tiny Llama that talks: the real architecture and file layout, weights of our own.

Its attention and its feed-forward layers are random, and compute; but they count for little against a chain that its
embeddings and its output spell: after each byte comes a certain next one. So what it says is known, and is the same on
every runtime: `SAID`, a sentence with an end, or `ENDLESS`, over and over. Both hold characters of several bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAID = "Ask mé."
ENDLESS = "Ask mé€"
"""Said again and again, until somebody stops it."""
BOS, EOS, EOT, START, END = SPECIAL = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
)
CONTEXT = 2048
HIDDEN, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 320, 2, 10, 5, 128
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
"""As Llama 3 has it."""


def byte_symbols() -> dict[int, str]:
    """Each byte as byte-level tokenizers write it, GPT-2's way."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + number) for number, byte in enumerate(rest)}


def vocabulary() -> list[str]:
    """The bytes' symbols in order, then the special tokens."""
    return [*sorted(byte_symbols().values()), *SPECIAL]


def chain(endless: bool) -> list[tuple[int, int]]:
    """Which token comes after which."""
    symbols, numbers = byte_symbols(), {token: number for number, token in enumerate(vocabulary())}
    said = [numbers[symbols[byte]] for byte in (ENDLESS if endless else SAID).encode()]
    start = numbers[symbols[ord("\n")]]
    return list(zip([start, *said], [*said, said[0] if endless else numbers[EOT]], strict=True))


def build_tokenizer(folder: Path) -> None:
    """tokenizer.json, tokenizer_config.json with the template, generation_config.json."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    numbers = {token: number for number, token in enumerate(sorted(byte_symbols().values()))}
    tokenizer = Tokenizer(models.BPE(vocab=numbers, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOT,
        "model_max_length": CONTEXT,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    ends = [vocabulary().index(token) for token in (EOS, EOT)]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))


def weights(endless: bool) -> Any:
    """The model, as transformers has it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    numbers = {token: number for number, token in enumerate(vocabulary())}
    config = LlamaConfig(
        vocab_size=len(numbers),
        hidden_size=HIDDEN,
        intermediate_size=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        bos_token_id=numbers[BOS],
        eos_token_id=numbers[EOT],
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(len(numbers), HIDDEN))
        model.lm_head.weight.zero_()
        for before, after in chain(endless):
            model.lm_head.weight[after, before] = 1.0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.mul_(1e-2)
            layer.mlp.down_proj.weight.mul_(1e-2)
    return model


def build_directory(folder: Path, endless: bool = False) -> None:
    """As it comes from a hub: config.json, model.safetensors and the tokenizer's files."""
    weights(endless).save_pretrained(folder)
    build_tokenizer(folder)


def build_ct2(folder: Path, endless: bool = False) -> None:
    """Converted by CTranslate2's own converter."""
    from ctranslate2.converters import TransformersConverter

    source = folder / "source"
    source.mkdir()
    build_directory(source, endless)
    files = ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]
    TransformersConverter(str(source), copy_files=files).convert(str(folder / "model"), quantization="int8")
    for file in (folder / "model").iterdir():
        file.rename(folder / file.name)
    (folder / "model").rmdir()
    for file in source.iterdir():
        file.unlink()
    source.rmdir()
