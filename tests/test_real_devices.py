"""The whole engine on real devices: those of a PulseAudio daemon of the test's own, a monitor and a sink."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.engine_run import QUESTION, SHM, Engine, question, report, understood
from tests.live import Door, On, ask
from tests.pulse import PulseServer

# Each has a daemon, six workers and sound in real time: side by side they would be late for their devices.
pytestmark = pytest.mark.xdist_group("devices")


def left(engine: Engine, name: str) -> int:
    """Bytes that are not zero in a ring of the devices."""
    ring = (SHM / f"{engine.instance}.{name}").read_bytes()[-(1 << 20) :]
    return int(np.count_nonzero(np.frombuffer(ring, np.uint8)))


def test_question_and_announcement_go_through_the_systems_default_devices_and_lie_in_their_rings_on_their_way_only(
    on: On, door: Door, server: PulseServer, tmp_path: Path
) -> None:
    engine = on("--report", str(tmp_path / "report.json"))
    engine.until_ready()
    most = {"capture": 0, "playout": 0}

    def answered() -> bool:
        time.sleep(0.1)
        most.update({name: max(most[name], left(engine, name)) for name in most})
        return engine.stdout.count("turn ") == 1

    with server.record(tmp_path / "both.wav", "person", "speaker"):
        speaking = server.play(QUESTION, "person")
        engine.until(answered, "it was answered")
        speaking.wait()
    # In two channels a second is 192,000 bytes, and question and answer are longer than that.
    assert 0 < max(most.values()) < 100_000
    # Both sides go on with silence: what is there is what describes it.
    engine.until(lambda: max(left(engine, name) for name in most) < 4000, "the sound was gone")

    client = door(engine)
    with server.record(tmp_path / "said.wav", "person", "speaker"):
        client.command("say", text="Good morning, everybody.")
        words = []
        while (event := client.event(60)) is not None and event["event"] != "answer.ended":
            words += [event["text"]] if event["event"] == "answer.word" else []
    assert words == ["Good", "morning,", "everybody."]
    assert event is not None
    assert event["heard"] == "Good morning, everybody."
    played = np.frombuffer((tmp_path / "said.wav").read_bytes()[44:], np.int16)[1::2]
    assert (np.abs(played.astype(int)) > 1000).sum() > 4000
    engine.process.terminate()
    assert engine.end() == 0
    turn = report(tmp_path / "report.json")["turns"][0]
    assert understood(turn)
    assert turn["outcome"] == "answered"
    heard, played = np.frombuffer((tmp_path / "both.wav").read_bytes()[44:], np.int16).reshape(-1, 2).T
    # The answer is in the loudspeaker's sink, after the question: loud there for about as long as it takes to say.
    loud = np.flatnonzero(np.abs(played.astype(int)) > 1000)
    asked = np.flatnonzero(np.abs(heard.astype(int)) > 1000)
    assert len(loud) > 4000
    assert loud[0] > asked[-1]


def test_mute_closes_the_microphone_scrubs_what_it_heard_and_outlives_the_worker(
    on: On, door: Door, server: PulseServer
) -> None:
    engine = on()
    engine.until_ready()
    ask(engine, server, 1)

    def listening() -> int:
        return len(server.ask(lambda pulse: pulse.source_output_list()))

    assert listening() == 1
    client = door(engine)
    mic = engine.mic()
    speaking = server.play(QUESTION, "person")
    engine.until(lambda: mic.position > mic.cursor + 16000, "much was heard")
    client.command("mute", on=True)
    assert listening() == 0
    assert left(engine, "capture") == 0
    speaking.wait()
    everything = mic.view(mic.oldest, mic.position)
    assert everything is not None
    assert not everything.any()
    mic.close()
    engine.kill("audio")
    engine.until_restarted("audio", 1)
    engine.until(lambda: engine.stderr.count("microphone closed: muted") == 2, "the new worker has said so")
    engine.until(lambda: engine.stderr.count("loudspeaker: ") == 2, "the loudspeaker was open")
    server.play(QUESTION, "person").wait()
    assert listening() == 0
    client.command("mute", on=False)
    engine.until(lambda: engine.stderr.count("microphone: ") == 2, "the microphone was open again")
    ask(engine, server, 2)
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
    engine.until_nothing_is_left()
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
