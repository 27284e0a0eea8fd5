"""Loads and warms up what a stage is configured with, as its worker will, for `engine doctor`:

    python -m workers.check STAGE        the configuration as JSON on stdin

One line on stdout: what was loaded, and its cost. What goes wrong is one line on stderr and an exit code.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time


def main() -> int:
    """Do it; returns the exit code."""
    try:
        from engine.config import Config
        from engine.errors import EngineError
        from workers.backends.registry import climb
    except ImportError as error:
        print(f"{error}; install the engine's wheel into {sys.executable}", file=sys.stderr)
        return 6
    stage = sys.argv[1]
    began = time.monotonic()
    try:
        config = Config.from_dict(json.load(sys.stdin))
        backend = climb(stage, config)
        backend.start(0, strict=True)
    except EngineError as error:
        print(error, file=sys.stderr)
        return error.code
    took_s = time.monotonic() - began
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    remarks = "".join(f"; {remark}" for remark in backend.remarks)
    names = ", ".join(dict.fromkeys(step.backend for step in backend.steps))
    rungs = f" ({', '.join(step.name for step in backend.steps)})" if len(backend.steps) > 1 else ""
    print(f"{names}{rungs} loaded in {took_s:.1f} s, {most_mb:.0f} MB{remarks}")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Threads of model libraries must not keep us.
    os._exit(code)
