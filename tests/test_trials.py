"""Trials of devices, by a process of their own, on a real PulseAudio."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.devices import Device, Side, find
from tests.pulse import PulseServer
from workers.drivers.trial import ProcessTrial

pytestmark = pytest.mark.xdist_group("devices")
WATCHDOG_S = 60
"""Reached only when something is broken."""


def tried(device: Device) -> ProcessTrial:
    done = threading.Event()
    trial = ProcessTrial(device, done.set)
    assert done.wait(WATCHDOG_S)
    return trial


@pytest.mark.parametrize("side", ["microphone", "loudspeaker"])
def test_a_device_that_runs_passes(server: PulseServer, side: Side) -> None:
    trial = tried(find(side, ""))
    assert (trial.works, trial.why) == (True, "")


def test_one_that_cannot_be_opened_does_not_and_says_why(server: PulseServer) -> None:
    device = find("microphone", "")
    server.unplug("person")
    trial = tried(device)
    assert trial.works is False
    assert "cannot be opened" in trial.why


def test_a_pcm_that_only_converts_passes_by_its_fallback(server: PulseServer) -> None:
    device = Device("loudspeaker", "x", "X", "hw:CARD=Nobody", "alsa", 0, 0, pcm_fallback="pulse:DEVICE=speaker")
    assert tried(device).works


@pytest.mark.parametrize("side", ["microphone", "loudspeaker"])
def test_one_that_is_opened_and_stands_still_does_not_though_a_loudspeaker_fills_its_buffer(
    server: PulseServer, side: Side
) -> None:
    device = find(side, "")
    for sink in ("person", "speaker"):
        server.suspend(sink)
    trial = tried(device)
    assert (trial.works, trial.why) == (False, "the device was opened, but does not run")


def test_a_trial_that_is_cancelled_has_no_device_open(server: PulseServer) -> None:
    device = find("microphone", "")
    server.suspend("person")
    trial = ProcessTrial(device, lambda: None)
    limit = time.monotonic() + WATCHDOG_S

    def listening() -> int:
        return len(server.ask(lambda pulse: pulse.source_output_list()))

    while not listening():
        assert time.monotonic() < limit
        time.sleep(0.01)
    trial.cancel()
    while listening():  # the server notices by itself
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_trial_ends_with_the_process_that_began_it(server: PulseServer, tmp_path: Path) -> None:
    server.suspend("person")
    program = (
        "import sys, time; from engine.devices import find; from workers.drivers.trial import ProcessTrial; "
        "print(ProcessTrial(find('microphone', ''), print)._process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        trial = Path("/proc", process.stdout.readline().strip())
        assert trial.exists()
        process.send_signal(signal.SIGKILL)
    limit = time.monotonic() + WATCHDOG_S
    while trial.exists() and ") Z " not in (trial / "stat").read_text():
        assert time.monotonic() < limit
        time.sleep(0.01)
