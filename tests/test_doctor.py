"""`engine doctor` finds what it is there to find: on a real PulseAudio, with real limits, with real backends."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.config import Config, load
from engine.devices import alsa
from engine.doctor import door, machine, sound, stages
from engine.doctor.finding import Finding, Visit
from engine.governor.sensors.nvidia import Nvidia
from engine.main import main
from tests.engine_run import QUESTION
from tests.files import write_files
from tests.models.ears import few_words
from tests.pulse import PulseServer

OWN_NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
SMALL_SHM = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
VIRTUAL = f"audio.input={json.dumps(str(QUESTION))}"
RUN = [sys.executable, "-m", "engine", "doctor", "--json", "--no-sound", "--set", VIRTUAL]


@pytest.fixture(autouse=True)
def _libraries_are_not_silenced(monkeypatch: pytest.MonkeyPatch, packaged_settings: None) -> None:
    """It would last for all other tests. And the recogniser is one that is loaded at once."""
    monkeypatch.setattr("engine.doctor_command.quiet", lambda _: None)
    monkeypatch.setenv("ANTIPHON_ASR_POCKETSPHINX_MODEL", str(few_words()))


def visit(*sets: str, seconds: float = 0) -> Visit:
    return Visit(config(*sets), seconds)


def config(*sets: str) -> Config:
    return load(sets=sets)


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def found_by(command: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What a doctor of its own process finds, by check."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["check"], []).append(finding)
    problems = [finding["code"] for group in found.values() for finding in group if finding["level"] == "problem"]
    assert done.returncode == (problems[0] if problems else 0)
    return found


# The whole.


@pytest.mark.usefixtures("no_server")
def test_virtual_card_needs_no_sound_and_all_else_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--set", VIRTUAL]) == 0
    printed = capsys.readouterr()
    assert "devices          the settings use the virtual sound card" in printed.out
    for part in (
        "shared memory",
        "real time",
        "processor",
        "sensors          sees processor (/proc/stat)",
        "vad: silero",
        "asr: pocketsphinx",
        "door",
    ):
        assert part in printed.out
    assert printed.out.splitlines()[-1].startswith("problems: 0, warnings: ")


@pytest.mark.usefixtures("no_server")
def test_first_problem_gives_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--no-sound", "--set", "asr.pocketsphinx.model=/nowhere"]) == 9
    problems = [finding for finding in json.loads(capsys.readouterr().out) if finding["level"] == "problem"]
    assert [finding["check"] for finding in problems] == ["devices", "devices", "models"]
    assert main(["doctor", "--json", "--set", VIRTUAL, "--set", "asr.pocketsphinx.model=/nowhere"]) == 6


def test_time_to_listen_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--seconds", "0.5"]) == 2
    assert "give between 2 and 60" in capsys.readouterr().err


# Sound.


@pytest.mark.usefixtures("server")
def test_tone_is_heard_back_where_there_is_a_loop() -> None:
    """Here the microphone is what the loudspeaker plays. A busy machine may tear the tone: it has three tries."""
    found: list[Finding] = []
    for _ in range(3):
        found = list(sound.hearing(visit("audio.microphone=speaker.monitor", seconds=2)))
        if levels(found) == ["ok", "ok"]:
            break
    assert levels(found) == ["ok", "ok"], found
    assert "the tone came back after" in found[1].what


def test_deaf_microphone_is_warned_of(server: PulseServer) -> None:
    level, loop = sound.hearing(visit(seconds=2))
    assert levels([level, loop]) == ["warning", "warning"]
    assert "dead silence" in level.what
    assert "does not hear the loudspeaker" in loop.what


@pytest.mark.parametrize(
    ("peak", "rms", "clipped", "says"),
    [
        (-120.0, -120.0, 0, "dead silence"),
        (-91.0, -97.0, 0, "dead silence"),
        (-55.0, -70.0, 0, "very quiet"),
        (-10.0, -30.0, 0, "nothing clipped"),
        (0.0, -8.0, 17, "17 samples clipped"),
    ],
)
def test_level_is_judged(peak: float, rms: float, clipped: int, says: str) -> None:
    finding = sound.level_of({"peak_dbfs": peak, "rms_dbfs": rms, "clipped": clipped})
    assert says in finding.what
    assert (finding.level == "ok") == (says == "nothing clipped")
    assert bool(finding.remedy) == (finding.level == "warning")


def test_muted_device_is_warned_of_with_the_line_that_mends_it(server: PulseServer) -> None:
    server.ask(lambda pulse: pulse.sink_mute(pulse.get_sink_by_name("speaker").index, True))
    microphone, loudspeaker = sound.devices(visit())
    assert levels([microphone, loudspeaker]) == ["ok", "warning"]
    subprocess.run(loudspeaker.remedy.split(), env=os.environ | server.environ, check=True)
    assert levels(list(sound.devices(visit()))) == ["ok", "ok"]


@pytest.mark.usefixtures("server")
def test_configured_device_that_is_absent_is_a_problem() -> None:
    microphone, loudspeaker = sound.devices(visit("audio.microphone=jabra"))
    assert (microphone.level, microphone.code, loudspeaker.level) == ("problem", 9, "ok")
    assert 'no microphone "jabra"' in microphone.what


@pytest.mark.usefixtures("no_server")
def test_device_that_somebody_else_uses_is_a_problem_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = {
        "cards": " 0 [Array          ]: USB-Audio - Array\n",
        "card0/id": "Array\n",
        "card0/pcm0c/info": "name: USB Audio\n",
        "card0/pcm0c/sub0/status": f"state: RUNNING\nowner_pid   : {os.getpid()}\n",
    }
    write_files(tmp_path, card)
    monkeypatch.setattr(alsa, "PROC", tmp_path)
    microphone, _ = sound.devices(visit("audio.microphone=hw:CARD=Array,DEV=0"))
    assert microphone.level == "problem"
    name = Path("/proc/self/comm").read_text().strip()
    assert f"is in use by {name} (process {os.getpid()})" in microphone.what


@pytest.mark.usefixtures("no_server")
def test_sound_server_that_is_away_is_warned_of_with_its_remedy(tmp_path: Path) -> None:
    (finding,) = sound.server(visit())
    assert finding == Finding(
        "warning",
        f"no sound server answers at PULSE_SERVER=unix:{tmp_path}/nobody",
        "start it, or unset PULSE_SERVER",
    )


def test_sound_server_that_answers_is_named(server: PulseServer) -> None:
    (finding,) = sound.server(visit())
    assert finding.level == "ok"
    assert finding.what.startswith("pulseaudio ")


def test_sound_libraries_are_found_where_they_are_installed() -> None:
    assert levels(list(sound.libraries(visit()))) == ["ok"]


# The machine.


def test_shared_memory_without_room_is_a_problem() -> None:
    found = found_by([*OWN_NAMESPACE, "sh", "-c", SMALL_SHM, "sh", *RUN])
    (finding,) = found["shared memory"]
    assert (finding["level"], finding["code"]) == ("problem", 7)
    assert "1048576 free" in finding["what"]
    assert "--shm-size" in finding["remedy"]


def test_shared_memory_is_given_back(tmp_path: Path) -> None:
    before = set(Path("/dev/shm").glob("antiphon.doctor.*"))
    (finding,) = machine.shared_memory(visit())
    assert finding.level == "ok"
    assert set(Path("/dev/shm").glob("antiphon.doctor.*")) <= before


def test_rights_that_are_missing_are_warned_of() -> None:
    limits = ["prlimit", "--rtprio=0:0", "--memlock=65536:65536", "--nice=0:0"]
    if os.geteuid() == 0:  # whose rights are no matter of limits
        limits = ["setpriv", "--bounding-set=-sys_nice,-ipc_lock", *limits]
    found = found_by([*limits, *RUN, "--set", 'realtime.cores=["llm: 4095"]'])["real time"]
    assert [each["level"] for each in found] == ["warning"] * 4
    scheduling, memory, nice, cores = found
    assert nice["remedy"].startswith("LimitNICE")
    assert cores["what"] == "llm cannot have cores 4095"
    assert "SCHED_FIFO with priority 20 is refused (RLIMIT_RTPRIO is 0)" in scheduling["what"]
    assert scheduling["remedy"].startswith("LimitRTPRIO=80 in the systemd unit")
    assert memory["remedy"].startswith("LimitMEMLOCK=infinity in the systemd unit")


def test_control_group_without_real_time_is_told_from_missing_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses though the limit allows it."""
    monkeypatch.setattr(machine, "_may_be_realtime", lambda _: False)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (80, 80))
    scheduling, *_ = machine.real_time(visit())
    assert scheduling.level == "warning"
    assert "sched_rt_runtime_us" in scheduling.remedy


