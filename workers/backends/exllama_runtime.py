"""A model under exllamav2 or exllamav3, loaded: what differs between the two, and nothing else.

Not run on a GPU yet; see `exllama.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contract import Tag
from workers.backends.library import library

PAGE = 256
"""Tokens; what caches and pieces of prompts are multiples of."""
TOOLKIT = " and the CUDA toolkit (nvcc) into this stage's Python: it compiles itself when it is first imported"
_CACHES = {"fp16": "ExLlamaV2Cache", "q8": "ExLlamaV2Cache_Q8", "q6": "ExLlamaV2Cache_Q6", "q4": "ExLlamaV2Cache_Q4"}
_BITS = {"fp16": 0, "q8": 8, "q6": 6, "q4": 4}
_NGRAM = 3
"""Tokens in a row that must have been there before, to guess that what followed them follows again."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A loaded model and its generator, which have the same interface in both libraries.

    job: makes one of token ids [n], the tokens that end it, the settings, and whose it is. reset: gives up all pages.
    limit: the most tokens of a conversation that the model was made for.
    """

    generator: Any
    job: Callable[[list[int], list[int], Mapping[str, Any], Tag], Any]
    reset: Callable[[], None]
    unload: Callable[[], None]
    limit: int
    remarks: tuple[str, ...] = ()


def exllamav2(folder: Path, draft: Path | None, settings: Mapping[str, Any]) -> Runtime:
    """Its pages need flash-attn; without, it answers one after the other and reuses less."""
    torch, base = _library("torch", "exllamav2"), _library("exllamav2", "exllamav2")
    made, attention = (_library(f"exllamav2.{part}", "exllamav2") for part in ("generator", "attn"))
    held = _pages(settings["cache_tokens"])

    def opened(where: Path, kind: Any) -> tuple[Any, Any]:
        config = base.ExLlamaV2Config(str(where))
        config.arch_compat_overrides()
        model = base.ExLlamaV2(config)
        cache = kind(model, max_seq_len=held, lazy=True)
        model.load_autosplit(cache)
        return model, cache

    model, cache = opened(folder, getattr(base, _CACHES[settings["cache"]]))
    draft_model, draft_cache = opened(draft, base.ExLlamaV2Cache) if draft else (None, None)
    limits = [each.config.max_seq_len for each in (model, draft_model) if each is not None]
    model.config.max_seq_len = min(*limits, held)  # what guesses must not know less than what it guesses for
    paged = bool(attention.has_flash_attn_with_paged) and not model.config.no_flash_attn
    generator = made.ExLlamaV2DynamicGenerator(
        model=model,
        cache=cache,
        tokenizer=base.ExLlamaV2Tokenizer(model.config),
        max_batch_size=None if paged else 1,
        max_chunk_size=_pages(settings["prefill_tokens"]),
        draft_model=draft_model,
        draft_cache=draft_cache,
        num_draft_tokens=int(settings["draft_tokens"]),
        use_ngram_draft=bool(settings["ngram"]),
        paged=paged,
    )

    def job(ids: list[int], ends: list[int], wanted: Mapping[str, Any], tag: Tag) -> Any:
        greedy = wanted["temperature"] == 0
        return made.ExLlamaV2DynamicJob(
            input_ids=torch.tensor([ids], dtype=torch.long),
            max_new_tokens=int(wanted["max_tokens"]),
            gen_settings=made.ExLlamaV2Sampler.Settings(
                temperature=1.0 if greedy else float(wanted["temperature"]),
                top_k=1 if greedy else int(wanted["top_k"]),
                top_p=float(wanted["top_p"]),
                token_repetition_penalty=float(wanted["repetition_penalty"]),
            ),
            stop_conditions=list(ends),
            identifier=tag,
        )

    remark = "exllamav2 finds no flash-attn 2.5.7 or newer: it answers one at a time and keeps less of what was said"
    unload = _unload(model, draft_model)
    return Runtime(generator, job, generator.reset_page_table, unload, min(limits), () if paged else (remark,))


def exllamav3(folder: Path, draft: Path | None, settings: Mapping[str, Any]) -> Runtime:
    """Its attention for pages comes with it."""
    torch, base = _library("torch", "exllamav3"), _library("exllamav3", "exllamav3")
    held, bits = _pages(settings["cache_tokens"]), _BITS[settings["cache"]]
    quantised = {"layer_type": base.CacheLayer_quant, "k_bits": bits, "v_bits": bits} if bits else {}

    def opened(where: Path, kind: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        config = base.Config.from_directory(str(where))
        model = base.Model.from_config(config)
        cache = base.Cache(model, max_num_tokens=held, **kind)  # before the model is loaded, which allocates it
        model.load()
        return config, model, cache

    config, model, cache = opened(folder, quantised)
    draft_config, draft_model, draft_cache = opened(draft, {}) if draft else (None, None, None)
    limits = [each.max_position_embeddings for each in (config, draft_config) if each is not None]
    generator = base.Generator(
        model=model,
        cache=cache,
        tokenizer=base.Tokenizer.from_config(config),
        max_chunk_size=_pages(settings["prefill_tokens"]),
        draft_model=draft_model,
        draft_cache=draft_cache,
        num_draft_tokens=int(settings["draft_tokens"]),
        ngram_match_min=_NGRAM if settings["ngram"] else 0,
    )

    def job(ids: list[int], ends: list[int], wanted: Mapping[str, Any], tag: Tag) -> Any:
        return base.Job(
            input_ids=torch.tensor([ids], dtype=torch.long),
            max_new_tokens=int(wanted["max_tokens"]),
            sampler=base.ComboSampler(
                rep_p=float(wanted["repetition_penalty"]),
                temperature=float(wanted["temperature"]),
                top_k=int(wanted["top_k"]),
                top_p=float(wanted["top_p"]),
            ),
            stop_conditions=list(ends),
            identifier=tag,
        )

    return Runtime(generator, job, generator.pagetable.reset_page_table, _unload(model, draft_model), min(limits))


def _pages(tokens: int) -> int:
    return int(tokens) // PAGE * PAGE


def _unload(*models: Any) -> Callable[[], None]:
    def unload() -> None:
        for model in models:
            if model is not None:
                model.unload()

    return unload


def _library(module: str, name: str) -> Any:
    return library(module, f"llm.backend {name}", name, TOOLKIT)
