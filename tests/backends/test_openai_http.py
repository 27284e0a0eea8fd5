"""Language models behind HTTP: what is sent, and how an answer that nobody wants is ended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.contract import Ended, Exchange, Job, Tag
from engine.errors import BackendError
from tests.backends import scripted_server as scripts
from tests.backends.llm_driver import WATCHDOG_S, Driver
from tests.backends.openai_desk import TAG, Loaded, nowhere, settings
from tests.backends.scripted_server import Connection, ScriptedServer
from tests.models.llama import SAID
from workers.backends.openai_http import OpenAi

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
