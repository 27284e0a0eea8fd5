"""The whole engine on real devices: those of a PulseAudio daemon of the test's own, a monitor and a sink."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import ringbuf
from engine.channels import segment
from engine.devices import alsa
from engine.door.client import DoorClient
from engine.errors import DeviceError
from tests.conftest import Start
from tests.engine_run import QUESTION, SHM, WATCHDOG_S, Engine, question, report, understood
from tests.pulse import PulseServer

# Each has a daemon, six workers and sound in real time: side by side they would be late for their devices.
pytestmark = pytest.mark.xdist_group("devices")

NAMED = ("--set", "audio.microphone=person.monitor", "--set", "audio.loudspeaker=speaker")
IMPATIENT = ("--set", "turns.response_budget_ms=1000", "--set", "turns.hard_limit_s=2")
On: TypeAlias = Callable[..., Engine]
Door: TypeAlias = Callable[[Engine], DoorClient]


@pytest.fixture
def on(start: Start, server: PulseServer, short_answers: Path) -> On:
    """on(*options) runs an engine on the daemon's devices."""

    def run(*options: Any, **more: Any) -> Engine:
        return start("--config", str(short_answers), *options, environ=server.environ, **more)

    return run


@pytest.fixture
def door(server: PulseServer) -> Iterator[Door]:
    """door(engine) is a client of its door."""
    clients = []

    def enter(engine: Engine) -> DoorClient:
        path = Path(server.environ["XDG_RUNTIME_DIR"]) / "antiphon" / f"{engine.name}.sock"
        clients.append(DoorClient(path))
        return clients[-1]

    yield enter
    for client in clients:
        client.close()


def ask(engine: Engine, server: PulseServer, turns: int) -> None:
    """Speak the question into the microphone's sink, and wait until it was answered."""
    server.play(QUESTION, "person").wait()
    engine.until(lambda: engine.stdout.count("turn ") == turns, f"turn {turns} was over")


def device_events(client: DoorClient) -> Iterator[dict[str, Any]]:
    client.command("subscribe", events=["device"])
    while (event := client.event(60)) is not None:
        yield event


def test_a_question_is_answered_through_the_systems_default_devices(
    on: On, server: PulseServer, tmp_path: Path
) -> None:
    engine = on("--report", str(tmp_path / "report.json"))
    engine.until_ready()
    with server.record(tmp_path / "both.wav", "person", "speaker"):
        ask(engine, server, 1)
    engine.process.terminate()
    assert engine.end() == 0
    (turn,) = report(tmp_path / "report.json")["turns"]
    assert understood(turn)
    assert turn["outcome"] == "answered"
    heard, played = np.frombuffer((tmp_path / "both.wav").read_bytes()[44:], np.int16).reshape(-1, 2).T
    # The answer is in the loudspeaker's sink, after the question: loud there for about as long as it takes to say.
    loud = np.flatnonzero(np.abs(played.astype(int)) > 1000)
    asked = np.flatnonzero(np.abs(heard.astype(int)) > 1000)
    assert len(loud) > 4000
    assert loud[0] > asked[-1]


def test_what_the_host_says_is_heard_and_told_word_by_word(
    on: On, door: Door, server: PulseServer, tmp_path: Path
) -> None:
    engine = on()
    engine.until_ready()
    client = door(engine)
    with server.record(tmp_path / "both.wav", "person", "speaker"):
        client.command("say", text="Good morning, everybody.")
        words = []
        while (event := client.event(60)) is not None and event["event"] != "answer.ended":
            words += [event["text"]] if event["event"] == "answer.word" else []
    assert words == ["Good", "morning,", "everybody."]
    assert event is not None
    assert event["heard"] == "Good morning, everybody."
    played = np.frombuffer((tmp_path / "both.wav").read_bytes()[44:], np.int16)[1::2]
    assert (np.abs(played.astype(int)) > 1000).sum() > 4000
    engine.process.terminate()
    assert engine.end() == 0


@pytest.mark.parametrize("side", ["microphone", "loudspeaker"])
def test_a_device_that_is_pulled_out_is_taken_back_and_the_next_question_is_answered(
    side: str, on: On, door: Door, server: PulseServer
) -> None:
    engine = on(*NAMED, "--set", "audio.wait_s=60")
    engine.until_ready()
    ask(engine, server, 1)
    before = engine.pids()
    mic = ringbuf.HistoryReader(segment(engine.instance, "mic"), slot=2)  # the recorder's, which does not run
    events = device_events(door(engine))
    server.unplug("person" if side == "microphone" else "speaker")
    told = next(event for event in events if event["state"] == "lost")
    assert told["side"] == side
    waiting = next(event for event in events if event["state"] == "waiting")
    assert waiting["side"] == side
    position = mic.position
    server.plug("person" if side == "microphone" else "speaker")
    assert next(event for event in events if event["state"] == "open" and event["side"] == side)["device"]
    ask(engine, server, 2)
    after = engine.pids()
    assert {name for name in before if before[name] != after[name]} == {"audio"}
    assert mic.position > position
    if side == "microphone":
        lost = mic.flags(max(mic.oldest, position - 16000), mic.position)
        assert lost & ringbuf.LOST
    mic.close()
    engine.process.terminate()
    assert engine.end() == 0


