"""Models of full size with random weights, written once into a folder: for measuring on a GPU what does not depend on
the values. Not run yet: they need 60 GB of disk and 40 GB of memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stagebench import vocoder_net
from tests.models.built import once

WORDS = 990
"""Of the past that is told: with the prompt 1 000 tokens and more, a byte of them each."""
HIDDEN, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, VOCABULARY = 4096, 32, 32, 8, 14336, 128256
"""Llama 3.1 8 B."""
GROUP = 128
"""Rows that share a scale where weights have 4 bits."""
LETTERS = 256
"""Tokens that the tests' tokenizer has a text for; nothing else is said."""


def whisper(folder: Path) -> Path:
    """distil-whisper/distil-medium.en, for CTranslate2. It says as many tokens as it may, 64 for 4 s of sound: four
    times as many as are said in them."""
    return once(folder, "distil-medium.en", _whisper)


def _whisper(place: Path) -> None:
    from tests.models import whisper

    sizes = {"d_model": 1024, "encoder_layers": 24, "decoder_layers": 2}
    for side in ("encoder", "decoder"):
        sizes |= {f"{side}_attention_heads": 16, f"{side}_ffn_dim": 4096}
    whisper.build(place / "model", multilingual=False, quantization="float16", vocabulary=51864, sizes=sizes)
    for file in (place / "model").iterdir():
        file.rename(place / file.name)
    shutil.rmtree(place / "model.source")


def llama(folder: Path, bits: int = 16) -> Path:
    """A directory as it comes from a hub: float16, or 4 bits in GPTQ's form."""
    return once(folder, f"llama-8b-{bits}-bit", partial(_llama, bits=bits))


def converted(source: Path) -> Path:
    """The same for CTranslate2."""

    def convert(place: Path) -> None:
        from ctranslate2.converters import TransformersConverter

        files = ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]
        made = TransformersConverter(str(source), copy_files=files, load_as_float16=True, low_cpu_mem_usage=True)
        made.convert(str(place), quantization="float16", force=True)

    return once(source.parent, f"{source.name}-ct2", convert)


def _llama(place: Path, bits: int) -> None:
    from safetensors.numpy import save_file

    from tests.models import llama

    llama.build_tokenizer(place)
    tokenizer = json.loads((place / "tokenizer_config.json").read_text())
    (place / "tokenizer_config.json").write_text(json.dumps({**tokenizer, "model_max_length": 8192}))
    config: dict[str, Any] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "bos_token_id": llama.vocabulary().index(llama.BOS),
        "eos_token_id": llama.vocabulary().index(llama.EOT),
    }
    if bits == 4:
        config["quantization_config"] = {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": False}
    (place / "config.json").write_text(json.dumps(config))
    names: dict[str, str] = {}
    for number, tensors in enumerate(_shards(bits)):
        file = f"model-{number:05d}.safetensors"
        save_file(tensors, str(place / file), metadata={"format": "pt"})
        names |= dict.fromkeys(tensors, file)
    (place / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


def _shards(bits: int) -> Iterator[dict[str, NDArray[Any]]]:
    """The tensors, a layer at a time."""
    noise = (np.random.default_rng(0).standard_normal(1 << 20) * 0.02).astype(np.float16)

    def random(*shape: int) -> NDArray[np.float16]:
        return np.resize(noise, shape)

    linear: Callable[[str, int, int], dict[str, NDArray[Any]]] = _packed if bits == 4 else _plain(random)
    ends = {"model.embed_tokens.weight": random(VOCABULARY, HIDDEN), "model.norm.weight": np.ones(HIDDEN, np.float16)}
    head = random(VOCABULARY, HIDDEN)
    head[LETTERS:] = 0
    yield {**ends, "lm_head.weight": head}
    keys = HIDDEN // HEADS * KV_HEADS
    sizes = {
        **{
            f"self_attn.{name}_proj": (HIDDEN, out)
            for name, out in zip("qkvo", (HIDDEN, keys, keys, HIDDEN), strict=True)
        },
        **{f"mlp.{name}_proj": (HIDDEN, FEED_FORWARD) for name in ("gate", "up")},
        "mlp.down_proj": (FEED_FORWARD, HIDDEN),
    }
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}"
        norms = ("input_layernorm", "post_attention_layernorm")
        tensors: dict[str, NDArray[Any]] = {f"{prefix}.{norm}.weight": np.ones(HIDDEN, np.float16) for norm in norms}
        for name, (rows, columns) in sizes.items():
            tensors |= linear(f"{prefix}.{name}", rows, columns)
        yield tensors


def _plain(random: Callable[..., NDArray[np.float16]]) -> Callable[[str, int, int], dict[str, NDArray[Any]]]:
    return lambda name, rows, columns: {f"{name}.weight": random(columns, rows)}


def _packed(name: str, rows: int, columns: int) -> dict[str, NDArray[Any]]:
    """A matrix of 4 bits: eight weights in a word, a scale and a zero for each group of rows."""
    words = np.random.default_rng(0).integers(-(1 << 31), 1 << 31, 1 << 18, np.int32)
    groups = rows // GROUP
    return {
        f"{name}.qweight": np.resize(words, (rows // 8, columns)),
        f"{name}.qzeros": np.full((groups, columns // 8), 0x77777777, np.int32),
        f"{name}.scales": np.full((groups, columns), 0.005, np.float16),
        f"{name}.g_idx": (np.arange(rows) // GROUP).astype(np.int32),
    }


def kokoro(folder: Path) -> Path:
    """Kokoro-82M, for ONNX Runtime: most of it."""
    return once(folder, "kokoro", vocoder_net.write)
