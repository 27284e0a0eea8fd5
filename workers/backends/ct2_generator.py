"""Language models on CTranslate2 (MIT): a converted model's directory, on the processor or on CUDA 12.

One thread generates, one answer after the other, since the model has the processor or the GPU to itself; the callback
that CTranslate2 calls for each token hands it on and says whether the answer is still wanted. So an answer that was
cancelled ends with its next token; only while the prompt is computed can nothing be stopped. The system's text is
computed once (`static_prompt`, which CTranslate2 keeps until the model is unloaded, so nothing else goes in there);
the history is computed anew for each answer: CTranslate2 keeps nothing of a conversation, and nothing is to forget.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from engine.contract import Abilities, Job, Rung, Tag
from engine.errors import BackendError, first_line
from workers.backends.background import Answer, Background
from workers.backends.conversation import TooLongError, system_text
from workers.backends.ct2_library import Ct2, ct2, mended
from workers.backends.text_model import TextModel, directory

SETTING, EXTRA = "llm.backend ctranslate2", "ctranslate2"
REMEDY = "convert it with `ct2-transformers-converter --model NAME --copy_files tokenizer.json tokenizer_config.json`"
NEEDED = ("model.bin", "config.json", "vocabulary.json|vocabulary.txt", "tokenizer.json")
UNLOAD_S = 30.0
"""For the prompt that is being computed when the model is to go. Nothing can end that sooner."""


class Ct2Generator(Background):
    """Settings: model, device, require_device, compute_type, context_tokens, temperature, top_k, top_p,
    repetition_penalty; system_prompt and max_tokens of the stage."""

    abilities = Abilities(checkpoint="token", incremental=True, cache="prefix")

    def __init__(self) -> None:
        super().__init__()
        self._model: Any = None
        self._identity: tuple[Any, ...] = ()
        self._waiting: deque[Answer | None] = deque()
        """None ends the thread."""
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._remarks: tuple[str, ...] = ()

    def load(self, rung: Rung) -> None:
        settings = rung.settings
        folder = directory(str(settings["model"]), "llm.ctranslate2.model", NEEDED, REMEDY)
        identity = _identity(rung)
        if identity != self._identity:
            self.unload()
            found = ct2(settings, SETTING, EXTRA)
            self._text = TextModel(folder, SETTING, EXTRA)
            self._model = self._opened(str(folder), found, settings, rung.threads)
            self._identity, self._remarks = identity, found.remarks
        self._rung = rung
        self._prefixes: dict[str, list[str]] = {}
        self._most = int(settings["context_tokens"]) - int(settings["max_tokens"])
        self._check_context()

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        return _identity(now) == _identity(then)

    def _opened(self, folder: str, found: Ct2, settings: Any, threads: int) -> Any:
        try:
            return found.module.Generator(
                folder,
                found.device,
                compute_type=str(settings["compute_type"]),
                inter_threads=1,
                intra_threads=threads,
            )
        except Exception as error:  # RuntimeError, ValueError: whatever its C++ throws
            why = first_line(error)
            raise BackendError(f"{folder} is no language model for CTranslate2 ({why})", REMEDY) from error

    def _check_context(self) -> None:
        asked, limit = int(self._rung.settings["context_tokens"]), self._text.limit
        if 0 < limit < asked:
            raise BackendError(
                f"llm.ctranslate2.context_tokens is {asked}, and {self._text.folder} has room for {limit}",
                f"set it to {limit} or less",
            )
        system = len(self._text.prefix(system_text(self._rung.settings["system_prompt"], self._rung.language)))
        if system >= self._most:
            raise BackendError(
                f"llm.system_prompt is {system} tokens long: it leaves no room for a question in context_tokens"
                f" {asked} less max_tokens {self._rung.settings['max_tokens']}",
                "shorten it, or give llm.ctranslate2.context_tokens more",
            )

    def warm_up(self) -> None:
        """Answer with one token: the system's text is computed and kept, and missing CUDA libraries show."""
        try:
            job = Job(Tag(), language=self._rung.language, text="hello")
            self._generate(self._asked(job), self._prefix(job.language), 1, lambda _: False)
        except Exception as error:  # RuntimeError: whatever its C++ throws
            raise mended(error, SETTING) from error

    def _begin(self, answer: Answer) -> None:
        with self._change:
            self._waiting.append(answer)
            self._change.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ctranslate2", daemon=True)
            self._thread.start()

    def _cancel(self, answer: Answer) -> None:
        with self._change:
            if answer not in self._waiting:
                return  # its next token ends it
            self._waiting.remove(answer)
        answer.end()

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting)
                answer = self._waiting.popleft()
            if answer is None:
                return
            try:
                self._answer(answer)
            except TooLongError as error:
                answer.end("failed", str(error))
            except Exception as error:  # RuntimeError: whatever its C++ throws
                answer.end("failed", first_line(error))
            else:
                answer.end()

    def _answer(self, answer: Answer) -> None:
        text = self._text.detokeniser()

        def take(step: Any) -> bool:
            """True ends the answer."""
            if answer.unwanted:
                return True
            number = self._text.number(step.token)
            if number is not None and number not in self._text.ends:
                answer.give(text.add(number))
            return answer.unwanted

        asked = self._asked(answer.job)
        if not answer.unwanted:
            self._generate(asked, self._prefix(answer.job.language), int(self._rung.settings["max_tokens"]), take)
            answer.give(text.end())

    def _asked(self, job: Job) -> list[str]:
        system = system_text(self._rung.settings["system_prompt"], job.language)
        return [self._text.token(each) for each in self._text.asked(system, job, self._most)]

    def _prefix(self, language: str) -> list[str]:
        """What every prompt in this language begins with."""
        if language not in self._prefixes:
            system = system_text(self._rung.settings["system_prompt"], language)
            self._prefixes[language] = [self._text.token(each) for each in self._text.prefix(system)]
        return self._prefixes[language]

    def _generate(self, asked: list[str], prefix: list[str], most: int, take: Any) -> None:
        settings, static = self._rung.settings, len(prefix)
        if asked[:static] != prefix or static == len(asked):
            static = 0
        self._model.generate_batch(
            [asked[static:]],
            static_prompt=asked[:static] or None,
            max_length=most,
            include_prompt_in_result=False,
            sampling_topk=1 if settings["temperature"] == 0 else int(settings["top_k"]),
            sampling_topp=float(settings["top_p"]),
            sampling_temperature=float(settings["temperature"]) or 1.0,
            repetition_penalty=float(settings["repetition_penalty"]),
            end_token=self._text.ends,
            callback=take,
        )

    @property
    def remarks(self) -> Sequence[str]:
        return self._remarks

    def unload(self) -> None:
        """Waits for the answer that is under way to come to a token: a model that is in use does not go."""
        self._end_all(UNLOAD_S)
        if self._thread is not None:
            with self._change:
                self._waiting.append(None)
                self._change.notify()
            self._thread.join(UNLOAD_S)
            self._thread = None
        self._model, self._identity = None, ()


def _identity(rung: Rung) -> tuple[Any, ...]:
    """What the model has to be loaded anew for."""
    names = ("model", "device", "require_device", "compute_type")
    return *(rung.settings[each] for each in names), rung.threads