def test_a_device_that_is_absent_at_the_start_is_announced_waited_for_and_used(on: On, server: PulseServer) -> None:
    server.unplug("person")
    engine = on(*NAMED, "--set", "audio.wait_s=60")
    engine.until_ready()
    (line,) = [line for line in engine.stderr.splitlines() if line.startswith("waiting for audio.microphone: ")]
    assert 'there is no microphone "person.monitor"; plug it in, or choose from speaker.monitor (' in line
    assert line.endswith("; after 60 s (audio.wait_s) the system's default takes its place")
    server.plug("person")
    engine.until(lambda: "microphone: person.monitor (" in engine.stderr, "the microphone was open")
    ask(engine, server, 1)
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


@pytest.mark.skipif(alsa.has_cards(), reason="this machine has a sound card, which every process sees")
def test_without_any_device_the_engine_ends_with_one_line_and_its_own_exit_code(start: Start, tmp_path: Path) -> None:
    nobody = {"PULSE_SERVER": f"unix:{tmp_path}/nobody", "XDG_RUNTIME_DIR": str(tmp_path)}
    engine = start("--set", "audio.wait_s=0.1", environ=nobody)
    assert engine.end() == DeviceError.code
    (line,) = [line for line in engine.stderr.splitlines() if line.startswith("engine:audio: ")]
    assert "`engine doctor` says why" in line
    assert "Traceback" not in engine.stderr
    assert "ALSA" not in engine.stderr.replace(line, "")


def test_mute_closes_the_microphone_and_scrubs_what_it_heard(on: On, door: Door, server: PulseServer) -> None:
    engine = on()
    engine.until_ready()
    ask(engine, server, 1)

    def listening() -> int:
        return len(server.ask(lambda pulse: pulse.source_output_list()))

    def captured() -> int:
        """Bytes of sound in the ring that the device's callback writes."""
        ring = (SHM / f"{engine.instance}.capture").read_bytes()[-(1 << 20) :]
        return int(np.count_nonzero(np.frombuffer(ring, np.uint8)))

    assert listening() == 1
    client = door(engine)
    speaking = server.play(QUESTION, "person")
    engine.until(lambda: captured() > 100_000, "much was heard")
    client.command("mute", on=True)
    assert listening() == 0
    assert captured() < 1000  # what describes the records
    speaking.wait()
    mic = ringbuf.HistoryReader(segment(engine.instance, "mic"), slot=2)
    everything = mic.view(mic.oldest, mic.position)
    assert everything is not None
    assert not everything.any()
    server.play(QUESTION, "person").wait()
    client.command("mute", on=False)
    engine.until(lambda: listening() == 1, "the microphone was open again")
    ask(engine, server, 2)
    mic.close()
    engine.process.terminate()
    assert engine.end() == 0


def test_a_microphone_that_is_muted_from_the_start_is_not_opened_until_it_is_wanted(
    on: On, door: Door, server: PulseServer
) -> None:
    def listening() -> int:
        return len(server.ask(lambda pulse: pulse.source_output_list()))

    engine = on("--set", "audio.muted=true")
    engine.until_ready()
    client = door(engine)
    assert client.hello["muted"]
    assert client.hello["devices"]["microphone"]["state"] == "closed"
    assert listening() == 0
    client.command("mute", on=False)
    engine.until(lambda: listening() == 1, "the microphone was open")
    ask(engine, server, 1)
    engine.process.terminate()
    assert engine.end() == 0


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
    assert event["heard"].startswith("one two three")
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
    command = [sys.executable, "-m", "engine", "ask", "when does the museum open"]
    done = subprocess.run(command, env={**os.environ, **server.environ}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr.startswith("engine: the answer was not heard; waiting for audio.loudspeaker: ")
    assert done.stderr.count("\n") == 1
    engine.process.terminate()
    assert engine.end() == 0


def test_the_sound_server_dies_and_comes_back(on: On, door: Door, server: PulseServer) -> None:
    engine = on(*NAMED, "--set", "audio.wait_s=60")
    engine.until_ready()
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


def test_the_channel_of_a_microphone_array_is_chosen(on: On, server: PulseServer, tmp_path: Path) -> None:
    """Four channels, of which only the third hears the question."""
    places = "front-left,front-right,rear-left,rear-right"  # as ALSA has them
    server.load("module-null-sink", f"sink_name=array channels=4 channel_map={places} rate=48000 norewinds=1")
    engine = on("--set", "audio.microphone=array.monitor", "--set", "audio.channel=3")
    engine.until_ready()
    track = np.zeros((len(question()), 4), np.int16)
    track[:, 2] = question()
    player = ["paplay", "--device=array", "--raw", "--channels=4", f"--channel-map={places}", "--rate=16000"]
    subprocess.run(player, input=track.tobytes(), env=os.environ | server.environ, check=True)
    engine.until(lambda: engine.stdout.count("turn ") == 1, "it was answered")
    engine.process.terminate()
    assert engine.end() == 0


def test_nothing_of_the_devices_stays_behind(on: On, server: PulseServer) -> None:
    before = set(Path("/dev/shm").iterdir())
    engine = on()
    engine.until_ready()
    engine.process.kill()
    engine.end()
    limit = time.monotonic() + WATCHDOG_S
    while engine.segments() and time.monotonic() < limit:  # by Python's resource tracker
        time.sleep(0.01)
    left = {
        path for path in set(Path("/dev/shm").iterdir()) - before if "jack" in path.name or engine.name in path.name
    }
    assert not left


def test_pyaudio_and_we_use_the_same_portaudio() -> None:
    """The bench compares two ways to call one library: that both load the same."""
    program = "import pyaudio, ctypes; from workers.drivers.portaudio import LIBRARY; ctypes.CDLL(LIBRARY); "
    program += "print(len({line.split()[-1] for line in open('/proc/self/maps') if 'libportaudio.so' in line}))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    assert ran.stdout.strip() == "1"
