"""Language models on CTranslate2 (MIT): a converted model's directory, on the processor or on CUDA 12.

One thread generates, one answer after the other, since the model has the processor or the GPU to itself; the callback
that CTranslate2 calls for each token hands it on and says whether the answer is still wanted. So an answer that was
cancelled ends with its next token; only while the prompt is computed can nothing be stopped. The system's text is
computed once (`static_prompt`, which CTranslate2 keeps until the model is unloaded, so nothing else goes in there);
the history is computed anew for each answer: CTranslate2 keeps nothing of a conversation, and nothing is to forget.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from engine.contract import Abilities, Job, Rung, Tag
from engine.errors import BackendError
from workers.backends.background import Answer, Background
from workers.backends.conversation import system_text
from workers.backends.ct2 import EXTRA, Place, Placed, module, opened
from workers.backends.model_files import directory
from workers.backends.one_by_one import OneByOne
from workers.backends.text_model import TextModel
from workers.due import AnswerDue

TABLE = "llm.ctranslate2"
REMEDY = "convert it with `ct2-transformers-converter --model NAME --copy_files tokenizer.json tokenizer_config.json`"
NEEDED = ("model.bin", "config.json", "vocabulary.json|vocabulary.txt", "tokenizer.json")
UNLOAD_S = 30.0
"""For the prompt that is being computed when the model is to go. Nothing can end that sooner."""


class Ct2Generator(Background):
    """Settings: model, device, require_device, compute_type, context_tokens, temperature, top_k, top_p,
    repetition_penalty; system_prompt and max_tokens of the stage."""

    abilities = Abilities(checkpoint="token", incremental=True, cache="prefix", own_thread=True)

    def __init__(self) -> None:
        super().__init__()
        self._placed: Placed[Any] | None = None
        self._identity: tuple[Any, ...] = ()
        self._line = OneByOne("ctranslate2")

    def load(self, rung: Rung) -> None:
        settings = rung.settings
        folder = directory(str(settings["model"]), f"{TABLE}.model", NEEDED, REMEDY)
        place, identity = Place.of(TABLE, settings), _identity(rung)
        if identity != self._identity:
            self.unload()
            make = partial(module(TABLE).Generator, inter_threads=1, intra_threads=rung.threads)
            self._text = TextModel(folder, TABLE, EXTRA)
            self._placed = Placed(place, lambda each: opened(each, make, folder, REMEDY))
            self._identity = identity
        self._rung = rung
        self._prefixes: dict[str, list[str]] = {}
        self._most = int(settings["context_tokens"]) - int(settings["max_tokens"])
        self._check_context()

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        return _identity(now) == _identity(then)

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
        assert self._placed is not None
        job = Job(Tag(), language=self._rung.language, text="hello")
        asked, prefix = self._asked(job), self._prefix(job.language)
        self._placed.warm_up(lambda model: self._generate(model, asked, prefix, 1, lambda _: False), REMEDY)

    def _begin(self, answer: Answer) -> None:
        self._line.add(answer, partial(self._answer, answer))

    def _cancel(self, answer: Answer) -> None:
        self._line.drop(answer)

    def _answer(self, answer: Answer) -> None:
        text, lease, due = self._text.detokeniser(), self._rung.lease, AnswerDue(answer.job.deadline_ns)

        def take(step: Any) -> bool:
            """True ends the answer."""
            if answer.unwanted:
                return True
            number = self._text.number(step.token)
            if number is not None and number not in self._text.ends:
                piece = text.add(number)
                answer.give(piece)
                due.add(piece)
            if not answer.unwanted:
                lease.turn(due.ns)
            return answer.unwanted

        asked = self._asked(answer.job)
        if not answer.unwanted:
            most = int(self._rung.settings["max_tokens"])
            lease.take(due.ns)
            try:
                self._generate(self._model, asked, self._prefix(answer.job.language), most, take)
            finally:
                lease.give()
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

    @property
    def _model(self) -> Any:
        assert self._placed is not None, "load comes first"
        return self._placed.model

    def _generate(self, model: Any, asked: list[str], prefix: list[str], most: int, take: Any) -> None:
        settings, static = self._rung.settings, len(prefix)
        if asked[:static] != prefix or static == len(asked):
            static = 0
        model.generate_batch(
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
        return self._placed.remarks if self._placed is not None else ()

    def unload(self) -> None:
        """Waits for the answer that is under way to come to a token: a model that is in use does not go."""
        self._end_all(UNLOAD_S)
        self._line.close(UNLOAD_S)
        if self._placed is not None:
            self._placed.close()
        self._placed, self._identity = None, ()


def _identity(rung: Rung) -> tuple[Any, ...]:
    """What the model has to be loaded anew for."""
    return str(rung.settings["model"]), Place.of(TABLE, rung.settings), rung.threads
