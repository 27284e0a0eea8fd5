"""Starts a worker: `python -m workers engine:STAGE --instance NAME --parent PID --doorbell FD`; with `--requests FD`
the process that workers are forked from.

Nothing but the standard library is imported before it is sure that this interpreter can join the engine.
"""

from __future__ import annotations

import os
import sys


def start() -> None:
    """Be the worker that the first argument names."""
    if sys.version_info < (3, 11) and os.environ.get("PYTHONSAFEPATH") and not sys.flags.isolated:
        del sys.path[0]  # the present directory, which newer ones, and isolated ones, leave out themselves
    title = sys.argv[1] if len(sys.argv) > 1 else "engine"
    try:
        if "--requests" in sys.argv:
            from workers.fork_server import serve as run
        else:
            from workers.join import run
    except ImportError as error:
        if "--requests" in sys.argv:
            sys.exit(6)  # each worker is started without it then, and tells
        remedy = f"install the engine's wheel into {sys.executable}, or choose another python in the stage's section"
        print(f"{title}: cannot join: {error}; {remedy}", file=sys.stderr, flush=True)
        sys.exit(6)
    run()


if __name__ == "__main__":
    start()
