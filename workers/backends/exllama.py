"""Quantised language models on NVIDIA: exllamav2 (EXL2, GPTQ; MIT) and its successor exllamav3 (EXL3; MIT).

Not run on a GPU yet. Neither can be imported without CUDA's compiler, so this file was written from their sources
(0.3.2 and 1.6.5) and is tested against a stand-in of the interface they document, not against them.

Both have the same generator under two import paths: `iterate` computes a piece of a prompt (`prefill_tokens`) or a
token for all jobs at once, and between two of these anything can be cancelled. Its cache is kept in pages by what they
hold, so that whatever a prompt has in common with earlier ones, the system's text and the conversation so far, is not
computed again. When a visitor has left, the pages are given up and the system's text is computed anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from engine.contract import Abilities, Ended, Event, Job, Rung, Tag, Token
from engine.errors import BackendError, first_line
from workers.backends.conversation import TooLongError, system_text
from workers.backends.exllama_runtime import Runtime, exllamav2, exllamav3
from workers.backends.library import library
from workers.backends.text_model import TextModel, directory

NEEDED = ("config.json", "*.safetensors", "tokenizer.json")
LIGHT = frozenset(
    {"context_tokens", "max_tokens", "system_prompt", "temperature", "top_k", "top_p", "repetition_penalty"}
)
"""Settings that change nothing of what is loaded."""
OPEN: Mapping[str, Callable[[Path, Path | None, Mapping[str, Any]], Runtime]] = {
    "exllamav2": exllamav2,
    "exllamav3": exllamav3,
}
"""Load model and cache by the library; called when torch is there, with a GPU."""
_CUDA = "check `nvidia-smi`, and that torch is built for the driver's CUDA; or choose another backend"


def _identity(rung: Rung) -> tuple[tuple[str, Any], ...]:
    """What the model has to be loaded anew for."""
    return tuple(sorted((key, value) for key, value in rung.settings.items() if key not in LIGHT))


class ExLlama:
    """Settings: model, cache, cache_tokens, prefill_tokens, draft_model, draft_tokens, ngram, context_tokens,
    temperature, top_k, top_p, repetition_penalty; system_prompt and max_tokens of the stage. All jobs run at once, as
    far as the cache holds them."""

    name: ClassVar[str]
    """Of the library, the extra and the backend."""
    abilities = Abilities(checkpoint="token", incremental=True, cache="pages")

    def __init__(self) -> None:
        self._runtime: Runtime | None = None
        self._identity: tuple[Any, ...] = ()
        self._jobs: dict[Tag, Any] = {}
        self._over: list[Event] = []
        self._cancelled: set[Tag] = set()
        self._cost_ns = 0

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        return _identity(now) == _identity(then)

    def load(self, rung: Rung) -> None:
        settings, table = rung.settings, f"llm.{self.name}"
        remedy = f"fetch a model that was quantised for {self.name}, all of its files"
        folder = directory(str(settings["model"]), f"{table}.model", NEEDED, remedy)
        draft = settings["draft_model"]
        draft = directory(str(draft), f"{table}.draft_model", NEEDED, remedy) if draft else None
        if draft is not None and settings["ngram"]:
            raise BackendError(f"{table}: draft_model and ngram do not go together", "choose one way to guess ahead")
        if settings["context_tokens"] > settings["cache_tokens"]:
            what = f"{table}.context_tokens {settings['context_tokens']} is more than its cache_tokens"
            raise BackendError(what, f"set cache_tokens to {settings['context_tokens']} or more")
        identity = _identity(rung)
        if identity != self._identity:
            self.unload()
            self._text = TextModel(folder, f"llm.backend {self.name}", self.name)
            torch = library("torch", f"llm.backend {self.name}", self.name)
            if not torch.cuda.is_available():
                raise BackendError(f"llm.backend {self.name}: there is no NVIDIA GPU that torch can use", _CUDA)
            try:
                self._runtime = OPEN[self.name](folder, draft, settings)
            except BackendError:
                raise
            except Exception as error:  # AssertionError, RuntimeError, torch's out of memory: they share no base
                raise BackendError(f"{folder}: {self.name} cannot load it ({first_line(error)})", remedy) from error
            self._identity = identity
        if self._runtime is None or self._runtime.limit < settings["context_tokens"]:
            limit = self._runtime.limit if self._runtime is not None else 0
            what = f"{table}.context_tokens is {settings['context_tokens']}, and {folder} has room for {limit}"
            raise BackendError(what, f"set it to {limit} or less")
        self._rung = rung
        self._most = int(settings["context_tokens"]) - int(settings["max_tokens"])

    def warm_up(self) -> None:
        """Tunes the kernels, and computes the system's text, which stays in the cache."""
        assert self._runtime is not None
        try:
            self._runtime.generator.warmup()
            self._know_system()
        except TooLongError as error:
            raise BackendError(f"llm.system_prompt: {error}", "shorten it, or give it more context_tokens") from error
        except Exception as error:
            raise BackendError(f"llm.backend {self.name} does not run ({first_line(error)})", _CUDA) from error

    def _know_system(self) -> None:
        runtime, tag = self._runtime, Tag()
        assert runtime is not None
        ids = self._asked(Job(tag, language=self._rung.language, text="."))
        runtime.generator.enqueue(runtime.job(ids, self._text.ends, {**self._rung.settings, "max_tokens": 1}, tag))
        while runtime.generator.num_remaining_jobs():
            runtime.generator.iterate()

    def begin(self, job: Job) -> None:
        assert self._runtime is not None
        try:
            made = self._runtime.job(self._asked(job), self._text.ends, self._rung.settings, job.tag)
            self._runtime.generator.enqueue(made)
        except Exception as error:  # TooLongError; AssertionError of a job that the cache cannot hold
            self._over.append(Ended(job.tag, "failed", first_line(error)))
        else:
            self._jobs[job.tag] = made

    def feed(self, job: Job, data: Any) -> None:
        """A question comes whole, with `begin`."""

    def finish(self, job: Job) -> None:
        """A question comes whole, with `begin`."""

    def step(self, budget_ns: int) -> Sequence[Event]:
        """A piece of a prompt, or a token for each job."""
        events, self._over = self._over, []
        assert self._runtime is not None
        while self._cancelled:
            tag = self._cancelled.pop()
            if (made := self._jobs.pop(tag, None)) is not None:
                self._runtime.generator.cancel(made)
                events.append(Ended(tag, "cancelled"))
        if not self._jobs:
            return events
        began = time.monotonic_ns()
        try:
            results = self._runtime.generator.iterate()
        except Exception as error:  # out of memory, a broken driver
            events += [Ended(tag, "failed", first_line(error)) for tag in self._jobs]
            self._jobs.clear()
            self._runtime.generator.clear_queue()
            return events
        for result in results:
            tag = result["identifier"]
            if result["stage"] != "streaming" or tag not in self._jobs:
                continue
            if text := result.get("text", ""):
                events.append(Token(tag, text))
            if result["eos"]:
                del self._jobs[tag]
                events.append(Ended(tag))
        took = time.monotonic_ns() - began
        self._cost_ns += (took - self._cost_ns) // 8 if self._cost_ns else took
        return events

    def _asked(self, job: Job) -> list[int]:
        return self._text.asked(system_text(self._rung.settings["system_prompt"], job.language), job, self._most)

    @property
    def remarks(self) -> Sequence[str]:
        return self._runtime.remarks if self._runtime is not None else ()

    @property
    def idle(self) -> bool:
        return not (self._jobs or self._over)

    def cancel(self, tag: Tag) -> None:
        self._cancelled.add(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        """The history, which comes with each question, holds what was heard; pages of what was not match nothing."""

    def forget(self, session: int) -> None:
        if self._runtime is not None and not self._jobs:
            self._runtime.reset()
            self._know_system()

    def cost_ns(self, units: int) -> int:
        """A unit is a token, or a piece of a prompt."""
        return units * self._cost_ns

    def unload(self) -> None:
        if self._runtime is not None:
            for made in self._jobs.values():
                self._runtime.generator.cancel(made)
            self._runtime.unload()
        self._runtime, self._identity = None, ()
        self._jobs.clear()
        self._over.clear()
        self._cancelled.clear()


class ExLlamaV2(ExLlama):
    """By exllamav2."""

    name = "exllamav2"


class ExLlamaV3(ExLlama):
    """By exllamav3."""

    name = "exllamav3"
