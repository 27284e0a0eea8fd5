"""A tiny Moshi with random weights: language model, codec and tokenizer in the files and layout that Kyutai publishes,
and with the package's own classes. What it says means nothing, only that it depends on what it heard so far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORDS = (
    "where",
    "is",
    "the",
    "lift",
    "open",
    "gate",
    "to",
    "a",
    "hall",
    "time",
    "please",
    "yes",
    "no",
    "left",
    "right",
)
TEXT_CARD = 48


def build(folder: Path, *, model_type: str = "moshi") -> None:
    """Write the model's directory."""
    import torch
    from moshi.models import loaders
    from safetensors.torch import save_file

    torch.manual_seed(0)
    codec: dict[str, Any] = {
        "sample_rate": 24000,
        "channels": 1,
        "frame_rate": 12.5,
        "seanet": {**loaders._seanet_kwargs, "dimension": 32, "n_filters": 4},
        "quantizer": {**loaders._quantizer_kwargs, "dimension": 16, "input_dimension": 32, "output_dimension": 32},
        "transformer": {
            **loaders._transformer_kwargs,
            "d_model": 32,
            "num_heads": 2,
            "num_layers": 1,
            "dim_feedforward": 64,
            "input_dimension": 32,
            "output_dimensions": [32],
        },
    }
    language: dict[str, Any] = {
        **loaders._lm_kwargs,
        "dim": 64,
        "text_card": TEXT_CARD,
        "num_heads": 2,
        "num_layers": 2,
        "context": 32,
        "depformer_dim": 32,
        "depformer_dim_feedforward": 64,
        "depformer_num_heads": 2,
        "depformer_num_layers": 1,
    }
    mimi = loaders.get_mimi(None, codec)
    with torch.no_grad():
        for name, weight in [*mimi.encoder.named_parameters(), *mimi.decoder.named_parameters()]:
            if name.endswith("bias"):  # with these, all sounds are nearly the same to it
                weight.zero_()
        next(weight for weight in mimi.encoder.parameters() if weight.dim() == 3).mul_(1000)
        for codebooks in (mimi.quantizer.rvq_first, mimi.quantizer.rvq_rest):
            codebooks.output_proj.weight *= 10
            for layer in codebooks.vq.layers:  # they begin empty, to be filled by training
                layer._codebook.embedding_sum.normal_(std=0.1)
                layer._codebook.cluster_usage.fill_(1.0)
                layer._codebook._initialized.fill_(1.0)
    lm = loaders.get_moshi_lm(None, language, dtype=torch.float32)
    with torch.no_grad():  # what it says shall depend on what it hears
        for embedding in lm.emb:
            embedding.weight *= 4
        lm.text_linear.weight *= 4
    save_file(_apart(mimi), str(folder / "mimi.safetensors"))
    save_file(_apart(lm), str(folder / "model.safetensors"))
    (folder / "mimi_config.json").write_text(json.dumps(codec))
    names = {"mimi_name": "mimi.safetensors", "mimi_config_name": "mimi_config.json", "tokenizer_name": "words.model"}
    (folder / "config.json").write_text(json.dumps({**language, **names, "model_type": model_type}))
    _tokenizer(folder / "words.model")


def _apart(model: Any) -> dict[str, Any]:
    """Its weights, none of them sharing memory with another."""
    return {name: tensor.detach().clone().contiguous() for name, tensor in model.state_dict().items()}


def _tokenizer(path: Path) -> None:
    """SentencePiece as Moshi's: 0 ends padding, 3 is padding."""
    import io

    import sentencepiece

    def sentences() -> Iterator[str]:
        for first in WORDS:
            for second in WORDS:
                yield f"{first} {second}"

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences(),
        model_writer=made,
        vocab_size=TEXT_CARD,
        model_type="bpe",
        hard_vocab_limit=False,
        pad_id=3,
        minloglevel=2,
    )
    path.write_bytes(made.getvalue())
