"""`python -m ringbuf`: every ring of this machine, who writes and who reads it, from outside."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from ringbuf.observe import Sight, look
from ringbuf.table import Seats, nobody_knows, table

_CODES = """\
exit codes:
  0    done                          2    the command line was wrong
  1    a ring is damaged             130  ended by Ctrl-C
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `show` wants."""
    parser.add_argument("--json", action="store_true", help="as JSON, on one line for each look")
    parser.add_argument(
        "--watch", nargs="?", type=_interval, const=1.0, metavar="SECONDS", help="look again every second, or as told"
    )


def show(prefix: str, options: argparse.Namespace, nothing: str, seats: Seats = nobody_knows) -> Sight:
    """Print the rings whose names begin with `prefix`, over and over with --watch; what was seen last.

    nothing: what to print where there are none. seats: who is meant to write and read. Raises OSError when /dev/shm
    cannot be listed.
    """
    while True:
        sight = look(prefix)
        text = json.dumps(asdict(sight)) if options.json else table(sight, seats) or nothing
        if options.watch is None:
            print(text)
            return sight
        _refresh(text, options.json)
        time.sleep(options.watch)


def _refresh(text: str, for_programs: bool) -> None:
    """Print in place of what was printed last, where that is a terminal."""
    if for_programs or not sys.stdout.isatty():
        print(text, end="\n" if for_programs else "\n\n", flush=True)
        return
    columns, rows = shutil.get_terminal_size()
    lines = [line[:columns] for line in text.splitlines()]
    if len(lines) >= rows:
        lines[rows - 2 :] = [f"… {len(lines) - rows + 2} more lines"]
    print("\x1b[H\x1b[J" + "\n".join(lines), flush=True)  # home, clear to the end


def _interval(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; a name goes before --watch") from None
    if not 0.05 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0.05 and 3600 seconds")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ringbuf",
        description="Every ring in shared memory: kind, size, fill, positions, who writes and who reads it. "
        "It is looked at from outside: no ring is disturbed.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("prefix", nargs="?", default="", help="only rings whose names begin with this")
    add_options(parser)
    options = parser.parse_args(arguments)
    try:
        return 1 if show(options.prefix, options, "there are no rings").damaged else 0
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            parser.exit(1, f"{parser.prog}: {error.filename or 'stdout'}: {error.strerror}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the interpreter can flush in peace
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
