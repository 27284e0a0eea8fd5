"""An idle engine, measured: what it takes of a processor and how often it wakes, while it listens to silence.

    python bench/idle.py [--seconds 60] [--devices | --noise RMS] [--profile NAME] [--set KEY=VALUE] [--json FILE]
    python bench/idle.py --instance NAME [--seconds 60] [--json FILE]

Starts an engine on the virtual sound card, which is as a real one to all but the audio worker, or with --devices on the
null sinks of a PulseAudio daemon of its own; or looks at the one called NAME that runs. --noise: the room is not silent
but has noise of this power (square root of the mean square, of 32768). Of each process: its share of one core, by the
scheduler's own clock, and how often its threads went to sleep of their own accord (voluntary_ctxt_switches), which is
how often they were woken. What a sound library's threads take in the audio worker is told apart; the virtual card has
none.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.snapshot import Observer, instances
from engine.usage import cpu_ns
from tests.live import NAMED
from tests.pulse import PulseServer

RATE = 16000
SETTLES_S = 5.0
READY_S = 90.0
GOAL_PERCENT, GOAL_WAKES = 5.0, 100.0
LIBRARY = "of that, a sound library's threads"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process took. cpu: percent of one core; wakes: a second."""

    cpu: float
    wakes: float


def threads(pid: int, *, first: bool) -> tuple[int, int]:
    """What the threads of a process have taken so far, in ns, and how often they have gone to sleep; one that has ended
    is not counted any more. first: with the first thread, which is the engine's own."""
    used = woken = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        if first or task.name != str(pid):
            with suppress(OSError):
                used += int((task / "schedstat").read_text().split()[0])
                lines = (task / "status").read_text().splitlines()
                woken += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))
    return used, woken


def measure(observer: Observer, seconds: float) -> dict[str, Taken]:
    """Each process over so long, by its name."""
    pids = {process.name: process.pid for process in observer.take().processes}
    began = time.monotonic()
    before = {name: (cpu_ns(pid), threads(pid, first=True)[1]) for name, pid in pids.items()}
    library = threads(pids["audio"], first=False)
    time.sleep(seconds)
    found, took = {}, time.monotonic() - began
    for name, pid in pids.items():
        used, woken = cpu_ns(pid), threads(pid, first=True)[1]
        then = before[name]
        if used is None or then[0] is None:
            raise SystemExit(f"{name} was restarted meanwhile")
        found[name] = Taken((used - then[0]) / took / 1e7, (woken - then[1]) / took)
        if name == "audio":
            used, woken = (now - then for now, then in zip(threads(pid, first=False), library, strict=True))
            found[LIBRARY] = Taken(used / took / 1e7, woken / took)
    return found


@contextmanager
def engine(
    profile: str, sets: list[str], seconds: float, *, devices: bool = False, noise: float = 0.0
) -> Iterator[str]:
    """An engine that nobody speaks to, once it is ready: its name in /dev/shm."""
    with ExitStack() as stack:
        name, environ = f"idle{os.getpid()}", dict(os.environ)
        options = [part for one in (f"engine.instance={name}", *sets) for part in ("--set", one)]
        options += ["--profile", profile] if profile else []
        if devices:
            environ |= stack.enter_context(PulseServer({"person": 1, "speaker": 1})).environ
            options += NAMED
        else:
            sound = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "room.wav"
            room = np.random.default_rng(0).normal(0, noise, round((seconds + SETTLES_S + READY_S) * RATE))
            with wave.open(str(sound), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes(np.rint(room).astype("<i2").tobytes())
            options += ["--input", str(sound)]
        command = [sys.executable, "-m", "engine", "run", *options]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
        try:
            limit = time.monotonic() + READY_S
            while not ((found := instances(name)) and Observer(found[0]).take().state == "listening"):
                if process.poll() is not None or time.monotonic() > limit:
                    raise SystemExit("the engine did not get ready")
                time.sleep(0.2)
            time.sleep(SETTLES_S)
            yield found[0]
        finally:
            process.terminate()
            process.wait()


def show(found: dict[str, Taken], block_ms: int) -> None:
    """The table, and what it comes to."""
    periods = 1000 / block_ms
    print(f"{'process':10} {'cpu':>8} {'wakes/s':>9}")
    library = found[LIBRARY]
    for name, taken in found.items():
        if taken is not library:
            print(f"{name:10} {taken.cpu:6.2f} % {taken.wakes:9.1f}")
        elif taken.wakes:
            print(f"{'':10} {taken.cpu:6.2f} % {taken.wakes:9.1f}  {LIBRARY}")
    cpu = sum(taken.cpu for taken in found.values()) - library.cpu
    woken = sum(taken.wakes for taken in found.values()) - library.wakes
    beyond = woken - found["audio"].wakes
    print(f"{'all':10} {cpu:6.2f} % {woken:9.1f}")
    print(f"asked for: {GOAL_PERCENT:g} % at most, and {GOAL_WAKES:g} wakes/s beyond the audio period's own")
    print(f"the audio worker's own: {found['audio'].wakes:.0f}, for {periods:.0f} periods; all others: {beyond:.0f}")


def main() -> int:
    parser = argparse.ArgumentParser(description="What an idle engine takes of a core, and how often it wakes.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it is looked at (60)")
    parser.add_argument("--profile", default="", help="of the configuration; the default one, if none is named")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as `engine run` has it"
    )
    parser.add_argument("--devices", action="store_true", help="on the null sinks of a PulseAudio daemon of its own")
    parser.add_argument("--noise", type=float, default=0.0, metavar="RMS", help="of the room, of 32768 (0)")
    parser.add_argument("--instance", metavar="NAME", help="look at this running engine instead of starting one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    arguments = parser.parse_args()
    if arguments.instance:
        observer = Observer(instances(arguments.instance)[0])
        found, block_ms = measure(observer, arguments.seconds), observer.setting("audio", "block_ms")
    else:
        where = {"devices": arguments.devices, "noise": arguments.noise}
        with engine(arguments.profile, arguments.set, arguments.seconds, **where) as name:
            observer = Observer(name)
            found, block_ms = measure(observer, arguments.seconds), observer.setting("audio", "block_ms")
    show(found, block_ms)
    if arguments.json:
        told = {name: asdict(taken) for name, taken in found.items()}
        arguments.json.write_text(json.dumps({"processes": told, "block_ms": block_ms}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
