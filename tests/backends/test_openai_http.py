"""Language models behind HTTP: the whole contract against a scripted server, and its faults one by one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine.config import load
from engine.contract import Ended, Exchange, Job, Rung, Tag, Token
from engine.errors import BackendError
from tests.backends import scripted_server as scripts
from tests.backends.conformance_llm import WATCHDOG_S, Driver, LlmConformance, Subject
from tests.backends.scripted_server import Connection, ScriptedServer, serving
from tests.models.llama import SAID
from workers.backends import openai_http
from workers.backends.openai_http import OpenAi
from workers.backends.registry import rung

TAG = Tag(1, 1, 1)
LOCAL = "From ten to six."
"""What the phrasebook says that stands in."""


def settings(url: str, *sets: str) -> Rung:
    """What the engine would load it with."""
    entries = f'llm.phrasebook.entries=[{{ patterns = ["*"], answers = ["{LOCAL}"] }}]'
    own = ("llm.backend=openai", f"llm.openai.base_url={url}", entries)
    return rung("llm", load(sets=[*own, *sets], environ={"ANTIPHON_SYSTEM_CONFIG": ""}))


FALLBACK = "llm.openai.fallback=phrasebook"
QUICK = ("llm.openai.first_token_s=0.3", "llm.openai.between_tokens_s=0.3", "llm.openai.connect_s=0.3")


def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as made:
        yield made


Loaded = Callable[..., Driver]


@pytest.fixture
def loaded(server: ScriptedServer) -> Iterator[Loaded]:
    """loaded(*sets) is a backend that is loaded with the server."""
    drivers: list[Driver] = []

    def make(*sets: str, url: str = "") -> Driver:
        drivers.append(Driver(OpenAi()))
        drivers[-1].load(settings(url or server.url, *sets))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.backend.unload()


class Contract(LlmConformance):
    """The suite that every language model passes, with a way of answering."""

    script: Callable[[Connection], None]
    sets: tuple[str, ...] = ()

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        with ExitStack() as stack:
            answering, endless = (stack.enter_context(serving(each)) for each in (type(self).script, scripts.endless))
            strange = stack.enter_context(serving())
            strange.warm = scripts.fails
            yield Subject(
                make=OpenAi,
                rung=settings(answering.url, *self.sets),
                question="how do you do",
                answer=SAID,
                long=settings(endless.url, *self.sets),
                other=settings(
                    endless.url, *self.sets, "llm.openai.fallback=phrasebook", f"llm.openai.base_url={answering.url}"
                ),
                broken={}
                if self.sets
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

    @pytest.fixture
    def subject(self) -> Subject:
        gone = settings(nowhere(), FALLBACK)
        return Subject(make=OpenAi, rung=gone, question="hello", answer=LOCAL, long=gone, too_long=False)


# What is sent.


def test_the_question_comes_with_its_past_and_the_system_prompt(loaded: Loaded, server: ScriptedServer) -> None:
    driver = loaded("llm.openai.temperature=0.5", "llm.max_tokens=99", "llm.system_prompt=Speak {language}.")
    driver.backend.begin(Job(TAG, text="And now?", history=(Exchange("Hi.", "Hello."),), context=("It rains.",)))
    driver.until_ended(TAG)
    assert server.questions == [
        {
            "model": "tiny",
            "messages": [
                {"role": "system", "content": "Speak English."},
                {"role": "user", "content": "Hi."},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "[What you know at present:\n- It rains.\n]\nAnd now?"},
            ],
            "max_tokens": 99,
            "temperature": 0.5,
            "stream": True,
        }
    ]


def test_the_system_prompt_is_computed_before_anybody_asks(loaded: Loaded, server: ScriptedServer) -> None:
    loaded("llm.system_prompt=Be brief.")
    warmed = [each.body for each in server.asked if each.body]
    assert [(body["messages"][0]["content"], body["max_tokens"]) for body in warmed] == [("Be brief.", 1)]
    assert "n_predict" not in warmed[0]


def test_llama_cpp_computes_it_without_saying_anything(loaded: Loaded, server: ScriptedServer) -> None:
    server.software = "llama.cpp"
    loaded()
    assert server.asked[-1].body["n_predict"] == 0


def test_the_key_comes_from_the_environment(
    loaded: Loaded, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    driver = loaded("llm.openai.api_key_env=MY_KEY")
    driver.ask("hello", TAG)
    assert {each.headers.get("authorization") for each in server.asked} == {"Bearer sk-secret"}
    assert "sk-secret" not in repr(settings(server.url, "llm.openai.api_key_env=MY_KEY"))


def test_a_configured_model_is_asked_for(loaded: Loaded, server: ScriptedServer) -> None:
    loaded("llm.openai.model=other").ask("hello", TAG)
    assert server.questions[0]["model"] == "other"


def test_a_model_the_server_does_not_have_is_told_with_those_it_has(server: ScriptedServer) -> None:
    server.warm = scripts.refuses
    with pytest.raises(BackendError, match="it has no model big, but tiny"):
        Driver(OpenAi()).load(settings(server.url, "llm.openai.model=big"))


@pytest.mark.parametrize("exact", [True, False])
def test_of_a_long_conversation_the_oldest_exchanges_are_left_out(
    exact: bool, loaded: Loaded, server: ScriptedServer, llama_tokenizer: Path
) -> None:
    driver = loaded(
        "llm.openai.context_tokens=1000",
        "llm.max_tokens=100",
        *((f"llm.openai.tokenizer={llama_tokenizer / 'tokenizer.json'}",) if exact else ()),
    )
    past = tuple(Exchange(f"question {number:02d}", "x" * 90) for number in range(40))
    driver.backend.begin(Job(TAG, text="and now", history=past))
    driver.until_ended(TAG)
    sent = "".join(each["content"] for each in server.questions[0]["messages"])
    kept = [number for number in range(40) if f"question {number:02d}" in sent]
    assert kept == list(range(kept[0], 40))
    assert (len(kept) < 8) is exact  # a token of this tokenizer is a byte
    assert 0 < len(kept) < 40


# Cancelling.


@pytest.mark.parametrize("script", [scripts.waits, scripts.silent, scripts.endless])
def test_cancelling_closes_the_connection(
    script: Callable[[Connection], None], loaded: Loaded, server: ScriptedServer
) -> None:
    server.script = script
    driver = loaded()
    driver.backend.begin(Job(TAG, text="hello"))
    if script is not scripts.silent:
        driver.until(lambda: bool(driver.events), "a piece")
    else:
        while not server.questions:
            driver.backend.step(0)
    driver.backend.cancel(TAG)
    driver.until_ended(TAG)
    assert driver.ends(TAG) == ["cancelled"]
    server.wait_left()


def test_a_cancelled_answer_is_over_even_while_the_connection_is_being_made(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, connecting, go_on = loaded(), threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        connecting.set()
        go_on.wait(WATCHDOG_S)
        raise OSError("too late")

    monkeypatch.setattr(socket, "create_connection", slow)
    driver.backend.begin(Job(TAG, text="hello"))
    assert connecting.wait(WATCHDOG_S)
    driver.backend.cancel(TAG)
    driver.until_ended(TAG)
    go_on.set()
    assert driver.events == [Ended(TAG, "cancelled")]


# Faults.

BEFORE = {
    scripts.fails: "it answers 500 Internal Server Error",
    scripts.refuses: "it answers 400 Bad Request",
    scripts.forbidden: "it answers 401 Unauthorized",
    scripts.garbage: "it sends what is no chunk of an answer",
    scripts.no_http: "",
    scripts.no_stream: "it answers with text/html instead of a stream of events",
    scripts.error_in_stream: "it failed in the middle of an answer",
    scripts.cut_off_early: "",
    scripts.silent: "it does not answer in time",
    scripts.pings: "it does not answer in time",
}
AFTER = {scripts.cut_off: "", scripts.waits: "it does not answer in time"}
"""Those that have said something before they fail."""


@pytest.mark.parametrize(
    ("script", "says"), {**BEFORE, **AFTER}.items(), ids=lambda each: getattr(each, "__name__", "")
)
def test_a_fault_of_the_server_ends_that_answer_and_the_next_one_is_whole(
    script: Callable[[Connection], None], says: str, loaded: Loaded, server: ScriptedServer
) -> None:
    driver = loaded(*QUICK)
    server.script = script
    driver.backend.begin(Job(TAG, text="where is the lift"))
    driver.until_ended(TAG)
    end = driver.events[-1]
    assert isinstance(end, Ended)
    assert (end.reason, driver.text(TAG)) == ("failed", "Ask" if script in AFTER else "")
    assert says in end.text
    assert end.text.startswith(f"the server {server.url}: ")
    assert "lift" not in end.text  # it goes to a journal
    server.script = scripts.good
    assert driver.ask("hello", Tag(1, 1, 2)) == SAID


@pytest.mark.parametrize("script", BEFORE, ids=lambda each: each.__name__)
def test_what_the_server_has_not_begun_to_answer_the_fallback_answers(
    script: Callable[[Connection], None], loaded: Loaded, server: ScriptedServer
) -> None:
    driver = loaded(*QUICK, FALLBACK)
    server.script = script
    assert driver.ask("where is the lift", TAG) == LOCAL
    remarks = " ".join(driver.backend.remarks)
    assert ("phrasebook answers meanwhile" in remarks) is (script is not scripts.refuses)
    assert "lift" not in remarks


@pytest.mark.parametrize("script", AFTER, ids=lambda each: each.__name__)
def test_an_answer_that_has_begun_is_not_begun_again_by_another(
    script: Callable[[Connection], None], loaded: Loaded, server: ScriptedServer
) -> None:
    driver = loaded(*QUICK, FALLBACK)
    server.script = script
    driver.backend.begin(Job(TAG, text="hello"))
    driver.until_ended(TAG)
    assert (driver.text(TAG), driver.ends(TAG)) == ("Ask", ["failed"])
    assert driver.ask("hello", Tag(1, 1, 2)) == LOCAL


def test_a_server_that_is_missing_at_the_start_is_a_remark_where_there_is_a_fallback(loaded: Loaded) -> None:
    driver = loaded(FALLBACK, url=nowhere())
    (remark,) = driver.backend.remarks
    assert "Connection refused; phrasebook answers meanwhile" in remark.replace("[Errno 111] ", "")
    assert driver.ask("hello", TAG) == LOCAL


def test_a_server_that_is_back_is_asked_again_and_no_visitor_waited_for_it(
    loaded: Loaded, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_http, "RETRY_S", 0.01)
    driver = loaded(*QUICK, FALLBACK)
    server.script, server.warm = scripts.fails, scripts.fails
    assert driver.ask("hello", TAG) == LOCAL
    asked = len(server.questions)
    assert driver.ask("hello", Tag(1, 1, 2)) == LOCAL
    assert len(server.questions) == asked
    server.script, server.warm = scripts.good, None
    limit = threading.Event()
    while driver.backend.remarks:
        assert not limit.wait(0.01)
    assert driver.ask("hello", Tag(1, 1, 3)) == SAID


def test_a_fallback_that_is_cancelled_ends_so(loaded: Loaded) -> None:
    driver = loaded(FALLBACK, url=nowhere())
    driver.backend.begin(Job(TAG, text="hello"))
    driver.until(lambda: any(isinstance(event, Token) for event in driver.events), "a word")
    driver.backend.cancel(TAG)
    driver.until_ended(TAG)
    assert driver.ends(TAG) == ["cancelled"]


def test_no_proxy_and_no_other_address_is_spoken_to(
    loaded: Loaded, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nowhere())
    reached: list[Any] = []
    real = socket.create_connection

    def noted(address: Any, *rest: Any, **more: Any) -> socket.socket:
        reached.append(address)
        return real(address, *rest, **more)

    monkeypatch.setattr(socket, "create_connection", noted)

    def moved(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    driver = loaded()
    assert driver.ask("hello", TAG) == SAID
    server.script = moved
    driver.backend.begin(Job(Tag(1, 1, 2), text="hello"))
    driver.until_ended(Tag(1, 1, 2))
    assert set(reached) == {("127.0.0.1", server.port)}
