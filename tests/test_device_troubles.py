"""Real devices that are not there, go, stand still or pause, and a sound server that dies: a pause, not a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ringbuf
from engine.devices import alsa
from engine.errors import DeviceError
from tests.conftest import Start
from tests.live import IMPATIENT, NAMED, Door, On, ask, device_events
from tests.pulse import PulseServer

# Each has a daemon, six workers and sound in real time: side by side they would be late for their devices.
pytestmark = pytest.mark.xdist_group("devices")


def test_a_device_that_is_pulled_out_is_taken_back_and_the_next_question_is_answered(
    on: On, door: Door, server: PulseServer
) -> None:
    engine = on(*NAMED, "--set", "audio.wait_s=60")
    engine.until_ready()
    ask(engine, server, 1)
    mic = engine.mic()
    events = device_events(door(engine))
    for asked, (side, sink) in enumerate((("microphone", "person"), ("loudspeaker", "speaker")), 2):
        before = engine.pids()
        server.unplug(sink)
        told = next(event for event in events if event["state"] == "lost")
        assert told["side"] == side
        waiting = next(event for event in events if event["state"] == "waiting")
        assert waiting["side"] == side
        position = mic.position
        server.plug(sink)
        assert next(event for event in events if event["state"] == "open" and event["side"] == side)["device"]
        ask(engine, server, asked)
        after = engine.pids()
        assert {name for name in before if before[name] != after[name]} == {"audio"}
        assert mic.position > position
        if side == "microphone":
            lost = mic.flags(max(mic.oldest, position - 16000), mic.position)
            assert lost & ringbuf.LOST
    mic.close()
    engine.process.terminate()
    assert engine.end() == 0


def test_a_device_that_is_absent_is_announced_waited_for_and_used_and_so_are_all_when_the_sound_server_dies(
    on: On, door: Door, server: PulseServer
) -> None:
    server.unplug("person")
    engine = on(*NAMED, "--set", "audio.wait_s=60")
    engine.until_ready()
    (line,) = [line for line in engine.stderr.splitlines() if line.startswith("waiting for audio.microphone: ")]
    assert 'there is no microphone "person.monitor"; plug it in, or choose from speaker.monitor (' in line
    assert line.endswith("; after 60 s (audio.wait_s) the system's default takes its place")
    server.plug("person")
    engine.until(lambda: "microphone: person.monitor (" in engine.stderr, "the microphone was open")
    ask(engine, server, 1)

    events = device_events(door(engine))
    server.stop()
    assert next(event for event in events if event["state"] == "lost")
    server.start()
    opened = {"microphone": False, "loudspeaker": False}
    while not all(opened.values()):
        event = next(events)
        opened[event["side"]] = event["state"] == "open"
    ask(engine, server, 2)
    engine.process.terminate()
    assert engine.end() == 0


def test_the_default_takes_the_place_of_a_device_that_does_not_come_until_it_comes(
    on: On, door: Door, server: PulseServer
) -> None:
    engine = on("--set", "audio.microphone=wanted.monitor", "--set", "audio.wait_s=0.2")
    engine.until(lambda: "is used until it comes" in engine.stderr, "the default was used")
    engine.until_ready()
    ask(engine, server, 1)
    events = device_events(door(engine))
    server.plug("wanted")
    opened = next(event for event in events if event["state"] == "open" and event["side"] == "microphone")
    assert opened["device"] == opened["wanted"] == "wanted.monitor"
    engine.process.terminate()
    assert engine.end() == 0


def test_a_system_without_a_default_microphone_gets_one(on: On, server: PulseServer) -> None:
    server.set_default(source="speaker.monitor")  # what the loudspeaker plays: we would hear ourselves
    engine = on("--set", "audio.wait_s=60")
    engine.until_ready()
    assert "waiting for audio.microphone: the system has no default microphone" in engine.stderr
    server.set_default(source="person.monitor")
    engine.until(lambda: "microphone: person.monitor (" in engine.stderr, "the microphone was open")
    ask(engine, server, 1)
    engine.process.terminate()
    assert engine.end() == 0


def test_a_device_that_stands_still_is_waited_for_and_not_opened_again_and_again(on: On, server: PulseServer) -> None:
    engine = on()
    engine.until_ready()
    ask(engine, server, 1)

    def opened(side: str) -> int:
        return sum(line.startswith(f"{side}: ") for line in engine.stderr.splitlines())

    def waits() -> int:
        return engine.stderr.count("waiting for audio.")

    for asked, (side, sink) in enumerate((("microphone", "person"), ("loudspeaker", "speaker")), 2):
        known, waited, tries = opened(side), waits(), engine.stderr.count("was opened, but does not run")
        server.suspend(sink)
        engine.until(lambda waited=waited: waits() > waited, "it was waited for")  # type: ignore[misc]
        # When that was seen, and by the next worker.
        assert engine.stderr.count("was opened, but does not run") == tries + 2
        assert opened(side) == known + 1
        before = engine.pids()
        server.suspend(sink, on=False)
        engine.until(lambda side=side, known=known: opened(side) == known + 2, "it was open again")  # type: ignore[misc]
        ask(engine, server, asked)
        assert engine.pids() == before
    assert engine.get("audio.restarts") == 0  # none for a fault
    engine.process.terminate()
    assert engine.end() == 0


def test_a_device_that_stands_still_is_replaced_by_the_default_until_it_runs(on: On, server: PulseServer) -> None:
    server.plug("wanted")
    server.suspend("wanted")
    engine = on("--set", "audio.microphone=wanted.monitor", "--set", "audio.wait_s=600")
    engine.until(
        lambda: "does not run: person.monitor (Monitor of ThePerson) is used until it comes" in engine.stderr,
        "the default was used",
    )
    engine.until_ready()
    ask(engine, server, 1)
    pids = engine.pids()
    server.suspend("wanted", on=False)
    server.plug("another")  # something came: it is tried out
    engine.until(lambda: engine.stderr.count("microphone: wanted.monitor") == 2, "it was open")
    assert engine.pids() == pids
    engine.process.terminate()
    assert engine.end() == 0


def test_a_sink_that_pauses_after_it_was_not_fed_in_time_is_no_lost_device(start: Start, short_answers: Path) -> None:
    with PulseServer(plain=True) as server:
        server.set_default(sink="speaker", source="person.monitor")
        engine = start("--config", str(short_answers), environ=server.environ)
        engine.until_ready()
        ask(engine, server, 1)
        before = engine.pids()
        for _ in range(3):
            engine.kill("audio", signal.SIGSTOP)
            time.sleep(0.3)
            engine.kill("audio", signal.SIGCONT)
            time.sleep(2.5)  # it plays two seconds of silence first
        ask(engine, server, 2)
        assert engine.pids() == before
        assert "has stopped" not in engine.stderr
        engine.process.terminate()
        assert engine.end() == 0


@pytest.mark.skipif(alsa.has_cards(), reason="this machine has a sound card, which every process sees")
def test_without_any_device_the_engine_ends_with_one_line_and_its_own_exit_code(start: Start, tmp_path: Path) -> None:
    nobody = {"PULSE_SERVER": f"unix:{tmp_path}/nobody", "XDG_RUNTIME_DIR": str(tmp_path)}
    engine = start("--set", "audio.wait_s=0.1", environ=nobody)
    assert engine.end() == DeviceError.code
    (line,) = [line for line in engine.stderr.splitlines() if line.startswith("engine:audio: ")]
    assert "`engine doctor` says why" in line
    assert "Traceback" not in engine.stderr
    assert "ALSA" not in engine.stderr.replace(line, "")


def test_what_the_host_says_while_the_sound_server_is_dead_was_not_heard(
    on: On, door: Door, server: PulseServer
) -> None:
    engine = on(*NAMED, "--set", "audio.wait_s=60", *IMPATIENT)
    engine.until_ready()
    client, text = door(engine), "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    client.command("subscribe", events=["answer"])
    client.command("say", text=text)
    while (event := client.event(60)) is not None and event["event"] != "answer.ended":
        if event["event"] == "answer.word" and event["number"] == 2:
            server.stop()
    assert event is not None
    assert event["outcome"] == "abandoned"
    assert event["heard"].startswith("one two")
    assert len(event["heard"].split()) < len(text.split())
    client.command("say", text="Hello.")  # nobody has noticed yet, or they are waiting for it
    while (event := client.event(60)) is not None and event["event"] != "answer.ended":
        pass
    assert event is not None
    assert (event["heard"], event["outcome"]) == ("", "abandoned")
    engine.process.terminate()
    assert engine.end() == 0


def test_whoever_asks_without_a_loudspeaker_is_told_why_nothing_is_heard(on: On, server: PulseServer) -> None:
    engine = on("--set", "audio.loudspeaker=elsewhere", "--set", "audio.wait_s=60", *IMPATIENT)
    engine.until_ready()
    command = [sys.executable, "-m", "engine", "ask", "when does the museum open", "--instance", engine.name]
    done = subprocess.run(command, env={**os.environ, **server.environ}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr.startswith("engine: the answer was not heard; waiting for audio.loudspeaker: ")
    assert done.stderr.count("\n") == 1
    engine.process.terminate()
    assert engine.end() == 0
