"""Devices are found by stable names, on a real PulseAudio and on cards as the kernel lists them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.devices import Watch, alsa, find, list_devices, sound_server
from engine.devices.nodes import SoundNodes
from engine.devices.sound_server import Connection, NoServerError
from engine.errors import DeviceError
from tests.files import write_files
from tests.pipewire import PipeWireServer
from tests.pulse import PulseServer

WATCHDOG_S = 30
"""Reached only when something is broken."""


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_cards: None) -> Path:
    """Two cards, in the files of /proc and /sys that the kernel writes: a headset's, and one with two outputs."""
    proc, sys_ = tmp_path / "proc", tmp_path / "sys"
    files = {
        "cards": " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n"
        "                      HDA Intel PCH at 0xf7d10000 irq 31\n"
        " 1 [Headset        ]: USB-Audio - Jabra EVOLVE\n"
        "                      Jabra at usb-0000:00:14.0-1.2, full speed\n",
        "card0/id": "PCH\n",
        "card1/id": "Headset\n",
        "card0/pcm0p/info": "card: 0\ndevice: 0\nstream: PLAYBACK\nid: ALC892 Analog\nname: ALC892 Analog\n",
        "card0/pcm0p/sub0/status": "state: RUNNING\nowner_pid   : 4711\ntrigger_time: 1.5\n",
        "card0/pcm3p/info": "card: 0\ndevice: 3\nstream: PLAYBACK\nid: HDMI 0\nname: HDMI 0\n",
        "card0/pcm3p/sub0/status": "closed\n",
        "card1/pcm0c/info": "card: 1\ndevice: 0\nstream: CAPTURE\nid: USB Audio\nname: USB Audio\n",
    }
    write_files(proc, files)
    usb = tmp_path / "devices" / "1-1.2"
    (usb / "1-1.2:1.0").mkdir(parents=True)
    (usb / "idVendor").write_text("0b0e\n")
    (usb / "idProduct").write_text("0300\n")
    (sys_ / "card1").mkdir(parents=True)
    (sys_ / "card1" / "device").symlink_to(usb / "1-1.2:1.0")
    monkeypatch.setattr(alsa, "PROC", proc)
    monkeypatch.setattr(alsa, "SYS", sys_)
    # ALSA's own library shall see these cards, too: each is a PCM that swallows sound, and gives silence.
    config = tmp_path / "asound.conf"
    config.write_text(
        "pcm.hw { @args [ CARD DEV ] @args.CARD { type string } @args.DEV { type integer } type null }\n"
        "pcm.array { type null }\npcm.default { type null }\n"
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    return proc


# A sound server's.


def test_sources_and_sinks_are_listed_as_the_server_has_them(server: PulseServer) -> None:
    server.load("module-null-sink", "sink_name=array channels=6 rate=16000 sink_properties=device.description=Array")
    listed = {device.name: device for device in list_devices("loudspeaker")}
    assert list(listed) == ["person", "speaker", "array"]
    assert (listed["array"].title, listed["array"].channels, listed["array"].rate_hz) == ("Array", 6, 16000)
    assert [device.name for device in listed.values() if device.is_default] == ["speaker"]
    assert {device.server for device in listed.values()} == {"pulse"}
    assert listed["speaker"].pcm == "pulse:DEVICE=speaker"


def test_monitors_are_microphones_that_come_last_and_are_marked(server: PulseServer) -> None:
    server.load(
        "module-virtual-source", "source_name=real master=person.monitor source_properties=device.description=R"
    )
    assert [(device.name, device.is_monitor) for device in list_devices("microphone")] == [
        ("real", False),
        ("person.monitor", True),
        ("speaker.monitor", True),
    ]


def test_empty_name_means_the_servers_default(server: PulseServer) -> None:
    assert find("microphone", "").name == "person.monitor"
    assert find("loudspeaker", "").name == "speaker"
    server.set_default(sink="person")
    assert find("loudspeaker", "").name == "person"


def test_what_the_loudspeaker_plays_is_never_the_default_microphone(server: PulseServer) -> None:
    """A server without a microphone offers it, and the engine would converse with itself."""
    server.set_default(sink="speaker", source="speaker.monitor")
    with pytest.raises(DeviceError, match="no default microphone"):
        find("microphone", "")
    assert find("microphone", "speaker.monitor").is_monitor


@pytest.mark.usefixtures("no_cards")
def test_stand_in_for_a_missing_loudspeaker_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    with PulseServer(sinks={}) as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        server.load("module-always-sink")
        assert [sink.name for sink in server.ask(lambda pulse: pulse.sink_list())] == ["auto_null"]
        assert list_devices("loudspeaker") == list_devices("microphone") == []
        with pytest.raises(DeviceError, match="there is no loudspeaker"):
            find("loudspeaker", "")


@pytest.mark.parametrize("wanted", ["person", "PERSON", "perso", "TheP"])
def test_part_of_a_name_or_title_is_enough(server: PulseServer, wanted: str) -> None:
    assert find("loudspeaker", wanted).name == "person"


def test_exact_name_counts_more_than_a_part_of_another(server: PulseServer) -> None:
    server.load("module-null-sink", "sink_name=person2")
    assert find("loudspeaker", "person").name == "person"


def test_part_that_several_have_is_refused_naming_them(server: PulseServer) -> None:
    with pytest.raises(
        DeviceError, match=r'loudspeaker "the" fits person \(ThePerson\), speaker \(TheSpeaker\)'
    ) as caught:
        find("loudspeaker", "the")
    assert caught.value.code == 9


def test_unknown_name_is_refused_naming_what_there_is(server: PulseServer) -> None:
    with pytest.raises(DeviceError, match=r'no loudspeaker "Jabra"; .* person \(ThePerson\), speaker \(TheSpeaker\)'):
        find("loudspeaker", "Jabra")


def test_name_finds_the_microphone_rather_than_the_monitor_beside_it(server: PulseServer) -> None:
    """A headset's loudspeaker has its monitor among the microphones, with the same words in its name."""
    server.load("module-null-sink", "sink_name=jabra")
    server.load("module-virtual-source", "source_name=mic_of_jabra master=person.monitor")
    assert find("microphone", "jabra").name == "mic_of_jabra"


def test_server_that_hangs_is_given_up(server: PulseServer) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(NoServerError, match="does not answer"):
            Connection(timeout_s=0.1)
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.mark.usefixtures("no_cards")
def test_pipewires_sources_and_sinks_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with PipeWireServer() as server:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        server.set_default(sink="speaker", source="person.monitor")
        assert {"person", "speaker"} == {device.name for device in list_devices("loudspeaker")}
        microphone, loudspeaker = find("microphone", ""), find("loudspeaker", "thesp")
        assert (microphone.name, microphone.is_monitor, microphone.rate_hz) == ("person.monitor", True, 48000)
        assert (loudspeaker.name, loudspeaker.is_default) == ("speaker", True)


# ALSA's.


@pytest.mark.usefixtures("no_server", "cards")
def test_cards_are_named_by_what_does_not_change() -> None:
    (default, headset) = list_devices("microphone")
    assert (default.name, default.is_default, headset.is_default) == ("default", True, False)
    assert (headset.name, headset.pcm) == ("hw:CARD=Headset,DEV=0", "hw:CARD=Headset,DEV=0")
    assert headset.pcm_fallback == "plughw:CARD=Headset,DEV=0"
    assert headset.title == "Jabra EVOLVE USB Audio (USB 0b0e:0300 at 1-1.2)"
    assert headset.rate_hz == 48000
    outputs = [device.name for device in list_devices("loudspeaker")]
    assert outputs == ["default", "hw:CARD=PCH,DEV=0", "hw:CARD=PCH,DEV=3"]


@pytest.mark.usefixtures("no_server", "cards")
@pytest.mark.parametrize("wanted", ["jabra", "0b0e:0300", "1-1.2", "Headset"])
def test_card_is_found_by_its_name_its_kind_or_its_plug(wanted: str) -> None:
    assert find("microphone", wanted).name == "hw:CARD=Headset,DEV=0"


@pytest.mark.usefixtures("no_server", "cards")
def test_default_without_a_server_is_alsas() -> None:
    assert find("loudspeaker", "").pcm == "default"


@pytest.mark.usefixtures("no_server", "cards")
def test_any_pcm_of_alsas_configuration_can_be_named() -> None:
    assert find("microphone", "alsa:array").pcm == "array"
    with pytest.raises(DeviceError, match="cannot open alsa:nonsense"):
        find("microphone", "alsa:nonsense")


@pytest.mark.usefixtures("cards")
def test_card_behind_a_server_is_listed_and_not_the_default(server: PulseServer) -> None:
    names = [(device.name, device.is_default) for device in list_devices("microphone")]
    assert names[0] == ("person.monitor", True)
    assert names[-1] == ("hw:CARD=Headset,DEV=0", False)
    assert find("microphone", "Headset").server == "alsa"


@pytest.mark.usefixtures("cards")
def test_holder_of_a_card_is_known() -> None:
    analog, hdmi = alsa.pcms("loudspeaker")
    assert [alsa.holder("loudspeaker", pcm) for pcm in (analog, hdmi)] == [4711, 0]


@pytest.mark.usefixtures("no_server")
def test_without_any_device_the_error_says_so() -> None:
    with pytest.raises(DeviceError, match=r"there is no microphone; .*engine doctor") as caught:
        find("microphone", "")
    assert caught.value.code == 9


# Changes.


class Heard:
    """Counts what a Watch tells."""

    def __init__(self) -> None:
        self._told = threading.Semaphore(0)

    def __call__(self) -> None:
        self._told.release()

    def wait(self) -> None:
        assert self._told.acquire(timeout=WATCHDOG_S), "no change was told"

    def is_quiet(self) -> bool:
        return not self._told.acquire(blocking=False)


CHANGES: dict[str, Callable[[PulseServer], None]] = {
    "device comes": lambda server: server.plug("usb"),
    "device goes": lambda server: server.unplug("person"),
    "default changes": lambda server: server.set_default(sink="person"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_is_told(server: PulseServer, change: str) -> None:
    heard = Heard()
    watch = Watch(heard)
    try:
        heard.wait()  # the server is there
        CHANGES[change](server)
        heard.wait()
    finally:
        watch.close()


def test_server_that_dies_and_returns_is_told(server: PulseServer) -> None:
    heard = Heard()
    watch = Watch(heard)
    try:
        heard.wait()
        server.stop()
        heard.wait()
        with pytest.raises(DeviceError):
            find("loudspeaker", "")
        server.start()
        heard.wait()
        assert find("loudspeaker", "speaker")
    finally:
        watch.close()


def test_volume_is_no_change_of_devices(server: PulseServer) -> None:
    heard = Heard()
    watch = Watch(heard)
    try:
        heard.wait()
        server.ask(lambda pulse: pulse.volume_set_all_chans(pulse.get_sink_by_name("person"), 0.5))
        server.stop()
        heard.wait()  # the server is gone: all that it said before has been looked at
    finally:
        watch.close()
    assert heard.is_quiet()


def test_node_of_a_card_is_noticed(tmp_path: Path) -> None:
    """Also when it is the first card, with which the folder comes."""
    nodes = SoundNodes(tmp_path)
    assert not nodes.changed()
    (tmp_path / "tty9").touch()
    assert not nodes.changed()
    (tmp_path / "snd").mkdir()
    assert nodes.changed()
    (tmp_path / "snd" / "pcmC0D0c").touch()
    assert nodes.changed()
    (tmp_path / "snd" / "pcmC0D0c").chmod(0o660)
    assert nodes.changed()
    (tmp_path / "snd" / "pcmC0D0c").unlink()
    assert nodes.changed()
    assert not nodes.changed()
    nodes.close()


# Noise.

NOISY = """
import ctypes, sys
from engine.devices import quiet
quiet(library_messages=sys.argv[1] == "messages")
ctypes.CDLL("libportaudio.so.2").Pa_Initialize()
print("ours", file=sys.stderr)
"""


@pytest.mark.parametrize("wanted", ["quiet", "messages"])
def test_libraries_write_to_stderr_only_when_asked(wanted: str, tmp_path: Path) -> None:
    """PortAudio looks for devices with ALSA, OSS and JACK; each complains that there are none."""
    environ = os.environ | {"PULSE_SERVER": f"unix:{tmp_path}/nobody"}
    command = [sys.executable, "-c", NOISY, wanted]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    theirs = [line for line in done.stderr.splitlines() if line != "ours"]
    assert "ours" in done.stderr.splitlines()
    assert bool(theirs) == (wanted == "messages")
    assert done.stdout == ""


def test_names_with_signs_that_alsa_understands_are_quoted() -> None:
    assert sound_server.pcm_name("bluez_output.00_11.1") == "pulse:DEVICE=bluez_output.00_11.1"
    assert sound_server.pcm_name("My, sink") == "pulse:DEVICE='My, sink'"
