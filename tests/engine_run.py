"""The real engine as a process of its own: started, looked at through its shared memory, ended, cleaned up after."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
import wave
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

import ringbuf
from engine import NAME
from engine.channels import FORKS, PROCESSES, channel, segment
from engine.contract import Pcm
from engine.telemetry import Telemetry
from engine.worker import OWN_GROUP
from tests.models.ears import few_words

SHM = Path("/dev/shm")
QUESTION = Path(__file__).parents[1] / "engine" / "data" / "question.wav"
RATE = 16000
WATCHDOG_S = 120
"""Reached only when something is broken."""
LOOK_S = 0.02
"""So often it is looked at: the engines of other tests want the processor, too."""
WORKERS = tuple(process.name for process in PROCESSES)

WORDS = "what time does the museum close"

_EARS = "ANTIPHON_ASR_POCKETSPHINX_MODEL"
WHOLE_DICTIONARY = {_EARS: ""}
"""An environment in which the recogniser is the shipped one. In others it knows fewer words (tests/models/ears.py)."""

_UNHURRIED = ("asr.final_budget_ms = 10000", "turns.response_budget_ms = 10000", "turns.hard_limit_s = 20")
UNHURRIED = [part for line in _UNHURRIED for part in ("--set", line.replace(" ", ""))]
"""Waits for the recogniser's final text, however long a busy machine takes for it: then what is understood, and so what
is answered, does not depend on how busy it is."""

SHORT_ANSWERS = (
    "\n".join(_UNHURRIED)
    + """
