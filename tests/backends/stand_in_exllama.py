"""A scripted stand-in for exllamav2 and exllamav3, and for the little of torch that a backend needs to speak to them.

NOT these libraries: they cannot be imported without CUDA's compiler. It has the names, the parameters and the results
that their sources document (0.3.2 and 1.6.5), refuses what they refuse, and says what the model's directory tells it to
say. What it proves is that our side keeps to that interface; not that a GPU would do the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

PAGE = 256
SAYS = "stand-in.json"


class Tensor(list[list[int]]):
    """Token ids, [1, n], in the processor's memory."""


class Job:
    """As ExLlamaV2DynamicJob and exllamav3's Job."""

    def __init__(
        self,
        input_ids: Tensor,
        max_new_tokens: int,
        identifier: object,
        stop_conditions: Sequence[int],
        gen_settings: Any = None,
        sampler: Any = None,
    ) -> None:
        assert isinstance(input_ids, Tensor)
        assert len(input_ids) == 1
        assert stop_conditions
        assert gen_settings or sampler
        self.ids, self.most, self.identifier = list(input_ids[0]), max_new_tokens, identifier
        self.settings = gen_settings or sampler
        self.prefilled = self.said = 0


class Generator:
    """As ExLlamaV2DynamicGenerator and exllamav3's Generator: pages by their content, prompts in pieces."""

    instances: list[Generator] = []  # noqa: RUF012

    def __init__(
        self,
        model: Any,
        cache: Any,
        tokenizer: Any,
        max_chunk_size: int,
        max_batch_size: int | None = None,
        draft_model: Any = None,
        draft_cache: Any = None,
        num_draft_tokens: int = 4,
        use_ngram_draft: bool = False,
        ngram_match_min: int = 0,
        paged: bool = True,
    ) -> None:
        assert model.loaded
        assert cache.tokens % PAGE == 0
        assert max_chunk_size % PAGE == 0
        assert max_chunk_size <= 2048
        assert draft_model is None or (draft_cache.tokens == cache.tokens and not use_ngram_draft)
        assert paged or max_batch_size == 1
        self.model, self.cache, self.chunk = model, cache, max_chunk_size
        self.at_once = max_batch_size or 16
        self.draft = draft_model or use_ngram_draft or bool(ngram_match_min)
        self.num_draft_tokens = num_draft_tokens
        self.pending: list[Job] = []
        self.active: list[Job] = []
        self.pages: set[tuple[int, ...]] = set()
        self.computed: list[int] = []
        """Tokens of prompts that had to be computed, for each job that began."""
        self.jobs: list[Job] = []
        self.warm = False
        self.broken = ""
        self.pagetable = SimpleNamespace(reset_page_table=self.reset_page_table)
        Generator.instances.append(self)

    def enqueue(self, job: Job) -> None:
        assert len(job.ids) + job.most <= self.cache.tokens, "Job requires more pages than the cache has"
        self.pending.append(job)
        self.jobs.append(job)

    def num_remaining_jobs(self) -> int:
        return len(self.pending) + len(self.active)

    def cancel(self, job: Job) -> None:
        for jobs in (self.pending, self.active):
            if job in jobs:
                jobs.remove(job)

    def clear_queue(self) -> None:
        self.pending.clear()
        self.active.clear()

    def warmup(self) -> None:
        self.warm = True

    def reset_page_table(self) -> None:
        assert not self.num_remaining_jobs()
        self.pages.clear()

    def iterate(self) -> list[dict[str, Any]]:
        if self.broken:
            raise RuntimeError(self.broken)
        results = []
        while self.pending and len(self.active) < self.at_once:
            job = self.pending.pop(0)
            while tuple(job.ids[: job.prefilled + PAGE]) in self.pages:
                job.prefilled += PAGE
            self.computed.append(len(job.ids) - job.prefilled)
            self.active.append(job)
            results.append({"stage": "started", "eos": False, "identifier": job.identifier})
        for job in list(self.active):
            if job.prefilled < len(job.ids):
                job.prefilled = min(job.prefilled + self.chunk, len(job.ids))
                self.pages |= {tuple(job.ids[:end]) for end in range(PAGE, job.prefilled + 1, PAGE)}
                results.append({"stage": "prefill", "eos": False, "identifier": job.identifier})
                continue
            text, endless = self.model.says
            job.said += 1
            over = not endless and job.said == len(text)
            eos = over or job.said == job.most
            if eos:
                self.active.remove(job)
            results.append(
                {
                    "stage": "streaming",
                    "eos": eos,
                    "identifier": job.identifier,
                    "text": text[(job.said - 1) % len(text)],
                }
            )
        return results


