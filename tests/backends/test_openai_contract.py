"""Language models behind HTTP: the whole contract against a scripted server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.backends import scripted_server as scripts
from tests.backends.conformance_llm import LlmConformance, Subject
from tests.backends.openai_desk import FALLBACK, LOCAL, nowhere, settings
from tests.backends.scripted_server import Connection, serving
from tests.models.llama import SAID
from workers.backends.openai_http import OpenAi


class Contract(LlmConformance):
    """The suite that every language model passes, with a way of answering."""

    script: Callable[[Connection], None]
    sets: tuple[str, ...] = ()

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> Iterator[Subject]:
        with ExitStack() as stack:
            answering, endless = (stack.enter_context(serving(each)) for each in (cls.script, scripts.endless))
            strange = stack.enter_context(serving())
            strange.warm = scripts.fails
            yield Subject(
                make=OpenAi,
                rung=settings(answering.url, *cls.sets),
                question="how do you do",
                answer=SAID,
                long=settings(endless.url, *cls.sets),
                other=settings(
                    endless.url, *cls.sets, "llm.openai.fallback=phrasebook", f"llm.openai.base_url={answering.url}"
                ),
                broken={}
                if cls.sets
                else {
                    "nobody there": (settings(nowhere()), "Connection refused"),
                    "no address": (settings("localhost:8000"), 'write it like "http://127.0.0.1:8000/v1"'),
                    "wrong port": (settings("http://localhost:99999/v1"), "write it like"),
                    "wrong path": (settings(answering.url + "/nothing"), "it answers 404 Not Found"),
                    "out of memory": (settings(strange.url), "it answers 500 Internal Server Error (out of memory at"),
                    "no key": (settings(answering.url, "llm.openai.api_key_env=NO_SUCH_KEY"), "no such variable"),
                    "no tokenizer": (settings(answering.url, "llm.openai.tokenizer=/no/such"), "there is no /no/such"),
                    "is no tokenizer": (settings(answering.url, f"llm.openai.tokenizer={__file__}"), "no tokenizer"),
                },
            )


class TestContract(Contract):
    script = staticmethod(scripts.good)


class TestContractByteByByte(Contract):
    script = staticmethod(scripts.in_bytes)


class TestContractWithoutChunks(Contract):
    script = staticmethod(scripts.at_once)


class TestContractWithAFallback(Contract):
    script = staticmethod(scripts.good)
    sets = (FALLBACK,)


class TestContractOfTheFallbackAlone(LlmConformance):
    """While the server is away, what answers keeps the contract, too."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> Subject:
        gone = settings(nowhere(), FALLBACK)
        return Subject(make=OpenAi, rung=gone, question="hello", answer=LOCAL, long=gone, too_long=False)