[[llm.phrasebook.entries]]
patterns = ["what time does the museum close", "* museum *"]
answers = ["From ten to six, every day."]
"""
)
"""A configuration whose one answer takes about two seconds to say; UNHURRIED, too."""


class Engine:
    """One `engine run`. Everything it prints goes into files, so that it never waits for us."""

    def __init__(
        self,
        folder: Path,
        *arguments: str | bytes,
        environ: dict[str, str] | None = None,
        stdout: int | None = None,
        group: bool = False,
        wrapper: Iterable[str] = (),
    ) -> None:
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self._stdout, self._stderr = folder / f"{self.name}.out", folder / f"{self.name}.err"
        env = {key: value for key, value in os.environ.items() if not key.startswith("ANTIPHON_")}
        env |= {"ANTIPHON_SYSTEM_CONFIG": "", "XDG_CONFIG_HOME": str(folder / "no-config")}
        env |= {"XDG_RUNTIME_DIR": str(folder)}  # its door's socket is in there
        # What is understood and said shall not depend on how busy the machine is that tests.
        env |= {"ANTIPHON_GOVERNOR_MODE": "off"}
        env |= {_EARS: str(few_words())}
        # A busy machine may need long to load everything; who is not ready when we give up is told by us.
        own = ("--set", f"engine.instance={self.name}", "--set", f"engine.start_timeout_s={WATCHDOG_S}")
        command = [sys.executable, "-m", "engine", "run", *own, *arguments]
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self.process = subprocess.Popen(
                [*wrapper, *command],
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
                env=env | (environ or {}),
                cwd=folder,
                **(OWN_GROUP if group else {}),
            )
        self.instance = f"{NAME}.{self.name}.{self.process.pid}"
        self._telemetry: Telemetry | None = None

    @property
    def stdout(self) -> str:
        return self._stdout.read_text()

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    @property
    def errors(self) -> list[str]:
        """What it complained of: the lines of stderr without those about its start and its sound devices, and about
        what whoever runs the tests may not have."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("engine")]
        return [line for line in lines if "this machine refuses" not in line]

    @property
    def door(self) -> Path:
        """Its socket, once it is ready."""
        return Path(self.stderr.split(", door ")[1].splitlines()[0])

    @property
    def telemetry(self) -> Telemetry:
        """The engine's own numbers, read where they lie."""
        if self._telemetry is None:
            self._telemetry = Telemetry(ringbuf.Cells(segment(self.instance, "cells"), writable=False))
        return self._telemetry

    def get(self, name: str) -> int:
        return self.telemetry.get(name)

    # Waiting.

    def until(self, true: Callable[[], Any], what: str) -> None:
        """Wait until something has come true in the running engine."""
        limit = time.monotonic() + WATCHDOG_S
        while not true():
            assert self.process.poll() is None, f"the engine ended before {what}:\n{self.stderr}"
            assert time.monotonic() < limit, f"waited in vain for {what}:\n{self.stderr}"
            time.sleep(LOOK_S)

    def until_ready(self) -> None:
        self.until(lambda: any(line.startswith("ready after") for line in self.stderr.splitlines()), "it was ready")

    def until_sample(self, sample: int) -> None:
        """Until that much sound has been heard."""
        start = self.get("audio.start_ns")
        self.until(lambda: time.monotonic_ns() > start + sample * 1_000_000_000 // RATE, f"sample {sample}")

    def until_restarted(self, worker: str, times: int) -> None:
        def restarted() -> bool:
            return self.get(f"{worker}.restarts") == times and self.get(f"{worker}.state") == 2

        self.until(restarted, f"{worker} was back for the {times}. time")

    def end(self, timeout: float = WATCHDOG_S) -> int:
        """The exit code, once it has ended with all its processes."""
        code = self.process.wait(timeout)
        limit = time.monotonic() + WATCHDOG_S
        while self._processes() and time.monotonic() < limit:
            time.sleep(LOOK_S)
        assert self._processes() == {}
        return code

    # Looking and meddling.

    def pids(self) -> dict[str, int]:
        """The workers that live: name → process id."""
        found = self._processes()
        found.pop(FORKS, None)
        return {title.removeprefix("engine:"): pid for title, pid in found.items()}

    def fork_server(self) -> int:
        """The process that workers are forked from; 0: there is none."""
        return self._processes().get(FORKS, 0)

    def _processes(self) -> dict[str, int]:
        """The workers that live, and the fork server: title → process id."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and (arguments := _arguments(folder)):
                # … -m workers engine:STAGE --instance NAME …
                at = arguments.index("--instance") if "--instance" in arguments else 0
                ours = arguments[at + 1 : at + 2] == [self.instance] and "-m" in arguments[:at]
                if ours and (title := arguments[at - 1]).startswith("engine:"):
                    found[title] = int(folder.name)
        return found

    def mic(self, start: Literal["latest", "oldest"] | int = "latest") -> ringbuf.HistoryReader:
        """A look at the mic ring, from the place of the recorder, which does not run."""
        slot = channel("mic").readers.index("recorder")
        return ringbuf.HistoryReader(segment(self.instance, "mic"), slot=slot, start=start)

    def kill(self, worker: str, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid(worker), number)

    def pid(self, worker: str) -> int:
        """A worker's process id, as soon as it is seen: on a very busy machine one look at /proc may miss one that is
        there."""
        found: dict[str, int] = {}

        def there() -> bool:
            found.update(self.pids())
            return worker in found

        self.until(there, f"there was a {worker}")
        return found[worker]

    def segments(self) -> list[Path]:
        """What it has in /dev/shm."""
        return sorted(SHM.glob(f"{NAME}.{self.name}.*"))

    def until_nothing_is_left(self) -> None:
        """Of one that was killed, somebody else takes the memory away: Python's resource tracker, a moment later."""
        limit = time.monotonic() + WATCHDOG_S
        while self.segments() and time.monotonic() < limit:
            time.sleep(0.01)

    def clean_up(self) -> None:
        """End whatever is left of it by force."""
        self.process.kill()  # not by its number: that may be somebody else's by now
        for pid in self._processes().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for path in self.segments():
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def unspoken_to(folder: Path, configuration: str, name: str = "own.toml") -> Iterator[Engine]:
    """An engine with this configuration, in a file of that name, that is ready and that nobody speaks to. It has to end
    well."""
    (folder / name).write_text(configuration)
    sound = write(folder / "q.wav", silence(600))
    running = Engine(folder, "--input", str(sound), "--config", name, "--output", str(folder / "o.wav"))
    try:
        running.until_ready()
        yield running
        running.process.terminate()
        assert running.end() == 0
    finally:
        running.clean_up()


def _arguments(process: Path) -> list[str]:
    """The command line of a process; nothing for one that has ended or is a thread of the kernel."""
    try:
        if process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return []
        return process.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (OSError, IndexError):
        return []


def question() -> Pcm:
    """The question that comes with the project, without the silence around it: 2.6 s."""
    with wave.open(str(QUESTION)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)[int(0.6 * RATE) : int(3.2 * RATE)]


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.int16)


def write(path: Path, sound: Pcm, rate: int = RATE) -> Path:
    """A 16-bit WAV file: shape [n] is mono, [n, channels] more."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1 if sound.ndim == 1 else sound.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    return path


def recorded(path: Path) -> Pcm:
    """The two channels of a recording, shape [n, 2]."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)


def report(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def understood(turn: dict[str, Any]) -> bool:
    """The question was recognised: all of it, or, where even an UNHURRIED engine did not get the final text in time, as
    far as it was."""
    transcript = str(turn["transcript"])
    return transcript == WORDS or ("asr" in turn["late"] and transcript != "" and WORDS.startswith(transcript))
