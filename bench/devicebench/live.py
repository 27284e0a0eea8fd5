"""The engine conversing through a real sound server: a session played to its microphone, its loudspeaker recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
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
        command = [sys.executable, "-m", "engine.main", "run", "--report", str(self._report)]
        command += ["--set", f"audio.microphone={MICROPHONE}", "--set", f"audio.loudspeaker={LOUDSPEAKER}", *options]
        environ = os.environ | server.environ | {"ANTIPHON_SYSTEM_CONFIG": "", "XDG_CONFIG_HOME": str(work)}
        with self._messages.open("w") as err:
            self._process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=err)
        self.until("ready after")

    def until(self, text: str) -> float:
        """Wait until it has said this on stderr; seconds waited."""
        began = time.monotonic()
        while text not in self._messages.read_text():
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


def converse_live(
    track: Path, recording: Path, work: Path, options: Sequence[str], unplug_s: float = 0
) -> dict[str, Any]:
    """Play a track to the engine's microphone and record both sides (left the person, right the loudspeaker). After
    `unplug_s`, if given, the microphone is pulled out for three seconds. The engine's report; `seen_s` in it says how
    soon it told of the loss."""
    with PulseServer({"person": 1, "speaker": 1}) as server, server.record(recording, "person", "speaker"):
        engine = LiveEngine(server, work, *options)
        player = server.play(track, "person")
        seen_s = None
        if unplug_s:
            time.sleep(unplug_s)
            player.kill()
            server.unplug("person")
            seen_s = engine.until("is gone")
            time.sleep(3)
            server.plug("person", channels=1)
            engine.until("waiting for it")
            player = server.play(track, "person")
        player.wait()
        time.sleep(_AFTER_S)
        return engine.end() | {"seen_s": seen_s}
