"""A whole engine that calls a host's tools, and whose answers a host's own program gives."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.door.house import Client
from tests.engine_run import Engine, unspoken_to

PAGE = Path(__file__).parents[2].joinpath("docs", "door.md").read_text()
OWN = """
facts = ["The lift is next to the cloakroom."]
[[tools]]
name = "open_gate"
description = "Open the gate"
timeout_s = 60
[[tools]]
name = "ring_bell"
description = "Ring the bell"
timeout_s = 60
[llm]
backend = "host"
first_token_budget_ms = 8000
first_clause_budget_ms = 9000
[turns]
response_budget_ms = 10000
hard_limit_s = 20
"""

pytestmark = pytest.mark.xdist_group("door_calls")  # they share an engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with unspoken_to(tmp_path_factory.mktemp("calls"), OWN) as running:
        yield running


@pytest.fixture
def client(engine: Engine) -> Iterator[Client]:
    with Client(engine.door) as client:
        client.until(lambda line: line.get("state") == "listening")
        yield client
        client.ask({"command": "session.end"})


def heard(client: Client, **more: Any) -> str:
    """What was heard of the next turn that ends."""
    ended = client.until(lambda line: line.get("event") == "answer.ended" and more.items() <= line.items())
    return str(ended["heard"])


def asking(engine: Engine, text: str, *options: str) -> subprocess.Popen[str]:
    """`engine ask` to this engine."""
    command = [sys.executable, "-m", "engine", "ask", "--socket", str(engine.door), *options, text]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ask(client: Client, text: str) -> None:
    """The reply is not waited for: what comes of it may be told before."""
    client.send({"command": "ask", "text": text})


def test_with_nobody_to_do_it_a_request_is_refused_aloud(client: Client) -> None:
    ask(client, "open the gate")
    assert heard(client) == "I am sorry, I can't do that."


def test_the_example_of_the_page_does_what_is_called_and_the_engine_says_so(
    client: Client, engine: Engine, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "gate.py").write_text(example)
    with subprocess.Popen([sys.executable, "-I", "-S", str(tmp_path / "gate.py"), str(engine.door)]) as gate:
        engine.until(lambda: engine.get("door.tools") == 1, "the example was there")
        ask(client, "open the gate")
        called = client.until(lambda line: line.get("event") == "tool")
        assert (called["tool"], called["arguments"], called["timeout_s"]) == ("open_gate", {}, 60.0)
        said = [heard(client) for _ in range(3)]
        assert said == ["All right.", "The gate is opening.", "The gate is open."]
        ask(client, "ring the bell")  # which it cannot
        assert [heard(client), heard(client)] == ["All right.", "I am sorry, that did not work."]
        gate.terminate()
    engine.until(lambda: engine.get("door.tools") == 0, "the example was gone")


def test_engine_ask_prints_what_is_said_of_the_call_too(client: Client, engine: Engine) -> None:
    client.ask({"command": "tool.handle"})
    with asking(engine, "open the gate") as asks:
        call = client.until(lambda line: line.get("event") == "tool")["call"]
        assert client.ask({"command": "say", "text": "We close at six."})["ok"]  # is none of its business
        assert heard(client, source="say", call="") == "We close at six."
        assert client.ask({"command": "tool.progress", "call": call, "text": "It is opening."})["ok"]
        assert heard(client, call=call) == "It is opening."
        assert client.ask({"command": "tool.result", "call": call, "text": "It is open."})["ok"]
        said, wrong = asks.communicate(timeout=60)
    assert (asks.returncode, wrong) == (0, "")
    assert [line.rstrip() for line in said.splitlines()] == ["All right.", "It is opening.", "It is open."]
    client.ask({"command": "tool.handle", "on": False})


def test_engine_ask_says_so_where_a_call_was_given_up(client: Client, engine: Engine) -> None:
    client.ask({"command": "tool.handle"})
    with asking(engine, "open the gate") as asks:
        client.until(lambda line: line.get("event") == "tool")
        assert heard(client) == "All right."
        client.send({"command": "stop"})
        said, wrong = asks.communicate(timeout=60)
    assert (asks.returncode, said.rstrip()) == (10, "All right.")
    assert "not done: open_gate: somebody said stop" in wrong
    client.ask({"command": "tool.handle", "on": False})


def test_engine_ask_need_not_wait_for_a_call(client: Client, engine: Engine) -> None:
    client.ask({"command": "tool.handle"})
    with asking(engine, "open the gate", "--no-wait") as asks:
        call = client.until(lambda line: line.get("event") == "tool")["call"]
        said, _ = asks.communicate(timeout=60)
    assert (asks.returncode, said.rstrip()) == (0, "All right.")
    assert client.ask({"command": "tool.result", "call": call, "speak": False})["ok"]
    client.ask({"command": "tool.handle", "on": False})


def test_a_call_outlives_the_workers_and_is_made_once(client: Client, engine: Engine) -> None:
    client.ask({"command": "tool.handle"})
    ask(client, "ring the bell")
    call = client.until(lambda line: line.get("event") == "tool")["call"]
    for worker in ("turns", "llm"):
        before = engine.get(f"{worker}.restarts")
        engine.kill(worker)
        engine.until_restarted(worker, before + 1)
    while not (answer := client.ask({"command": "tool.result", "call": call, "text": "It rang."}))["ok"]:
        assert answer["error"]["code"] == "unavailable"  # a busy machine has not started it yet
    assert heard(client, source="say") == "It rang."
    refused = client.ask({"command": "tool.result", "call": call})["error"]
    assert (refused["code"], refused["message"]) == ("refused", "the call is over: done")
    ask(client, "where is the lift")
    lines = [client.get()]
    while lines[-1].get("event") != "answer.ended":
        lines.append(client.get())
    assert "tool" not in {line.get("event") for line in lines}
    assert lines[-1]["heard"] == "The lift is next to the cloakroom."
    client.ask({"command": "tool.handle", "on": False})


def test_stop_cancels_what_is_being_done(client: Client) -> None:
    client.ask({"command": "tool.handle"})
    ask(client, "ring the bell")
    client.until(lambda line: line.get("event") == "tool")
    client.send({"command": "stop"})
    assert client.until(lambda line: line.get("event") == "tool.cancel")["reason"] == "stopped"
    client.ask({"command": "tool.handle", "on": False})


def test_a_program_of_the_hosts_answers_and_is_told_when_it_is_not_wanted_any_more(client: Client) -> None:
    client.ask({"command": "dialogue.handle"})
    ask(client, "where is the lift")
    name = client.until(lambda line: line.get("event") == "dialogue.ask")["ask"]
    for text in ("Right ", "behind you."):
        assert client.ask({"command": "dialogue.piece", "ask": name, "text": text})["ok"]
    assert client.ask({"command": "dialogue.end", "ask": name})["ok"]
    assert heard(client) == "Right behind you."
    ask(client, "and the stairs")
    asked = client.until(lambda line: line.get("event") == "dialogue.ask")
    assert asked["history"] == [["where is the lift", "Right behind you."]]
    client.send({"command": "stop"})
    assert client.until(lambda line: line.get("event") == "dialogue.cancel")["ask"] == asked["ask"]
    refused = client.ask({"command": "dialogue.piece", "ask": asked["ask"], "text": "There."})
    assert refused["error"]["code"] == "refused"


def test_one_that_leaves_is_answered_for(client: Client, engine: Engine) -> None:
    with Client(engine.door) as other:
        other.ask({"command": "dialogue.handle"})
        ask(client, "where is the lift")
        other.until(lambda line: line.get("event") == "dialogue.ask")
    assert heard(client) == "The lift is next to the cloakroom."
