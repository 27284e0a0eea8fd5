"""`engine`, or `python -m engine`. From the first line of `main` on a signal ends it with its exit code, in silence."""

from __future__ import annotations

import os
import sys

from engine import signals


def main() -> int:
    """Load the command line, and run it; returns the exit code."""
    # While it loads there is nothing to clean up. An exception must not do this: a library in the middle of its own
    # loading takes it for something else, and Python itself ends by SIGINT, whatever exit code it is given, once a
    # KeyboardInterrupt has come out of an `exec`, which every dataclass is made with.
    signals.on_signal(os._exit)
    from engine.main import main as run

    try:
        return run()
    finally:
        signals.ignore()


if __name__ == "__main__":
    sys.exit(main())
