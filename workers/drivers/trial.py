"""Tries out a device beside those that are open: in a process of its own, for a library may hang in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable

from engine.devices import Device

_PROBE = "workers.drivers.probe"
_MOST_S = 20.0
"""A device that has not been opened and found to run by then hangs."""


class ProcessTrial:
    """Whether a device can be opened and runs. `done` is called, in another thread, once that is known."""

    def __init__(self, device: Device, done: Callable[[], None]) -> None:
        self.device = device
        self.works: bool | None = None
        self.why = ""
        self._done = done
        command = [sys.executable, "-m", _PROBE, "--seconds", "0", "--parent", str(os.getpid())]
        command += [f"--{device.side}", *filter(None, (device.pcm, device.pcm_fallback))]
        # Its complaints are the device's, which are told in one line.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self._wait, name=f"{device.side} trial", daemon=True).start()

    def cancel(self) -> None:
        """End it: afterwards it does not have the device open any more."""
        self._process.kill()
        self._process.wait()

    def _wait(self) -> None:
        try:
            said, _ = self._process.communicate(timeout=_MOST_S)
            self.why = json.loads(said)["error"] or ""
        except subprocess.TimeoutExpired:
            self.cancel()
            self.why = "it hangs"
        except ValueError:
            self.why = f"the sound libraries crashed in it (exit code {self._process.returncode})"
        self.works = not self.why
        self._done()