def test_real_time_that_is_not_asked_for_is_not_missed() -> None:
    none = [
        f"{section}.realtime_priority=0" for section in ("audio", "vad", "asr", "ending", "turns", "llm", "vocoder")
    ]
    (finding,) = machine.real_time(visit(*none, "realtime.nice=[]"))
    assert finding.level == "ok"


def test_a_gpu_that_nothing_tells_of_is_warned_of() -> None:
    """Where a driver is, this machine sees it."""
    found = list(machine.sensors(visit("asr.whisper.device=cuda", "asr.backend=whisper")))
    assert ("warning" in levels(found)) == (not Nvidia().devices)
    assert levels(list(machine.sensors(visit("governor.mode=off")))) == ["ok"]


def test_processor_that_saves_power_and_too_many_threads_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    governor = tmp_path / "cpu0" / "cpufreq" / "scaling_governor"
    governor.parent.mkdir(parents=True)
    governor.write_text("ondemand\n")
    monkeypatch.setattr(machine, "_CPUS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    found = list(machine.processor(visit("llm.threads=3")))
    said = " ".join(finding.what for finding in found if finding.level == "warning")
    assert "llm.threads is 3, and there are 2 cores" in said
    assert "governor ondemand" in said
    governor.write_text("performance\n")
    assert "governor" not in " ".join(finding.what for finding in machine.processor(visit()))


# The stages.


def test_every_backend_is_loaded_as_its_worker_loads_it() -> None:
    found = list(stages.backends(visit()))
    assert levels(found) == ["ok"] * len(config().stages)
    assert [finding.what.split()[:2] for finding in found] == [
        [f"{stage}:", getattr(config(), stage).backend] for stage in config().stages
    ]


@pytest.mark.parametrize(
    ("setting", "stage", "says"),
    [
        ("asr.pocketsphinx.model=/nowhere", "asr", "/nowhere"),
        ("llm.python=/nowhere/python", "llm", "/nowhere/python: cannot be started"),
        ("vocoder.flite.voice=nobody", "vocoder", "nobody"),
    ],
)
def test_backend_that_does_not_load_is_a_problem(setting: str, stage: str, says: str) -> None:
    (finding,) = [one for one in stages.backends(visit(setting)) if one.level == "problem"]
    assert finding.what.startswith(f"{stage}: ")
    assert says in finding.what
    assert finding.remedy
    assert finding.code == 6


def test_python_that_takes_too_long_is_a_problem(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    found = stages.backends(visit(f"llm.python={python}", "engine.start_timeout_s=1.0"))
    (finding,) = [one for one in found if one.what.startswith("llm: ")]
    assert (finding.level, finding.code) == ("problem", 6)
    assert "does not answer within 1 s" in finding.what


# The door.


def test_door_is_made_and_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    (finding,) = door.socket(visit(f"door.socket={path}"))
    assert (finding.level, finding.what) == ("ok", f"{path} can be made")
    assert not path.exists()


def test_door_that_cannot_be_made_is_a_problem(tmp_path: Path) -> None:
    (finding,) = door.socket(visit(f"door.socket={tmp_path}/nowhere/door.sock"))
    assert (finding.level, finding.code) == ("problem", 5)


def test_door_of_an_engine_that_runs_is_left_alone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "door.sock"))
        listening.listen()
        (finding,) = door.socket(visit(f"door.socket={tmp_path}/door.sock"))
    assert (finding.level, finding.what) == ("ok", f"an engine is running: {tmp_path}/door.sock")
    assert (tmp_path / "door.sock").exists()
