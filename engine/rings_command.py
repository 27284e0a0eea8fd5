"""`engine rings`: the rings of every running engine, from outside."""

from __future__ import annotations

import argparse
from typing import Any

from engine import NAME
from engine.channels import CHANNELS
from engine.errors import SharedMemoryError
from ringbuf import observe
from ringbuf.__main__ import add_options, show

_SEATS = {channel.name: (channel.writer, channel.seats) for channel in CHANNELS}


def add_parser(subparsers: Any) -> None:
    """Add `rings` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "rings",
        help="show the rings of every running engine",
        description="Show the rings of every running engine: kind, size, fill, positions, what was lost, who writes "
        "and reads and whether they live. It looks from outside: no ring is disturbed.",
        epilog="filled, behind: sound as time, everything else in bytes. at: position in samples (history), bytes "
        "(stream) or values (latest). full: how often the writer found no room. taken: how often the role was taken, "
        "so 2 is after a restart. lost: samples that were overwritten before they were read. "
        "Exit code 7 when a ring is damaged.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("instance", nargs="?", default="", help="only engines of this name (engine.instance)")
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    prefix = f"{NAME}.{arguments.instance}." if arguments.instance else f"{NAME}."
    nothing = f"no engine called {arguments.instance} is running" if arguments.instance else "no engine is running"
    try:
        sight = show(prefix, arguments, nothing, lambda label: _SEATS.get(label, ("", ())))
    except OSError as error:
        if error.filename is None:  # not of /dev/shm, but of whoever reads what is printed
            raise
        raise SharedMemoryError(
            f"{observe.SHM} cannot be read: {error.strerror}", "make it readable for this user (mode 1777)"
        ) from error
    if sight.damaged:
        raise SharedMemoryError(f"damaged: {', '.join(map(ascii, sight.damaged))}", "end its engine and start it again")
    return 0
