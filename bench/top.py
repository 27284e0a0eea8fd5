"""What `engine top` costs: its share of one core, and the bytes it writes a second, beside an engine that runs.

    python bench/top.py [--seconds 30] [--columns 120] [--rows 40] [--instance NAME] [--json FILE]

Starts an engine that nobody speaks to, or looks at the one called NAME; runs `engine top` in a terminal of that size
and reads what it writes, as a terminal does. Its start is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from idle import engine

from engine.usage import cpu_ns

STARTS_S = 4.0
GOAL_PERCENT = 3.0


def read(terminal: int, seconds: float) -> int:
    """Read what it writes for so long; how many bytes that were."""
    limit, count = time.monotonic() + seconds, 0
    while (left := limit - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            count += len(os.read(terminal, 1 << 16))
    return count


def measure(name: str, seconds: float, columns: int, rows: int) -> tuple[float, float]:
    """Percent of one core, and bytes a second."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen([sys.executable, "-m", "engine", "top", name], stdin=theirs, stdout=theirs)
    os.close(theirs)
    try:
        read(ours, STARTS_S)
        began, before = time.monotonic(), cpu_ns(process.pid)
        count = read(ours, seconds)
        took, after = time.monotonic() - began, cpu_ns(process.pid)
        if before is None or after is None:
            raise SystemExit("engine top has ended")
        return (after - before) / took / 1e7, count / took
    finally:
        process.terminate()
        process.wait()
        os.close(ours)


def main() -> int:
    parser = argparse.ArgumentParser(description="What `engine top` takes of a core, and of a line.")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long it is looked at (30)")
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--instance", metavar="NAME", help="beside this running engine, instead of one that is started")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        name = arguments.instance or stack.enter_context(engine("", [], arguments.seconds + STARTS_S)).split(".")[1]
        cpu, written = measure(name, arguments.seconds, arguments.columns, arguments.rows)
    print(f"engine top, {arguments.columns} x {arguments.rows}: {cpu:.2f} % of one core, {written:.0f} bytes/s")
    print(f"asked for: less than {GOAL_PERCENT:g} %")
    if arguments.json:
        arguments.json.write_text(json.dumps({"cpu_percent": cpu, "bytes_per_s": written}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
