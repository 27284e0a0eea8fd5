"""A tiny Whisper with random weights, converted by CTranslate2's own converter: the files that people download, in
their real layout. It makes words of any sound; which ones means nothing, only that the same sound gives the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh", "de")
WORDS = (
    *("time", "gate", "hall", "lift", "open", "where", "what", "the", "is", "for", "to", "a"),
    *("of", "and", "close", "tower", "ticket", "music", "garden", "window"),
)
SPECIAL = ("transcribe", "translate", "startoflm", "startofprev", "nospeech", "notimestamps")
TIMESTAMPS = 1501


def build(
    folder: Path,
    *,
    multilingual: bool,
    bands: int = 80,
    quantization: str = "int8",
    vocabulary: int = 0,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Write the model's directory. Takes a second or two. vocabulary: tokens, if more than are needed; sizes: other
    ones, as `WhisperConfig` calls them."""
    import ctranslate2
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    source = folder.parent / f"{folder.name}.source"
    source.mkdir()
    tokenizer = _tokenizer(multilingual)
    tokenizer.save(str(source / "tokenizer.json"))
    ends, begins = (tokenizer.token_to_id(f"<|{name}|>") for name in ("endoftext", "startoftranscript"))
    (source / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"})
    )
    preprocessor = {"feature_size": bands, "sampling_rate": 16000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (source / "preprocessor_config.json").write_text(
        json.dumps({"feature_extractor_type": "WhisperFeatureExtractor", **preprocessor})
    )
    usual: dict[str, Any] = {"d_model": 64} | {
        f"{side}_{what}": number
        for side in ("encoder", "decoder")
        for what, number in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 128))
    }
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=max(vocabulary, tokenizer.get_vocab_size() + TIMESTAMPS),
        num_mel_bins=bands,
        max_source_positions=1500,
        max_target_positions=448,
        decoder_start_token_id=begins,
        eos_token_id=ends,
        bos_token_id=ends,
        pad_token_id=ends,
        init_std=0.2,  # what it says shall depend on what it hears
        **(usual | dict(sizes or {})),
    )
    model = WhisperForConditionalGeneration(config)
    decoder = model.model.decoder
    with torch.no_grad():  # whole words rather than bytes, and not the same one for ever
        decoder.embed_positions.weight *= 4
        decoder.embed_tokens.weight[[tokenizer.token_to_id(f"Ġ{word}") for word in WORDS]] *= 2
    generation = model.generation_config
    generation.suppress_tokens, generation.begin_suppress_tokens = [], [ends]
    generation.is_multilingual = multilingual
    languages = {f"<|{code}|>": tokenizer.token_to_id(f"<|{code}|>") for code in LANGUAGES} if multilingual else {}
    generation.lang_to_id = languages
    model.save_pretrained(source)
    copied = ["tokenizer.json", "preprocessor_config.json"]
    converter = ctranslate2.converters.TransformersConverter(str(source), copy_files=copied)
    converter.convert(str(folder), quantization=quantization, force=True)
    written = json.loads((folder / "config.json").read_text())
    written["lang_ids"] = sorted(languages.values())  # transformers 5 loses them on the way
    (folder / "config.json").write_text(json.dumps(written))


def _tokenizer(multilingual: bool) -> Any:
    """Bytes, some whole words, and Whisper's special tokens in their order. The empty token is what the library knows a
    multilingual model by."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    symbols = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(f"Ġ{word}" for word in WORDS)]
    symbols += [""] if multilingual else []
    tokenizer = Tokenizer(models.BPE(vocab={symbol: place for place, symbol in enumerate(symbols)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    codes = LANGUAGES if multilingual else ()
    names = ("endoftext", "startoftranscript", *codes, *SPECIAL)
    tokenizer.add_special_tokens([AddedToken(f"<|{name}|>", special=True) for name in names])
    return tokenizer
