"""An idle engine, measured: what it takes of a processor and how often it wakes, while it listens to silence.

    python bench/idle.py [--seconds 60] [--profile NAME] [--set KEY=VALUE] [--instance NAME] [--json FILE]

Starts an engine on the virtual sound card, which is as a real one to all but the audio worker; or looks at the one
called NAME that runs. Of each process: its share of one core, by the scheduler's own clock, and how often its threads
went to sleep of their own accord (voluntary_ctxt_switches), which is how often they were woken.
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
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.snapshot import Observer, instances
from engine.usage import cpu_ns

RATE = 16000
SETTLES_S = 5.0
READY_S = 90.0
GOAL_PERCENT, GOAL_WAKES = 5.0, 100.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process took. cpu: percent of one core; wakes: a second."""

    cpu: float
    wakes: float


def wakes(pid: int) -> int:
    """How often the threads of a process have gone to sleep so far; one that has ended is not counted any more."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    found += int(line.split()[1])
    return found


def measure(observer: Observer, seconds: float) -> dict[str, Taken]:
    """Each process over so long, by its name."""
    pids = {process.name: process.pid for process in observer.take().processes}
    began = time.monotonic()
    before = {name: (cpu_ns(pid), wakes(pid)) for name, pid in pids.items()}
    time.sleep(seconds)
    found, took = {}, time.monotonic() - began
    for name, pid in pids.items():
        used, woken = cpu_ns(pid), wakes(pid)
        then = before[name]
        if used is None or then[0] is None:
            raise SystemExit(f"{name} was restarted meanwhile")
        found[name] = Taken((used - then[0]) / took / 1e7, (woken - then[1]) / took)
    return found


@contextmanager
def engine(profile: str, sets: list[str], seconds: float) -> Iterator[str]:
    """An engine that nobody speaks to, once it is ready: its name in /dev/shm."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "silence.wav"
        with wave.open(str(sound), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(bytes(round((seconds + SETTLES_S + READY_S) * RATE) * 2))
        name = f"idle{os.getpid()}"
        options = [part for one in (f"engine.instance={name}", *sets) for part in ("--set", one)]
        command = [sys.executable, "-m", "engine", "run", "--input", str(sound), *options]
        command += ["--profile", profile] if profile else []
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
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
    for name, taken in found.items():
        print(f"{name:10} {taken.cpu:6.2f} % {taken.wakes:9.1f}")
    cpu, woken = sum(taken.cpu for taken in found.values()), sum(taken.wakes for taken in found.values())
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
    parser.add_argument("--instance", metavar="NAME", help="look at this running engine instead of starting one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    arguments = parser.parse_args()
    if arguments.instance:
        observer = Observer(instances(arguments.instance)[0])
        found, block_ms = measure(observer, arguments.seconds), observer.setting("audio", "block_ms")
    else:
        with engine(arguments.profile, arguments.set, arguments.seconds) as name:
            observer = Observer(name)
            found, block_ms = measure(observer, arguments.seconds), observer.setting("audio", "block_ms")
    show(found, block_ms)
    if arguments.json:
        told = {name: asdict(taken) for name, taken in found.items()}
        arguments.json.write_text(json.dumps({"processes": told, "block_ms": block_ms}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