class Model:
    def __init__(self, config: Any) -> None:
        self.config, self.loaded = config, False
        self.says: tuple[str, bool] = config.says

    @classmethod
    def from_config(cls, config: Any) -> Model:
        return cls(config)

    def load_autosplit(self, cache: Any) -> None:
        assert cache.model is self
        self.loaded = True

    def load(self) -> None:
        assert self.config.cached, "Construct the Cache BEFORE calling model.load()"
        self.loaded = True

    def unload(self) -> None:
        self.loaded = False


class Config:
    def __init__(self, directory: str) -> None:
        found, says = (json.loads((Path(directory) / name).read_text()) for name in ("config.json", SAYS))
        self.max_seq_len = self.max_position_embeddings = int(found["max_position_embeddings"])
        self.says = (str(says["says"]), bool(says["endless"]))
        self.no_flash_attn = self.cached = False

    @classmethod
    def from_directory(cls, directory: str) -> Config:
        return cls(directory)

    def arch_compat_overrides(self) -> None:
        pass


class CacheV2:
    def __init__(self, model: Model, max_seq_len: int, lazy: bool) -> None:
        assert lazy
        self.model, self.tokens = model, max_seq_len


class CacheV2Q4(CacheV2):
    pass


class CacheV3:
    def __init__(self, model: Model, max_num_tokens: int, layer_type: Any = None, **bits: int) -> None:
        assert set(bits) == ({"k_bits", "v_bits"} if layer_type else set())
        self.model, self.tokens, self.bits = model, max_num_tokens, bits
        model.config.cached = True


def tokenizer(_config: Any) -> object:
    return object()


def modules(paged: bool = True, gpu: bool = True) -> dict[str, ModuleType]:
    """What stands in sys.modules in their place."""
    settings: Any = SimpleNamespace(Settings=lambda **options: options)
    v2 = {
        "ExLlamaV2Config": Config, "ExLlamaV2": Model, "ExLlamaV2Tokenizer": tokenizer,
        "ExLlamaV2Cache": CacheV2, "ExLlamaV2Cache_Q4": CacheV2Q4,
    }  # fmt: skip
    generator = {
        "ExLlamaV2DynamicGenerator": Generator, "ExLlamaV2DynamicJob": Job, "ExLlamaV2Sampler": settings,
    }  # fmt: skip
    v3 = {
        "Config": Config, "Model": Model, "Cache": CacheV3, "CacheLayer_quant": object, "Generator": Generator,
        "Tokenizer": SimpleNamespace(from_config=tokenizer), "Job": Job, "ComboSampler": lambda **options: options,
    }  # fmt: skip
    torch = {
        "tensor": lambda ids, dtype: Tensor(ids),
        "long": "long",
        "cuda": SimpleNamespace(is_available=lambda: gpu),
    }
    parts = {
        "exllamav2": v2, "exllamav2.generator": generator, "exllamav2.attn": {"has_flash_attn_with_paged": paged},
        "exllamav3": v3, "torch": torch,
    }  # fmt: skip
    found = {}
    for name, content in parts.items():
        found[name] = ModuleType(name)
        vars(found[name]).update(content)
    return found


def script(folder: Path, says: str, endless: bool = False, context: int = 2048) -> None:
    """Let the model in this directory say something, and be made for so long a context."""
    (folder / SAYS).write_text(json.dumps({"says": says, "endless": endless}))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": context}))
