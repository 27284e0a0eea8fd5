"""A whole engine through its door: what a host program sees and can do, and `engine say` and its like."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Start
from tests.door.house import Client
from tests.engine_run import SHORT_ANSWERS, Engine, question, recorded, report, silence, unspoken_to, write

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
ANSWER = "From ten to six, every day."

pytestmark = pytest.mark.xdist_group("door_engine")  # they share an engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that nobody speaks to."""
    with unspoken_to(tmp_path_factory.mktemp("door"), SHORT_ANSWERS, "short.toml") as running:
        yield running
    assert running.errors == []


@pytest.fixture
def client(engine: Engine) -> Iterator[Client]:
    """A client of an engine that does nothing."""
    client = Client(engine.door)
    state = client.get()
    while state.get("state") not in ("listening", "muted"):
        state = client.until(lambda line: line.get("event") == "state")
    yield client
    client.ask({"command": "session.end"})
    client.close()


def event(name: str, **fields: Any) -> Any:
    """Whether a line is this event."""
    return lambda line: line.get("event") == name and fields.items() <= line.items()


def until_ended(client: Client) -> list[dict[str, Any]]:
    """Events, up to the end of a turn."""
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["event"] != "answer.ended":
        seen.append(client.until(lambda line: "event" in line))
    return seen


def words(events: list[dict[str, Any]]) -> str:
    return " ".join(event["text"] for event in events if event["event"] == "answer.word")


# What a host program can do.


def test_the_hosts_words_are_heard_and_told_as_they_are_heard(client: Client) -> None:
    client.send({"command": "say", "id": 1, "text": "Good morning, everybody."})
    answer = client.until(lambda line: "reply" in line)
    assert answer == {"reply": "say", "id": 1, "ok": True}
    events = until_ended(client)
    names = [event["event"] for event in events if event["event"] != "state"]
    assert names == ["answer.started", "answer.word", "answer.word", "answer.word", "answer.ended"]
    assert words(events) == events[-1]["heard"] == events[-1]["text"] == "Good morning, everybody."
    assert (events[-1]["source"], events[-1]["outcome"]) == ("say", "answered")
    times = [event["mono_ns"] for event in events if event["event"] != "state"]
    assert times == sorted(times)
    assert [event["seq"] for event in events] == list(range(events[0]["seq"], events[0]["seq"] + len(events)))
    client.until(event("state", state="listening"))


def test_a_question_of_the_host_is_answered_like_a_visitors(client: Client) -> None:
    client.send({"command": "ask", "text": "When does the museum open?"})
    began = client.until(event("session"))
    assert began["state"] == "began"
    asked = client.until(event("user.final"))
    assert (asked["text"], asked["source"], asked["confidence"]) == ("When does the museum open?", "command", 1.0)
    events = until_ended(client)
    assert words(events) == ANSWER
    assert (events[-1]["source"], events[-1]["session"]) == ("answer", began["session"])
    assert events[-1]["record"]["transcript"] == "When does the museum open?"
    assert client.ask({"command": "state"})["session"] == began["session"]


def test_when_the_host_says_that_the_visitor_has_left_the_answer_ends_and_nothing_of_them_is_left(
    client: Client,
) -> None:
    client.send({"command": "ask", "text": "When does the museum open?"})
    client.until(event("answer.word", number=1))
    client.send({"command": "session.end"})
    events = until_ended(client)
    assert events[-1]["outcome"] == "stopped"
    assert ANSWER.startswith(events[-1]["heard"])
    ended = client.until(event("session"))
    assert (ended["state"], ended["reason"], ended["session"]) == ("ended", "command", events[-1]["session"])
    state = client.ask({"command": "state"})
    assert (state["session"], state["turn"], state["user"], state["answer"]) == (None, None, None, None)


@pytest.mark.parametrize("command", ["stop", "listen"])
def test_silence_when_the_host_wants_it_and_only_what_was_heard_was_said(client: Client, command: str) -> None:
    client.send({"command": "say", "text": LONG}, {"command": "say", "text": "This is never heard."})
    client.until(event("answer.word", number=2))
    client.send({"command": command})
    events = until_ended(client)
    heard = str(events[-1]["heard"])
    assert events[-1]["outcome"] == "stopped"
    assert LONG.startswith(heard)
    assert 2 <= len(heard.split()) < len(LONG.split())  # the third had hardly begun
    client.until(event("state", state="listening"))


