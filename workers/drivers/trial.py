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
_MOST_S = 60.0
"""A device that has not been opened and found to run by then hangs."""


class ProcessTrial:
    """Whether a device can be opened and runs. `done` is called, in another thread, once that is known."""

    def __init__(self, device: Device, done: Callable[[], None]) -> None:
        self.device = device
        self.works: bool | None = None
        self.why = ""
        command = [sys.executable, "-m", _PROBE, "--seconds", "0", "--parent", str(os.getpid())]
        command += [f"--{device.side}", *filter(None, (device.pcm, device.pcm_fallback))]
        command += ["--channels", str(device.channels), "--rate", str(device.rate_hz)]
        self._process: subprocess.Popen[bytes] | None = None
        try:
            # Its complaints are the device's, which are told in one line.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:  # the machine lets us have no more processes
            self.works, self.why = False, str(error)
            return
        arguments = (self._process, done)
        threading.Thread(target=self._wait, args=arguments, name=f"{device.side} trial", daemon=True).start()

    def cancel(self) -> None:
        """End it: afterwards it does not have the device open any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _wait(self, process: subprocess.Popen[bytes], done: Callable[[], None]) -> None:
        try:
            said, _ = process.communicate(timeout=_MOST_S)
            self.why = json.loads(said)["error"] or ""
        except subprocess.TimeoutExpired:
            self.cancel()
            self.why = "it hangs"
        except ValueError:
            self.why = f"the sound libraries crashed in it (exit code {process.returncode})"
        self.works = not self.why
        done()
