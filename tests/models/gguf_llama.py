"""The tiny Llama of `llama.py` as GGUF, for llama.cpp. Run by a Python that has the package `gguf`, which needs nothing
of ours but this folder:

    python tests/models/gguf_llama.py FILE [endless]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.models import llama


def build(path: Path, endless: bool) -> None:
    """Weights in float32: random attention and feed-forward that count for little, and the chain."""
    import gguf

    tokens = llama.vocabulary()
    head = llama.HIDDEN // llama.HEADS
    writer: Any = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_context_length(llama.CONTEXT)
    writer.add_embedding_length(llama.HIDDEN)
    writer.add_block_count(llama.LAYERS)
    writer.add_feed_forward_length(llama.FEED_FORWARD)
    writer.add_head_count(llama.HEADS)
    writer.add_head_count_kv(llama.KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(head)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL if token in llama.SPECIAL else gguf.TokenType.NORMAL for token in tokens]
    writer.add_token_types(kinds)
    writer.add_token_merges(["\u0120 \u0120"])  # it must have some; this one makes no token there is
    writer.add_bos_token_id(tokens.index(llama.BOS))
    writer.add_eos_token_id(tokens.index(llama.EOT))
    writer.add_add_bos_token(False)
    writer.add_chat_template(llama.TEMPLATE)

    random = np.random.default_rng(0)

    def add(name: str, *shape: int, scale: float = 0.02) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * scale).astype(np.float32))

    output = np.zeros((len(tokens), llama.HIDDEN), np.float32)
    for before, after in llama.chain(endless):
        output[after, before] = 1.0
    writer.add_tensor("token_embd.weight", np.eye(len(tokens), llama.HIDDEN, dtype=np.float32))
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(llama.HIDDEN, np.float32))
    for number in range(llama.LAYERS):
        block = f"blk.{number}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{norm}.weight", np.ones(llama.HIDDEN, np.float32))
        add(f"{block}.attn_q.weight", llama.HIDDEN, llama.HIDDEN)
        add(f"{block}.attn_k.weight", llama.KV_HEADS * head, llama.HIDDEN)
        add(f"{block}.attn_v.weight", llama.KV_HEADS * head, llama.HIDDEN)
        add(f"{block}.attn_output.weight", llama.HIDDEN, llama.HIDDEN, scale=2e-4)
        add(f"{block}.ffn_gate.weight", llama.FEED_FORWARD, llama.HIDDEN)
        add(f"{block}.ffn_up.weight", llama.FEED_FORWARD, llama.HIDDEN)
        add(f"{block}.ffn_down.weight", llama.HIDDEN, llama.FEED_FORWARD, scale=2e-4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    build(Path(sys.argv[1]), "endless" in sys.argv[2:])