def test_urgent_words_come_at_once_and_those_that_may_wait_come_after(client: Client) -> None:
    client.send({"command": "say", "text": LONG}, {"command": "say", "text": "The second."})
    client.until(event("answer.word", number=1))
    client.send({"command": "say", "text": "The first.", "mode": "interrupt"})
    ended = [until_ended(client)[-1] for _ in range(3)]
    assert [event["text"] for event in ended] == [LONG, "The first.", "The second."]
    assert [event["outcome"] for event in ended] == ["interrupted", "answered", "answered"]


def test_words_that_nobody_may_interrupt_are_said_to_their_end(client: Client) -> None:
    client.send({"command": "say", "text": "The house is closing now.", "interruptible": False})
    client.until(event("answer.word", number=0))
    refused = client.ask({"command": "listen"})
    assert refused["error"]["code"] == "refused"
    assert until_ended(client)[-1]["heard"] == "The house is closing now."


def test_what_the_model_shall_know_is_taken(client: Client) -> None:
    assert client.ask({"command": "context", "text": "The cafe is closed today."})["ok"]
    assert client.ask({"command": "context", "text": "x" * 20_000})["error"]["code"] == "refused"
    assert client.ask({"command": "context", "text": ""})["ok"]


def test_mute_and_volume_are_done_and_told(client: Client) -> None:
    client.send({"command": "mute", "id": 1}, {"command": "volume", "percent": 30, "id": 2})
    lines = [client.get() for _ in range(4)]
    while not {1, 2} <= {line.get("id") for line in lines}:
        lines.append(client.get())
    assert any(event("mute", muted=True)(line) for line in lines)
    assert any(event("volume", percent=30)(line) for line in lines)
    state = client.ask({"command": "state"})
    assert (state["muted"], state["volume"]) == (True, 30)
    assert client.ask({"command": "mute", "on": False})["ok"]
    assert client.ask({"command": "volume", "percent": 100})["ok"]


def test_reload_changes_what_is_answered_and_a_broken_file_changes_nothing(client: Client, engine: Engine) -> None:
    file = Path(os.readlink(f"/proc/{engine.process.pid}/cwd"), "short.toml")

    def answered() -> str:
        client.send({"command": "ask", "text": "when does the museum open"})
        return words(until_ended(client))

    try:
        file.write_text(SHORT_ANSWERS.replace(ANSWER, "Never.") + "[audio]\nblock_ms = 20\n")
        done = client.ask({"command": "reload"})
        assert (done["applied"], done["restart_needed"]) == (["llm.phrasebook.entries"], ["audio.block_ms"])
        assert answered() == "Never."
        file.write_text("[turns\n")
        error = client.ask({"command": "reload"})["error"]
        assert error["code"] == "configuration"
        assert "short.toml:1:7: this is not TOML: " in error["message"]
        assert answered() == "Never."
    finally:
        file.write_text(SHORT_ANSWERS)
        client.ask({"command": "reload"})
    assert answered() == ANSWER


def test_a_voice_that_there_is_not_is_refused_and_the_one_that_there_is_outlives_a_restart(
    client: Client, engine: Engine
) -> None:
    file = Path(os.readlink(f"/proc/{engine.process.pid}/cwd"), "short.toml")
    try:
        file.write_text(f'{SHORT_ANSWERS}[vocoder.flite]\nvoice = "nobody"\n[audio]\nvolume = 90\n')
        error = client.ask({"command": "reload"})["error"]
        assert error["code"] == "configuration"
        assert error["message"].startswith("vocoder: ")
        assert error["message"].endswith("; nothing was changed")
    finally:
        file.write_text(SHORT_ANSWERS)
    answer = client.ask({"command": "reload"})
    assert (answer["applied"], answer["restart_needed"]) == ([], [])
    before = engine.get("vocoder.restarts")
    engine.kill("vocoder")
    engine.until_restarted("vocoder", before + 1)
    client.send({"command": "say", "text": "Good day."})
    assert until_ended(client)[-1]["heard"] == "Good day."
    lines = engine.stderr.replace("engine:vocoder: ", "expected: ")
    engine._stderr.write_text(lines)


def test_a_dead_worker_is_told_and_what_is_asked_meanwhile_is_done(client: Client, engine: Engine) -> None:
    before = engine.get("turns.restarts")
    engine.kill("turns")
    error = client.until(event("error"))
    assert (error["where"], error["what"]) == ("turns", "was killed by signal 9 (Killed)")
    while not (answer := client.ask({"command": "context", "text": "it rains"}))["ok"]:  # by its successor
        assert answer["error"]["code"] == "unavailable"  # a busy machine has not started it yet
    engine.until_restarted("turns", before + 1)
    engine._stderr.write_text(engine.stderr.replace("engine:turns: was killed", "expected: it was killed"))


