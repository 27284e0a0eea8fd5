"""The stages: whether what each is configured with loads, with the Python that its worker will have."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from engine.doctor.finding import Finding, Visit, ok, problem
from engine.errors import BackendError
from engine.worker import environment

_CHECK = "workers.check"


def backends(visit: Visit) -> Iterator[Finding]:
    """Models and libraries, by loading them."""
    for stage in visit.config.stages:
        yield _backend(stage, visit)


def _backend(stage: str, visit: Visit) -> Finding:
    section = getattr(visit.config, stage)
    python = section.python or sys.executable
    try:
        done = subprocess.run(
            [python, "-m", _CHECK, stage],
            env=environment(section.threads, bool(section.python)),
            input=json.dumps(visit.config.as_dict()),
            capture_output=True,
            text=True,
            timeout=visit.config.engine.start_timeout_s,
            check=False,
        )
    except OSError as error:
        return problem(BackendError(f"{stage}: {python} cannot be run ({error.strerror})", f"correct {stage}.python"))
    except subprocess.TimeoutExpired:
        limit = f"{visit.config.engine.start_timeout_s:g} s"
        return problem(BackendError(f"{stage}: not loaded after {limit}", "raise engine.start_timeout_s"))
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = said[-1] if said else f"it ended with code {done.returncode}"
    if done.returncode == 0:
        return ok(f"{stage}: {last}")
    what, _, remedy = last.partition("; ")
    return Finding("problem", f"{stage}: {what}", remedy, BackendError.code)
