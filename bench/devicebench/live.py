"""The engine conversing through a real sound server: a session played to its microphone, its loudspeaker recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.pulse import PulseServer

MICROPHONE, LOUDSPEAKER = "person.monitor", "speaker"
_WATCHDOG_S = 60
_AFTER_S = 4.0
"""What the last answer may still need."""


class LiveEngine:
    """`engine run` on the devices of a server, from ready to ended. report: what it left."""

    def __init__(self, server: PulseServer, work: Path, *options: str) -> None:
        self._report, self._messages = work / "live.report.json", work / "live.err"
        command = [sys.executable, "-m", "engine", "run", "--report", str(self._report)]
        command += ["--set", f"audio.microphone={MICROPHONE}", "--set", f"audio.loudspeaker={LOUDSPEAKER}", *options]
        environ = os.environ | server.environ | {"ANTIPHON_SYSTEM_CONFIG": "", "XDG_CONFIG_HOME": str(work)}
        with self._messages.open("w") as err:
            self._process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=err)
        self.until("ready after")

    def until(self, text: str, times: int = 1) -> float:
        """Wait until it has said this so often on stderr; seconds waited."""
        began = time.monotonic()
        while self._messages.read_text().count(text) < times:
            if self._process.poll() is not None or time.monotonic() > began + _WATCHDOG_S:
                raise SystemExit(f"waited in vain for {text!r}:\n{self._messages.read_text()}")
            time.sleep(0.005)
        return time.monotonic() - began

    def end(self) -> dict[str, Any]:
        """End it; its report."""
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(_WATCHDOG_S):
            raise SystemExit(f"the engine ended with {self._process.returncode}:\n{self._messages.read_text()}")
        found: dict[str, Any] = json.loads(self._report.read_text())
        return found


@contextmanager
def live(work: Path, options: Sequence[str]) -> Iterator[tuple[PulseServer, LiveEngine]]:
    """An engine on the devices of a server of its own."""
    with PulseServer({"person": 1, "speaker": 1}) as server:
        engine = LiveEngine(server, work, *options)
        yield server, engine


def play_session(server: PulseServer, track: Path, recording: Path) -> None:
    """Play a track to the engine's microphone, and record both sides: left the person, right the loudspeaker."""
    with server.record(recording, "person", "speaker"):
        server.play(track, "person").wait()
        time.sleep(_AFTER_S)


def pull_out(server: PulseServer, engine: LiveEngine, track: Path, at_s: float) -> float:
    """Pull the microphone out at `at_s` of the track, plug it in after three seconds, and play the track from its
    beginning. How many seconds the engine needed to tell of the loss."""
    player = server.play(track, "person")
    time.sleep(at_s)
    player.kill()
    server.unplug("person")
    seen_s = engine.until("is gone")
    time.sleep(3)
    server.plug("person", channels=1)
    engine.until("microphone: ", times=2)
    server.play(track, "person").wait()
    time.sleep(_AFTER_S)
    return seen_s
