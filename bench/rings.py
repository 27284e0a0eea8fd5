"""The rings beside everything else that takes a frame from one Python process to another, and beside two floors in C.

    python bench/rings.py [--quick] [--json [FILE]] [--peers ring,floor,pipe,...]

One way is half of a round trip. Two processes play ping-pong, pinned to two cores; in every system and in each
direction a hop is

    fill    a frame of the system's own is filled from one of 16 sources (an array copy)
    send    the system's call
    transit whatever happens then
    receive polling, where the system can be polled ("spins"), or in its blocking call ("sleeps")
    sum     every byte of the frame is summed (Adler-32) and the sum compared with the sender's

so that the time is that of a frame written, handed over and read, and a system that hands out its own memory is not
charged for a copy that it does not make, nor spared the bytes. Python's own share is in it: a reading of the clock and
a step of the loop for each round trip. "fill and sum alone" is what fill and sum cost without any hand-over.

Each system has two fresh processes with the collector frozen and off, as a worker has. The systems take turns in short
rounds, so that a noisy moment of the machine does not fall on one of them alone. A figure is the median over the rounds
of a round's p50 (or p99); the lowest and highest p50 are given beside it.

A peer is used as its documentation has it. iceoryx2's samples also tell their raw address: quicker, and nothing then
keeps the memory alive; that is a row of its own.

Blocking systems look several times faster when nothing is pinned: a ping-pong that sleeps is then put on one core,
where no wake-up has to cross to another. Stages that work at the same time are not (--unpinned shows it).
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

try:
    import ringbuf  # noqa: F401
except ImportError as error:
    sys.exit(f"rings.py: {error}; build the project first: pip install --editable .")

from ringbench import report
from ringbench.calls import Calls, links
from ringbench.machine import cores, describe
from ringbench.process import Child
from ringbench.readers import Audience
from ringbench.report import Results
from ringbench.rounds import Effort, Rows, gather, play
from ringbench.system import BenchError, Missing, Scratch
from ringbench.systems import PEERS, absent, choose

FULL = Effort(rounds=15, slice_s=0.08, hops=1_000_000, limit_s=140.0)
QUICK = Effort(rounds=3, slice_s=0.04, hops=1_000_000, limit_s=20.0)
STDOUT = Path("-")
GLANCE = Effort(rounds=1, slice_s=0.001, hops=10_000)


def measure(effort: Effort, peers: list[str], pinned: bool) -> Results:
    """All of it. Nothing is left behind."""
    systems = choose(peers)
    available = cores()
    if len(available) < 2:
        raise Missing("two sides need two cores, and this process may use one: widen its affinity (taskset, cpuset)")
    pair = available[0], available[1]
    about = describe(pair)
    rows: Rows = {}
    calls, readers = [], []
    with Scratch() as scratch:
        alone = Child("the calls alone", pair[0], Calls, *links(scratch))
        scratch.stack.callback(alone.close)
        audience = Audience(scratch, available, "floor" in peers)
        matches = gather(scratch, systems, pair if pinned else (None, None))
        alone.answer()
        for match in matches:
            match.rehearse(effort.slice_s)
        until = time.monotonic() + effort.limit_s
        for number in range(effort.rounds):
            if number >= 3 and time.monotonic() > until:
                break
            say(f"round {number + 1} of {effort.rounds}")
            play(matches, effort.slice_s, rows, backwards=number % 2 == 1)
            calls.append(alone.ask("costs", max(1, round(effort.slice_s * 500))))
            readers.append(audience.measure(max(200, round(effort.slice_s * 60_000))))
        say("allocations")
        allocations = alone.ask("allocations", effort.hops)
    say("")
    return Results(about, systems, rows, calls, allocations, readers)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", dest="effort", action="store_const", const=QUICK, help="half a minute, rougher")
    effort.add_argument("--glance", dest="effort", action="store_const", const=GLANCE, help="does it run at all")
    parser.add_argument(
        "--json",
        nargs="?",
        type=Path,
        const=STDOUT,
        metavar="FILE",
        help="one line of JSON instead of the table, or into FILE beside it",
    )
    parser.add_argument(
        "--peers", help=f"which to measure; the rings always are (those installed of {','.join(PEERS)})"
    )
    parser.add_argument("--unpinned", action="store_true", help="let the scheduler place the processes")
    arguments = parser.parse_args()
    arguments.effort = arguments.effort or FULL
    if arguments.peers is None:
        missing = absent()
        arguments.peers = [peer for peer in PEERS if peer not in missing]
        if missing:
            print(f"rings.py: without {', '.join(missing)}: not installed (pip install --group bench)", file=sys.stderr)
    else:
        arguments.peers = [name for name in arguments.peers.split(",") if name]
    if unknown := sorted(set(arguments.peers) - set(PEERS)):
        parser.error(f"--peers does not know {', '.join(unknown)}; it knows {', '.join(PEERS)}")
    return arguments


def say(what: str) -> None:
    """Show somebody who waits how far it is."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


def terminated(number: int, frame: FrameType | None) -> NoReturn:
    """So that what was made is removed on the way out."""
    sys.exit(128 + number)


def main() -> None:
    arguments = parse()
    signal.signal(signal.SIGTERM, terminated)
    try:
        results = measure(arguments.effort, arguments.peers, not arguments.unpinned)
    except BenchError as error:
        sys.exit(f"rings.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    if arguments.json == STDOUT:
        print(report.line(results))
        return
    print("\n".join(report.table(results)))
    if arguments.json:
        arguments.json.write_text(report.line(results) + "\n")


if __name__ == "__main__":
    main()