def test_what_the_host_wanted_outlives_the_process_that_was_told(client: Client, engine: Engine) -> None:
    """Killed while the first of two announcements is heard: it is known for what it is, and the second comes."""
    client.send({"command": "say", "text": LONG}, {"command": "say", "text": "The second."})
    client.until(event("answer.word", number=2))
    before = engine.get("turns.restarts")
    engine.kill("turns")
    told = [until_ended(client)[-1] for _ in range(2)]
    assert [(end["text"], end["source"], end["outcome"]) for end in told] == [
        (LONG, "say", "resumed"),
        ("The second.", "say", "answered"),
    ]
    engine.until_restarted("turns", before + 1)
    engine._stderr.write_text(engine.stderr.replace("engine:turns: was killed", "expected: it was killed"))


# The command line, and the examples.


def run(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`engine …`, in the same surroundings as the engine. Others may run on this machine: it is told which one."""
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(engine.door.parents[1])}
    which = () if {"--instance", "--socket"} & {*arguments} else ("--instance", engine.name)
    command = [sys.executable, "-m", "engine", *arguments, *which]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def test_say_returns_when_it_was_heard(client: Client, engine: Engine) -> None:
    done = run(engine, "say", "Good", "evening.", "--wait")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert client.until(event("answer.ended"))["heard"] == "Good evening."


def test_say_tells_what_was_not_heard(client: Client, engine: Engine) -> None:
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(engine.door.parents[1])}
    command = [sys.executable, "-m", "engine", "say", LONG, "--wait", "--instance", engine.name]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ) as saying:
        client.until(event("answer.word", number=2))
        assert run(engine, "stop").returncode == 0
        _, errors = saying.communicate(timeout=60)
    assert saying.returncode == 10
    assert errors.startswith("engine: not all of it was heard, only “one two")


def test_say_tells_that_there_was_nothing_to_be_said(client: Client, engine: Engine) -> None:
    done = run(engine, "say", "...", "--wait")
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr == "engine: it was not heard; there is nothing in it that can be said; say it again\n"


def test_ask_tells_what_was_not_heard(client: Client, engine: Engine) -> None:
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(engine.door.parents[1])}
    command = [sys.executable, "-m", "engine", "ask", "when does the museum open", "--instance", engine.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as asking:
        client.until(event("answer.word", number=1))
        assert run(engine, "stop").returncode == 0
        answer, errors = asking.communicate(timeout=60)
    assert asking.returncode == 10
    assert ANSWER.startswith(answer.strip())
    assert errors == "engine: not all of the answer was heard (stopped); ask again\n"


def test_ask_prints_the_answer(client: Client, engine: Engine) -> None:
    done = run(engine, "ask", "when", "does", "the", "museum", "open")
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ANSWER.split(), "")


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["mute"], event("mute", muted=True)),
        (["mute", "off"], event("mute", muted=False)),
        (["volume", "55"], event("volume", percent=55)),
        (["volume", "100"], event("volume", percent=100)),
        (["say", "Hello.", "--interrupt", "--uninterruptible"], event("answer.ended", source="say", text="Hello.")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_commanded_happens(client: Client, engine: Engine, arguments: list[str], seen: Any) -> None:
    done = run(engine, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    client.until(seen)


@pytest.mark.parametrize("arguments", [["listen"], ["stop"], ["session-end"], ["context", "It rains."], ["context"]])
def test_what_is_commanded_is_done_without_a_word(client: Client, engine: Engine, arguments: list[str]) -> None:
    done = run(engine, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_state_and_volume_and_reload_tell(client: Client, engine: Engine) -> None:
    state = json.loads(run(engine, "state").stdout)
    assert (state["protocol"], state["instance"], state["pid"]) == (1, engine.name, engine.process.pid)
    assert run(engine, "volume").stdout == "100\n"
    assert run(engine, "reload").stdout == "nothing has changed\n"


def test_events_prints_lines_of_json_as_they_come(client: Client, engine: Engine) -> None:
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(engine.door.parents[1])}
    command = [sys.executable, "-m", "engine", "events", "--instance", engine.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["event"] == "hello"
        client.ask({"command": "volume", "percent": 99})
        assert json.loads(watching.stdout.readline())["percent"] == 99
        client.ask({"command": "volume", "percent": 100})
        watching.terminate()
    assert run(engine, "events", "answr").stderr.startswith("engine: there is no event answr; did you mean ")


def test_what_is_wrong_is_one_line_and_its_exit_code(client: Client, engine: Engine) -> None:
    refused = run(engine, "volume", "101")
    assert (refused.returncode, refused.stderr) == (10, "engine: percent must be between 0 and 100, not 101\n")
    for options in (["--instance", "other"], ["--socket", "/nowhere/door"]):
        absent = run(engine, "stop", *options)
        assert absent.returncode == 10
        assert absent.stderr.count("\n") == 1
        assert "start one with `engine run`" in absent.stderr


def test_the_example_in_python_says_something_and_prints_what_happens(client: Client, engine: Engine) -> None:
    command = [sys.executable, "-I", "-S", str(EXAMPLES / "door_client.py"), str(engine.door), "Good night."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "hello listening",
        "state announcing",
        "answer.started ",
        "answer.word Good",
        "answer.word night.",
        "answer.ended Good night.",
    ]


def test_the_example_in_sh_says_the_same(client: Client, engine: Engine) -> None:
    command = ["sh", str(EXAMPLES / "door.sh"), str(engine.door), "It's \"nine\" o'clock."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "hello listening"
    assert lines[-1] == "answer.ended It's \"nine\" o'clock."


# From start to end.


def test_the_report_is_a_view_of_the_same_events(start: Start, tmp_path: Path, short_answers: Path) -> None:
    sound = write(tmp_path / "q.wav", np.concatenate([silence(2), question(), silence(4)]))
    files = ("--report", str(tmp_path / "r.json"), "--output", str(tmp_path / "o.wav"))
    engine = start("--input", str(sound), "--config", str(short_answers), *files, "--show-words")
    engine.until_ready()  # and nobody has spoken yet
    path = engine.door
    with Client(path) as client:
        lines = client.rest()
    assert engine.end() == 0
    assert lines[0]["event"] == "hello"
    assert [line["seq"] for line in lines] == list(range(lines[0]["seq"], lines[0]["seq"] + len(lines)))
    records = [line["record"] for line in lines if line["event"] == "answer.ended"]
    told = report(tmp_path / "r.json")["turns"]
    assert records == [{name: value for name, value in each.items() if name != "pids"} for each in told]
    states = [line["state"] for line in lines if line["event"] in ("hello", "state")]
    assert states[-1] == "stopping"
    assert [state for state in states if state != "starting"][:4] == ["listening", "hearing", "thinking", "speaking"]
    (final,) = [line for line in lines if line["event"] == "user.final"]
    partials = [line for line in lines if line["event"] == "user.partial"]
    assert partials
    assert partials[-1]["seq"] < final["seq"]
    assert final["text"] == records[0]["transcript"]
    played = recorded(tmp_path / "o.wav")[:, 1]
    assert played.any()
    assert not path.exists()


def test_what_a_killed_engine_left_is_replaced_and_a_second_one_has_its_own(start: Start, tmp_path: Path) -> None:
    sound = ("--input", str(write(tmp_path / "q.wav", silence(60))), "--set", "engine.instance=kiosk")
    path = tmp_path / "antiphon" / "kiosk.sock"
    first = start(*sound)
    first.until_ready()
    first.process.kill()
    first.process.wait()
    assert path.exists()
    second, third = start(*sound), None
    try:
        second.until_ready()
        assert second.door == path
        with Client(path) as client:
            assert client.get()["pid"] == second.process.pid
        third = start(*sound)
        third.until_ready()
        assert third.door == path.with_name(f"kiosk.{third.process.pid}.sock")
        assert f"{path} is the door of another engine of this name" in third.stderr
        asked = run(third, "state", "--instance", "kiosk")
        assert asked.returncode == 10
        assert asked.stderr.startswith("engine: more than one engine runs: ")
    finally:
        for engine in (second, third):
            if engine is not None:
                engine.process.send_signal(signal.SIGTERM)
                engine.process.wait()
    assert list(path.parent.iterdir()) == []


def test_a_named_door_that_is_taken_ends_the_start_with_one_line(start: Start, tmp_path: Path) -> None:
    door = str(tmp_path / "d")
    options = ("--input", str(write(tmp_path / "q.wav", silence(60))), "--set", f"door.socket={door}")
    first = start(*options)
    first.until_ready()
    second = start(*options)
    assert second.end() == 5
    assert (
        second.stderr == f"engine: {door}: another engine has its door there; end it, or choose another door.socket\n"
    )
    with Client(Path(door)) as client:
        assert client.ask({"command": "state"})["ok"]
    first.process.terminate()
    assert first.end() == 0
    assert not Path(door).exists()
